#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "faults/mounts.hpp"
#include "faults/power_cut.hpp"
#include "support/seed.hpp"
#include "support/skip.hpp"

namespace fluxgate::testing {
namespace {

void cut_power_of(const std::string& type) {
  if (const std::string why = why_no_mounts(type); !why.empty()) skip(why);
  const std::uint64_t seed = make_seed(("power cuts on " + type).c_str());
  Figures figures;
  for (std::uint64_t i = 0; i < 2; ++i) {
    figures.add_all(cut_power({.seed = seed + i, .cuts = FLUXGATE_FAULTS_SHARE, .type = type}));
  }
  std::printf("power cuts on %s: %s\n", type.c_str(), figures.text().c_str());
  CHECK(figures["cuts"] >= 2 * FLUXGATE_FAULTS_SHARE);
  CHECK(figures["orders"] > 0);
}

TEST_CASE("Power cut: a real ext4 under load and in recovery → nothing acknowledged is lost",
          "[faults][.power]") {
  cut_power_of("ext4");
}

TEST_CASE("Power cut: a real XFS under load and in recovery → nothing acknowledged is lost",
          "[faults][.power_xfs]") {
  cut_power_of("xfs");
}

}  // namespace
}  // namespace fluxgate::testing
