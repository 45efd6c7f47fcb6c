#pragma once

#include <chrono>

#include "admission/rate_limiter.hpp"
#include "base/hash.hpp"
#include "engine/committer.hpp"
#include "engine/gate.hpp"
#include "engine/order_id.hpp"
#include "engine/waiting_room.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/operation.hpp"
#include "idempotency/idempotency_index.hpp"
#include "inventory/inventory.hpp"

namespace fluxgate::engine {

/// Decides an order: the one place that knows all the rooms, in the order the contract names.
///
///     arguments → key seen? → product known? → limits → sold out? → pass, or rate and line → take
///     → commit
///
/// Why a copy of the winner of the last unit is never told "sold out": the winner claims its key
/// before it takes; the copy reads the stock before it looks its key up. If the copy saw the stock
/// the winner left, the claim happened before the take that it saw, so the look-up finds the claim
/// (or what became of it). docs/STOCK_COUNTER.md has the proof. The same holds for all that an
/// order in flight leaves behind, the user's units and the limiter's word: everything that refuses
/// is read first, the key after.
///
/// Threads: submit() from any thread, any number at once; it never waits for the disk.
/// Errors:  out of memory is `overloaded`: nothing happened.
class Purchase {
 public:
  struct Parts {
    inventory::Inventory& inventory;
    idempotency::IdempotencyIndex& index;
    admission::RateLimiter& limiter;
    WaitingRoom& room;
    Committer& committer;
    Gate& gate;
    const OrderIdCodec& order_ids;
    const Clock& clock;
  };

  explicit Purchase(const Parts& parts) : parts_(parts) {}

  [[nodiscard]] Submission submit(OrderOperation& order, Wake wake);

  /// True if the order would be answered from its key. Any thread; takes nothing, leaves nothing.
  [[nodiscard]] bool knows_key(OrderOperation& order) const noexcept;
  /// What submit() does with an order whose arguments are valid, once the index has identified it.
  /// `product` is the one it names; null: unknown.
  [[nodiscard]] Submission decide(OrderOperation& order, const inventory::Product* product,
                                  Wake wake);

 private:
  // An order, and what was looked up for it.
  struct Attempt {
    OrderOperation& order;
    const inventory::Product* product = nullptr;  // null: unknown
    inventory::Round* round = nullptr;            // null: unknown
    base::Hash128 user{};                         // only if the round has max_per_user
    std::chrono::nanoseconds now{0};              // only if there is a rate limit
    std::uint64_t pass = 0;                       // number of the pass it brings, if that is good
  };

  // Finds the product (null: unknown) and hashes the key. False: an argument is not valid.
  [[nodiscard]] bool try_identify(OrderOperation& order,
                                  const inventory::Product*& product) const noexcept;
  // `retries` gets the different orders that waited for this one, if it was refused.
  [[nodiscard]] Submission decide_once(Attempt& attempt, Wake wake, OrderOperation*& retries);
  [[nodiscard]] Submission answer_from_key(OrderOperation& order,
                                           const idempotency::KeyAnswer& known) const;
  // Looks the round up, and what its checks need.
  void look_up_round(Attempt& attempt) const;
  // All that can be said without a claim; accepted: nothing speaks against the order.
  [[nodiscard]] OrderStatus refusal_before_claim(Attempt& attempt) const;
  [[nodiscard]] OrderStatus refusal_of_admission(Attempt& attempt) const;
  // Takes what the order needs and hands it to the committer, or says why not.
  [[nodiscard]] OrderStatus enter(const Attempt& attempt, Wake wake);
  [[nodiscard]] OrderStatus take(const Attempt& attempt);
  [[nodiscard]] OrderStatus take_units(const Attempt& attempt);
  // Frees the key, answers the copies that wait, returns the different orders that wait.
  [[nodiscard]] OrderOperation* refuse_claimed(OrderOperation& order, OrderStatus refusal);
  // Answers the copies of a completed order among `waiters` with what it has; returns the others.
  [[nodiscard]] static OrderOperation* answer_copies(const OrderOperation& order,
                                                     OrderOperation* waiters) noexcept;
  static void deliver_alone(OrderOperation& order) noexcept;

  Parts parts_;
};

}  // namespace fluxgate::engine
