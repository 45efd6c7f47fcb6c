#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.hpp"
#include "base/words.hpp"

namespace fluxgate::base {

/// Where to look for a text in a table: 64 bits, a few nanoseconds, spread evenly.
///
/// For tables that only trusted callers fill. It is keyed, so that outsiders who look things up
/// cannot aim, but it is no pseudorandom function: identity is keyed_hash()'s, or the text's own.
///
/// Each word is multiplied to 128 bits with a secret and both halves are folded together; a factor
/// that happens to be zero would forget what came before, with a probability of 2^-64 a word.
///
/// Source: the folded multiplication of Wang Yi's wyhash.
[[nodiscard]] inline std::uint64_t mix_hash(HashKey key, std::string_view text) noexcept {
  __extension__ using Wide = unsigned __int128;
  const auto fold = [](std::uint64_t a, std::uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const std::uint64_t secret = key.k1 | 1U;
  std::uint64_t state = key.k0 ^ text.size();
  const char* const words_end = text.data() + (text.size() - text.size() % 8);
  for (const char* word = text.data(); word != words_end; word += 8) {
    state = fold(state ^ load_word(word), secret);
  }
  // The odd constant is 2^64 divided by the golden ratio.
  return fold(fold(state ^ load_tail(text), secret), 0x9E3779B97F4A7C15U);
}

}  // namespace fluxgate::base
