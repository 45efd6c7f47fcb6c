#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/hash.hpp"
#include "idempotency/idempotency_index.hpp"

namespace fluxgate::idempotency {

/// Takes the orders of a log into an index, and finds keys that were sold twice within their life.
///
/// In a large index each order is five cache misses, and they are nearly all of what it costs. So
/// an order is hashed and its place fetched when it is given, and entered when several more have
/// been: 10^7 orders take 2.1 s in place of 3.4.
///
/// Threads:  one, while nobody else uses the index.
/// Errors:   throws std::bad_alloc.
/// Lifetime: finish() before the index is used; what was given and not finished is not in it.
class IndexLoader {
 public:
  /// Orders that are prepared and not entered, at most.
  static constexpr std::size_t ahead = 16;

  /// Two orders of which the second should have been answered with the first.
  struct Repeat {
    Sequence first = 0;
    Sequence second = 0;
  };

  explicit IndexLoader(IdempotencyIndex& index) noexcept : index_(index) {}

  /// How long keys lived when the orders that follow were accepted. Before it is said nobody knows,
  /// and the same key twice is no fault.
  void set_life(std::chrono::seconds life) {
    finish();
    life_ = life;
  }

  /// In order of sequence: a later order under the same key replaces an earlier one. The log may
  /// hold both if keys lived shorter when the later one was accepted.
  void add(const IdempotencyIndex::LoggedOrder& order) {
    if (count_ == ahead) enter_oldest();
    waiting_[(first_ + count_) % ahead] = index_.prepare(order);
    ++count_;
  }

  /// Enters the rest.
  void finish() {
    while (count_ != 0) enter_oldest();
  }

  /// The first one among the orders entered so far.
  [[nodiscard]] const std::optional<Repeat>& repeat() const noexcept { return repeat_; }

 private:
  void enter_oldest() {
    const IdempotencyIndex::PreparedOrder& order = waiting_[first_];
    const Sequence earlier = index_.enter(order);
    if (earlier != 0 && !repeat_ && was_alive(earlier, order.sequence)) {
      repeat_ = {earlier, order.sequence};
    }
    first_ = (first_ + 1) % ahead;
    --count_;
  }

  /// Whether the first order's key was still remembered when the second was accepted. Lives are
  /// whole seconds and end with a tenth of one, so it is enough to know both orders' tenths.
  [[nodiscard]] bool was_alive(Sequence first, Sequence second) const {
    if (!life_) return false;
    if (life_->count() == 0) return true;
    const auto accepted_at = index_.lifetime().accepted_about(first);
    const auto now = index_.lifetime().accepted_about(second);
    return accepted_at && now && !KeyLifetime(*life_).is_over(*accepted_at, *now);
  }

  IdempotencyIndex& index_;
  std::optional<std::chrono::seconds> life_;
  std::array<IdempotencyIndex::PreparedOrder, ahead> waiting_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::optional<Repeat> repeat_;
};

}  // namespace fluxgate::idempotency
