#pragma once

#include <span>

#include "base/hash.hpp"
#include "fluxgate/entropy.hpp"

namespace fluxgate::base {

/// A secret of its own, for hashes that never leave the process.
[[nodiscard]] inline HashKey random_key(Entropy& entropy) noexcept {
  HashKey key;
  entropy.fill(std::as_writable_bytes(std::span(&key, 1)));
  return key;
}

}  // namespace fluxgate::base
