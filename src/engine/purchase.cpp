#include "engine/purchase.hpp"

#include <new>

namespace fluxgate::engine {

using idempotency::IdempotencyIndex;
using idempotency::KeyAnswer;
using idempotency::KeyState;

namespace {

bool is_valid(const OrderRequest& request, const inventory::Product* product) noexcept {
  // The id of a product that is there is valid.
  return (product != nullptr || is_valid_id(request.product_id)) && is_valid_id(request.user_id) &&
         is_valid_key(request.key) && request.quantity >= 1 && request.quantity <= units_max;
}

Submission complete(OrderOperation& order, OrderStatus status) noexcept {
  order.result.status = status;
  return Submission::completed;
}

}  // namespace

Submission Purchase::submit(OrderOperation& order, Wake wake) {
  // Not a new OrderResult: its 29 characters of id would be written for every refusal.
  order.result.replayed = false;
  order.result.sequence = 0;
  const inventory::Product* product = nullptr;
  if (!try_identify(order, product)) return complete(order, OrderStatus::invalid_argument);
  return decide(order, product, wake);
}

Submission Purchase::decide(OrderOperation& order, const inventory::Product* product, Wake wake) {
  OrderOperation* retries = nullptr;
  Attempt attempt{.order = order, .product = product};
  const Submission submission = decide_once(attempt, wake, retries);
  // Different orders that waited for a refused one are now decided by themselves. From here on
  // `order` may be its caller's again and is not touched. They are other callers': who submitted
  // this one need not know of them, and so is not relied on to wake the committer.
  while (retries != nullptr) {
    OrderOperation& retry = *retries;
    retries = IdempotencyIndex::next_waiter(retry);
    retry.next_ = nullptr;
    OrderOperation* more = nullptr;
    Attempt again{.order = retry, .product = parts_.inventory.find(retry.request.product_id)};
    if (decide_once(again, Wake::now, more) == Submission::completed) {
      retries = answer_copies(retry, retries);  // they waited with it
      deliver_alone(retry);
    }
    while (more != nullptr) {
      OrderOperation* next = IdempotencyIndex::next_waiter(*more);
      more->next_ = retries;
      retries = more;
      more = next;
    }
  }
  return submission;
}

bool Purchase::knows_key(OrderOperation& order) const noexcept {
  const inventory::Product* product = nullptr;
  return try_identify(order, product) && parts_.index.find(order).state != KeyState::absent;
}

bool Purchase::try_identify(OrderOperation& order,
                            const inventory::Product*& product) const noexcept {
  const std::string_view product_id = order.request.product_id;
  product = parts_.inventory.find(product_id);
  if (!is_valid(order.request, product)) return false;
  parts_.index.identify(order,
                        product != nullptr ? product->id_hash : parts_.inventory.hash(product_id));
  return true;
}

Submission Purchase::decide_once(Attempt& attempt, Wake wake, OrderOperation*& retries) {
  OrderOperation& order = attempt.order;
  if (parts_.limiter.enabled()) {
    attempt.now = order.now.count() != 0 ? order.now : parts_.clock.monotonic();
  }
  look_up_round(attempt);
  // All that refuses first, the key after: see the class.
  OrderStatus refusal = refusal_before_claim(attempt);
  if (refusal != OrderStatus::accepted) {
    const KeyAnswer known = parts_.index.find(order);
    if (known.state == KeyState::absent) return complete(order, refusal);
    if (known.state != KeyState::in_flight) return answer_from_key(order, known);
  }
  KeyAnswer known;
  // All its cache lines at once: in a large index each is a miss.
  parts_.index.prefetch(order);
  try {
    known = parts_.index.claim(order);
  } catch (const std::bad_alloc&) {
    return complete(order, OrderStatus::overloaded);
  }
  if (known.state == KeyState::in_flight) return Submission::pending;
  if (known.state != KeyState::absent) return answer_from_key(order, known);

  // The key is ours. Who was refused before hung on an owner that is gone; and a reset may have
  // opened a round whose stock a copy was already told. Then look again.
  if (refusal != OrderStatus::accepted || attempt.product->round() != attempt.round) {
    look_up_round(attempt);
    refusal = refusal_before_claim(attempt);
  }
  if (refusal == OrderStatus::accepted) refusal = enter(attempt, wake);
  if (refusal == OrderStatus::accepted) return Submission::pending;
  retries = refuse_claimed(order, refusal);
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

void Purchase::look_up_round(Attempt& attempt) const {
  attempt.round = attempt.product != nullptr ? attempt.product->round() : nullptr;
  if (attempt.round != nullptr && attempt.round->max_per_user != 0) {
    attempt.user = parts_.inventory.hash(attempt.order.request.user_id);
  }
}

OrderStatus Purchase::refusal_before_claim(Attempt& attempt) const {
  const OrderRequest& request = attempt.order.request;
  const inventory::Round* round = attempt.round;
  const EngineState state = parts_.gate.state();
  // After a failed write nothing is what it seems: rounds, users' units and stock of unknown
  // outcome may or may not come back.
  if (state == EngineState::failed) return OrderStatus::storage_unavailable;
  if (round == nullptr) return OrderStatus::unknown_product;
  if (round->max_per_order != 0 && request.quantity > round->max_per_order) {
    return OrderStatus::over_limit;
  }
  if (round->max_per_user != 0) {
    const Units used = round->user_units(attempt.user);
    if (used >= round->max_per_user || request.quantity > round->max_per_user - used) {
      return OrderStatus::over_limit;
    }
  }
  if (!round->stock().has(request.quantity)) return OrderStatus::sold_out;
  if (state == EngineState::draining) return OrderStatus::draining;
  if (state == EngineState::full) return OrderStatus::storage_full;
  return refusal_of_admission(attempt);
}

OrderStatus Purchase::refusal_of_admission(Attempt& attempt) const {
  const OrderRequest& request = attempt.order.request;
  attempt.pass = 0;
  if (parts_.room.is_paused()) return OrderStatus::waiting;
  if (!request.pass.empty()) {
    try {
      const WaitingRoom::PassCheck check = parts_.room.check_pass(request, *attempt.product);
      if (check.status == OrderStatus::accepted) attempt.pass = check.number;
      return check.status;
    } catch (const std::bad_alloc&) {  // reading a pass takes a copy
      return OrderStatus::overloaded;
    }
  }
  if (!parts_.limiter.enabled()) return OrderStatus::accepted;
  const bool may_enter = !parts_.room.blocks() && parts_.limiter.would_admit(attempt.now);
  return may_enter ? OrderStatus::accepted : OrderStatus::waiting;
}

OrderStatus Purchase::enter(const Attempt& attempt, Wake wake) {
  if (const auto refusal = refusal_at<OrderStatus>(parts_.gate)) return *refusal;
  const OrderStatus taken = take(attempt);
  if (taken != OrderStatus::accepted) {
    parts_.gate.leave(1);
    return taken;
  }
  attempt.order.round_ = attempt.round;
  attempt.order.pass_ = attempt.pass;
  parts_.committer.push(attempt.order, wake);
  return OrderStatus::accepted;
}

// A race lost at the last step costs what was taken before it: an admission, or for a moment the
// pass or the user's units, which another order of the same user may meet. Stock goes last, because
// units that came back could not be told from units that were never gone by whom they made sold
// out.
OrderStatus Purchase::take(const Attempt& attempt) {
  if (attempt.pass == 0) {
    if (!parts_.limiter.try_admit(attempt.now)) return OrderStatus::waiting;
    return take_units(attempt);
  }
  const OrderStatus used = parts_.room.try_use(attempt.pass);
  if (used != OrderStatus::accepted) return used;
  const OrderStatus taken = take_units(attempt);
  if (taken != OrderStatus::accepted) parts_.room.give_back(attempt.pass);
  return taken;
}

OrderStatus Purchase::take_units(const Attempt& attempt) {
  const Units quantity = attempt.order.request.quantity;
  inventory::Round& round = *attempt.round;
  if (round.max_per_user == 0) {
    return round.stock().try_take(quantity) ? OrderStatus::accepted : OrderStatus::sold_out;
  }
  try {
    if (!round.try_reserve_user(attempt.user, quantity)) return OrderStatus::over_limit;
  } catch (const std::bad_alloc&) {
    return OrderStatus::overloaded;
  }
  if (round.stock().try_take(quantity)) return OrderStatus::accepted;
  round.release_user(attempt.user, quantity);
  return OrderStatus::sold_out;
}

void Purchase::deliver_alone(OrderOperation& order) noexcept {
  order.next_ = nullptr;
  order.sink_->deliver(&order);
}

OrderOperation* Purchase::refuse_claimed(OrderOperation& order, OrderStatus refusal) {
  // All of it anew: the operation may have been used before, and its copies get what it has.
  order.result = {};
  order.result.status = refusal;
  return answer_copies(order, parts_.index.abandon(order));
}

OrderOperation* Purchase::answer_copies(const OrderOperation& order,
                                        OrderOperation* waiters) noexcept {
  OrderOperation* others = nullptr;
  while (waiters != nullptr) {
    OrderOperation& present = *waiters;
    waiters = IdempotencyIndex::next_waiter(present);
    if (IdempotencyIndex::is_copy(present, order)) {
      present.result = order.result;
      present.result.replayed = true;
      deliver_alone(present);
    } else {
      present.next_ = others;
      others = &present;
    }
  }
  return others;
}

}  // namespace fluxgate::engine
