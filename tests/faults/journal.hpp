#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "support/order_history.hpp"
#include "support/sale_client.hpp"

namespace fluxgate::testing {

/// What buyers tried and what they were told, kept outside the server that is killed.
///
/// A try is written down before it is sent, its answer after it was read whole. What was never
/// answered is unknown: it may be in the log or not, and a retry decides.
///
/// Threads: any, any number at once.
class Journal {
 public:
  enum class State { unknown, accepted, refused };
  struct Entry {
    Wish wish;
    State state = State::refused;
    std::size_t unanswered = 0;  ///< tries without an answer, also those still in flight
  };
  /// One try of a wish.
  struct Try {
    std::size_t entry = 0;
    std::size_t attempt = 0;
  };

  /// Makes a new wish. Each has a user and a key of its own.
  std::size_t add(Wish wish) {
    const std::lock_guard lock(mutex_);
    const std::string number = std::to_string(entries_.size());
    if (wish.user_id.empty()) wish.user_id = "user-" + number;
    wish.key = "key-" + number;
    entries_.push_back({.wish = std::move(wish)});
    return entries_.size() - 1;
  }

  /// Writes down that a wish is about to be sent.
  Try begin(std::size_t entry) {
    const std::lock_guard lock(mutex_);
    Entry& tried = entries_[entry];
    ++tried.unanswered;
    if (tried.state == State::refused) tried.state = State::unknown;
    Attempt attempt;
    attempt.product_id = tried.wish.product_id;
    attempt.user_id = tried.wish.user_id;
    attempt.key = tried.wish.key;
    attempt.quantity = tried.wish.quantity;
    attempt.pass = tried.wish.pass;
    attempt.invoked = now();
    return {entry, history_.begin(std::move(attempt))};
  }

  void end(const Try& tried, const OrderAnswer& answer) {
    const std::lock_guard lock(mutex_);
    ++answers_;
    changed_.notify_all();
    // Its outcome stays unknown, as if there had been no answer.
    if (answer.code == "storage_unavailable") return;
    Entry& entry = entries_[tried.entry];
    --entry.unanswered;
    if (answer.status == 200) {
      entry.state = State::accepted;
      history_.accepted(tried.attempt, now(), answer.order_id, answer.replayed);
      ++accepted_;
    } else {
      // Decided: a later try of the same key that was refused shows that no earlier one is stored.
      if (entry.state == State::unknown) entry.state = State::refused;
      if (answer.status == 409) {
        history_.sold_out(tried.attempt, now());
      } else {
        history_.refused(tried.attempt, now(), answer.code);
      }
    }
  }

  std::size_t begin_opening(Opening opening) {
    const std::lock_guard lock(mutex_);
    opening.invoked = now();
    return history_.begin(std::move(opening));
  }
  void end_opening(std::size_t opening, RoundNumber round) {
    const std::lock_guard lock(mutex_);
    history_.opened(opening, now(), round);
  }

  void begin_life() {
    const std::lock_guard lock(mutex_);
    history_.begin_life(now());
  }
  void end_life() {
    const std::lock_guard lock(mutex_);
    history_.end_life(now());
  }

  /// Waits for this many more answers, or until the time is over. Returns: whether they came.
  bool wait_answers(std::size_t more, std::chrono::microseconds time) {
    std::unique_lock lock(mutex_);
    const std::size_t enough = answers_ + more;
    return changed_.wait_for(lock, time, [&] { return answers_ >= enough; });
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }
  [[nodiscard]] std::size_t answers() const {
    const std::lock_guard lock(mutex_);
    return answers_;
  }
  /// Answers that were 200.
  [[nodiscard]] std::size_t accepted() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  [[nodiscard]] std::size_t tries() const {
    const std::lock_guard lock(mutex_);
    return history_.attempts().size();
  }
  [[nodiscard]] Wish wish(std::size_t entry) const {
    const std::lock_guard lock(mutex_);
    return entries_[entry].wish;
  }
  [[nodiscard]] std::vector<Entry> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }
  /// What is wrong with the log, given all that was tried and told.
  [[nodiscard]] std::vector<std::string> check(const FinalLog& log) const {
    const std::lock_guard lock(mutex_);
    return history_.check(log);
  }

 private:
  static Instant now() {
    return static_cast<Instant>(std::chrono::steady_clock::now().time_since_epoch().count());
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  OrderHistory history_;
  std::size_t answers_ = 0;
  std::size_t accepted_ = 0;
};

}  // namespace fluxgate::testing
