#pragma once

#include <string>
#include <vector>

#include "cli/option_table.hpp"

namespace fluxgate::cli {

/// Reads a TOML file whose keys are options, of any command: `rate_limit = 100`.
///
/// Errors: invalid_argument with one line that names the file and, where there is one, the key.
[[nodiscard]] Result<std::vector<GivenValue>> read_config_file(const std::string& path);

}  // namespace fluxgate::cli
