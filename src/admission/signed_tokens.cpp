#include "admission/signed_tokens.hpp"

#include <sodium.h>

#include <cstring>
#include <utility>

#include "base/check.hpp"

namespace fluxgate::admission {
namespace {

constexpr char ticket_kind = 1;
constexpr char pass_kind = 2;
constexpr std::size_t mac_bytes = 16;
// kind, key, number, product.
constexpr std::size_t head_bytes = 2 + 8 + 6;
constexpr std::size_t pass_bytes = head_bytes + 6;
constexpr std::size_t token_bytes_max = head_bytes + id_bytes_max + mac_bytes;
constexpr int base64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

static_assert(sodium_base64_ENCODED_LEN(token_bytes_max, base64) <=
              TokenSigner::text_bytes_max + 1);

const unsigned char* unsigned_bytes(std::string_view text) noexcept {
  return reinterpret_cast<const unsigned char*>(text.data());
}

void append_number(std::string& out, std::uint64_t number, unsigned bytes) {
  while (bytes-- > 0) out.push_back(static_cast<char>(number >> (8 * bytes) & 0xFFU));
}

std::uint64_t number_at(std::string_view bytes, std::size_t at, unsigned count) noexcept {
  std::uint64_t number = 0;
  for (unsigned i = 0; i < count; ++i) {
    number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

std::string head(char kind, std::uint8_t key, std::uint64_t number, std::uint64_t product) {
  std::string bytes{kind, static_cast<char>(key)};
  append_number(bytes, number, 8);
  append_number(bytes, product, 6);
  return bytes;
}

// The state of libsodium's that is kept in KeyState's bytes.
using State = crypto_auth_hmacsha256_state;

}  // namespace

TokenSigner::TokenSigner() : keys_(std::make_unique_for_overwrite<KeyState[]>(keys_max)) {
  static_assert(sizeof(State) <= state_bytes);
  // Negative only if the system has no randomness, which nothing here uses.
  FLUXGATE_CHECK(::sodium_init() >= 0);
}

bool TokenSigner::add_key(std::string_view key) {
  const std::uint8_t count = newest();
  if (key.size() != key_bytes || count == keys_max) return false;
  State state;
  ::crypto_auth_hmacsha256_init(&state, unsigned_bytes(key), key.size());
  std::memcpy(keys_[count].bytes.data(), &state, sizeof(state));
  count_.store(static_cast<std::uint8_t>(count + 1U), std::memory_order_release);
  return true;
}

TokenSigner::Mac TokenSigner::mac(std::uint8_t key, std::string_view first,
                                  std::string_view second) const {
  State state;
  std::memcpy(&state, keys_[key - 1U].bytes.data(), sizeof(state));
  ::crypto_auth_hmacsha256_update(&state, unsigned_bytes(first), first.size());
  ::crypto_auth_hmacsha256_update(&state, unsigned_bytes(second), second.size());
  Mac mac;
  static_assert(sizeof(mac) == crypto_auth_hmacsha256_BYTES);
  ::crypto_auth_hmacsha256_final(&state, mac.data());
  return mac;
}

std::string TokenSigner::seal(std::string bytes, std::string_view user_id) const {
  const Mac sealed = mac(static_cast<std::uint8_t>(bytes[1]), bytes, user_id);
  bytes.append(reinterpret_cast<const char*>(sealed.data()), mac_bytes);
  std::array<char, text_bytes_max + 1> text;
  ::sodium_bin2base64(text.data(), text.size(), unsigned_bytes(bytes), bytes.size(), base64);
  return text.data();
}

std::optional<std::string> TokenSigner::open(std::string_view text,
                                             std::string_view user_id) const {
  std::array<unsigned char, token_bytes_max> bytes;
  std::size_t size = 0;
  const char* end = nullptr;
  const bool is_base64 = ::sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(),
                                             nullptr, &size, &end, base64) == 0;
  // It stops at what is not base64, and has read fewer characters than there are.
  if (!is_base64 || end != text.data() + text.size()) return std::nullopt;
  if (size < head_bytes + mac_bytes) return std::nullopt;
  std::string signed_bytes(reinterpret_cast<const char*>(bytes.data()), size - mac_bytes);
  const auto key = static_cast<std::uint8_t>(signed_bytes[1]);
  if (key == 0 || key > newest()) return std::nullopt;
  const Mac expected = mac(key, signed_bytes, user_id);
  const unsigned char* given = bytes.data() + signed_bytes.size();
  if (::sodium_memcmp(expected.data(), given, mac_bytes) != 0) return std::nullopt;
  return signed_bytes;
}

std::string TokenSigner::sign(const Ticket& ticket) const {
  const std::uint8_t key = newest();
  FLUXGATE_CHECK(key != 0 && !ticket.user_id.empty());
  return seal(head(ticket_kind, key, ticket.number, ticket.product) + ticket.user_id, {});
}

std::optional<Ticket> TokenSigner::read_ticket(std::string_view text) const {
  const auto bytes = open(text, {});
  if (!bytes || (*bytes)[0] != ticket_kind) return std::nullopt;
  return Ticket{.key = static_cast<std::uint8_t>((*bytes)[1]),
                .number = number_at(*bytes, 2, 8),
                .product = number_at(*bytes, 10, 6),
                .user_id = bytes->substr(head_bytes)};
}

std::uint64_t TokenSigner::claimed_number(std::string_view text) noexcept {
  // Four characters are three bytes; a ticket is longer than these.
  constexpr std::size_t characters = 16;
  std::array<unsigned char, characters / 4 * 3> bytes{};
  static_assert(sizeof(bytes) >= 2 + 8);
  std::size_t size = 0;
  if (text.size() < characters) return 0;
  const bool is_base64 = ::sodium_base642bin(bytes.data(), bytes.size(), text.data(), characters,
                                             nullptr, &size, nullptr, base64) == 0;
  if (!is_base64 || bytes[0] != ticket_kind) return 0;
  return number_at({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 2, 8);
}

std::string TokenSigner::sign(const Pass& pass, std::string_view user_id) const {
  FLUXGATE_CHECK(pass.key != 0 && pass.key <= newest() && !user_id.empty());
  std::string bytes = head(pass_kind, pass.key, pass.number, pass.product);
  append_number(bytes, static_cast<std::uint64_t>(pass.expires_at.count()), 6);
  return seal(std::move(bytes), user_id);
}

std::optional<Pass> TokenSigner::read_pass(std::string_view text, std::string_view user_id) const {
  const auto bytes = open(text, user_id);
  if (!bytes || (*bytes)[0] != pass_kind || bytes->size() != pass_bytes) return std::nullopt;
  return Pass{.key = static_cast<std::uint8_t>((*bytes)[1]),
              .number = number_at(*bytes, 2, 8),
              .product = number_at(*bytes, 10, 6),
              .expires_at = std::chrono::milliseconds(
                  static_cast<std::int64_t>(number_at(*bytes, head_bytes, 6)))};
}

}  // namespace fluxgate::admission
