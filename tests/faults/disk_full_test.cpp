#include "faults/disk_full.hpp"

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "faults/mounts.hpp"
#include "support/seed.hpp"
#include "support/skip.hpp"

namespace fluxgate::testing {
namespace {

TEST_CASE("Disk full: filled and freed while people order → 503, then orders within 5 s",
          "[faults][.full]") {
  const std::uint64_t seed = make_seed("disk full");
  for (const char* type : {"tmpfs", "ext4"}) {
    if (const std::string why = why_no_mounts(type); !why.empty()) skip(why);
    const Figures figures =
        fill_and_free({.seed = seed, .cycles = FLUXGATE_FAULTS_SHARE, .type = type});
    std::printf("disk full on %s: %s\n", type, figures.text().c_str());
    CHECK(figures["refused"] + figures["restarts"] > 0);
    CHECK(figures["back_ms_max"] < 5'000);
  }
}

}  // namespace
}  // namespace fluxgate::testing
