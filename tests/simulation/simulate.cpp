// Lives through simulated sales, seed by seed: simulate --first N --count M, or --seed N [--trace].

#include <unistd.h>

#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "simulation/simulation.hpp"

namespace {

using fluxgate::testing::Simulation;
using fluxgate::testing::SimulationResult;

std::uint64_t seed_now = 0;  // what on_abort() names

void say_how_to_replay(std::FILE* out) {
  std::fprintf(out, "replay: build/tests/simulate --seed %" PRIu64 " --trace\n", seed_now);
}

// A check of the engine that does not hold ends the program; say where.
void on_abort(int) {
  say_how_to_replay(stderr);
  _exit(1);
}

void add(SimulationResult& sum, const SimulationResult& one) {
  sum.lives += one.lives;
  sum.failed_starts += one.failed_starts;
  sum.events += one.events;
  sum.attempts += one.attempts;
  sum.orders += one.orders;
  sum.replays += one.replays;
  sum.kills += one.kills;
  sum.power_cuts += one.power_cuts;
  sum.failures += one.failures;
  sum.unknowns += one.unknowns;
  sum.admissions += one.admissions;
}

int usage() {
  std::fprintf(stderr, "usage: simulate --first N --count M | --seed N [--trace]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 0;
  std::uint64_t count = 1;
  bool is_traced = false;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--trace") == 0) {
      is_traced = true;
    } else if (has_value &&
               (std::strcmp(argv[i], "--first") == 0 || std::strcmp(argv[i], "--seed") == 0)) {
      first = std::strtoull(argv[++i], nullptr, 10);
    } else if (has_value && std::strcmp(argv[i], "--count") == 0) {
      count = std::strtoull(argv[++i], nullptr, 10);
    } else {
      return usage();
    }
  }
  for (const int signal : {SIGABRT, SIGSEGV}) std::signal(signal, on_abort);
  SimulationResult sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    seed_now = seed;
    const SimulationResult one = Simulation(seed, is_traced).run();
    for (const std::string& line : one.violations) std::printf("%s\n", line.c_str());
    if (!one.violations.empty()) {
      say_how_to_replay(stdout);
      return 1;
    }
    add(sum, one);
  }
  std::printf("ok seeds=%" PRIu64 " lives=%" PRIu64 " failed_starts=%" PRIu64 " events=%" PRIu64
              " attempts=%" PRIu64 " orders=%" PRIu64 " replays=%" PRIu64 " unknowns=%" PRIu64
              " kills=%" PRIu64 " power_cuts=%" PRIu64 " failures=%" PRIu64 " admissions=%" PRIu64
              "\n",
              count, sum.lives, sum.failed_starts, sum.events, sum.attempts, sum.orders,
              sum.replays, sum.unknowns, sum.kills, sum.power_cuts, sum.failures, sum.admissions);
  return 0;
}
