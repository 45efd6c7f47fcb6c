#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fluxgate::base {

/// 128 bits of a keyed hash. Without the key nobody can make two inputs collide.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Hash128&, const Hash128&) noexcept = default;
};

/// A secret for SipHash.
struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

}  // namespace fluxgate::base
