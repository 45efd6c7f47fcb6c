#pragma once

#include <string>

#include "cli/exit_code.hpp"
#include "cli/settings.hpp"

namespace fluxgate::cli {

/// What the commands that print a result have to say besides: one line on stderr.
void say(const std::string& message);

/// The same, and the code to end with.
[[nodiscard]] ExitCode fail(ExitCode code, const std::string& message);

/// Says what was odd about the settings.
void say_warnings(const Settings& settings);

/// Prints the text on stdout; says so if that takes no more, and then returns false.
[[nodiscard]] bool print(const std::string& text);

}  // namespace fluxgate::cli
