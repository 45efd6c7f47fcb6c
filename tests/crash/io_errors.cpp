// One scenario, from the making of the directory to a recovery, in which each step on the disk
// fails in each way: once, on its file from then on, or for ever; told as EIO or ENOSPC; undone,
// half done or done.

#include <array>
#include <cerrno>
#include <functional>
#include <random>
#include <string>

#include "crash/campaign.hpp"
#include "crash/crash_sale.hpp"

namespace fluxgate::testing {
namespace {

using Lasts = DiskFault::Lasts;

struct Way {
  const char* name;
  DiskFault fault;
};
const std::array<Way, 9> ways = {{
    {"EIO once", {.lasts = Lasts::once, .error = EIO}},
    {"EIO once, but done", {.lasts = Lasts::once, .error = EIO, .is_done = true}},
    {"EIO on this file", {.lasts = Lasts::on_this_file, .error = EIO}},
    {"EIO for ever", {.lasts = Lasts::for_ever, .error = EIO}},
    {"ENOSPC once", {.lasts = Lasts::once, .error = ENOSPC}},
    {"ENOSPC for ever", {.lasts = Lasts::for_ever, .error = ENOSPC}},
    {"short write once", {.lasts = Lasts::once, .error = ENOSPC, .is_partial = true}},
    {"short write, then EIO", {.lasts = Lasts::on_this_file, .error = EIO, .is_partial = true}},
    {"short write for ever", {.lasts = Lasts::for_ever, .error = ENOSPC, .is_partial = true}},
}};

// Two processes' lives with everything a log does, and a third that recovers.
constexpr std::uint64_t scenario_seed = 5;
const SaleShape shape{.write_buffer_bytes = std::size_t{3} << 10,
                      .survival = {.data_comes_first = true, .kept_percent = 0}};
constexpr int starts_max = 4;  // a supervisor's, while the fault lasts

/// Starts, again if it must; false: it cannot be while the fault lasts.
bool start_again(CrashSale& sale, std::string* broken) {
  for (int i = 0; i < starts_max; ++i) {
    const Result<void> started = sale.start();
    if (started) return true;
    const Error& error = started.error();
    // 78, "an operator decides", would be wrong: no byte is damaged. A supervisor tries again.
    if (error.code != ErrorCode::unavailable || error.message.empty()) {
      *broken = std::string("refused as ") + to_string(error.code) + ": " + error.message;
      return false;
    }
  }
  return false;
}

/// Sells; and once more after a restart if storage failed.
bool sell(CrashSale& sale, std::string* broken) {
  sale.work(12);
  if (!sale.has_failed()) return true;
  if (!start_again(sale, broken)) return false;
  sale.retry_unknown();
  sale.work(4);
  return !sale.has_failed();
}

std::string run_scenario(CrashSale& sale) {
  std::string broken;
  if (!start_again(sale, &broken) || !sell(sale, &broken)) return broken;
  if (sale.is_open() && !sale.stop()) return {};
  if (!start_again(sale, &broken) || !sell(sale, &broken)) return broken;
  sale.kill();
  if (!start_again(sale, &broken)) return broken;
  sale.work(4);
  return {};
}

}  // namespace

std::uint64_t count_io_errors() {
  CrashSale sale(scenario_seed, shape);
  run_scenario(sale);
  return sale.disk().steps() * ways.size();
}

Tally run_io_error(std::uint64_t number) {
  const Way& way = ways[(number - 1) % ways.size()];
  DiskFault fault = way.fault;
  fault.nth = (number - 1) / ways.size() + 1;
  CrashSale sale(scenario_seed, shape);
  sale.disk().set_fault(fault);
  Tally tally;
  tally.broken = run_scenario(sale);
  if (sale.disk().failures() == 0 && tally.broken.empty()) {
    tally.counts["not_of_this_step"] = 1;
    return tally;
  }
  tally.counts["failing_steps"] = 1;
  if (tally.broken.empty() && sale.accepted_after_failed_sync() != 0) {
    tally.broken = "orders were accepted after a failed sync";
  }
  // The disk works again, but the power was cut as well: only what was synced is there.
  sale.cut_power();
  if (tally.broken.empty()) {
    if (Result<void> started = sale.start(); !started) {
      tally.broken = "the start after it was refused: " + started.error().message;
    } else {
      tally.broken = sale.check();
    }
  }
  tally.counts["orders"] = sale.accepted();
  if (!tally.broken.empty()) {
    tally.broken =
        std::string(way.name) + " of step " + std::to_string(fault.nth) + ": " + tally.broken;
  }
  return tally;
}

}  // namespace fluxgate::testing
