#include "engine/purchase.hpp"

namespace fluxgate::engine {

using idempotency::IdempotencyIndex;
using idempotency::KeyAnswer;
using idempotency::KeyState;

namespace {

bool is_valid(const OrderRequest& request) noexcept {
  return is_valid_id(request.product_id) && is_valid_id(request.user_id) &&
         is_valid_key(request.key) && request.quantity >= 1 && request.quantity <= units_max;
}

Submission complete(OrderOperation& order, OrderStatus status) noexcept {
  order.result.status = status;
  return Submission::completed;
}

}  // namespace

Submission Purchase::submit(OrderOperation& order) {
  OrderOperation* retries = nullptr;
  const Submission submission = submit_once(order, retries);
  // Different orders that waited for a refused one are now decided by themselves. From here on
  // `order` may be its caller's again and is not touched.
  while (retries != nullptr) {
    OrderOperation& retry = *retries;
    retries = IdempotencyIndex::next_waiter(retry);
    retry.next_ = nullptr;
    OrderOperation* more = nullptr;
    if (submit_once(retry, more) == Submission::completed) deliver_alone(retry);
    while (more != nullptr) {
      OrderOperation* next = IdempotencyIndex::next_waiter(*more);
      more->next_ = retries;
      retries = more;
      more = next;
    }
  }
  return submission;
}

Submission Purchase::submit_once(OrderOperation& order, OrderOperation*& retries) {
  order.result = {};
  if (!is_valid(order.request)) return complete(order, OrderStatus::invalid_argument);

  const base::Hash128 hash = parts_.inventory.hash(order.request.product_id);
  parts_.index.identify(order, hash);
  inventory::Product* product = parts_.inventory.find(order.request.product_id, hash);
  inventory::Round* round = product != nullptr ? product->round() : nullptr;
  // The stock first, the key after: see the class.
  const bool sold_out = round != nullptr && !round->stock().has(order.request.quantity);
  KeyAnswer known = parts_.index.find(order);

  if (known.state == KeyState::absent) {
    const OrderStatus refusal = refusal_before_claim(order, round, sold_out);
    if (refusal != OrderStatus::accepted) return complete(order, refusal);
  }
  if (known.state == KeyState::absent || known.state == KeyState::in_flight) {
    known = parts_.index.claim(order);
    if (known.state == KeyState::in_flight) return Submission::pending;
  }
  if (known.state != KeyState::absent) return answer_from_key(order, known);

  // The key is ours. The world may have moved on meanwhile: look again.
  const Decision decision = decide_claimed(order, product);
  if (decision.taken) return Submission::pending;
  retries = refuse_claimed(order, decision.refusal);
  return Submission::completed;
}

Submission Purchase::answer_from_key(OrderOperation& order, const KeyAnswer& known) const {
  if (known.state == KeyState::reused) return complete(order, OrderStatus::key_reused);
  if (known.state == KeyState::unknown) return complete(order, OrderStatus::storage_unavailable);
  order.result.replayed = true;
  order.result.sequence = known.sequence;
  order.result.order_id = parts_.order_ids.encode(known.sequence);
  return complete(order, OrderStatus::accepted);
}

OrderStatus Purchase::refusal_before_claim(const OrderOperation& order,
                                           const inventory::Round* round, bool sold_out) const {
  const OrderRequest& request = order.request;
  if (round == nullptr) return OrderStatus::unknown_product;
  if (round->max_per_order != 0 && request.quantity > round->max_per_order) {
    return OrderStatus::over_limit;
  }
  if (round->max_per_user != 0) {
    const Units used = round->user_units(parts_.inventory.hash(request.user_id));
    if (used >= round->max_per_user || request.quantity > round->max_per_user - used) {
      return OrderStatus::over_limit;
    }
  }
  const EngineState state = parts_.gate.state();
  // After a failed write the stock is not what it seems: units of unknown orders may come back.
  if (state == EngineState::failed) return OrderStatus::storage_unavailable;
  if (sold_out) return OrderStatus::sold_out;
  if (state == EngineState::draining) return OrderStatus::draining;
  if (state == EngineState::full) return OrderStatus::storage_full;
  // No pass was ever issued by this release, so none can be valid.
  if (!request.pass.empty()) return OrderStatus::invalid_pass;
  return OrderStatus::accepted;
}

Purchase::Decision Purchase::decide_claimed(OrderOperation& order, inventory::Product* product) {
  inventory::Round* round = product != nullptr ? product->round() : nullptr;
  const bool sold_out = round != nullptr && !round->stock().has(order.request.quantity);
  const OrderStatus refusal = refusal_before_claim(order, round, sold_out);
  if (refusal != OrderStatus::accepted) return {false, refusal};
  switch (parts_.gate.try_enter()) {
    case Gate::Entry::entered:
      break;
    case Gate::Entry::crowded:
      return {false, OrderStatus::overloaded};
    case Gate::Entry::shut:
      return {false, refusal_when_shut(parts_.gate.state())};
  }
  const OrderStatus taken = take(order, *round);
  if (taken != OrderStatus::accepted) {
    parts_.gate.leave(1);
    return {false, taken};
  }
  order.round_ = round;
  parts_.committer.push(order);
  return {true, OrderStatus::accepted};
}

OrderStatus Purchase::take(const OrderOperation& order, inventory::Round& round) {
  const OrderRequest& request = order.request;
  if (parts_.limiter.enabled()) {
    const auto now = order.now.count() != 0 ? order.now : parts_.clock.monotonic();
    if (!parts_.limiter.try_admit(now)) return OrderStatus::waiting;
  }
  if (round.max_per_user == 0) {
    return round.stock().try_take(request.quantity) ? OrderStatus::accepted : OrderStatus::sold_out;
  }
  const base::Hash128 user = parts_.inventory.hash(request.user_id);
  if (!round.try_reserve_user(user, request.quantity)) return OrderStatus::over_limit;
  if (round.stock().try_take(request.quantity)) return OrderStatus::accepted;
  round.release_user(user, request.quantity);
  return OrderStatus::sold_out;
}

void Purchase::deliver_alone(OrderOperation& order) noexcept {
  order.next_ = nullptr;
  order.sink_->deliver(&order);
}

OrderOperation* Purchase::refuse_claimed(OrderOperation& order, OrderStatus refusal) {
  order.result.status = refusal;
  OrderOperation* waiter = parts_.index.abandon(order);
  OrderOperation* retries = nullptr;
  while (waiter != nullptr) {
    OrderOperation& present = *waiter;
    waiter = IdempotencyIndex::next_waiter(present);
    if (IdempotencyIndex::is_copy(present, order)) {
      present.result = order.result;
      present.result.replayed = true;
      deliver_alone(present);
    } else {
      present.next_ = retries;
      retries = &present;
    }
  }
  return retries;
}

}  // namespace fluxgate::engine
