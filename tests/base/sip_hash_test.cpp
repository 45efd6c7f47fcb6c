#include "base/sip_hash.hpp"

#include <sodium.h>

#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "support/seed.hpp"

namespace fluxgate::base {
namespace {

using Bytes = std::vector<std::uint8_t>;

std::uint64_t word_of(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) word += std::uint64_t{bytes[i]} << (8 * i);
  return word;
}

std::uint64_t rotate(std::uint64_t word, int bits) {
  return (word << bits) | (word >> (64 - bits));
}

void rounds(std::array<std::uint64_t, 4>& v, int count) {
  while (count-- > 0) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13);
    v[3] = rotate(v[3], 16);
    v[1] ^= v[0];
    v[3] ^= v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17);
    v[3] = rotate(v[3], 21);
    v[1] ^= v[2];
    v[3] ^= v[0];
    v[2] = rotate(v[2], 32);
  }
}

// SipHash as the paper describes it: pad to whole words, the last byte the length; byte by byte.
Hash128 reference(HashKey key, Bytes text, int compression, int finalization) {
  const auto length = static_cast<std::uint8_t>(text.size());
  while (text.size() % 8 != 7) text.push_back(0);
  text.push_back(length);

  std::array<std::uint64_t, 4> v{};
  const std::string magic = "somepseudorandomlygeneratedbytes";
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      v[i] = (v[i] << 8) | static_cast<std::uint8_t>(magic[8 * i + j]);
    }
    v[i] ^= i % 2 == 0 ? key.k0 : key.k1;
  }
  v[1] ^= 0xee;
  for (std::size_t at = 0; at < text.size(); at += 8) {
    const std::uint64_t word = word_of(&text[at], 8);
    v[3] ^= word;
    rounds(v, compression);
    v[0] ^= word;
  }
  Hash128 hash;
  v[2] ^= 0xee;
  rounds(v, finalization);
  hash.low = v[0] ^ v[1] ^ v[2] ^ v[3];
  v[1] ^= 0xdd;
  rounds(v, finalization);
  hash.high = v[0] ^ v[1] ^ v[2] ^ v[3];
  return hash;
}

std::string_view view_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes random_bytes(std::mt19937_64& random, std::size_t count) {
  Bytes bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

}  // namespace

TEST_CASE("sip_hash: 2-4 with random keys, 0..300 bytes → what libsodium says", "[base][unit]") {
  std::mt19937_64 random(testing::make_seed("sip_hash_sodium"));
  for (std::size_t length = 0; length <= 300; ++length) {
    const Bytes key = random_bytes(random, crypto_shorthash_siphashx24_KEYBYTES);
    const Bytes text = random_bytes(random, length);
    std::array<std::uint8_t, crypto_shorthash_siphashx24_BYTES> expected{};
    REQUIRE(crypto_shorthash_siphashx24(expected.data(), text.data(), text.size(), key.data()) ==
            0);
    const Hash128 hash = mac_hash({word_of(&key[0], 8), word_of(&key[8], 8)}, view_of(text));
    INFO("length " << length);
    REQUIRE(hash.low == word_of(&expected[0], 8));
    REQUIRE(hash.high == word_of(&expected[8], 8));
  }
}

TEST_CASE("sip_hash: 1-3 with random keys, 0..300 bytes → what the paper says", "[base][unit]") {
  std::mt19937_64 random(testing::make_seed("sip_hash_reference"));
  for (std::size_t length = 0; length <= 300; ++length) {
    const HashKey key{random(), random()};
    const Bytes text = random_bytes(random, length);
    INFO("length " << length);
    REQUIRE(keyed_hash(key, view_of(text)) == reference(key, text, 1, 3));
    REQUIRE(mac_hash(key, view_of(text)) == reference(key, text, 2, 4));
  }
}

TEST_CASE("sip_hash: the authors' key and text → their first vectors", "[base][unit]") {
  // Key 00..0f, text empty and 00, from the 128-bit vectors published with the reference code.
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  REQUIRE(mac_hash(key, {}) == Hash128{0x930255c71472f66d, 0xe6a825ba047f81a3});
  REQUIRE(mac_hash(key, std::string_view("\0", 1)) ==
          Hash128{0x45fc229b11597634, 0x44af996bd8c187da});
}

TEST_CASE("sip_hash: text at every alignment → the same hash", "[base][unit]") {
  const HashKey key{1, 2};
  const std::string text = "a text that is longer than a few words, to be read at any place";
  const Hash128 expected = keyed_hash(key, text);
  for (std::size_t shift = 0; shift < 16; ++shift) {
    // Exactly as long as needed, so that a sanitizer sees a read beyond either end.
    Bytes moved(shift, 0xff);
    moved.insert(moved.end(), text.begin(), text.end());
    moved.shrink_to_fit();
    REQUIRE(keyed_hash(key, view_of(moved).substr(shift)) == expected);
  }
}

TEST_CASE("keyed_hash: a pair → its whole words, then the rest and length of each",
          "[base][unit]") {
  std::mt19937_64 random(testing::make_seed("keyed_hash of a pair"));
  const HashKey key{random(), random()};
  const auto text_of = [&](std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  };
  for (std::size_t first = 0; first <= 40; ++first) {
    for (std::size_t second = 0; second <= 40; ++second) {
      const std::string a = text_of(first);
      const std::string b = text_of(second);
      const Hash128 hash = keyed_hash(key, a, b);
      CHECK(hash == keyed_hash(key, a, b));
      // Every move of the border, and every added zero, is another pair.
      if (first > 0) CHECK_FALSE(hash == keyed_hash(key, a.substr(0, first - 1), a.back() + b));
      CHECK_FALSE(hash == keyed_hash(key, a + '\0', b));
      CHECK_FALSE(hash == keyed_hash(key, a, b + '\0'));
      if (a != b) CHECK_FALSE(hash == keyed_hash(key, b, a));
    }
  }
  // The words are SipHash's.
  const std::string words = text_of(40);
  const std::string same = words.substr(0, 24) + words.substr(24, 3) + std::string(4, '\0') +
                           char{19} + words.substr(32, 7) + char{15};
  sip_detail::State state = sip_detail::initial_state(key);
  state.absorb_whole_words<1>(same);
  const std::string first = words.substr(0, 16) + words.substr(24, 3);
  const std::string second = words.substr(16, 8) + words.substr(32, 7);
  CHECK(keyed_hash(key, first, second) == state.finish<3>());
}

}  // namespace fluxgate::base
