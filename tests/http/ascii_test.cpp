#include "http/ascii.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace fluxgate::http {

TEST_CASE("equals_any_case: letters in any case, all else as it is", "[http][unit]") {
  CHECK(equals_any_case("", ""));
  CHECK(equals_any_case("Keep-ALIVE", "keep-alive"));
  for (const char* other : {"", "keep-aliv", "keep-alivee", "keep_alive", "keep\ralive"}) {
    CHECK_FALSE(equals_any_case(other, "keep-alive"));
  }
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    CHECK(equals_any_case(text, "k") == (byte == 'k' || byte == 'K'));
    CHECK(equals_any_case(text, "@") == (byte == '@'));
  }
}

TEST_CASE("starts_with_any_case: the beginning only", "[http][unit]") {
  CHECK(starts_with_any_case("X-Forwarded-For", "x-forwarded-"));
  CHECK(starts_with_any_case("x", ""));
  CHECK_FALSE(starts_with_any_case("X-Forwarded", "x-forwarded-"));
  CHECK_FALSE(starts_with_any_case("", "x"));
}

TEST_CASE("trimmed: spaces and tabs around a text → gone, those in it stay", "[http][unit]") {
  CHECK(trimmed("a") == "a");
  CHECK(trimmed(" \ta b\t ") == "a b");
  CHECK(trimmed(" \t").empty());
  CHECK(trimmed("").empty());
}

TEST_CASE("is_media_type: any case, with parameters → the same; else not", "[http][unit]") {
  CHECK(is_media_type("application/json", "application/json"));
  CHECK(is_media_type("Application/JSON ; charset=utf-8", "application/json"));
  CHECK_FALSE(is_media_type("application/json5", "application/json"));
  CHECK_FALSE(is_media_type(";application/json", "application/json"));
  CHECK_FALSE(is_media_type("", "application/json"));
}

}  // namespace fluxgate::http
