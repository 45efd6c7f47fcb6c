#include <catch2/catch.hpp>
#include <string>

#include "fluxgate/error.hpp"
#include "fluxgate/types.hpp"

using fluxgate::ErrorCode;
using fluxgate::is_valid_id;
using fluxgate::is_valid_key;
using fluxgate::to_string;

TEST_CASE("is_valid_id: what may name a product or a user", "[engine][unit]") {
  CHECK(is_valid_id("iphone-15"));
  CHECK(is_valid_id("a"));
  CHECK(is_valid_id("with spaces / and slashes"));
  CHECK(is_valid_id("手机-十五"));
  CHECK(is_valid_id("\xF0\x9F\x93\xB1"));
  CHECK(is_valid_id(" ~ ~ ~ ~ ~ "));
  CHECK(is_valid_id(std::string(128, 'x')));
  CHECK(is_valid_id("\xC2\xA0"));          // U+00A0, the first after the C1 controls
  CHECK(is_valid_id("\xE0\xA0\x80"));      // U+0800, the first of three bytes
  CHECK(is_valid_id("\xED\x9F\xBF"));      // U+D7FF, the last before the surrogates
  CHECK(is_valid_id("\xF4\x8F\xBF\xBF"));  // U+10FFFF, the last of all

  CHECK_FALSE(is_valid_id(""));
  CHECK_FALSE(is_valid_id(std::string(129, 'x')));
  CHECK_FALSE(is_valid_id("\xC2\x80"));          // U+0080
  CHECK_FALSE(is_valid_id("\xC2\x9F"));          // U+009F
  CHECK_FALSE(is_valid_id("\xED\xA0\x80"));      // lone surrogate
  CHECK_FALSE(is_valid_id("\xC0\xAF"));          // over-long
  CHECK_FALSE(is_valid_id("\xE0\x80\xAF"));      // over-long
  CHECK_FALSE(is_valid_id("\xF0\x80\x80\xAF"));  // over-long
  CHECK_FALSE(is_valid_id("\xF4\x90\x80\x80"));  // past U+10FFFF
  CHECK_FALSE(is_valid_id("\xFF"));
  CHECK_FALSE(is_valid_id("abc\xE2\x82"));  // cut short
  CHECK_FALSE(is_valid_id("abc\xF0\x9F"));
  CHECK_FALSE(is_valid_id("abc\xF0\x9F\x93"));
}

TEST_CASE("to_string: every error code → its name", "[engine][unit]") {
  CHECK(std::string(to_string(ErrorCode::invalid_argument)) == "invalid_argument");
  CHECK(std::string(to_string(ErrorCode::in_use)) == "in_use");
  CHECK(std::string(to_string(ErrorCode::permission)) == "permission");
  CHECK(std::string(to_string(ErrorCode::newer_format)) == "newer_format");
  CHECK(std::string(to_string(ErrorCode::damaged)) == "damaged");
  CHECK(std::string(to_string(ErrorCode::unavailable)) == "unavailable");
  CHECK(std::string(to_string(ErrorCode::not_found)) == "not_found");
  CHECK(std::string(to_string(ErrorCode::internal)) == "internal");
}

TEST_CASE("is_valid_id: every control byte at every place → refused", "[engine][unit]") {
  for (std::size_t at = 0; at < 20; ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string id(20, 'm');
      id[at] = static_cast<char>(c);
      const bool fine = c >= 0x20 && c < 0x7F;
      REQUIRE(is_valid_id(id) == fine);
    }
  }
}

TEST_CASE("is_valid_key: visible ASCII, 1 to 255 bytes", "[engine][unit]") {
  for (int c = 0; c < 256; ++c) {
    REQUIRE(is_valid_key(std::string(1, static_cast<char>(c))) == (c >= 0x21 && c <= 0x7E));
  }
  CHECK(is_valid_key(std::string(255, '!')));
  CHECK_FALSE(is_valid_key(std::string(256, '!')));
  CHECK_FALSE(is_valid_key(""));
}
