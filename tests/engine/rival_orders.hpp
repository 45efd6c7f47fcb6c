#pragma once

#include <array>
#include <cstddef>

#include "engine/fixture.hpp"

namespace fluxgate::testing {

/// Two orders that are submitted at once, round after round, for what only one of them can have.
///
/// Threads:  submit() of each order by a thread of its own; the rest by one, when both are done.
/// Lifetime: before the engine's end nothing may be pending: count_round() has settled it.
class RivalOrders {
 public:
  explicit RivalOrders(Engine& engine) : engine_(engine) {}

  void submit(int thread, const OrderRequest& request) {
    const auto t = static_cast<std::size_t>(thread);
    orders_[t]->request = request;
    submissions_[t] = engine_.submit(*orders_[t]);
  }

  /// Commits what was taken. It was right if one order was accepted, and the other refused at once,
  /// with `refusal`.
  void count_round(OrderStatus refusal) {
    while (engine_.step()) {
    }
    const std::size_t winner = submissions_[0] == Submission::pending ? 0 : 1;
    const std::size_t loser = 1 - winner;
    const bool right = submissions_[winner] == Submission::pending &&
                       submissions_[loser] == Submission::completed &&
                       orders_[winner]->result.status == OrderStatus::accepted &&
                       orders_[loser]->result.status == refusal;
    wrong_ += right ? 0 : 1;
  }

  [[nodiscard]] int wrong_rounds() const noexcept { return wrong_; }

 private:
  Engine& engine_;
  Inbox inbox_;
  OrderOperation first_{inbox_};
  OrderOperation second_{inbox_};
  const std::array<OrderOperation*, 2> orders_{&first_, &second_};
  std::array<Submission, 2> submissions_{};
  int wrong_ = 0;
};

}  // namespace fluxgate::testing
