// A sale whose machine loses its power at any step on its disk, again and again.

#include <algorithm>
#include <random>
#include <string>

#include "crash/campaign.hpp"
#include "crash/crash_sale.hpp"

namespace fluxgate::testing {
namespace {

constexpr int cuts_per_directory = 8;
// A start takes 40 to 90 steps. A third of the cuts falls there.
constexpr std::uint64_t start_steps = 90;

/// One life: start, look whether all is there, sell, perhaps stop and start in between.
std::string live(CrashSale& sale, std::mt19937_64& random) {
  for (int processes = 0; processes < 3 && !sale.disk().is_cut(); ++processes) {
    // The disk works, and to who is cut off it goes on working: no start may fail.
    if (Result<void> started = sale.start(); !started) {
      return "the start was refused: " + started.error().message;
    }
    if (sale.disk().is_cut()) return {};
    if (std::string fault = sale.check(); !fault.empty()) return fault;
    sale.retry_unknown();
    sale.work(4 + static_cast<int>(random() % 16));
    if (sale.has_failed()) return "the engine failed on a disk that works";
    const std::uint64_t end = random() % 3;
    if (end == 0 && !sale.disk().is_cut()) {
      if (Result<void> stopped = sale.stop(); !stopped) return stopped.error().message;
    } else if (end == 1 && !sale.disk().is_cut()) {
      sale.kill();
    } else {
      return {};
    }
  }
  return {};
}

}  // namespace

Tally run_power_cuts(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::uint64_t sale_seed = random();
  const SaleShape shape = random_shape(random);
  CrashSale sale(sale_seed, shape);
  Tally tally;
  std::uint64_t life_steps = 400;
  for (int cut = 0; cut < cuts_per_directory; ++cut) {
    const std::uint64_t span = random() % 3 == 0 ? start_steps : life_steps + life_steps / 8;
    const std::uint64_t before = sale.disk().steps();
    sale.disk().cut_at(1 + random() % span);
    tally.broken = live(sale, random);
    if (!tally.broken.empty()) {
      tally.broken = describe(shape) + ", life " + std::to_string(cut) + ": " + tally.broken;
      return tally;
    }
    if (!sale.disk().is_cut()) life_steps = std::max(start_steps, sale.disk().steps() - before);
    ++tally.counts[sale.disk().is_cut() ? "cuts_in_a_step" : "cuts_at_rest"];
    sale.cut_power();
  }
  if (Result<void> started = sale.start(); !started) {
    tally.broken = "the last start was refused: " + started.error().message;
  } else {
    tally.broken = sale.check();
  }
  if (!tally.broken.empty()) tally.broken = describe(shape) + ", at the end: " + tally.broken;
  tally.counts["orders"] = sale.accepted();
  return tally;
}

}  // namespace fluxgate::testing
