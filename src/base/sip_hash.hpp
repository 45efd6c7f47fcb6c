#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/hash.hpp"
#include "base/words.hpp"

namespace fluxgate::base {

namespace sip_detail {

struct State {
  std::uint64_t v0, v1, v2, v3;

  template <int Rounds>
  void mix() noexcept {
    for (int i = 0; i < Rounds; ++i) {
      v0 += v1;
      v1 = std::rotl(v1, 13) ^ v0;
      v0 = std::rotl(v0, 32);
      v2 += v3;
      v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3;
      v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1;
      v1 = std::rotl(v1, 17) ^ v2;
      v2 = std::rotl(v2, 32);
    }
  }

  template <int Rounds>
  void absorb(std::uint64_t word) noexcept {
    v3 ^= word;
    mix<Rounds>();
    v0 ^= word;
  }

  template <int Rounds>
  void absorb_whole_words(std::string_view text) noexcept {
    const char* const words_end = text.data() + (text.size() - text.size() % 8);
    for (const char* word = text.data(); word != words_end; word += 8)
      absorb<Rounds>(load_word(word));
  }

  template <int Rounds>
  [[nodiscard]] Hash128 finish() noexcept {
    v2 ^= 0xee;
    mix<Rounds>();
    const std::uint64_t low = fold();
    v1 ^= 0xdd;
    mix<Rounds>();
    return {.high = fold(), .low = low};
  }

  [[nodiscard]] std::uint64_t fold() const noexcept { return v0 ^ v1 ^ v2 ^ v3; }
};

/// The bytes behind the last whole word, and the length.
inline std::uint64_t last_word(std::string_view text) noexcept {
  return static_cast<std::uint64_t>(text.size()) << 56 | load_tail(text);
}

inline State initial_state(HashKey key) noexcept {
  return {key.k0 ^ 0x736f6d6570736575, key.k1 ^ 0x646f72616e646f6d ^ 0xee,
          key.k0 ^ 0x6c7967656e657261, key.k1 ^ 0x7465646279746573};
}

}  // namespace sip_detail

/// SipHash-c-d with 128 bits of output: a keyed hash nobody without the key can steer.
///
/// `low` is the first 8 bytes of the output as a little-endian number, `high` the next 8.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012, and the
/// authors' 128-bit variant.
template <int CompressionRounds, int FinalizationRounds>
[[nodiscard]] inline Hash128 sip_hash(HashKey key, std::string_view text) noexcept {
  sip_detail::State state = sip_detail::initial_state(key);
  state.absorb_whole_words<CompressionRounds>(text);
  state.absorb<CompressionRounds>(sip_detail::last_word(text));
  return state.finish<FinalizationRounds>();
}

/// Identity of keys and ids in memory: SipHash-1-3. Fast, and as far as is known nobody can make
/// two inputs collide without the key; but it never leaves the process.
[[nodiscard]] inline Hash128 keyed_hash(HashKey key, std::string_view text) noexcept {
  return sip_hash<1, 3>(key, text);
}

/// The same of a pair, read where both lie. The whole words of both come first, then what is left
/// of each, at most 7 bytes, with its length above: so ("ab","c") and ("a","bc") differ, and no
/// pair has the words of another. Both must be shorter than 256 bytes.
[[nodiscard]] inline Hash128 keyed_hash(HashKey key, std::string_view first,
                                        std::string_view second) noexcept {
  sip_detail::State state = sip_detail::initial_state(key);
  state.absorb_whole_words<1>(first);
  state.absorb_whole_words<1>(second);
  state.absorb<1>(sip_detail::last_word(first));
  state.absorb<1>(sip_detail::last_word(second));
  return state.finish<3>();
}

/// Authenticates what leaves the process: SipHash-2-4, its authors' proposal for a MAC.
[[nodiscard]] inline Hash128 mac_hash(HashKey key, std::string_view text) noexcept {
  return sip_hash<2, 4>(key, text);
}

}  // namespace fluxgate::base
