#pragma once

#include <cstdint>
#include <string>

#include "faults/figures.hpp"

namespace fluxgate::testing {

/// How often one small volume is filled up and freed.
struct DiskFullShape {
  std::uint64_t seed = 0;
  int cycles = 3;
  std::string type = "tmpfs";  ///< or "ext4"
};

/// Fills the volume under a server that takes orders, and frees it: new orders are refused with
/// storage_full, reads and replays go on, and orders are taken within 5 s of the space. Where
/// storage fails all the same the server ends with 75 and is started again, as by a supervisor.
///
/// Returns: `cycles`, `restarts`, `starts_refused` (75 on a full disk), `refused` orders,
///          `back_ms_max` from the space to the first order taken.
/// Errors:  throws std::runtime_error, for example for an order that was lost or another exit code.
[[nodiscard]] Figures fill_and_free(const DiskFullShape& shape);

}  // namespace fluxgate::testing
