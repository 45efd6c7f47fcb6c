#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/logging.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::cli {

/// What the program is asked to do.
enum class Command { serve, orders, verify, backup, help, version };

/// Which orders `orders` prints, and how.
struct OrdersSelection {
  std::string product;      ///< empty: all
  RoundNumber round = 0;    ///< 0: all; needs product
  Sequence after = 0;       ///< orders with a higher sequence
  std::uint64_t limit = 0;  ///< at most so many; 0: all
  bool count = false;       ///< only how many there are
};

/// What `backup` copies, and where to.
struct BackupSelection {
  std::string to;
  Sequence upto = 0;  ///< the last order; 0: all
};

/// Everything the command line, the environment and the configuration file say, checked.
struct Settings {
  Command command = Command::serve;
  Command topic = Command::serve;  ///< whose help is asked for
  EngineOptions engine;
  ServerOptions server;
  OrdersSelection orders;
  BackupSelection backup;
  bool json = false;  ///< orders and verify: JSON in place of text
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  std::string config;
  std::string admin_token_file;
  std::string waiting_room_template_file;
  std::string waiting_room_texts_file;
  std::vector<std::string> warnings;  ///< for the log, once there is one
};

/// Value of an environment variable, or null.
using Environment = std::function<const char*(const char*)>;

/// Reads the words after the program's name. A flag beats the environment beats the file.
///
/// Every source is checked, also where another one beats it. An empty variable counts as not set;
/// one that begins with `tcp://` is ignored with a warning (Kubernetes sets such for a service
/// named fluxgate). Reads the files named by `config`, `admin-token-file`, `waiting-room-template`
/// and `waiting-room-texts`; touches nothing.
///
/// Errors: invalid_argument with one line that names the flag, variable or key.
[[nodiscard]] Result<Settings> read_settings(const std::vector<std::string>& words,
                                             const Environment& environment);

}  // namespace fluxgate::cli
