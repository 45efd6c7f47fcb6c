#include "cli/flags.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>

namespace fluxgate::cli {
namespace {

Error usage_error(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message)};
}

/// Splits off the command, if the first word is one.
Result<Command> take_command(std::vector<std::string>& words) {
  if (words.empty() || words.front().starts_with('-')) return Command::serve;
  const std::string word = words.front();
  words.erase(words.begin());
  if (word == "serve") return Command::serve;
  if (word == "orders") return Command::orders;
  if (word == "verify") return Command::verify;
  if (word == "backup") return Command::backup;
  const std::string name = word.substr(0, word.find('='));  // behind it may be a token
  return usage_error("unknown command \"" + name + "\"; known: serve, orders, verify, backup");
}

/// Whether the word is `--name` of an option of the command that needs a value behind it.
bool awaits_value(std::string_view word, Command command) {
  if (!word.starts_with("--")) return false;
  const auto found = std::ranges::find(options(), word.substr(2), &Option::name);
  return found != options().end() && is_taken_by(*found, command) &&
         found->kind != ValueKind::boolean;
}

/// The first option without a value, or nothing. CLI11 takes the next word for the value, another
/// option, too: a message about it could show a token. Who means such a value writes it behind `=`.
std::string first_without_value(const std::vector<std::string>& words, Command command) {
  for (std::size_t at = 0; at < words.size() && words[at] != "--"; ++at) {
    const std::string& word = words[at];
    if (word.starts_with("--") && word.find('=') == word.size() - 1) {
      return word.substr(0, word.size() - 1);
    }
    if (!awaits_value(word, command)) continue;
    if (++at < words.size() && words[at].starts_with("--")) return word;
  }
  return {};
}

/// What CLI11 found for one option.
struct Slot {
  const Option* option;
  CLI::Option* parsed = nullptr;
  std::string value{};
  bool flag = false;
};

void declare(CLI::App& app, Slot& slot) {
  const std::string name = "--" + std::string(slot.option->name);
  slot.parsed = slot.option->kind == ValueKind::boolean ? app.add_flag(name, slot.flag)
                                                        : app.add_option(name, slot.value);
}

/// Behind `--` all words are unexpected: one is enough, and what it has behind `=` may be a token.
std::string first_unexpected(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word != "--") return word.substr(0, word.find('='));
  }
  return "--";
}

}  // namespace

Result<Flags> read_flags(const std::vector<std::string>& words) {
  std::vector<std::string> rest = words;
  const Result<Command> command = take_command(rest);
  if (!command) return command.error();
  const std::string without_value = first_without_value(rest, *command);
  if (!without_value.empty()) return usage_error(without_value + ": a value is missing");

  CLI::App app;
  app.set_help_flag();
  bool help = false;
  bool version = false;
  app.add_flag("--help,-h", help);
  app.add_flag("--version", version);
  std::deque<Slot> slots;  // a deque: CLI11 keeps references to the fields
  for (const Option& option : options()) {
    if (is_taken_by(option, *command)) declare(app, slots.emplace_back(Slot{&option}));
  }
  try {
    std::reverse(rest.begin(), rest.end());  // CLI11 takes its words from the back
    app.parse(rest);
  } catch (const CLI::ExtrasError&) {
    return usage_error("unexpected argument: " + first_unexpected(app.remaining()));
  } catch (const CLI::Error& error) {
    return usage_error(error.what());
  }

  Flags flags{*command, *command, {}};
  for (const Slot& slot : slots) {
    if (slot.parsed->count() == 0) continue;
    const bool is_boolean = slot.option->kind == ValueKind::boolean;
    flags.given.push_back({slot.option, is_boolean ? (slot.flag ? "true" : "false") : slot.value,
                           "--" + std::string(slot.option->name)});
  }
  if (version) flags.command = Command::version;
  if (help) flags.command = Command::help;
  return flags;
}

}  // namespace fluxgate::cli
