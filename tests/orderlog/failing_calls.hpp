#pragma once

#include <catch2/catch.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "orderlog/log_fixture.hpp"
#include "support/crash_machine.hpp"
#include "support/faulty_files.hpp"

namespace fluxgate::orderlog {

using Calls = std::vector<std::string>;

/// Checks that `act` makes just these calls, that it stops at the first one that fails, whichever
/// it is, and that it tells that one's error as it is.
///
/// `prepare` gets the files, and `act` the files and what `prepare` returned; each time on an empty
/// disk in memory.
template <typename Prepare, typename Act>
void check_each_call_fails(const Calls& calls, Prepare prepare, Act act) {
  for (std::size_t nth = 0; nth <= calls.size(); ++nth) {
    const testing::CrashMachine machine;
    testing::FaultyFiles files(machine.storage_disk().files);
    auto state = prepare(files);
    files.fail(nth);
    const std::string told = outcome(act(files, state));
    if (nth == 0) {
      CHECK(told == "ok");
      CHECK(files.calls() == calls);
    } else {
      const auto end = calls.begin() + static_cast<std::ptrdiff_t>(nth);
      CHECK(told == "unavailable: injected: " + calls[nth - 1]);
      CHECK(files.calls() == Calls(calls.begin(), end));
    }
  }
}

}  // namespace fluxgate::orderlog
