#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/order_history.hpp"

namespace fluxgate::testing {

/// Collects violations, up to OrderHistory::violations_max.
class Violations {
 public:
  void add(std::string_view kind, const std::string& what) {
    if (lines_.size() < OrderHistory::violations_max) {
      lines_.push_back(std::string(kind) + ": " + what);
    }
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

 private:
  std::vector<std::string> lines_;
};

[[nodiscard]] std::string describe(const Attempt& attempt);
[[nodiscard]] std::string describe(const LoggedOrder& order);

/// A history and a log, joined: which try made which order, and when.
///
/// Lifetime: history and log must outlive it.
class HistoryIndex {
 public:
  static constexpr std::size_t none = ~std::size_t{0};

  /// What the log and the lives say of a try.
  struct AttemptFacts {
    std::size_t life = 0;
    Instant ended = never;     ///< its answer; or the end of its life: it cannot take effect later
    std::size_t order = none;  ///< accepted, and its order is in the log as it was told
    bool is_lost = false;      ///< accepted, not in the log, and that is allowed
    Instant held_until = 0;    ///< it may have had units, though no order tells, up to then; 0: no
  };

  /// What the tries say of an order.
  struct OrderFacts {
    std::string_view key;
    Instant invoked = never;       ///< the earliest of the tries that may have made it
    Instant ended = 0;             ///< the latest end of them
    Instant acknowledged = never;  ///< the earliest answer that named it
    /// The earliest of a life after which it was not lost; before, it may have been another order
    /// that was lost and made again.
    Instant settled = never;
    std::size_t last_life = 0;  ///< of the tries that may have made it
    std::size_t unknowns = 0;   ///< tries without an answer that fit
  };

  /// All that has one user's key: numbers of attempts by `invoked`, and of orders by sequence.
  struct Group {
    const std::size_t* attempts_begin;
    const std::size_t* attempts_end;
    const std::size_t* orders_begin;
    const std::size_t* orders_end;
  };

  HistoryIndex(const OrderHistory& history, const FinalLog& log);

  [[nodiscard]] const std::vector<Attempt>& attempts() const noexcept {
    return history_.attempts();
  }
  [[nodiscard]] const std::vector<LoggedOrder>& orders() const noexcept { return log_.orders; }
  [[nodiscard]] const std::vector<Life>& lives() const noexcept { return lives_; }
  [[nodiscard]] const std::vector<Group>& groups() const noexcept { return groups_; }
  [[nodiscard]] const AttemptFacts& facts(std::size_t attempt) const { return tries_[attempt]; }
  [[nodiscard]] const OrderFacts& order_facts(std::size_t order) const { return made_[order]; }
  [[nodiscard]] const std::vector<std::size_t>& by_user() const noexcept {
    return attempts_by_key_;
  }
  [[nodiscard]] const std::vector<std::size_t>& orders_by_user() const noexcept {
    return orders_by_key_;
  }

  /// The life that `at` falls into.
  [[nodiscard]] std::size_t life_at(Instant at) const noexcept;
  /// True if what had this sequence in life `from` may be gone in life `to`.
  [[nodiscard]] bool may_be_lost(std::size_t from, std::size_t to, Sequence sequence) const;

 private:
  void find_keys();
  void find_groups();
  void join(const Group& group);
  void join_accepted(std::size_t attempt, const Group& group);

  const OrderHistory& history_;
  const FinalLog& log_;
  std::vector<Life> lives_;
  std::vector<AttemptFacts> tries_;
  std::vector<OrderFacts> made_;
  std::vector<std::size_t> attempts_by_key_;
  std::vector<std::size_t> orders_by_key_;
  std::vector<Group> groups_;
};

}  // namespace fluxgate::testing
