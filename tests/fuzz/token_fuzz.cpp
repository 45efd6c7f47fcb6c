// Tickets and passes. What the signer accepts is compared with the grammar in signed_tokens.hpp,
// written once more here. Inputs by their first byte: 't' a text as a client sends it; 's' the
// bytes of a token, which are signed here, so that what is behind the signature is reached; 'm' an
// issued token and changes to it, none of which may be accepted.
#include <sodium.h>

#include <optional>
#include <string>

#include "admission/signed_tokens.hpp"
#include "base/check.hpp"
#include "fuzz/target.hpp"

namespace fluxgate::fuzz {
namespace {

using admission::Pass;
using admission::Ticket;
using admission::TokenSigner;

constexpr std::size_t mac_bytes = 16;
constexpr std::uint8_t keys = 2;

std::string key_bytes(std::uint8_t key) {
  return std::string(TokenSigner::key_bytes, static_cast<char>(key));
}

const TokenSigner& signer() {
  static const TokenSigner* const made = [] {
    auto* const result = new TokenSigner;
    for (std::uint8_t key = 1; key <= keys; ++key) FLUXGATE_CHECK(result->add_key(key_bytes(key)));
    return result;
  }();
  return *made;
}

constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k <= count; ++k) text += letters[group >> (18 - 6 * k) & 63U];
  }
  return text;
}

std::optional<std::string> decode(std::string_view text) {
  std::string bytes;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::size_t value = letters.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    group = (group << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFFU;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xFFU);
  }
  // The only form is the one encode() gives.
  return encode(bytes) == text ? std::optional(bytes) : std::nullopt;
}

std::string mac_of(std::string_view bytes, std::string_view user_id) {
  const auto key = static_cast<std::uint8_t>(bytes.size() > 1 ? bytes[1] : 0);
  const std::string secret = key_bytes(key);
  const std::string message = std::string(bytes) + std::string(user_id);
  std::string mac(crypto_auth_hmacsha256_BYTES, '\0');
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()),
                              secret.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(message.data()),
                                message.size());
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
  return mac.substr(0, mac_bytes);
}

// The bytes a good token has before its MAC.
std::optional<std::string> opened(std::string_view text, std::string_view user_id) {
  const auto bytes = decode(text);
  if (!bytes || bytes->size() < 16 + mac_bytes) return std::nullopt;
  std::string content = bytes->substr(0, bytes->size() - mac_bytes);
  const auto key = static_cast<std::uint8_t>(content[1]);
  if (key < 1 || key > keys || content.size() > 16 + id_bytes_max) return std::nullopt;
  if (mac_of(content, user_id) != bytes->substr(content.size())) return std::nullopt;
  return content;
}

std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void check(std::string_view text, std::string_view user_id) {
  const Exact exact(text);
  const std::optional<Ticket> ticket = signer().read_ticket(exact.view());
  const std::optional<std::string> as_ticket = opened(text, {});
  FLUXGATE_CHECK(ticket.has_value() == (as_ticket && (*as_ticket)[0] == 1));
  const std::uint64_t claimed = TokenSigner::claimed_number(exact.view());
  if (ticket) {
    FLUXGATE_CHECK(ticket->key == static_cast<std::uint8_t>((*as_ticket)[1]));
    FLUXGATE_CHECK(ticket->number == number(as_ticket->substr(2, 8)));
    FLUXGATE_CHECK(ticket->product == number(as_ticket->substr(10, 6)));
    FLUXGATE_CHECK(ticket->user_id == as_ticket->substr(16));
    FLUXGATE_CHECK(claimed == ticket->number);
    if (ticket->key == keys && !ticket->user_id.empty()) {
      FLUXGATE_CHECK(signer().sign(*ticket) == text);
    }
  }
  if (user_id.empty()) return;
  const std::optional<Pass> pass = signer().read_pass(exact.view(), user_id);
  const std::optional<std::string> as_pass = opened(text, user_id);
  FLUXGATE_CHECK(pass.has_value() == (as_pass && (*as_pass)[0] == 2 && as_pass->size() == 22));
  if (!pass) return;
  FLUXGATE_CHECK(pass->number == number(as_pass->substr(2, 8)));
  FLUXGATE_CHECK(pass->product == number(as_pass->substr(10, 6)));
  FLUXGATE_CHECK(static_cast<std::uint64_t>(pass->expires_at.count()) ==
                 number(as_pass->substr(16)));
  FLUXGATE_CHECK(signer().sign(*pass, user_id) == text);
}

void check_signed(Input input) {
  const std::string user_id(input.text(input.byte() % (id_bytes_max + 1)));
  const std::string content(input.rest());
  const bool is_ticket = content.starts_with('\x01');
  const std::string mac = mac_of(content, is_ticket ? std::string() : user_id);
  check(encode(content + mac), user_id);
}

// Each change is a place and what is put there; an even number of bytes also cuts or adds.
void check_changed(Input input) {
  const bool is_ticket = (input.byte() & 1) == 0;
  const std::uint64_t number = input.number(8);
  const std::uint64_t product = input.number(6);
  std::string user_id(input.text(1 + input.byte() % id_bytes_max));
  if (user_id.empty()) user_id = "u";
  const std::string issued =
      is_ticket ? signer().sign(Ticket{1, number, product, user_id})
                : signer().sign(
                      Pass{1, number, product,
                           std::chrono::milliseconds(static_cast<std::int64_t>(input.number(6)))},
                      user_id);
  check(issued, user_id);
  std::string changed = issued;
  while (!input.empty()) {
    const std::size_t at = input.byte() % (changed.size() + 1);
    const auto kind = input.byte();
    if (kind == 0) {
      changed.erase(at, 1);
    } else if (kind < 128 && at < changed.size()) {
      changed[at] = static_cast<char>(kind);
    } else {
      changed.insert(at, 1, letters[kind % 64]);
    }
    if (changed.size() > 512) break;
  }
  check(changed, user_id);
  if (changed == issued) return;
  FLUXGATE_CHECK(!signer().read_ticket(changed));
  FLUXGATE_CHECK(!signer().read_pass(changed, user_id));
}

}  // namespace
}  // namespace fluxgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fluxgate::fuzz;
  Input input(data, size);
  switch (input.byte()) {
    case 's':
      check_signed(input);
      break;
    case 'm':
      check_changed(input);
      break;
    default: {
      const std::string_view user_id = input.part('\n').substr(0, fluxgate::id_bytes_max);
      check(input.rest(), user_id);
    }
  }
  return 0;
}
