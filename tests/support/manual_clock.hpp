#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "fluxgate/clock.hpp"

namespace fluxgate::testing {

/// A clock that moves when it is told to.
///
/// Threads:  any.
/// Memory:   relaxed; a time publishes nothing but itself.
class ManualClock final : public Clock {
 public:
  /// 2026-01-01T00:00:00Z.
  static constexpr std::chrono::milliseconds utc_at_start{1'767'225'600'000};

  [[nodiscard]] std::chrono::nanoseconds monotonic() const noexcept override {
    reads_.fetch_add(1, std::memory_order_relaxed);
    return std::chrono::nanoseconds(monotonic_ns_.load(std::memory_order_relaxed));
  }
  [[nodiscard]] std::chrono::milliseconds utc() const noexcept override {
    reads_.fetch_add(1, std::memory_order_relaxed);
    const std::int64_t utc_ns = utc_ns_.load(std::memory_order_relaxed);
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::nanoseconds(utc_ns));
  }

  /// Both times go on.
  void advance(std::chrono::nanoseconds time) noexcept {
    monotonic_ns_.fetch_add(time.count(), std::memory_order_relaxed);
    utc_ns_.fetch_add(time.count(), std::memory_order_relaxed);
  }

  /// Someone sets the machine's clock; the monotonic one does not notice.
  void jump_to(std::chrono::milliseconds utc) noexcept {
    utc_ns_.store(std::chrono::nanoseconds(utc).count(), std::memory_order_relaxed);
  }

  /// How often either time was asked for.
  [[nodiscard]] std::uint64_t reads() const noexcept {
    return reads_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> monotonic_ns_{1'000'000'000};
  std::atomic<std::int64_t> utc_ns_{std::chrono::nanoseconds(utc_at_start).count()};
  mutable std::atomic<std::uint64_t> reads_{0};
};

}  // namespace fluxgate::testing
