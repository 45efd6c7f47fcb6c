#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fluxgate {

/// Whole units of a product: 0..units_max. The bound is the largest integer JSON carries safely.
using Units = std::uint64_t;
inline constexpr Units units_max = (Units{1} << 53) - 1;

/// Place of an accepted order in the log: 1, 2, 3, ... over all products, no gaps, no repeats.
using Sequence = std::uint64_t;

/// Which sale of a product: 1 for the first stock, one more for each reset.
using RoundNumber = std::uint64_t;

/// Product and user ids are 1..id_bytes_max bytes of UTF-8 without control characters.
inline constexpr std::size_t id_bytes_max = 128;
/// Idempotency keys are 1..key_bytes_max bytes of visible ASCII (0x21-0x7E).
inline constexpr std::size_t key_bytes_max = 255;
/// An engine holds at most this many products.
inline constexpr std::size_t products_max = 100'000;
/// At most so many people are in line or hold a pass: about 550 MB.
inline constexpr std::size_t line_places_max = 10'000'000;

/// True if `id` may name a product or a user: length, UTF-8, no U+0000-001F or U+007F-009F.
[[nodiscard]] bool is_valid_id(std::string_view id) noexcept;
/// True if `key` may be an idempotency key.
[[nodiscard]] bool is_valid_key(std::string_view key) noexcept;

/// The public name of an accepted order.
///
/// 29 characters of base32hex (0-9, a-v): 13 of the sequence, 16 of an 80-bit keyed MAC of it.
/// So ids have a fixed length, sort as the orders were accepted and cannot be guessed.
class OrderId {
 public:
  static constexpr std::size_t size = 29;

  OrderId() noexcept { text_.fill('0'); }
  explicit OrderId(const std::array<char, size>& text) noexcept : text_(text) {}

  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size}; }
  [[nodiscard]] std::string str() const { return std::string(view()); }
  friend bool operator==(const OrderId&, const OrderId&) noexcept = default;

 private:
  std::array<char, size> text_;
};

/// One person's wish to buy. The views must stay valid as each call that takes it says.
struct OrderRequest {
  std::string_view product_id = {};
  std::string_view user_id = {};
  std::string_view key = {};   ///< idempotency key; belongs to the user
  Units quantity = 1;          ///< 1..units_max
  std::string_view pass = {};  ///< admission pass; empty: none
};

/// The answer to an order. Numbers are fixed: they may be stored or sent.
enum class OrderStatus : std::uint8_t {
  accepted = 0,              ///< Taken and as durable as the engine's setting promises.
  waiting = 1,               ///< Over the rate limit: wait in line, then try again.
  sold_out = 2,              ///< Fewer units left than asked for; nothing else.
  key_reused = 3,            ///< The user's key was accepted for another product or quantity.
  over_limit = 4,            ///< More than maxPerOrder, or than maxPerUser in this round.
  unknown_product = 5,       ///< No such product was ever initialized.
  invalid_pass = 6,          ///< The pass is malformed, altered, or another's.
  expired_pass = 7,          ///< The pass was valid once.
  used_pass = 8,             ///< The pass has already bought something.
  overloaded = 9,            ///< Nothing happened: too many orders in flight. Retry later.
  draining = 10,             ///< Nothing happened: the engine is closing.
  storage_full = 11,         ///< Nothing happened: no space for new orders.
  storage_unavailable = 12,  ///< Unknown until retried, with the same key, after a restart.
  invalid_argument = 13,     ///< An id, key or quantity is out of range. Nothing happened.
};

/// Stable word of a status, for example "sold_out".
[[nodiscard]] const char* to_string(OrderStatus status) noexcept;

/// What became of an order.
struct OrderResult {
  OrderStatus status = OrderStatus::invalid_argument;
  bool replayed = false;  ///< The answer of an earlier or simultaneous copy of this order.
  Sequence sequence = 0;  ///< Accepted orders only.
  OrderId order_id;       ///< Accepted orders only.
};

/// One person's wish to stand in line for a product.
struct JoinRequest {
  std::string_view product_id = {};
  std::string_view user_id = {};
};

