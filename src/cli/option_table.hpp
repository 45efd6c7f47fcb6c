#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/settings.hpp"

namespace fluxgate::cli {

/// What an option's value is in a TOML file. Flags and variables are always text.
enum class ValueKind { text, number, boolean };

/// Which commands take an option; a set of bits.
enum class OptionScope : std::uint8_t {
  serve = 1,
  orders = 2,
  verify = 4,
  backup = 8,
  orders_or_verify = orders | verify,
  all = 15,
};

/// One option: its flag is `--name`, its variable FLUXGATE_NAME, its TOML key `name`.
struct Option {
  std::string_view name;  ///< with dashes: `rate-limit`
  OptionScope scope;
  ValueKind kind;
  std::string_view value_name;    ///< for --help; empty for booleans
  std::string_view default_text;  ///< for --help
  std::string_view help;          ///< one line, or two with \n between
  /// Checks the value and stores it. Returns why it cannot be, as `must be ...`, or nothing.
  std::optional<std::string> (*apply)(Settings&, std::string_view value);
  bool is_secret = false;  ///< the value is not repeated in messages
};

/// A value that a source gives to an option, and where it stood, for messages.
struct GivenValue {
  const Option* option;
  std::string value;
  std::string place;  ///< `--port`, `FLUXGATE_PORT` or `sale.toml: port`
};

/// The one table of options. Flags, variables, TOML keys and --help are made from it.
[[nodiscard]] std::span<const Option> options() noexcept;

[[nodiscard]] bool is_taken_by(const Option& option, Command command) noexcept;

/// `rate-limit` → `FLUXGATE_RATE_LIMIT` and `rate_limit`.
[[nodiscard]] std::string environment_name(const Option& option);
[[nodiscard]] std::string toml_key(const Option& option);

}  // namespace fluxgate::cli
