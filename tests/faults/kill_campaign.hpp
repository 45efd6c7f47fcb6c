#pragma once

#include <cstdint>

#include "faults/figures.hpp"

namespace fluxgate::testing {

/// How often the server of one data directory is killed.
struct KillShape {
  std::uint64_t seed = 0;
  int lives = 20;
};

/// kill -9 again and again on one data directory: under load, while it recovers and moves its log
/// to tables, and while it stops; people's journal is compared with the log after each.
///
/// kill -9 leaves the kernel's page cache as it is, so this shows atomicity, recovery and
/// idempotency, not that anything was synced; cut_power() shows that.
///
/// Returns: `kills`, of them `kills_in_recovery`: the server had claimed its directory, in which
///          there was a log, and did not serve yet.
/// Errors:  throws std::runtime_error with what was lost, doubled or invented.
[[nodiscard]] Figures kill_again_and_again(const KillShape& shape);

}  // namespace fluxgate::testing
