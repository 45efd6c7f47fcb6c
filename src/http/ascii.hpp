#pragma once

#include <algorithm>
#include <string_view>

namespace fluxgate::http {

/// True if `text` is `lower`, which has no capitals, whatever the case of its letters. ASCII only.
inline bool equals_any_case(std::string_view text, std::string_view lower) noexcept {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
  });
}

/// The same of its beginning.
inline bool starts_with_any_case(std::string_view text, std::string_view lower) noexcept {
  return equals_any_case(text.substr(0, lower.size()), lower);
}

}  // namespace fluxgate::http