/// What has become of a place in line. Numbers are fixed: they may be stored or sent.
enum class PlaceState : std::uint8_t {
  waiting = 0,
  admitted = 1,  ///< there is a pass, and units to use it for
  sold_out = 2,  ///< nothing is left; the place is kept for the next round
  expired = 3,   ///< the pass was used or has lapsed, or nobody came back for the place
};

/// Stable word of a state, for example "sold_out".
[[nodiscard]] const char* to_string(PlaceState state) noexcept;

/// A place in line, as it is now.
struct Place {
  PlaceState state = PlaceState::expired;
  std::uint64_t position = 0;            ///< 1 is the first; 0: not in line
  std::uint64_t ahead = 0;               ///< kept places before it; never grows
  std::chrono::milliseconds wait{0};     ///< until it is called, if those present now stay
  Units units_left = 0;                  ///< of its product
  std::chrono::milliseconds refresh{0};  ///< look again after this time, to stay present
  std::string pass = {};                 ///< admitted only

  friend bool operator==(const Place&, const Place&) noexcept = default;
};

/// The answer to a JoinRequest. Numbers are fixed.
enum class JoinStatus : std::uint8_t {
  joined = 0,               ///< A new place, behind all others; durable.
  kept = 1,                 ///< The place this person has already.
  sold_out = 2,             ///< No units are left, so nobody joins.
  unknown_product = 3,      ///< No such product was ever initialized.
  line_full = 4,            ///< line_places_max people are in line.
  overloaded = 5,           ///< Nothing happened: too many operations in flight. Retry later.
  draining = 6,             ///< Nothing happened: the engine is closing.
  storage_full = 7,         ///< Nothing happened: no space.
  storage_unavailable = 8,  ///< Unknown until a restart.
  invalid_argument = 9,     ///< An id is out of range. Nothing happened.
  line_closed = 10,         ///< Nobody may join now.
};

struct JoinResult {
  JoinStatus status = JoinStatus::invalid_argument;
  std::string ticket = {};  ///< joined and kept only; at most 216 characters of base64url
  Place place = {};         ///< joined and kept only
};

/// Whose place a ticket is.
struct TicketHolder {
  std::string product_id;
  std::string user_id;
};

/// Creates a product or opens its next round.
struct InitRequest {
  std::string_view product_id = {};
  Units quantity = 0;       ///< 0..units_max; the stock of the new round
  Units max_per_order = 0;  ///< 0: no limit
  Units max_per_user = 0;   ///< units per user in this round; 0: no limit
  RoundNumber round = 0;    ///< 0: the next one; N: only if N-1 is the present one
};

enum class InitStatus : std::uint8_t {
  ok = 0,                   ///< Durable and open, or already so (same round and quantity).
  round_mismatch = 1,       ///< The wanted round is neither the next one nor this one again.
  too_many_products = 2,    ///< products_max exist.
  draining = 3,             ///< Nothing happened: the engine is closing.
  storage_full = 4,         ///< Nothing happened: no space.
  storage_unavailable = 5,  ///< Unknown until a restart.
  invalid_argument = 6,     ///< A value is out of range. Nothing happened.
  overloaded = 7,           ///< Nothing happened: too many operations in flight. Retry later.
};

struct InitResult {
  InitStatus status = InitStatus::invalid_argument;
  RoundNumber round = 0;  ///< The round that is open now (ok), or the present one (mismatch).
  Units quantity = 0;
};

/// The present round of a product. `quantity == stock + accepted + pending` in every snapshot.
struct ProductSnapshot {
  std::string product_id;
  RoundNumber round = 0;
  Units quantity = 0;
  Units stock = 0;     ///< can still be taken
  Units accepted = 0;  ///< in durable orders
  Units pending = 0;   ///< taken, the outcome not yet known
};

/// An accepted order as the log has it.
struct OrderRecord {
  Sequence sequence = 0;
  OrderId order_id;
  std::string product_id;
  RoundNumber round = 0;
  std::string user_id;
  std::string key;
  Units quantity = 0;
  std::chrono::milliseconds accepted_at{0};  ///< since 1970-01-01T00:00:00Z
};

}  // namespace fluxgate
