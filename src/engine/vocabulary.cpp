// The words and rules of the public types: fluxgate/types.hpp and fluxgate/error.hpp.

#include <algorithm>
#include <cstdint>

#include "base/words.hpp"
#include "fluxgate/error.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate {
namespace {

// Length of the UTF-8 character that starts at `text`, 0 if it is none that an id may have.
// The ranges are table 3-7 of the Unicode standard: no over-long forms, no surrogates.
std::size_t character_bytes(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80U) return first >= 0x20U && first != 0x7FU ? 1 : 0;
  if (first < 0xC2U || first > 0xF4U || !follows(1)) return 0;
  if (first < 0xE0U) return first == 0xC2U && byte(1) < 0xA0U ? 0 : 2;  // U+0080..U+009F
  if (first < 0xF0U) {
    if (first == 0xE0U && byte(1) < 0xA0U) return 0;
    if (first == 0xEDU && byte(1) > 0x9FU) return 0;
    return follows(2) ? 3 : 0;
  }
  if (first == 0xF0U && byte(1) < 0x90U) return 0;
  if (first == 0xF4U && byte(1) > 0x8FU) return 0;
  return follows(2) && follows(3) ? 4 : 0;
}

}  // namespace

bool is_valid_id(std::string_view id) noexcept {
  if (id.empty() || id.size() > id_bytes_max) return false;
  // Nearly all are plain, and need no decoding.
  if (id.size() >= 8 && base::all_printable(id, 0x20)) return true;
  while (!id.empty()) {
    const std::size_t bytes = character_bytes(id);
    if (bytes == 0) return false;
    id.remove_prefix(bytes);
  }
  return true;
}

bool is_valid_key(std::string_view key) noexcept {
  if (key.empty() || key.size() > key_bytes_max) return false;
  if (key.size() >= 8) return base::all_printable(key, 0x21);
  return std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x21 && c <= 0x7E; });
}

const char* to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::in_use:
      return "in_use";
    case ErrorCode::permission:
      return "permission";
    case ErrorCode::newer_format:
      return "newer_format";
    case ErrorCode::damaged:
      return "damaged";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

const char* to_string(OrderStatus status) noexcept {
  switch (status) {
    case OrderStatus::accepted:
      return "accepted";
    case OrderStatus::waiting:
      return "waiting";
    case OrderStatus::sold_out:
      return "sold_out";
    case OrderStatus::key_reused:
      return "key_reused";
    case OrderStatus::over_limit:
      return "over_limit";
    case OrderStatus::unknown_product:
      return "unknown_product";
    case OrderStatus::invalid_pass:
      return "invalid_pass";
    case OrderStatus::expired_pass:
      return "expired_pass";
    case OrderStatus::used_pass:
      return "used_pass";
    case OrderStatus::overloaded:
      return "overloaded";
    case OrderStatus::draining:
      return "draining";
    case OrderStatus::storage_full:
      return "storage_full";
    case OrderStatus::storage_unavailable:
      return "storage_unavailable";
    case OrderStatus::invalid_argument:
      return "invalid_argument";
  }
  return "invalid_argument";
}

const char* to_string(PlaceState state) noexcept {
  switch (state) {
    case PlaceState::waiting:
      return "waiting";
    case PlaceState::admitted:
      return "admitted";
    case PlaceState::sold_out:
      return "sold_out";
    case PlaceState::expired:
      return "expired";
  }
  return "expired";
}

}  // namespace fluxgate
