#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/backup.hpp"
#include "cli/exit_code.hpp"
#include "cli/help.hpp"
#include "cli/orders.hpp"
#include "cli/say.hpp"
#include "cli/serve.hpp"
#include "cli/settings.hpp"
#include "cli/verify.hpp"

namespace {

using namespace fluxgate::cli;

ExitCode run(const Settings& settings) {
  // RocksDB makes its files readable by all. The directory shuts others out, but a copy of it may
  // not, and they hold who bought what and the keys that sign passes.
  ::umask(S_IRWXG | S_IRWXO);
  // A limit on the size of files is then an error of the write, and not a death by signal.
  std::signal(SIGXFSZ, SIG_IGN);
  switch (settings.command) {
    case Command::serve:
      return serve(settings);
    case Command::orders:
      return print_orders(settings);
    case Command::verify:
      return verify(settings);
    case Command::backup:
      return backup(settings);
    case Command::help:
      return print(help_text(settings.topic)) ? ExitCode::ok : ExitCode::failure;
    case Command::version:
      return print(version_text()) ? ExitCode::ok : ExitCode::failure;
  }
  return ExitCode::failure;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const auto settings =
      read_settings(words, [](const char* name) -> const char* { return std::getenv(name); });
  if (!settings) {
    std::fprintf(stderr, "fluxgate-server: %s\n", settings.error().message.c_str());
    return static_cast<int>(ExitCode::usage);
  }
  return static_cast<int>(run(*settings));
}
