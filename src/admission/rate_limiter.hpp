#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/cache_line.hpp"

namespace fluxgate::admission {

/// Admits at most burst + rate·t orders in any t seconds, exactly, from one atomic word.
///
/// The word is the theoretical arrival time (TAT) of the Generic Cell Rate Algorithm: when the
/// next order would come if all came evenly. An order is refused while the TAT is more than
/// burst - 1 intervals ahead; an admitted one moves it one interval on from itself or from now,
/// whichever is later. rate_limiter.cpp has the units and the proofs.
///
/// Rate and burst may be changed at any moment. A change keeps what was saved up, as a number of
/// admissions, as far as the new burst holds it, and what is owed: it adds nothing. So over a
/// window with changes the bound is the burst at its beginning and, of each part, rate·t. Switched
/// on, the limiter has nothing saved up: what passed before was not counted.
///
/// `now` is monotonic time. Values that are out of order, or before that of the construction, may
/// cost admissions but never allow more between two changes.
///
/// Threads:  any thread, any number at once; change() one at a time. All but change() are
///           lock-free. A refusal writes nothing.
/// Memory:   the bound follows from the order of the word's changes alone. An admission is acq_rel
///           and would_admit() acquires, so that who is told to wait sees all that those did before
///           who were admitted in front of it: above all, their claimed keys. A change reads the
///           old word and publishes the new one in the same way, so this holds across it.
///           Each change, but the one to off, costs 128 bytes as long as the limiter lives.
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

  [[nodiscard]] bool enabled() const noexcept {
    return current_.load(std::memory_order_relaxed) != nullptr;
  }

  [[nodiscard]] bool try_admit(std::chrono::nanoseconds now) noexcept {
    Bucket* const bucket = current_.load(std::memory_order_acquire);
    return bucket == nullptr || bucket->try_admit(now);
  }

  /// What try_admit() would say. Writes nothing: a flood is turned away from a shared line.
  [[nodiscard]] bool would_admit(std::chrono::nanoseconds now) const noexcept {
    const Bucket* const bucket = current_.load(std::memory_order_acquire);
    return bucket == nullptr || bucket->would_admit(now);
  }

  /// Counts an admission that something else has decided, whatever is saved up. Beyond what is,
  /// it is owed, and try_admit() refuses until that is paid off.
  void charge(std::chrono::nanoseconds now) noexcept;

  /// From now on `rate_per_second` and `burst`, as in the constructor. The same values change
  /// nothing. One caller at a time.
  ///
  /// Errors: throws std::bad_alloc and has changed nothing.
  void change(std::uint64_t rate_per_second, std::uint64_t burst, std::chrono::nanoseconds now);

 private:
  struct Moment {
    std::uint64_t floor;
    std::uint64_t ceil;
  };

  /// The word, and what it counts in. All but the word is written before others see the bucket,
  /// `next` before they see the word closed.
  struct Bucket {
    void fill(std::uint64_t rate, std::uint64_t burst, std::chrono::nanoseconds beginning) noexcept;
    void choose_ticks(std::uint64_t rate, std::uint64_t burst) noexcept;
    // Both go on to `next` if the word is closed.
    [[nodiscard]] bool try_admit(std::chrono::nanoseconds now) noexcept;
    [[nodiscard]] bool would_admit(std::chrono::nanoseconds now) const noexcept;
    [[nodiscard]] Moment moment(std::chrono::nanoseconds now) const noexcept;
    [[nodiscard]] bool is_too_early(std::uint64_t at, const Moment& now) const noexcept {
      return at > now.floor && at - now.floor > burst_ticks - interval_ticks;
    }

    std::chrono::nanoseconds start{0};
    std::uint64_t interval_ticks = 0;  // one order's share of time; a tick is the word's unit
    std::uint64_t ticks_per_second = 0;
    std::uint64_t burst_ticks = 0;
    Bucket* next = nullptr;  // which one a closed word was changed for; null: off

    // Written by every admission; on a line of its own.
    alignas(base::cache_line_bytes) std::atomic<std::uint64_t> arrival{0};
  };

  static void replace(Bucket& old, Bucket* next, std::chrono::nanoseconds now) noexcept;
  [[nodiscard]] static std::uint64_t carried_over(const Bucket& old, std::uint64_t arrival,
                                                  const Bucket& next,
                                                  std::chrono::nanoseconds now) noexcept;

  // Written by change(); null: off.
  std::atomic<Bucket*> current_{nullptr};
  Bucket first_;

  // change()'s alone.
  std::chrono::nanoseconds start_;
  std::uint64_t rate_;
  std::uint64_t burst_;
  // Those of the past, too: a thread may still look at one.
  std::vector<std::unique_ptr<Bucket>> later_;
};

}  // namespace fluxgate::admission
