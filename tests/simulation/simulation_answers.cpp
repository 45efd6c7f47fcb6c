// What the clients of a simulated sale hear of it.

#include <utility>

#include "admission/line.hpp"
#include "admission/signed_tokens.hpp"
#include "simulation/simulation.hpp"

namespace fluxgate::testing {

using std::chrono::milliseconds;

void Simulation::deliver(Operation* first) noexcept {
  while (first != nullptr) {
    Operation& operation = *first;
    first = operation.next();
    if (is_dead_) continue;
    ++now_;
    switch (operation.kind()) {
      case Operation::Kind::order: {
        auto& order = static_cast<Order&>(operation);
        order.is_in_flight = false;
        answered(order);
        break;
      }
      case Operation::Kind::join:
        answered(static_cast<Join&>(operation));
        break;
      case Operation::Kind::init:
        answered(static_cast<Init&>(operation));
        break;
      case Operation::Kind::settings:
        answered(static_cast<Settings&>(operation));
        break;
    }
  }
}

void Simulation::answered(Order& order) {
  const OrderResult& result = order.result;
  ++now_;
  note(to_string(result.status), result.sequence, result.replayed ? 1 : 0);
  switch (result.status) {
    case OrderStatus::accepted:
      return history_.accepted(order.attempt, now_, result.order_id.str(), result.replayed);
    case OrderStatus::sold_out:
      return history_.sold_out(order.attempt, now_);
    case OrderStatus::storage_unavailable:
      order.is_unknown = true;
      if (!storage_.has_failed()) violate("answer", "unavailable, and nothing failed");
      return;
    case OrderStatus::invalid_argument:
      return violate("answer", "invalid_argument");
    default:
      check_pass_refusal(order);
      return history_.refused(order.attempt, now_, to_string(result.status));
  }
}

// Whoever shows the pass he was told must not hear that it is none.
void Simulation::check_pass_refusal(const Order& order) {
  const OrderStatus status = order.result.status;
  if (status != OrderStatus::invalid_pass && status != OrderStatus::expired_pass) return;
  for (const Holder& holder : holders_) {
    const bool is_his = !holder.pass.empty() && holder.pass == order.pass_text &&
                        users_[holder.user] == order.request.user_id &&
                        products_[holder.product] == order.request.product_id;
    if (!is_his) continue;
    const milliseconds since = line_.pass_since(holder.number);
    const bool lives = since.count() != 0 && utc_max_ < since + admission::Line::pass_life;
    if (status == OrderStatus::invalid_pass || lives) {
      violate("answer", std::string(to_string(status)) + " for a pass that is good");
    }
  }
}

void Simulation::answered(Join& join) {
  const JoinResult& result = join.result;
  note("joined", static_cast<std::uint64_t>(result.status));
  if (result.status == JoinStatus::storage_unavailable && !storage_.has_failed()) {
    violate("answer", "unavailable, and nothing failed");
  }
  if (result.status != JoinStatus::joined && result.status != JoinStatus::kept) return;
  Holder holder{.text = result.ticket,
                .number = admission::TokenSigner::claimed_number(result.ticket)};
  for (std::size_t i = 0; i < products_.size(); ++i) {
    if (products_[i] == join.request.product_id) holder.product = i;
  }
  for (std::size_t i = 0; i < users_.size(); ++i) {
    if (users_[i] == join.request.user_id) holder.user = i;
  }
  line_.told(holder.number, holder.text, result.place, clock_.monotonic());
  holder.pass = result.place.pass;
  holders_.push_back(std::move(holder));
}

void Simulation::answered(Init& init) {
  note("inited", static_cast<std::uint64_t>(init.result.status), init.result.round);
  ++now_;
  if (init.result.status == InitStatus::ok) {
    history_.opened(init.opening, now_, init.result.round);
  } else if (init.result.status != InitStatus::storage_unavailable) {
    history_.not_opened(init.opening, now_);
  } else if (!storage_.has_failed()) {
    violate("answer", "unavailable, and nothing failed");
  }
}

void Simulation::answered(Settings& settings) {
  note("changed", static_cast<std::uint64_t>(settings.result.status));
  if (settings.result.status != SettingsStatus::ok) return;
  set_rates(settings.result.settings);
}

}  // namespace fluxgate::testing
