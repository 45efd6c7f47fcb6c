#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <set>
#include <vector>

#include "fluxgate/clock.hpp"
#include "fluxgate/entropy.hpp"

namespace fluxgate {

TEST_CASE("system_clock: read often → monotonic time never goes back", "[base][unit]") {
  const Clock& clock = system_clock();
  auto last = clock.monotonic();
  const auto first = last;
  for (int i = 0; i < 100'000; ++i) {
    const auto now = clock.monotonic();
    REQUIRE(now >= last);
    last = now;
  }
  REQUIRE(last > first);
}

TEST_CASE("system_clock: monotonic and utc → what std::chrono's clocks say", "[base][unit]") {
  const auto steady_before = std::chrono::steady_clock::now().time_since_epoch();
  const auto monotonic = system_clock().monotonic();
  const auto steady_after = std::chrono::steady_clock::now().time_since_epoch();
  REQUIRE(steady_before <= monotonic);
  REQUIRE(monotonic <= steady_after);

  using std::chrono::milliseconds;
  const auto wall_before = std::chrono::system_clock::now().time_since_epoch();
  const auto utc = system_clock().utc();
  const auto wall_after = std::chrono::system_clock::now().time_since_epoch();
  REQUIRE(std::chrono::floor<milliseconds>(wall_before) <= utc);
  REQUIRE(utc <= wall_after);
}

TEST_CASE("system_entropy: many 32 byte keys → all different", "[base][unit]") {
  std::set<std::array<std::byte, 32>> keys;
  for (int i = 0; i < 1000; ++i) {
    std::array<std::byte, 32> key{};
    system_entropy().fill(key);
    keys.insert(key);
  }
  REQUIRE(keys.size() == 1000);
}

TEST_CASE("system_entropy: 1 MiB → filled to its ends and even", "[base][unit]") {
  // More than the kernel gives at once without being interruptible (256 bytes).
  constexpr std::size_t size = std::size_t{1} << 20;
  std::vector<std::byte> bytes(size);
  system_entropy().fill(bytes);
  std::array<std::size_t, 256> counts{};
  for (const std::byte byte : bytes) ++counts[static_cast<std::size_t>(byte)];
  // 4096 of each expected, deviation 64: 8 deviations are seen once in 10^13 runs.
  for (const std::size_t count : counts) {
    REQUIRE(count > 4096 - 512);
    REQUIRE(count < 4096 + 512);
  }
  const std::vector<std::byte> zeros(16);
  REQUIRE_FALSE(std::equal(zeros.begin(), zeros.end(), bytes.end() - 16));
}

TEST_CASE("system_entropy: nothing to fill → returns", "[base][unit]") {
  system_entropy().fill({});
}

}  // namespace fluxgate
