#include "cli/config_file.hpp"

#include <toml++/toml.h>

#include <algorithm>

#include "cli/text_file.hpp"

namespace fluxgate::cli {
namespace {

constexpr std::size_t config_bytes_max = 1 << 20;  // far more than all keys need

const Option* find_option(std::string_view key) {
  const auto all = options();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Option& option) { return toml_key(option) == key; });
  // A file does not name another file.
  return found == all.end() || found->name == "config" ? nullptr : &*found;
}

/// The value as a flag would have it; none if it is of another kind than the option.
std::optional<std::string> as_text(const toml::node& node, ValueKind kind) {
  if (kind == ValueKind::text && node.is_string()) return **node.as_string();
  if (kind == ValueKind::number && node.is_integer()) return std::to_string(**node.as_integer());
  if (kind == ValueKind::boolean && node.is_boolean())
    return **node.as_boolean() ? "true" : "false";
  return std::nullopt;
}

const char* kind_words(ValueKind kind) {
  switch (kind) {
    case ValueKind::text:
      return "text in quotes";
    case ValueKind::number:
      return "a whole number without quotes";
    case ValueKind::boolean:
      return "true or false without quotes";
  }
  return "";
}

Error usage_error(const std::string& place, const std::string& what) {
  return {ErrorCode::invalid_argument, place + ": " + what};
}

/// What is wrong in a line that is not TOML. The library's words may hold the value, so they are
/// not said of a secret.
std::string describe(const toml::parse_error& error, std::string_view text) {
  for (auto lines = error.source().begin.line; lines > 1; --lines) {
    const std::size_t end = text.find('\n');
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  text = text.substr(0, text.find('\n'));
  for (const Option& option : options()) {
    const std::string key = toml_key(option);
    if (option.is_secret && text.find(key) != std::string_view::npos) {
      return key + ": must be " + kind_words(option.kind);
    }
  }
  return std::string(error.description());
}

}  // namespace

Result<std::vector<GivenValue>> read_config_file(const std::string& path) {
  const Result<std::string> text = read_text_file(path, config_bytes_max);
  if (!text) return usage_error("config " + path, text.error().message);
  std::vector<GivenValue> given;
  try {
    const toml::table file = toml::parse(*text);
    for (const auto& [key, node] : file) {
      const std::string place = path + ": " + std::string(key.str());
      const Option* option = find_option(key.str());
      if (option == nullptr) return usage_error(place, "unknown key");
      const std::optional<std::string> value = as_text(node, option->kind);
      if (!value) {
        return usage_error(place, std::string("must be ") + kind_words(option->kind));
      }
      given.push_back({option, *value, place});
    }
  } catch (const toml::parse_error& error) {
    return usage_error(path + ": line " + std::to_string(error.source().begin.line),
                       describe(error, *text));
  }
  return given;
}

}  // namespace fluxgate::cli
