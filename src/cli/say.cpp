#include "cli/say.hpp"

#include <cstdio>

#include "cli/escape.hpp"

namespace fluxgate::cli {

void say(const std::string& message) {
  std::fprintf(stderr, "fluxgate-server: %s\n", escape_line(message).c_str());
}

ExitCode fail(ExitCode code, const std::string& message) {
  say(message);
  return code;
}

void say_warnings(const Settings& settings) {
  for (const std::string& warning : settings.warnings) say(warning);
}

bool print(const std::string& text) {
  const bool is_written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!is_written) say("cannot write to stdout");
  return is_written;
}

}  // namespace fluxgate::cli
