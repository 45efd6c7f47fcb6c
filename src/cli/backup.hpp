#pragma once

#include "cli/exit_code.hpp"
#include "cli/settings.hpp"

namespace fluxgate::cli {

/// Copies the order log into a new directory, verifies the copy and prints what it holds; needs no
/// server and does not disturb one.
///
/// Returns: broken_invariant with the place of the first fault; failure if there is no log, the
///          target is not empty, or one of them cannot be read or written. Each with one line on
///          stderr; then the copy, if it was begun, is refused by whoever opens it.
[[nodiscard]] ExitCode backup(const Settings& settings);

}  // namespace fluxgate::cli
