#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>

#include "faults/kill_campaign.hpp"
#include "support/seed.hpp"

namespace fluxgate::testing {
namespace {

/// How many directories of 20 lives: few where sanitizers make each life slow.
std::uint64_t directories_of_this_run() {
  if (const char* given = std::getenv("FLUXGATE_KILL_DIRECTORIES")) {
    return std::strtoull(given, nullptr, 10);
  }
  const bool is_long = std::getenv("FLUXGATE_TEST_LONG") != nullptr;
  return FLUXGATE_FAULTS_SHARE * (is_long ? 3 : 1);
}

TEST_CASE("kill -9: under load, in recovery, while stopping → nothing lost, none twice",
          "[faults][.kill]") {
  const std::uint64_t seed = make_seed("kill");
  Figures figures;
  for (std::uint64_t i = 0; i < directories_of_this_run(); ++i) {
    figures.add_all(kill_again_and_again({.seed = seed + i, .lives = 20}));
  }
  std::printf("kill: %s\n", figures.text().c_str());
  CHECK(figures["kills_in_recovery"] * 5 >= figures["kills"]);
  CHECK(figures["orders"] >= figures["kills"]);
}

}  // namespace
}  // namespace fluxgate::testing
