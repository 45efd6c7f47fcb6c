// The long figures of the tests beside it: one mode, one range of seeds, one line of counts.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "faults/damage.hpp"
#include "faults/disk_full.hpp"
#include "faults/exactly_once.hpp"
#include "faults/kill_campaign.hpp"
#include "faults/mounts.hpp"
#include "faults/power_cut.hpp"
#include "faults/sync_failure.hpp"

namespace fluxgate::testing {
namespace {

/// What one seed does in a mode, and what the mode needs of the machine.
struct Mode {
  std::function<Figures(std::uint64_t seed)> run;
  std::function<std::string()> why_not = [] { return std::string(); };
};

std::string why_no_failing() {
  for (const char* type : {"ext4", "tmpfs"}) {
    if (std::string why = why_no_mounts(type); !why.empty()) return why;
  }
  return why_no_strace();
}

const std::map<std::string, Mode>& modes() {
  static const std::map<std::string, Mode> all{
      {"kill",
       {.run = [](auto seed) { return kill_again_and_again({.seed = seed, .lives = 20}); }}},
      {"power-cut",
       {.run = [](auto seed) { return cut_power({.seed = seed, .cuts = 20}); },
        .why_not = [] { return why_no_mounts("ext4"); }}},
      {"power-cut-xfs",
       {.run = [](auto seed) { return cut_power({.seed = seed, .cuts = 20, .type = "xfs"}); },
        .why_not = [] { return why_no_mounts("xfs"); }}},
      // One run in eight by a disk that really fails.
      {"fsync",
       {.run =
            [](auto seed) {
              return seed % 8 == 7 ? fail_the_disk(seed) : fail_a_call(call_fault_of(seed), seed);
            },
        .why_not = why_no_failing}},
      {"disk-full",
       {.run =
            [](auto seed) {
              return fill_and_free(
                  {.seed = seed, .cycles = 10, .type = seed % 2 == 0 ? "tmpfs" : "ext4"});
            },
        .why_not = why_no_failing}},
      {"exactly-once",
       {.run =
            [](auto seed) {
              return order_exactly_once({.seed = seed, .requests = 100'000, .kills = 4});
            }}},
      {"damage", {.run = [](auto seed) { return damage_files(seed, 100); }}}};
  return all;
}

int usage() {
  std::string names;
  for (const auto& [name, mode] : modes()) names += " " + name;
  std::fprintf(stderr, "Usage: fault_campaign MODE --first N --count M\nModes:%s\n", names.c_str());
  return 2;
}

int run(const std::string& name, std::uint64_t first, std::uint64_t count) {
  const auto mode = modes().find(name);
  if (mode == modes().end() || count == 0) return usage();
  if (const std::string why = mode->second.why_not(); !why.empty()) {
    std::printf("SKIPPED: %s\n", why.c_str());
    return 77;
  }
  Figures figures;
  for (std::uint64_t seed = first; seed - first < count; ++seed) {
    try {
      figures.add_all(mode->second.run(seed));
    } catch (const std::exception& error) {
      std::printf("%s\nreplay: fault_campaign %s --first %llu --count 1\n", error.what(),
                  name.c_str(), static_cast<unsigned long long>(seed));
      return 1;
    }
  }
  std::printf("ok %s\n", figures.text().c_str());
  return 0;
}

}  // namespace
}  // namespace fluxgate::testing

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() != 5 || words[1] != "--first" || words[3] != "--count") {
    return fluxgate::testing::usage();
  }
  return fluxgate::testing::run(words[0], std::strtoull(words[2].c_str(), nullptr, 10),
                                std::strtoull(words[4].c_str(), nullptr, 10));
}
