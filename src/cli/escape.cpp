#include "cli/escape.hpp"

#include <cstddef>

#include "fluxgate/types.hpp"

namespace fluxgate::cli {
namespace {

/// Length of the printable character `text` starts with; 0 if it starts with none.
std::size_t printable_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // What an id may hold is exactly what may be shown: UTF-8 without control characters.
  return text.size() >= bytes && is_valid_id(text.substr(0, bytes)) ? bytes : 0;
}

void append_hex(std::string& to, char byte) {
  static constexpr char digits[] = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  to += digits[value >> 4U];
  to += digits[value & 0xFU];
}

/// Copies what is printable and hands each other byte to `escape`.
template <typename Escape>
std::string escape_with(std::string_view text, const Escape& escape) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    std::size_t bytes = printable_bytes(text);
    const bool escapes = bytes == 0 || escape.also(text.front());
    if (escapes) {
      bytes = 1;
      escape.append(escaped, text.front());
    } else {
      escaped.append(text.substr(0, bytes));
    }
    text.remove_prefix(bytes);
  }
  return escaped;
}

struct LineEscape {
  static bool also(char /*printable*/) { return false; }
  static void append(std::string& to, char byte) {
    to += "\\x";
    append_hex(to, byte);
  }
};

struct JsonEscape {
  static bool also(char printable) { return printable == '"' || printable == '\\'; }
  static void append(std::string& to, char byte) {
    const auto value = static_cast<unsigned char>(byte);
    if (also(byte)) {
      to += '\\';
      to += byte;
    } else if (value < 0x80) {
      to += "\\u00";
      append_hex(to, byte);
    } else {
      to += "\\\\x";
      append_hex(to, byte);
    }
  }
};

}  // namespace

std::string escape_line(std::string_view text) {
  return escape_with(text, LineEscape{});
}
std::string escape_json(std::string_view text) {
  return escape_with(text, JsonEscape{});
}

}  // namespace fluxgate::cli
