#include <catch2/catch.hpp>
#include <string>

#include "fluxgate/types.hpp"

using fluxgate::is_valid_id;
using fluxgate::is_valid_key;

TEST_CASE("is_valid_id: what may name a product or a user", "[engine][unit]") {
  CHECK(is_valid_id("iphone-15"));
  CHECK(is_valid_id("a"));
  CHECK(is_valid_id("with spaces / and slashes"));
  CHECK(is_valid_id("手机-十五"));
  CHECK(is_valid_id("\xF0\x9F\x93\xB1"));
  CHECK(is_valid_id(" ~ ~ ~ ~ ~ "));
  CHECK(is_valid_id(std::string(128, 'x')));
  CHECK(is_valid_id("\xC2\xA0"));  // U+00A0, the first after the C1 controls

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
