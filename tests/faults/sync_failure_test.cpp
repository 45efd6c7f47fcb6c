#include "faults/sync_failure.hpp"

#include <catch2/catch.hpp>
#include <cstdio>

#include "faults/mounts.hpp"
#include "support/seed.hpp"
#include "support/skip.hpp"

namespace fluxgate::testing {
namespace {

TEST_CASE("Failed call: sync, write, open or rename → the end, and nothing acknowledged after it",
          "[faults][.sync]") {
  if (const std::string why = why_no_strace(); !why.empty()) skip(why);
  if (const std::string why = why_no_mounts("ext4"); !why.empty()) skip(why);
  const std::uint64_t seed = make_seed("failed calls");
  Figures figures;
  for (std::uint64_t i = 0; i < 4 * FLUXGATE_FAULTS_SHARE; ++i) {
    figures.add_all(fail_a_call(call_fault_of(seed + i), seed + i));
  }
  std::printf("failed calls: %s\n", figures.text().c_str());
  CHECK(figures["hits"] > 0);
  CHECK(figures["acks_after_failure"] == 0);
}

TEST_CASE("Failed disk: EIO from a loop device on a full tmpfs → 75, and nothing lost",
          "[faults][.disk]") {
  for (const char* type : {"tmpfs", "ext4"}) {
    if (const std::string why = why_no_mounts(type); !why.empty()) skip(why);
  }
  const std::uint64_t seed = make_seed("failed disk");
  Figures figures;
  for (std::uint64_t i = 0; i < FLUXGATE_FAULTS_SHARE; ++i) {
    figures.add_all(fail_the_disk(seed + i));
  }
  std::printf("failed disk: %s\n", figures.text().c_str());
  CHECK(figures["ends_75"] == FLUXGATE_FAULTS_SHARE);
}

}  // namespace
}  // namespace fluxgate::testing
