#pragma once

#include <cstdint>
#include <string>

#include "faults/figures.hpp"

namespace fluxgate::testing {

/// How often the power of one file system is cut.
struct PowerCutShape {
  std::uint64_t seed = 0;
  int cuts = 10;
  std::string type = "ext4";  ///< or "xfs"
};

/// Cuts the power of a real file system (FS_IOC_SHUTDOWN on a loop device) under a server that
/// takes orders or is starting; the journal is replayed, the server started again, and people's
/// journal compared with its log. What was acknowledged after the cut counts, too.
///
/// Errors: throws std::runtime_error with what was lost, doubled or invented.
[[nodiscard]] Figures cut_power(const PowerCutShape& shape);

}  // namespace fluxgate::testing
