#pragma once

#include <optional>
#include <string_view>

#include "base/hash.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::engine {

/// Turns sequences into order ids and back.
///
/// An id is 13 characters of base32hex for the sequence (65 bits, big end first, so ids sort as
/// sequences do) and 16 for an 80-bit MAC of it (SipHash-2-4-128, cut), so that nobody without the
/// key can name an order he was not told of. The key is born with the log and is part of it (the
/// setting `order_id_key`), because an id must mean the same order for ever.
///
/// Threads: any.
class OrderIdCodec {
 public:
  static constexpr std::size_t key_bytes = 16;
  /// Name of the key's setting record in the log.
  static constexpr std::string_view setting_name = "order_id_key";

  /// Empty unless `key` has exactly key_bytes bytes.
  [[nodiscard]] static std::optional<OrderIdCodec> from_key(std::string_view key) noexcept;

  [[nodiscard]] OrderId encode(Sequence sequence) const noexcept;
  /// Empty for anything encode() with this key does not make. The comparison takes the same time
  /// wherever the MAC differs.
  [[nodiscard]] std::optional<Sequence> decode(std::string_view text) const noexcept;

 private:
  explicit OrderIdCodec(base::HashKey key) noexcept : key_(key) {}

  base::HashKey key_;
};

}  // namespace fluxgate::engine
