#include "engine/order_id.hpp"

#include <array>
#include <cstring>

#include "base/sip_hash.hpp"

namespace fluxgate::engine {
namespace {

// base32hex of RFC 4648 in lower case: digits sort before letters, as the values do.
constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuv";
constexpr std::size_t sequence_chars = 13;
constexpr std::size_t mac_chars = OrderId::size - sequence_chars;
constexpr std::size_t half_mac_chars = mac_chars / 2;  // 40 bits each

// Writes the low 5 * count bits of `value`, big end first.
void put(char* out, std::uint64_t value, std::size_t count) noexcept {
  for (std::size_t i = count; i-- > 0; value >>= 5) out[i] = alphabet[value & 31U];
}

}  // namespace

std::optional<OrderIdCodec> OrderIdCodec::from_key(std::string_view key) noexcept {
  if (key.size() != key_bytes) return std::nullopt;
  base::HashKey secret;
  std::memcpy(&secret.k0, key.data(), 8);
  std::memcpy(&secret.k1, key.data() + 8, 8);
  return OrderIdCodec(secret);
}

OrderId OrderIdCodec::encode(Sequence sequence) const noexcept {
  std::array<char, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>((sequence >> (8 * i)) & 0xFFU);
  }
  const base::Hash128 mac = base::mac_hash(key_, {bytes.data(), bytes.size()});
  std::array<char, OrderId::size> text;
  put(text.data(), sequence, sequence_chars);
  put(text.data() + sequence_chars, mac.high, half_mac_chars);
  put(text.data() + sequence_chars + half_mac_chars, mac.low, half_mac_chars);
  return OrderId(text);
}

std::optional<Sequence> OrderIdCodec::decode(std::string_view text) const noexcept {
  // The first character holds the top 5 of 65 bits: beyond '0'..'f' it is past 64 bits.
  if (text.size() != OrderId::size) return std::nullopt;
  Sequence sequence = 0;
  for (std::size_t i = 0; i < sequence_chars; ++i) {
    const std::size_t digit = alphabet.find(text[i]);
    if (digit == std::string_view::npos || (i == 0 && digit > 15)) return std::nullopt;
    sequence = (sequence << 5) | digit;
  }
  const OrderId expected = encode(sequence);
  unsigned difference = 0;
  for (std::size_t i = 0; i < OrderId::size; ++i) {
    difference |= static_cast<unsigned char>(text[i] ^ expected.view()[i]);
  }
  if (difference != 0) return std::nullopt;
  return sequence;
}

}  // namespace fluxgate::engine
