#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace fluxgate::engine {

/// Decides whether orders that could be written now should wait a little for others.
///
/// Problem: a synced write costs some 70 us of CPU time whatever is in it. When orders come thinly,
/// a few thousand a second among a flood of refusals, each has a write of its own, and that time is
/// taken from the refusals: 15 to 19 % of them, measured on one core.
///
/// Waiting helps only who comes by himself. Where every client waits for an answer before it orders
/// again, nobody comes while all are held. The two are told apart by how long the committer, done
/// with one batch, is idle before it learns of the next order. Less than half the time of a write,
/// or less than idle_min, means that clients wait for the answers, or that enough gather during the
/// write: then it writes at once. The time orders are held does not count, so holding does not
/// change the verdict. Farther clients are known by their holds: each in which nobody joined
/// doubles the number of batches until the next is tried, so that a client by himself is held once
/// in 64 orders.
///
/// Threads: one at a time (the committer's).
class CommitDelay {
 public:
  /// Zero: never holds.
  explicit CommitDelay(std::chrono::nanoseconds delay_max) : delay_max_(delay_max) {}

  /// Orders wait and nothing is being written: seen for the first time, they end the time in which
  /// the committer was idle. holds() sees, too.
  void see(std::chrono::nanoseconds now) noexcept {
    if (since_ || delay_max_.count() == 0) return;
    since_ = now;
    // A quiet night says no more than a millisecond does.
    idle_.add(std::min(now - written_at_, delay_max_));
    is_skipped_ = skips_left_ > 0;
    if (is_skipped_) --skips_left_;
  }

  /// `waiting` orders, one or more, wait and nothing is being written. True: leave them waiting and
  /// ask again when more have come, at the latest at until().
  [[nodiscard]] bool holds(std::size_t waiting, std::chrono::nanoseconds now) noexcept {
    see(now);
    if (!since_) return false;
    const bool is_thin = idle_.average > idle_min && 2 * idle_.average > write_.average;
    if (waiting >= waiting_enough || !is_thin || is_skipped_) return false;
    if (now - *since_ < delay_max_) {
      if (!std::exchange(is_held_, true)) first_waiting_ = waiting;
      return true;
    }
    if (!is_held_) return false;
    skips_ = waiting > first_waiting_ ? 0 : std::min(2 * skips_ + 1, skips_max);
    skips_left_ = skips_;
    return false;
  }

  /// When to stop holding; none: nobody waits that was seen.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> until() const noexcept {
    if (!since_) return std::nullopt;
    return *since_ + delay_max_;
  }

  /// What was held, or not, has been written and answered.
  void note_write(std::chrono::nanoseconds began, std::chrono::nanoseconds ended) noexcept {
    write_.add(ended - began);
    written_at_ = ended;
    since_.reset();
    is_held_ = false;
  }

  /// A client on this machine needs less from an answer to its next order.
  static constexpr std::chrono::microseconds idle_min{200};
  /// More than this are worth a write of their own: each then costs less than 5 us of it.
  static constexpr std::size_t waiting_enough = 16;

 private:
  // Moving average over about the last eight batches.
  struct Average {
    std::chrono::nanoseconds average{0};
    void add(std::chrono::nanoseconds sample) noexcept { average += (sample - average) / 8; }
  };

  const std::chrono::nanoseconds delay_max_;
  Average write_;
  Average idle_;
  static constexpr unsigned skips_max = 63;

  std::chrono::nanoseconds written_at_{0};
  std::size_t first_waiting_ = 0;  // when they began to be held
  unsigned skips_ = 0;             // batches to let pass after the last hold
  unsigned skips_left_ = 0;
  bool is_skipped_ = false;                        // those that wait now
  bool is_held_ = false;                           // so are they, or were
  std::optional<std::chrono::nanoseconds> since_;  // the first of those that wait was seen
};

}  // namespace fluxgate::engine
