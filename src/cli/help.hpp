#pragma once

#include <string>

#include "cli/settings.hpp"

namespace fluxgate::cli {

/// What `--help` prints for a command; made from the table of options.
[[nodiscard]] std::string help_text(Command topic);

/// What `--version` prints.
[[nodiscard]] std::string version_text();

}  // namespace fluxgate::cli
