#include "http/json_tokens.hpp"

#include <cstdint>

#include "base/check.hpp"

namespace fluxgate::http {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_hex4(std::string_view text) noexcept {
  if (text.size() < 4) return false;
  return hex_value(text[0]) >= 0 && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0 &&
         hex_value(text[3]) >= 0;
}

std::uint32_t hex4(const char* text) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value * 16 + static_cast<std::uint32_t>(hex_value(text[i]));
  return value;
}

// Takes digits off the front; false if there are none.
bool take_digits(std::string_view& text) noexcept {
  const std::size_t before = text.size();
  while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  return text.size() != before;
}

std::size_t put_utf8(char* output, std::uint32_t c) noexcept {
  const auto tail = [&](unsigned shift) {
    return static_cast<char>(0x80U | ((c >> shift) & 0x3FU));
  };
  if (c < 0x80) {
    output[0] = static_cast<char>(c);
    return 1;
  }
  if (c < 0x800) {
    output[0] = static_cast<char>(0xC0U | (c >> 6U));
    output[1] = tail(0);
    return 2;
  }
  if (c < 0x10000) {
    output[0] = static_cast<char>(0xE0U | (c >> 12U));
    output[1] = tail(6);
    output[2] = tail(0);
    return 3;
  }
  output[0] = static_cast<char>(0xF0U | (c >> 18U));
  output[1] = tail(12);
  output[2] = tail(6);
  output[3] = tail(0);
  return 4;
}

char plain_escape(char c) noexcept {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;  // quote, backslash, slash
  }
}

// The character of the \u escape at `text`, and its length; none for a lone surrogate.
struct Escaped {
  std::uint32_t character;
  std::size_t length;
};
std::optional<Escaped> read_u_escape(std::string_view text) noexcept {
  const std::uint32_t first = hex4(text.data() + 2);
  if (first < 0xD800 || first > 0xDFFF) return Escaped{first, 6};
  if (first > 0xDBFF || text.size() < 12 || text[6] != '\\' || text[7] != 'u') return std::nullopt;
  const std::uint32_t second = hex4(text.data() + 8);
  if (second < 0xDC00 || second > 0xDFFF) return std::nullopt;
  return Escaped{0x10000 + ((first - 0xD800) << 10U) + (second - 0xDC00), 12};
}

}  // namespace

std::string_view string_content(const char* begin) noexcept {
  const char* end = begin;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {begin, static_cast<std::size_t>(end - begin)};
}

bool has_valid_escapes(std::string_view content) noexcept {
  for (std::size_t i = content.find('\\'); i < content.size(); i = content.find('\\', i)) {
    if (i + 1 == content.size()) return false;
    const char kind = content[i + 1];
    if (kind == 'u') {
      if (!is_hex4(content.substr(i + 2))) return false;
      i += 6;
      continue;
    }
    if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) return false;
    i += 2;
  }
  return true;
}

bool is_number(std::string_view token) noexcept {
  if (token.starts_with('-')) token.remove_prefix(1);
  if (token.starts_with('0')) {
    token.remove_prefix(1);
  } else if (!take_digits(token)) {
    return false;
  }
  if (token.starts_with('.')) {
    token.remove_prefix(1);
    if (!take_digits(token)) return false;
  }
  if (token.starts_with('e') || token.starts_with('E')) {
    token.remove_prefix(1);
    if (token.starts_with('+') || token.starts_with('-')) token.remove_prefix(1);
    if (!take_digits(token)) return false;
  }
  return token.empty();
}

std::optional<Units> plain_integer(std::string_view token) noexcept {
  // units_max has 16 digits; a number of 17 is too large, and 64 bits hold it without overflow.
  if (token.empty() || token.size() > 16) return std::nullopt;
  Units value = 0;
  for (const char c : token) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<Units>(c - '0');
  }
  if (value > units_max) return std::nullopt;
  return value;
}

std::optional<std::size_t> unescape(char* content, std::size_t size) noexcept {
  FLUXGATE_CHECK(has_valid_escapes({content, size}));
  std::size_t written = 0;
  for (std::size_t i = 0; i < size;) {
    if (content[i] != '\\') {
      content[written++] = content[i++];
    } else if (content[i + 1] != 'u') {
      content[written++] = plain_escape(content[i + 1]);
      i += 2;
    } else {
      const std::optional<Escaped> escaped = read_u_escape({content + i, size - i});
      if (!escaped) return std::nullopt;
      // At most 4 bytes for 12, 3 for 6: writing never overtakes reading.
      written += put_utf8(content + written, escaped->character);
      i += escaped->length;
    }
  }
  return written;
}

}  // namespace fluxgate::http
