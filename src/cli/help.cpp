#include "cli/help.hpp"

#include <fmt/format.h>

#include "cli/option_table.hpp"
#include "fluxgate/version.hpp"

namespace fluxgate::cli {
namespace {

constexpr const char* serve_introduction =
    "Usage: fluxgate-server [serve] [options]    sell over HTTP until SIGTERM or SIGINT\n"
    "       fluxgate-server orders [options]     print the orders in the log; see orders --help\n"
    "       fluxgate-server verify [options]     check the log; see verify --help\n"
    "       fluxgate-server backup [options]     copy the log; see backup --help\n"
    "       fluxgate-server --help | --version\n";

constexpr const char* orders_introduction =
    "Usage: fluxgate-server orders [options]\n"
    "\n"
    "Reads the order log, also while a server writes it, and prints one line an order: sequence,\n"
    "orderId, productId, round, userId, quantity, acceptedAt, separated by tabs. A product or "
    "round\n"
    "that the log does not know ends it with 1, a damaged log with 78, a disk that cannot be read\n"
    "with 75; what was printed before is true, but not all.\n";

constexpr const char* verify_introduction =
    "Usage: fluxgate-server verify [options]\n"
    "\n"
    "Checks the order log, also while a server writes it, and changes nothing: every block and\n"
    "the chain, every order and its key, stock, the line, the sums and the high-water mark.\n"
    "Prints what was read. Exit codes: 0 all is well; 3 a fault, with the exact place of the\n"
    "first one; 1 nothing can be said: no log, no permission, a disk that cannot be read, a newer\n"
    "release's log; 2 usage.\n";

constexpr const char* backup_introduction =
    "Usage: fluxgate-server backup --to DIR [options]\n"
    "\n"
    "Copies the order log, also while a server writes it, into a directory that is new or empty,\n"
    "and verifies both. A server can be started on the copy. One that was interrupted is refused.\n"
    "Exit codes: 0 the copy is good and on disk; 3 the log has a fault, with its exact place;\n"
    "1 no log, no permission, a target that is not empty or full; 2 usage.\n";

constexpr const char* serve_exit_codes =
    "\n"
    "A first SIGTERM or SIGINT answers what is in flight, 10 s at most, and ends with 0; a second\n"
    "ends at once with 1.\n"
    "Exit codes: 0 fine; 1 failure (port taken, directory in use or not writable, newer log\n"
    "format); 2 usage; 75 storage failed, all that was acknowledged is safe: restart; 78 the log\n"
    "is damaged or ends too early.\n";

constexpr const char* sources =
    "\n"
    "Each option can be given as a flag, as an environment variable or in the TOML file that\n"
    "--config names; a flag beats the environment beats the file. An empty variable counts as\n"
    "not set. A TOML key is the option's name with _ for -.\n"
    "\n";

constexpr std::size_t help_column = 37;

const char* introduction(Command topic) {
  switch (topic) {
    case Command::orders:
      return orders_introduction;
    case Command::verify:
      return verify_introduction;
    case Command::backup:
      return backup_introduction;
    case Command::serve:
    case Command::help:
    case Command::version:
      break;
  }
  return serve_introduction;
}

/// The lines of `help` in their column; the first one stands behind `flag`.
void append_option(std::string& text, const Option& option) {
  std::string left = "  --" + std::string(option.name);
  if (!option.value_name.empty()) left += " " + std::string(option.value_name);
  std::string right = fmt::format("{}\n[{}; default: {}]", option.help, environment_name(option),
                                  option.default_text);
  const std::string indent = "\n" + std::string(help_column, ' ');
  for (std::size_t at = 0; (at = right.find('\n', at)) != std::string::npos; at += indent.size()) {
    right.replace(at, 1, indent);
  }
  text += fmt::format("{:<{}}{}\n", left, help_column, right);
}

}  // namespace

std::string help_text(Command topic) {
  std::string text = introduction(topic);
  text += sources;
  for (const Option& option : options()) {
    if (is_taken_by(option, topic)) append_option(text, option);
  }
  if (topic == Command::serve) text += serve_exit_codes;
  return text;
}

std::string version_text() {
  return "fluxgate-server " FLUXGATE_VERSION "\n";
}

}  // namespace fluxgate::cli
