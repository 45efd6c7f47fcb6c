#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/hash.hpp"
#include "fluxgate/entropy.hpp"

namespace fluxgate::base {

/// A secret of its own, for hashes that never leave the process.
[[nodiscard]] inline HashKey random_key(Entropy& entropy) noexcept {
  HashKey key;
  entropy.fill(std::as_writable_bytes(std::span(&key, 1)));
  return key;
}

[[nodiscard]] inline std::string random_bytes(Entropy& entropy, std::size_t size) {
  std::string bytes(size, '\0');
  entropy.fill(std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

}  // namespace fluxgate::base
