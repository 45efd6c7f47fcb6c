// Keys chosen to collide: 50,000 of them have one std::hash, whose seed everybody knows. The tables
// a client's ids and keys are looked up in must not notice.
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mix_hash.hpp"
#include "base/sip_hash.hpp"
#include "idempotency/idempotency_index.hpp"
#include "support/seed.hpp"

namespace fluxgate {
namespace {

using idempotency::IdempotencyIndex;

// libstdc++'s hash of 16 bytes, MurmurHash64A, is undone: whatever the first eight bytes are, some
// second eight lead to the wanted state.
constexpr std::uint64_t factor = 0xc6a4a7935bd1e995;

constexpr std::uint64_t inverse_of(std::uint64_t odd) {
  std::uint64_t inverse = odd;  // right in three bits, and in twice as many after each step
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}
constexpr std::uint64_t inverse = inverse_of(factor);
static_assert(factor * inverse == 1);

constexpr std::uint64_t folded(std::uint64_t word) {
  return word ^ word >> 47;
}  // undoes itself
constexpr std::uint64_t mixed(std::uint64_t word) {
  return folded(word * factor) * factor;
}
constexpr std::uint64_t unmixed(std::uint64_t word) {
  return folded(word * inverse) * inverse;
}

bool is_visible(std::uint64_t word) {
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t byte = word >> (8 * i) & 0xFF;
    if (byte < 0x21 || byte > 0x7E) return false;
  }
  return true;
}

std::uint64_t random_visible(std::mt19937_64& random) {
  std::uint64_t word = 0;
  const std::uint64_t bits = random();
  for (int i = 0; i < 8; ++i) word |= (0x21 + (bits >> (8 * i) & 0x3F)) << (8 * i);
  return word;
}

// Visible ASCII, as keys must be: one pair in three thousand is.
std::vector<std::string> colliding_keys(std::size_t count) {
  constexpr std::uint64_t seed = 0xc70f6907;
  constexpr std::uint64_t begin = seed ^ 16 * factor;
  constexpr std::uint64_t wanted = 0x666c757867617465;  // any
  std::mt19937_64 random(1);
  std::vector<std::string> keys;
  while (keys.size() < count) {
    const std::uint64_t first = random_visible(random);
    const std::uint64_t second = unmixed(wanted * inverse ^ (begin ^ mixed(first)) * factor);
    if (!is_visible(second)) continue;
    std::string key(16, '\0');
    std::memcpy(key.data(), &first, 8);
    std::memcpy(key.data() + 8, &second, 8);
    keys.push_back(key);
  }
  return keys;
}

std::vector<std::string> plain_keys(std::size_t count) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < count; ++i) keys.push_back("key-" + std::to_string(i));
  return keys;
}

// Pairs that share one of as many places as there are in a table for so many: what a search that
// meets others has to step over.
template <typename HashOf>
std::uint64_t shared_places(const std::vector<std::string>& keys, const HashOf& hash_of) {
  std::unordered_map<std::uint64_t, std::uint64_t> load;
  std::uint64_t pairs = 0;
  for (const std::string& key : keys) pairs += load[hash_of(key) & 0xFFFF]++;
  return pairs;
}

constexpr base::HashKey secret{0x0123456789abcdef, 0xfedcba9876543210};

struct Filled {
  std::size_t entries;
  std::size_t bytes;
};

Filled fill(const std::vector<std::string>& keys) {
  IdempotencyIndex index(secret, std::chrono::milliseconds(0));
  Sequence sequence = 0;
  for (const std::string& key : keys) {
    index.enter(index.prepare(
        {.user_id = "u", .key = key, .product = {1, 2}, .quantity = 1, .sequence = ++sequence}));
  }
  return {index.size(), index.bytes()};
}

}  // namespace

TEST_CASE("hash flooding: 50,000 keys of one std::hash → no place is more crowded than by any keys",
          "[security][unit]") {
  constexpr std::size_t count = 50'000;
  const std::vector<std::string> colliding = colliding_keys(count);
  const std::vector<std::string> plain = plain_keys(count);
  // They do what they are for.
  const std::hash<std::string> weak;
  REQUIRE(shared_places(colliding, weak) == count * (count - 1) / 2);

  // n(n-1)/2 pairs, each in one of 65,536 places: 19,073 are expected, with a deviation of 138.
  const auto low = [](const std::string& key) { return base::keyed_hash(secret, key).low; };
  const auto high = [](const std::string& key) { return base::keyed_hash(secret, key).high >> 48; };
  const auto mix = [](const std::string& key) { return base::mix_hash(secret, key); };
  CHECK(shared_places(colliding, low) < 20'000);
  CHECK(shared_places(colliding, high) < 20'000);
  CHECK(shared_places(colliding, mix) < 20'000);

  // The index itself, which would split its segments without end.
  const Filled hostile = fill(colliding);
  const Filled usual = fill(plain);
  CHECK(hostile.entries == count);
  CHECK(usual.entries == count);
  CHECK(hostile.bytes < usual.bytes * 5 / 4);
}

TEST_CASE("key index: a million keys → each is told from all others", "[security][unit]") {
  // With hashes of 32 bits 116 pairs of a million would be taken for one key.
  CHECK(fill(plain_keys(1'000'000)).entries == 1'000'000);
}

}  // namespace fluxgate
