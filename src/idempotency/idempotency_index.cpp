#include "idempotency/idempotency_index.hpp"

#include "base/check.hpp"
#include "base/sip_hash.hpp"

namespace fluxgate::idempotency {
namespace {

// A table number is a sequence, below 2^63, or has the top bit set: then it is the owner's address
// (user space ends at 2^47 on x86-64 and at 2^52 on arm64), or all ones for an unknown outcome.
constexpr std::uint64_t in_flight_bit = std::uint64_t{1} << 63;
constexpr std::uint64_t unknown_outcome = ~std::uint64_t{0};

std::uint64_t number_of(OrderOperation& owner) noexcept {
  return in_flight_bit | reinterpret_cast<std::uintptr_t>(&owner);
}

OrderOperation* owner_of(std::uint64_t number) noexcept {
  return reinterpret_cast<OrderOperation*>(number & ~in_flight_bit);
}

// Folds the quantity into the product's keyed hash. The multiplier is 2^64 divided by the golden
// ratio; it only spreads small quantities over the word, the secrecy comes from the hash.
std::uint32_t fingerprint_of(const base::Hash128& product, Units quantity) noexcept {
  std::uint64_t mixed = product.high ^ (quantity * 0x9E3779B97F4A7C15U);
  mixed ^= mixed >> 32;
  mixed *= product.low | 1U;
  return static_cast<std::uint32_t>(mixed >> 32);
}

}  // namespace

base::Hash128 IdempotencyIndex::hash(std::string_view user_id,
                                     std::string_view key) const noexcept {
  static_assert(id_bytes_max < 256 && key_bytes_max < 256, "what keyed_hash() takes of a pair");
  return base::keyed_hash(secret_, user_id, key);
}

void IdempotencyIndex::identify(OrderOperation& operation,
                                const base::Hash128& product) const noexcept {
  const base::Hash128 key = hash(operation.request.user_id, operation.request.key);
  operation.key_hash_high_ = key.high;
  operation.key_hash_low_ = key.low;
  operation.fingerprint_ = fingerprint_of(product, operation.request.quantity);
  operation.first_waiter_ = nullptr;
}

bool IdempotencyIndex::is_dead(const Value& value) const noexcept {
  return value.number <= lifetime_.expired_through();
}

KeyAnswer IdempotencyIndex::answer(const Value& value, std::uint32_t fingerprint) const noexcept {
  if (value.number == unknown_outcome) return {KeyState::unknown};
  if ((value.number & in_flight_bit) != 0) return {KeyState::in_flight};
  if (is_dead(value)) return {KeyState::absent};
  if (value.tag != fingerprint) return {KeyState::reused};
  return {KeyState::accepted, value.number};
}

KeyAnswer IdempotencyIndex::find(const OrderOperation& operation) const noexcept {
  const auto value = table_.find({operation.key_hash_high_, operation.key_hash_low_});
  if (!value) return {KeyState::absent};
  return answer(*value, operation.fingerprint_);
}

KeyAnswer IdempotencyIndex::claim(OrderOperation& operation) {
  KeyAnswer known;
  table_.update(
      {operation.key_hash_high_, operation.key_hash_low_},
      [&](base::SegmentedTable::Cell& cell) {
        if (cell.present()) known = answer(cell.value(), operation.fingerprint_);
        if (known.state == KeyState::absent) {
          cell.assign({operation.fingerprint_, number_of(operation)});
        } else if (known.state == KeyState::in_flight) {
          // The owner cannot go away here: it is released under this same lock.
          OrderOperation* owner = owner_of(cell.value().number);
          operation.next_ = owner->first_waiter_;
          owner->first_waiter_ = &operation;
        }
      },
      [this](const Value& value) { return is_dead(value); });
  return known;
}

OrderOperation* IdempotencyIndex::release(OrderOperation& owner,
                                          std::optional<std::uint64_t> number) {
  OrderOperation* waiters = nullptr;
  table_.update({owner.key_hash_high_, owner.key_hash_low_}, [&](base::SegmentedTable::Cell& cell) {
    FLUXGATE_CHECK(cell.present() && cell.value().number == number_of(owner));
    waiters = owner.first_waiter_;
    owner.first_waiter_ = nullptr;
    if (number) {
      cell.assign({owner.fingerprint_, *number});
    } else {
      cell.erase();
    }
  });
  return waiters;
}

OrderOperation* IdempotencyIndex::settle(OrderOperation& owner, Sequence sequence) {
  return release(owner, sequence);
}

OrderOperation* IdempotencyIndex::abandon(OrderOperation& owner) {
  return release(owner, std::nullopt);
}

OrderOperation* IdempotencyIndex::forget_outcome(OrderOperation& owner) {
  return release(owner, unknown_outcome);
}

OrderOperation* IdempotencyIndex::next_waiter(const OrderOperation& waiter) noexcept {
  return static_cast<OrderOperation*>(waiter.next_);
}

IdempotencyIndex::PreparedOrder IdempotencyIndex::prepare(const LoggedOrder& order) const noexcept {
  const base::Hash128 key = hash(order.user_id, order.key);
  table_.prefetch(key);
  return {key, fingerprint_of(order.product, order.quantity), order.sequence};
}

Sequence IdempotencyIndex::enter(const PreparedOrder& order) {
  Sequence earlier = 0;
  table_.update(
      order.key,
      [&](base::SegmentedTable::Cell& cell) {
        if (cell.present() && !is_dead(cell.value())) earlier = cell.value().number;
        cell.assign({order.fingerprint, order.sequence});
      },
      [this](const Value& value) { return is_dead(value); });
  return earlier;
}

}  // namespace fluxgate::idempotency
