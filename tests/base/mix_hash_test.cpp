#include "base/mix_hash.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

namespace fluxgate::base {

TEST_CASE("mix_hash: any change of text, length or key → another place", "[base][unit]") {
  const HashKey key{11, 22};
  std::set<std::uint64_t> places;
  std::string text;
  for (int size = 0; size <= 130; ++size, text.push_back('a')) {
    CHECK(mix_hash(key, text) == mix_hash(key, std::string(text)));
    CHECK(places.insert(mix_hash(key, text)).second);
    for (char& c : text) {
      c ^= 1;
      CHECK(places.insert(mix_hash(key, text)).second);
      c ^= 1;
    }
  }
  CHECK_FALSE(mix_hash(key, "tea") == mix_hash({11, 24}, "tea"));
  CHECK_FALSE(mix_hash(key, "tea") == mix_hash({12, 22}, "tea"));
  CHECK_FALSE(mix_hash(key, "") == mix_hash(key, std::string(1, '\0')));
}

TEST_CASE("mix_hash: names that count → spread evenly over the low bits", "[base][unit]") {
  constexpr std::size_t slots = 1024;
  constexpr int names = 100'000;
  std::vector<int> counts(slots);
  for (int i = 0; i < names; ++i) {
    ++counts[mix_hash({1, 2}, "product-" + std::to_string(i)) % slots];
  }
  // 97.7 each; chance deviates by 9.9, and by six times that once in 500 million slots.
  CHECK(*std::min_element(counts.begin(), counts.end()) > 38);
  CHECK(*std::max_element(counts.begin(), counts.end()) < 158);
}

}  // namespace fluxgate::base
