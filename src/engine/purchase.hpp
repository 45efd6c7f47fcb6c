#pragma once

#include "admission/rate_limiter.hpp"
#include "engine/committer.hpp"
#include "engine/gate.hpp"
#include "engine/order_id.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/operation.hpp"
#include "idempotency/idempotency_index.hpp"
#include "inventory/inventory.hpp"

namespace fluxgate::engine {

/// Decides an order: the one place that knows all the rooms, in the order the contract names.
///
///     arguments → key seen? → product known? → limits → sold out? → pass, or rate → take → commit
///
/// Why a copy of the winner of the last unit is never told "sold out": the winner claims its key
/// before it takes; the copy reads the stock before it looks its key up. If the copy saw the stock
/// the winner left, the claim happened before the take that it saw, so the look-up finds the claim
/// (or what became of it). docs/STOCK_COUNTER.md has the proof.
///
/// Threads: submit() from any thread, any number at once; it never waits for the disk.
class Purchase {
 public:
  struct Parts {
    inventory::Inventory& inventory;
    idempotency::IdempotencyIndex& index;
    admission::RateLimiter& limiter;
    Committer& committer;
    Gate& gate;
    const OrderIdCodec& order_ids;
    const Clock& clock;
  };

  explicit Purchase(const Parts& parts) : parts_(parts) {}

  [[nodiscard]] Submission submit(OrderOperation& order);

 private:
  // What decide() can say beside a refusal: that the order went to the committer.
  struct Decision {
    bool taken = false;
    OrderStatus refusal = OrderStatus::invalid_argument;
  };

  // `retries` gets the different orders that waited for this one, if it was refused.
  [[nodiscard]] Submission submit_once(OrderOperation& order, OrderOperation*& retries);
  [[nodiscard]] Submission answer_from_key(OrderOperation& order,
                                           const idempotency::KeyAnswer& known) const;
  // Everything that can be said without a claim; accepted: nothing speaks against the order.
  [[nodiscard]] OrderStatus refusal_before_claim(const OrderOperation& order,
                                                 const inventory::Round* round,
                                                 bool sold_out) const;
  [[nodiscard]] Decision decide_claimed(OrderOperation& order, inventory::Product* product);
  [[nodiscard]] OrderStatus take(const OrderOperation& order, inventory::Round& round);
  // Frees the key, answers the copies that wait, returns the different orders that wait.
  [[nodiscard]] OrderOperation* refuse_claimed(OrderOperation& order, OrderStatus refusal);
  static void deliver_alone(OrderOperation& order) noexcept;

  Parts parts_;
};

}  // namespace fluxgate::engine
