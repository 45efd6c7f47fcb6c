#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <optional>

#include "fluxgate/types.hpp"

namespace fluxgate::idempotency {

/// Knows up to which order keys are forgotten, in 16 bytes per tenth of a second with orders.
///
/// Sequences and acceptance times grow together, so one sequence divides the dead keys from the
/// living, and no key needs a time of its own (8 bytes each at ten million keys). Times are rounded
/// up to the end of their tenth, so a key lives at least `ttl` and at most a tenth longer.
///
/// Threads:  expired_through() from any thread; the rest from the settling thread only.
/// Memory:   relaxed; the number publishes nothing, and a late view only lets a key live longer.
class KeyLifetime {
 public:
  /// A `ttl` of zero: for ever.
  explicit KeyLifetime(std::chrono::milliseconds ttl) : ttl_(ttl) {}

  /// Notes that all orders up to `last` were accepted by `accepted_at`, which never decreases.
  void note(Sequence last, std::chrono::milliseconds accepted_at) {
    if (ttl_.count() == 0) return;
    const auto tenth = accepted_at / resolution;
    if (tenths_.empty() || tenths_.back().tenth != tenth) tenths_.push_back({tenth, last});
    tenths_.back().last = last;
  }

  /// True if an order accepted then is forgotten at `now`.
  [[nodiscard]] bool is_over(std::chrono::milliseconds accepted_at,
                             std::chrono::milliseconds now) const {
    return ttl_.count() != 0 && end_of(accepted_at / resolution) <= now;
  }

  /// From now on keys live so long, those of earlier orders too. `last` is the last order noted:
  /// where all were kept for ever none has a time, so those count as forgotten.
  void change_ttl(std::chrono::milliseconds ttl, Sequence last) {
    if (ttl_.count() == 0) {
      tenths_.clear();
      expired_through_.store(last, std::memory_order_relaxed);
    }
    ttl_ = ttl;
  }

  /// A time of the same tenth of a second as that when the order was accepted; none if it is
  /// forgotten or was never noted.
  [[nodiscard]] std::optional<std::chrono::milliseconds> accepted_about(Sequence sequence) const {
    if (sequence <= expired_through()) return std::nullopt;
    const auto tenth =
        std::partition_point(tenths_.begin(), tenths_.end(),
                             [sequence](const Tenth& one) { return one.last < sequence; });
    if (tenth == tenths_.end()) return std::nullopt;
    return tenth->tenth * resolution;
  }

  /// Forgets what is due at `now`. True if anything was.
  bool expire(std::chrono::milliseconds now) {
    bool any = false;
    if (ttl_.count() == 0) return false;
    while (!tenths_.empty() && end_of(tenths_.front().tenth) <= now) {
      expired_through_.store(tenths_.front().last, std::memory_order_relaxed);
      tenths_.pop_front();
      any = true;
    }
    return any;
  }

  /// When expire() next has something to do; none: nothing is remembered.
  [[nodiscard]] std::optional<std::chrono::milliseconds> next_expiry() const {
    if (ttl_.count() == 0 || tenths_.empty()) return std::nullopt;
    return end_of(tenths_.front().tenth);
  }

  /// Keys of orders up to here are forgotten.
  [[nodiscard]] Sequence expired_through() const noexcept {
    return expired_through_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::chrono::milliseconds resolution{100};

  struct Tenth {
    std::chrono::milliseconds::rep tenth;
    Sequence last;
  };

  [[nodiscard]] std::chrono::milliseconds end_of(std::chrono::milliseconds::rep tenth) const {
    return (tenth + 1) * resolution + ttl_;
  }

  std::chrono::milliseconds ttl_;
  std::deque<Tenth> tenths_;
  std::atomic<Sequence> expired_through_{0};
};

}  // namespace fluxgate::idempotency
