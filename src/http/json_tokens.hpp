#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "fluxgate/types.hpp"

namespace fluxgate::http {

/// What is between the quotes of the JSON string whose content begins at `begin`. It must end:
/// simdjson has seen its closing quote.
[[nodiscard]] std::string_view string_content(const char* begin) noexcept;

/// True if every escape in a string's content is one that RFC 8259 knows.
[[nodiscard]] bool has_valid_escapes(std::string_view content) noexcept;

/// True if `token` is a number of RFC 8259, of any size.
[[nodiscard]] bool is_number(std::string_view token) noexcept;

/// The value of a token that is a plain integer 0..units_max: digits and nothing else.
[[nodiscard]] std::optional<Units> plain_integer(std::string_view token) noexcept;

/// Replaces the escapes of a string's content in place. Surrogate pairs become one character.
///
/// Returns: the new size; none if a surrogate stands alone. Checks (aborts): has_valid_escapes().
[[nodiscard]] std::optional<std::size_t> unescape(char* content, std::size_t size) noexcept;

}  // namespace fluxgate::http
