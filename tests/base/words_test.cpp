#include "base/words.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <string>

namespace fluxgate::base {
namespace {

// Index of the first byte that is set in `found`; 8: none.
int first(std::uint64_t found) {
  return std::countr_zero(found) / 8;
}

}  // namespace

TEST_CASE("words: every byte at every place → found as what it is", "[base][unit]") {
  for (int at = 0; at < 8; ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = "abcdefgh";
      text[static_cast<std::size_t>(at)] = static_cast<char>(byte);
      const std::uint64_t word = load_word(text.data());
      const auto expected = [&](bool is_found) { return is_found ? at : 8; };
      CHECK(first(bytes_below(word, 0x20)) == expected(byte < 0x20));
      CHECK(first(bytes_equal(word, 'Z')) == expected(byte == 'Z'));
      CHECK(first(bytes_not_printable(word, 0x21)) == expected(byte < 0x21 || byte > 0x7E));
    }
  }
}

TEST_CASE("all_printable: every byte at every place of 8 to 25 → found", "[base][unit]") {
  for (std::size_t size = 8; size <= 25; ++size) {
    std::string text(size, '!');
    CHECK(all_printable(text, 0x21));
    for (char& place : text) {
      for (int byte = 0; byte < 256; ++byte) {
        place = static_cast<char>(byte);
        CHECK(all_printable(text, 0x20) == (byte >= 0x20 && byte <= 0x7E));
        CHECK(all_printable(text, 0x21) == (byte >= 0x21 && byte <= 0x7E));
      }
      place = '~';
    }
  }
}

TEST_CASE("load_tail: the bytes behind the last whole word", "[base][unit]") {
  const std::string text = "abcdefghijklmnopqrstuvwxyz";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::uint64_t wanted = 0;
    for (std::size_t i = size; i-- > size - size % 8;) {
      wanted = wanted << 8 | static_cast<unsigned char>(text[i]);
    }
    CHECK(load_tail(std::string_view(text).substr(0, size)) == wanted);
  }
}

}  // namespace fluxgate::base
