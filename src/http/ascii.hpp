#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace fluxgate::http {

inline constexpr char lower_case(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// True if `text` is `lower`, which has no capitals, whatever the case of its letters. ASCII only.
inline bool equals_any_case(std::string_view text, std::string_view lower) noexcept {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return lower_case(a) == b; });
}

/// The same of its beginning.
inline bool starts_with_any_case(std::string_view text, std::string_view lower) noexcept {
  return equals_any_case(text.substr(0, lower.size()), lower);
}

/// `text` without the spaces and tabs around it.
inline std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t";
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// True if a Content-Type is `lower`, whatever its parameters say.
inline bool is_media_type(std::string_view content_type, std::string_view lower) noexcept {
  return equals_any_case(trimmed(content_type.substr(0, content_type.find(';'))), lower);
}

}  // namespace fluxgate::http
