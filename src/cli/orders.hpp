#pragma once

#include "cli/exit_code.hpp"
#include "cli/settings.hpp"

namespace fluxgate::cli {

/// Prints the orders in the log, or how many there are, on stdout; needs no server and does not
/// disturb one. What is printed is true even if the walk ends with an error, only not all.
///
/// Returns: failure for a directory without a log, a product or round the log does not know, or a
///          stdout that takes no more; log_damaged; storage_failed. Each with one line on stderr.
[[nodiscard]] ExitCode print_orders(const Settings& settings);

}  // namespace fluxgate::cli
