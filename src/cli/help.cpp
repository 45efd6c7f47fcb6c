#include "cli/help.hpp"

#include <fmt/format.h>

#include "cli/option_table.hpp"
#include "fluxgate/version.hpp"

namespace fluxgate::cli {
namespace {

constexpr const char* serve_introduction =
    "Usage: fluxgate-server [serve] [options]    sell over HTTP until SIGTERM or SIGINT\n"
    "       fluxgate-server orders [options]     print the orders in the log; see orders --help\n"
    "       fluxgate-server --help | --version\n";

constexpr const char* orders_introduction =
    "Usage: fluxgate-server orders [options]\n"
    "\n"
    "Reads the order log, also while a server writes it, and prints one line an order: sequence,\n"
    "orderId, productId, round, userId, quantity, acceptedAt, separated by tabs. A product or "
    "round\n"
    "that the log does not know ends it with 1, a damaged log with 78; what was printed before is\n"
    "true, but not all.\n";

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
  std::string text = topic == Command::orders ? orders_introduction : serve_introduction;
  text += sources;
  for (const Option& option : options()) {
    if (is_taken_by(option, topic)) append_option(text, option);
  }
  if (topic != Command::orders) text += serve_exit_codes;
  return text;
}

std::string version_text() {
  return "fluxgate-server " FLUXGATE_VERSION "\n";
}

}  // namespace fluxgate::cli
