#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fluxgate::orderlog {

/// Fixed-size integers of the log's files: little endian, but big endian where bytes must sort as
/// numbers do. Written byte by byte, so that the machine's own order does not matter; compilers
/// make one move of it.

template <typename Integer>
void store_little(char* to, Integer value) noexcept {
  for (std::size_t i = 0; i < sizeof(Integer); ++i) to[i] = static_cast<char>(value >> (8 * i));
}

template <typename Integer>
[[nodiscard]] Integer load_little(const char* from) noexcept {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value |= Integer{static_cast<unsigned char>(from[i])} << (8 * i);
  }
  return value;
}

inline void store_big(char* to, std::uint64_t value) noexcept {
  for (std::size_t i = 0; i < 8; ++i) to[i] = static_cast<char>(value >> (56 - 8 * i));
}

[[nodiscard]] inline std::uint64_t load_big(const char* from) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(from[i]);
  return value;
}

/// A varint (LEB128) of 64 bits takes at most this.
inline constexpr std::size_t varint_bytes_max = 10;

/// Writes `value` as a varint; returns the end. Needs room for varint_bytes_max.
[[nodiscard]] inline char* put_varint(char* to, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

/// Writes `bytes` after their length as a varint; returns the end.
[[nodiscard]] inline char* put_string(char* to, std::string_view bytes) noexcept {
  to = put_varint(to, bytes.size());
  std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

}  // namespace fluxgate::orderlog
