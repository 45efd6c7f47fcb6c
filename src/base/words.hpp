#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fluxgate::base {

// Texts, eight bytes at a time. The first byte is the lowest of its word.
static_assert(std::endian::native == std::endian::little, "load_word() takes words as they lie");

inline constexpr std::uint64_t every_byte = 0x0101010101010101U;
inline constexpr std::uint64_t top_bits = every_byte * 0x80U;

inline std::uint64_t load_word(const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

/// The last `text.size() % 8` bytes as a word. From 8 bytes on they are the upper end of the last
/// whole word that fits, so that only shorter texts need a loop.
inline std::uint64_t load_tail(std::string_view text) noexcept {
  const std::size_t tail_bytes = text.size() % 8;
  if (tail_bytes == 0) return 0;
  if (text.size() >= 8) return load_word(text.data() + text.size() - 8) >> (64 - 8 * tail_bytes);
  std::uint64_t word = 0;
  for (std::size_t i = tail_bytes; i > 0; --i) {
    word = (word << 8) | static_cast<unsigned char>(text[i - 1]);
  }
  return word;
}

/// The top bit of each byte that is below `bound`, 1 to 0x80. Exact up to the first one; behind it,
/// a borrow may set more.
inline constexpr std::uint64_t bytes_below(std::uint64_t word, unsigned char bound) noexcept {
  return (word - every_byte * bound) & ~word & top_bits;
}

/// The same of each byte that is `byte`.
inline constexpr std::uint64_t bytes_equal(std::uint64_t word, unsigned char byte) noexcept {
  return bytes_below(word ^ every_byte * byte, 1);
}

/// The same of each byte that is not ASCII from `first` to 0x7E.
inline constexpr std::uint64_t bytes_not_printable(std::uint64_t word,
                                                   unsigned char first) noexcept {
  return bytes_below(word, first) | (word & top_bits) | bytes_equal(word, 0x7F);
}

/// True if all of at least 8 bytes are ASCII from `first` to 0x7E. Not which one is not: so a
/// borrow does no harm, a word takes half the instructions of bytes_not_printable(), and one branch
/// decides them all.
inline bool all_printable(std::string_view text, unsigned char first) noexcept {
  const auto top_bits_if_not = [first](const char* bytes) {
    const std::uint64_t word = load_word(bytes);
    return word | (word - every_byte * first) | ((word ^ every_byte * 0x7FU) - every_byte);
  };
  // The last word overlaps the one before.
  const char* const last_word = text.data() + text.size() - 8;
  std::uint64_t found = top_bits_if_not(last_word);
  for (const char* word = text.data(); word < last_word; word += 8) found |= top_bits_if_not(word);
  return (found & top_bits) == 0;
}

}  // namespace fluxgate::base
