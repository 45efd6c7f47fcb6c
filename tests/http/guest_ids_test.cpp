#include "http/guest_ids.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <set>
#include <span>
#include <string>

namespace fluxgate::http {
namespace {

class FixedEntropy final : public Entropy {
 public:
  explicit FixedEntropy(std::byte value) : value_(value) {}
  void fill(std::span<std::byte> bytes) noexcept override {
    std::fill(bytes.begin(), bytes.end(), value_);
  }

 private:
  std::byte value_;
};

}  // namespace

TEST_CASE("GuestIds: ids → 128 bits each, none twice, none without the key", "[http][unit]") {
  FixedEntropy one{std::byte{1}};
  FixedEntropy two{std::byte{2}};
  GuestIds first(one);
  GuestIds same(one);
  GuestIds other(two);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = first.next();
    REQUIRE(id.size() == 6 + 32);
    REQUIRE(id.starts_with("guest-"));
    REQUIRE(id.find_first_not_of("0123456789abcdef", 6) == std::string::npos);
    REQUIRE(same.next() == id);
    seen.insert(id);
    seen.insert(other.next());
  }
  CHECK(seen.size() == 2000);
}

}  // namespace fluxgate::http
