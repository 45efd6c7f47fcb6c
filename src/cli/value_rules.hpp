#pragma once

#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace fluxgate::cli {

/// Why a value cannot be, as `must be ...`; none if it can.
using Problem = std::optional<std::string>;

struct NumberRange {
  std::uint64_t least;
  std::uint64_t most;
};

/// Digits only: no sign, no space, no exponent.
[[nodiscard]] Problem check_number(std::string_view value, NumberRange range,
                                   std::uint64_t& number);

/// Stores a number that `Number` can hold for all of `range`.
template <typename Number>
[[nodiscard]] Problem set_number(std::string_view value, NumberRange range, Number& target) {
  std::uint64_t number = 0;
  Problem problem = check_number(value, range, number);
  if (!problem) target = static_cast<Number>(number);
  return problem;
}

[[nodiscard]] Problem set_boolean(std::string_view value, bool& target);

/// Not empty and no control characters.
[[nodiscard]] Problem set_text(std::string_view value, std::string& target);

/// A host name or an address; `[::1]` is stored as `::1`.
[[nodiscard]] Problem set_host(std::string_view value, std::string& target);

/// A path of this server or an http(s) URL, to which a query can be appended.
[[nodiscard]] Problem set_url(std::string_view value, std::string& target);

/// Something that fits into `Authorization: Bearer ...`.
[[nodiscard]] Problem set_token(std::string_view value, std::string& target);

/// An IPv4 or IPv6 address, or a network `address/bits`.
[[nodiscard]] Problem set_network(std::string_view value, std::string& target);

/// A product id.
[[nodiscard]] Problem set_id(std::string_view value, std::string& target);

}  // namespace fluxgate::cli
