#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "system/sale_client.hpp"

namespace fluxgate::testing {

/// What buyers tried and what they were told, kept outside the server that is killed.
///
/// A wish is written down before it is sent. What was never answered is unknown: it may be in the
/// log or not, and a retry decides.
///
/// Threads: any, any number at once.
class Journal {
 public:
  enum class State { unknown, accepted, refused };
  struct Entry {
    Wish wish;
    State state = State::unknown;
    std::string order_id{};  ///< accepted only
  };

  /// Makes the next wish and writes it down. Each has a user of its own, so that the log, which
  /// shows no keys, can be compared by user.
  std::size_t begin(std::string product_id, std::uint64_t quantity) {
    const std::lock_guard lock(mutex_);
    const std::string number = std::to_string(entries_.size());
    entries_.push_back({.wish = {.product_id = std::move(product_id),
                                 .user_id = "user-" + number,
                                 .key = "key-" + number,
                                 .quantity = quantity}});
    return entries_.size() - 1;
  }

  [[nodiscard]] Wish wish(std::size_t index) const {
    const std::lock_guard lock(mutex_);
    return entries_[index].wish;
  }

  void end(std::size_t index, const OrderAnswer& answer) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[index];
    entry.state = answer.status == 200 ? State::accepted : State::refused;
    entry.order_id = answer.order_id;
    ++answers_;
    changed_.notify_all();
  }

  /// Waits for this many more answers, or until the time is over.
  void wait_answers(std::size_t more, std::chrono::microseconds time) {
    std::unique_lock lock(mutex_);
    const std::size_t enough = answers_ + more;
    changed_.wait_for(lock, time, [&] { return answers_ >= enough; });
  }

  [[nodiscard]] std::vector<Entry> entries() const {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  std::size_t answers_ = 0;
};

}  // namespace fluxgate::testing
