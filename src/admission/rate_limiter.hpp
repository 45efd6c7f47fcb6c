#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/cache_line.hpp"

namespace fluxgate::admission {

/// Admits at most burst + rate·t orders in any t seconds, exactly, from one atomic word.
///
/// The word is the theoretical arrival time (TAT) of the Generic Cell Rate Algorithm: when the
/// next order would come if all came evenly. An order is refused while the TAT is more than
/// burst - 1 intervals ahead; an admitted one moves it one interval on from itself or from now,
/// whichever is later. rate_limiter.cpp has the units and the proof.
///
/// `now` is monotonic time. Values that are out of order, or before that of the construction, may
/// cost admissions but never allow more.
///
/// Threads:  any thread, any number at once; lock-free. A refusal writes nothing.
/// Memory:   the bound follows from the order of the word's changes alone. An admission is acq_rel
///           and would_admit() acquires, so that who is told to wait sees all that those did before
///           who were admitted in front of it: above all, their claimed keys.
/// Source:   ITU-T I.371 (Annex A) and ATM Forum Traffic Management 4.0, GCRA as virtual
///           scheduling.
class RateLimiter {
 public:
  static constexpr std::uint64_t rate_max = 1'000'000'000;

  /// `rate_per_second` 0..rate_max; 0: off, everybody is admitted. `burst`, 1 or more, may come at
  /// once: from the beginning if `start_full`, else only when they have been saved up.
  RateLimiter(std::uint64_t rate_per_second, std::uint64_t burst, std::chrono::nanoseconds now,
              bool start_full) noexcept;
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  [[nodiscard]] bool enabled() const noexcept { return ticks_per_second_ != 0; }

  [[nodiscard]] bool try_admit(std::chrono::nanoseconds now) noexcept;

  /// Counts an admission whatever the bucket holds.
  void charge(std::chrono::nanoseconds now) noexcept;

  /// What try_admit() would say. Writes nothing: a flood is turned away from a shared line.
  [[nodiscard]] bool would_admit(std::chrono::nanoseconds now) const noexcept;

 private:
  struct Moment {
    std::uint64_t floor;
    std::uint64_t ceil;
  };
  [[nodiscard]] Moment moment(std::chrono::nanoseconds now) const noexcept;
  [[nodiscard]] bool is_too_early(std::uint64_t arrival, const Moment& now) const noexcept {
    return arrival > now.floor && arrival - now.floor > burst_ticks_ - interval_ticks_;
  }
  void choose_ticks(std::uint64_t rate, std::uint64_t burst) noexcept;

  // Written by the constructor only. A tick is the unit of the word.
  std::chrono::nanoseconds start_;
  std::uint64_t interval_ticks_ = 0;  // one order's share of time
  std::uint64_t ticks_per_second_ = 0;
  std::uint64_t burst_ticks_ = 0;

  // Written by every admission; on a line of its own.
  alignas(base::cache_line_bytes) std::atomic<std::uint64_t> arrival_{0};
};

}  // namespace fluxgate::admission
