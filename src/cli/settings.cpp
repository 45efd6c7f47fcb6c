#include "cli/settings.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cli/config_file.hpp"
#include "cli/escape.hpp"
#include "cli/flags.hpp"
#include "cli/option_table.hpp"
#include "cli/text_file.hpp"
#include "cli/value_rules.hpp"

namespace fluxgate::cli {
namespace {

// A token and its line end; the rule for tokens says how long one may be.
constexpr std::size_t token_file_bytes_max = 8192;
// Of the waiting room's template and texts, which every visitor is sent.
constexpr std::size_t page_file_bytes_max = 256 * 1024;

// A connection has one order in flight, so a disk that hangs could hold them all, and nobody would
// hear any more what is sold out. A quarter of them is kept for that; the orders beyond are
// `overloaded`.
std::size_t pending_orders_max_for(const Settings& settings) {
  const std::size_t share = settings.server.max_connections - settings.server.max_connections / 4;
  return std::min(share, settings.engine.pending_orders_max);
}

Error usage_error(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message)};
}

Result<void> apply_all(Settings& settings, const std::vector<GivenValue>& given) {
  for (const GivenValue& one : given) {
    const std::optional<std::string> problem = one.option->apply(settings, one.value);
    if (!problem) continue;
    const std::string shown = one.option->is_secret ? "" : ", not \"" + one.value + "\"";
    return usage_error(one.place + ": " + *problem + shown);
  }
  return {};
}

std::vector<GivenValue> read_environment(const Environment& environment, Command topic,
                                         std::vector<std::string>& warnings) {
  std::vector<GivenValue> given;
  for (const Option& option : options()) {
    if (!is_taken_by(option, topic)) continue;
    const std::string name = environment_name(option);
    const char* value = environment(name.c_str());
    if (value == nullptr || *value == '\0') continue;
    if (std::string_view(value).starts_with("tcp://")) {
      warnings.push_back("the environment variable " + name +
                         " is ignored: " + (option.is_secret ? "tcp://…" : value) +
                         " is the address of a service, not a setting");
      continue;
    }
    given.push_back({&option, value, name});
  }
  return given;
}

/// The configuration file the flags or the environment name; the flag wins.
std::string find_config(const std::vector<GivenValue>& flags,
                        const std::vector<GivenValue>& variables) {
  for (const auto* source : {&flags, &variables}) {
    for (const GivenValue& one : *source) {
      if (one.option->name == "config") return one.value;
    }
  }
  return {};
}

Result<void> read_admin_token(Settings& settings) {
  if (settings.admin_token_file.empty()) return {};
  if (!settings.server.admin_token.empty()) {
    return usage_error("admin-token and admin-token-file: only one of them may be given");
  }
  const std::string place = "admin-token-file " + settings.admin_token_file;
  Result<std::string> text = read_text_file(settings.admin_token_file, token_file_bytes_max);
  if (!text) return usage_error(place + ": " + text.error().message);
  std::string_view token = *text;
  if (token.ends_with('\n')) token.remove_suffix(1);
  if (token.ends_with('\r')) token.remove_suffix(1);
  const Problem problem = set_token(token, settings.server.admin_token);
  if (problem) return usage_error(place + ": the token in it " + *problem);
  return {};
}

Result<void> read_page_file(const char* option, const std::string& path, std::string& text) {
  if (path.empty()) return {};
  Result<std::string> read = read_text_file(path, page_file_bytes_max);
  const std::string place = std::string(option) + " " + path;
  if (!read) return usage_error(place + ": " + read.error().message);
  if (read->empty()) return usage_error(place + ": is empty");
  text = *std::move(read);
  return {};
}

Result<void> read_files(Settings& settings) {
  // Other commands may run as somebody who may not read them.
  if (settings.command != Command::serve) return {};
  if (const Result<void> token = read_admin_token(settings); !token) return token;
  if (const Result<void> page =
          read_page_file("waiting-room-template", settings.waiting_room_template_file,
                         settings.server.waiting_room_template);
      !page) {
    return page;
  }
  return read_page_file("waiting-room-texts", settings.waiting_room_texts_file,
                        settings.server.waiting_room_texts);
}

Result<Settings> collect(const std::vector<std::string>& words, const Environment& environment) {
  const Result<Flags> flags = read_flags(words);
  if (!flags) return flags.error();
  Settings settings;
  settings.command = (*flags).command;
  settings.topic = (*flags).topic;
  if (settings.command == Command::help || settings.command == Command::version) return settings;

  const std::vector<GivenValue> variables =
      read_environment(environment, settings.topic, settings.warnings);
  std::vector<GivenValue> file;
  const std::string config = find_config((*flags).given, variables);
  if (!config.empty()) {
    Result<std::vector<GivenValue>> read = read_config_file(config);
    if (!read) return read.error();
    file = *std::move(read);
  }
  for (const auto* source : {&std::as_const(file), &variables, &(*flags).given}) {
    if (const Result<void> applied = apply_all(settings, *source); !applied) return applied.error();
  }
  if (const Result<void> files = read_files(settings); !files) return files.error();
  settings.engine.pending_orders_max = pending_orders_max_for(settings);
  if (settings.orders.round != 0 && settings.orders.product.empty()) {
    return usage_error("--round: needs --product, because every product counts its own rounds");
  }
  if (settings.command == Command::backup && settings.backup.to.empty()) {
    return usage_error("--to: must name the directory of the copy");
  }
  return settings;
}

}  // namespace

Result<Settings> read_settings(const std::vector<std::string>& words,
                               const Environment& environment) {
  Result<Settings> settings = collect(words, environment);
  if (settings) return settings;
  return usage_error(escape_line(settings.error().message));
}

}  // namespace fluxgate::cli
