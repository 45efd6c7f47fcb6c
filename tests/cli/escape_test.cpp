#include "cli/escape.hpp"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <string>

using fluxgate::cli::escape_json;
using fluxgate::cli::escape_line;

namespace {

std::string parsed(const std::string& inside) {
  simdjson::dom::parser parser;
  return std::string(std::string_view(parser.parse('"' + inside + '"')));
}

}  // namespace

TEST_CASE("escape_line: plain text of any script → unchanged", "[cli][unit]") {
  REQUIRE(escape_line("order 7 of ann, naïve 日本 \"x\" \\") ==
          "order 7 of ann, naïve 日本 \"x\" \\");
  REQUIRE(escape_line("").empty());
}

TEST_CASE("escape_line: controls and broken UTF-8 → hex", "[cli][unit]") {
  REQUIRE(escape_line("a\r\nb\t\x1b[2J\x7f") == "a\\x0d\\x0ab\\x09\\x1b[2J\\x7f");
  REQUIRE(escape_line("\xc2\x9b") == "\\xc2\\x9b");           // CSI, a control character
  REQUIRE(escape_line("\xe6\x97") == "\\xe6\\x97");           // cut short
  REQUIRE(escape_line("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  REQUIRE(escape_line("\xc0\xaf") == "\\xc0\\xaf");           // over-long
}

TEST_CASE("escape_json: every byte alone → one line that parses to something visible",
          "[cli][unit]") {
  for (int value = 0; value < 256; ++value) {
    const std::string byte(1, static_cast<char>(value));
    const std::string escaped = escape_json(byte);
    INFO("byte " << value << " is " << escaped);
    for (const char c : escaped) REQUIRE((c >= 0x20 && c != 0x7F));
    if (value < 0x80) {
      REQUIRE(parsed(escaped) == byte);
    } else {
      char expected[8];
      std::snprintf(expected, sizeof expected, "\\x%02x", static_cast<unsigned>(value));
      REQUIRE(parsed(escaped) == expected);
    }
  }
}

TEST_CASE("escape_json: all bytes in a row, between text → one string", "[cli][unit]") {
  std::string all = "日本";
  for (int value = 0; value < 256; ++value) all += static_cast<char>(value);
  all += "\"end\\";
  const std::string escaped = escape_json(all);
  REQUIRE(escaped.find('\n') == std::string::npos);
  const std::string text = parsed(escaped);
  REQUIRE(text.starts_with("日本"));
  REQUIRE(text.ends_with("\\xff\"end\\"));
}
