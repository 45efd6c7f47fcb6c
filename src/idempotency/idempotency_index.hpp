#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/hash.hpp"
#include "base/segmented_table.hpp"
#include "fluxgate/operation.hpp"
#include "fluxgate/types.hpp"
#include "idempotency/key_lifetime.hpp"

namespace fluxgate::idempotency {

/// What the index knows of an order's key.
enum class KeyState : std::uint8_t {
  absent,     ///< Never accepted, not in flight, or forgotten.
  accepted,   ///< This very order was accepted; its sequence is known.
  reused,     ///< The user's key was accepted for another product or quantity.
  in_flight,  ///< An order under this key is being decided: claim() waits for it.
  unknown,    ///< Its write failed: only a restart tells.
};

struct KeyAnswer {
  KeyState state = KeyState::absent;
  Sequence sequence = 0;  ///< if accepted
};

/// Maps a user's key to the order accepted under it, or to the one in flight.
///
/// Invariants: (1) a key has at most one owner in flight; (2) only accepted orders stay, a refused
/// one leaves no trace; (3) copies that arrive while the owner is in flight hang on it and are
/// handed back when it is settled or abandoned, so that they share its answer.
///
/// An entry is 28 bytes: a 128-bit keyed hash of user and key, a 32-bit fingerprint of product and
/// quantity, and a number (the sequence, or the owner's address while in flight). Users cannot
/// make hashes collide without the process's secret; by chance two of 10^7 keys do with a
/// probability of 10^-25. A fingerprint is compared only under the same user's same key.
///
/// Threads:  find, prefetch, claim, settle, abandon and forget_outcome from any thread; enter(),
///           and lifetime() as it says, from the settling thread only (recovery is one).
/// Memory:   an entry that was made before a find() is seen by it (see SegmentedTable), which the
///           order decision relies on.
/// Lifetime: operations must stay where they are from claim() until they are handed back.
class IdempotencyIndex {
 public:
  IdempotencyIndex(base::HashKey secret, std::chrono::milliseconds ttl)
      : secret_(secret), lifetime_(ttl) {}

  /// Computes the operation's key hash and fingerprint; comes before all else.
  void identify(OrderOperation& operation, const base::Hash128& product) const noexcept;

  /// Begins to fetch the key's place into the cache: settle() or claim() will soon need it.
  void prefetch(const OrderOperation& operation) const noexcept {
    table_.prefetch({operation.key_hash_high_, operation.key_hash_low_});
  }

  /// What is known of the key now. Takes no lock.
  [[nodiscard]] KeyAnswer find(const OrderOperation& operation) const noexcept;

  /// Throws std::bad_alloc, and has done nothing.
  ///
  /// Makes `operation` the owner of its key (absent), or, if another is in flight, hangs it on that
  /// one (in_flight): then it belongs to the owner's thread until handed back.
  [[nodiscard]] KeyAnswer claim(OrderOperation& operation);

  /// The owner was accepted as `sequence`. Returns the copies that waited for it, a list.
  [[nodiscard]] OrderOperation* settle(OrderOperation& owner, Sequence sequence);

  /// The owner was refused: its key is free again. Returns the copies that waited for it.
  [[nodiscard]] OrderOperation* abandon(OrderOperation& owner);

  /// The owner's write failed: its key stays unknown. Returns the copies that waited for it.
  [[nodiscard]] OrderOperation* forget_outcome(OrderOperation& owner);

  /// An operation handed back in a list of waiters: the one behind it. Read before reuse.
  [[nodiscard]] static OrderOperation* next_waiter(const OrderOperation& waiter) noexcept;
  /// True if both ask for the same product and quantity.
  [[nodiscard]] static bool is_copy(const OrderOperation& a, const OrderOperation& b) noexcept {
    return a.fingerprint_ == b.fingerprint_;
  }

  /// An accepted order of the log.
  struct LoggedOrder {
    std::string_view user_id;
    std::string_view key;
    base::Hash128 product;
    Units quantity;
    Sequence sequence;
  };
  /// What the index keeps of it, and where.
  struct PreparedOrder {
    base::Hash128 key;
    std::uint32_t fingerprint = 0;
    Sequence sequence = 0;
  };
  /// For IndexLoader: begins to fetch the order's place; and enters it.
  [[nodiscard]] PreparedOrder prepare(const LoggedOrder& order) const noexcept;
  /// Returns: the order that had the key before and is not forgotten; 0: none.
  Sequence enter(const PreparedOrder& order);

  [[nodiscard]] KeyLifetime& lifetime() noexcept { return lifetime_; }

  [[nodiscard]] std::size_t size() const { return table_.size(); }
  [[nodiscard]] std::size_t bytes() const { return table_.bytes(); }

 private:
  using Value = base::SegmentedTable::Value;

  [[nodiscard]] base::Hash128 hash(std::string_view user_id, std::string_view key) const noexcept;
  [[nodiscard]] KeyAnswer answer(const Value& value, std::uint32_t fingerprint) const noexcept;
  [[nodiscard]] bool is_dead(const Value& value) const noexcept;
  OrderOperation* release(OrderOperation& owner, std::optional<std::uint64_t> number);

  base::HashKey secret_;
  KeyLifetime lifetime_;
  base::SegmentedTable table_;
};

}  // namespace fluxgate::idempotency
