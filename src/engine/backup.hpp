#pragma once

#include <string>

#include "engine/verification.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/result.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::engine {

struct BackupRequest {
  std::string from;   ///< data directory; a server may be writing it
  std::string to;     ///< is made, or empty
  Sequence upto = 0;  ///< the last order to copy; 0: all there is
};

/// Copies a log block by block, each after it was verified, and verifies the copy.
///
/// With `upto` nothing behind that order is copied, also of its own block: that block is cut, and
/// so has another checksum than in the source. The source's mark is then not asked, and what is
/// behind the order not looked at.
///
/// The copy is a log only once everything is durable and verified; until then, and for ever if
/// this is interrupted or fails, whoever opens it is told that it is unfinished.
///
/// Returns:  what the copy holds; or the first fault, of the source (then the copy is unfinished)
///           or, what should never be, of the copy.
/// Errors:   not_found (no log in `from`, or no order `upto`), in_use (`to` is not empty),
///           permission, newer_format, unavailable (one of them cannot be read or written).
[[nodiscard]] Result<Verification> back_up(const BackupRequest& request, const Clock& clock);

}  // namespace fluxgate::engine
