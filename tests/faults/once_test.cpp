#include <catch2/catch.hpp>
#include <cstdio>

#include "faults/exactly_once.hpp"
#include "support/seed.hpp"

namespace fluxgate::testing {
namespace {

TEST_CASE("Exactly once: half of all requests are retries, over kills → one order per key",
          "[faults][once]") {
  const std::uint64_t requests = FLUXGATE_FAULTS_SHARE * 25'000;
  const Figures figures =
      order_exactly_once({.seed = make_seed("exactly once"), .requests = requests, .kills = 4});
  std::printf("exactly once: %s\n", figures.text().c_str());
  CHECK(figures["requests"] >= requests);
  CHECK(figures["retries"] * 5 >= figures["requests"] * 2);
}

}  // namespace
}  // namespace fluxgate::testing
