#pragma once

#include <string>

#include "cli/exit_code.hpp"
#include "cli/settings.hpp"
#include "engine/verification.hpp"

namespace fluxgate::cli {

/// Verifies the order log and prints what was read; needs no server and does not disturb one.
/// A fault is a line on stderr, too.
///
/// Returns: broken_invariant with the place of the first fault; failure if nothing can be said of
///          the log: there is none, it cannot be read, or a newer release wrote it.
[[nodiscard]] ExitCode verify(const Settings& settings);

/// What was found, as lines for people or as one JSON object.
[[nodiscard]] std::string describe(const std::string& directory,
                                   const engine::Verification& verified, bool as_json);

}  // namespace fluxgate::cli
