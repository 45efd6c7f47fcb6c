#include "faults/damage.hpp"

#include <catch2/catch.hpp>
#include <cstdio>

#include "support/seed.hpp"

namespace fluxgate::testing {
namespace {

TEST_CASE("Damage: in every file of a directory, by five kinds → refused untouched, or harmless",
          "[faults][damage]") {
  const std::uint64_t damages = FLUXGATE_FAULTS_SHARE * 30;
  const Figures figures = damage_files(make_seed("damage"), damages);
  std::printf("damage: %s\n", figures.text().c_str());
  CHECK(figures["damages"] == damages);
  CHECK(figures["refused_78"] > 0);
}

}  // namespace
}  // namespace fluxgate::testing
