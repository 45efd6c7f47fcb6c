#pragma once

#include <string>
#include <vector>

#include "cli/option_table.hpp"

namespace fluxgate::cli {

/// What stands on the command line.
struct Flags {
  Command command = Command::serve;  ///< help and version if their flags are there
  Command topic = Command::serve;    ///< whose options they are, or whose help is asked for
  std::vector<GivenValue> given;
};

/// Reads `[serve|orders|verify|backup] [--name VALUE | --name=VALUE]...`.
///
/// Errors: invalid_argument with one line that names the word.
[[nodiscard]] Result<Flags> read_flags(const std::vector<std::string>& words);

}  // namespace fluxgate::cli
