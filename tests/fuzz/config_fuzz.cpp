// What the program is told at its start. An input has three parts, each behind the line that ends
// the one before: words of the command line, one a line; `%env` and variables, NAME=value a line;
// `%file` and a TOML file. Whatever it is, there are settings or one line of people's text; and an
// option means the same in each of its three places.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "cli/config_file.hpp"
#include "cli/option_table.hpp"
#include "cli/settings.hpp"
#include "fluxgate/server.hpp"
#include "fuzz/target.hpp"

namespace fluxgate::fuzz {
namespace {

using cli::GivenValue;
using cli::Settings;

using Variables = std::map<std::string, std::string>;

// A file without a name on any disk.
class ConfigFile {
 public:
  explicit ConfigFile(std::string_view text) : file_(::memfd_create("config", MFD_CLOEXEC)) {
    FLUXGATE_CHECK(file_.get() >= 0);
    const auto written = ::write(file_.get(), text.data(), text.size());
    FLUXGATE_CHECK(written == static_cast<ssize_t>(text.size()));
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

 private:
  base::UniqueFd file_;
};

Result<Settings> read(const std::vector<std::string>& words, const Variables& variables) {
  return cli::read_settings(words, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

void check_message(const Error& error) {
  FLUXGATE_CHECK(error.code == ErrorCode::invalid_argument && !error.message.empty());
  for (const char c : error.message) {
    FLUXGATE_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  }
}

void check_ranges(const Settings& settings) {
  const ServerOptions& server = settings.server;
  FLUXGATE_CHECK(settings.engine.rate_limit <= 1'000'000'000);
  FLUXGATE_CHECK(settings.engine.rate_burst <= 1'000'000'000);
  FLUXGATE_CHECK(settings.engine.idempotency_ttl <= idempotency_ttl_max);
  FLUXGATE_CHECK(settings.engine.storage_threads >= 1 && settings.engine.storage_threads <= 16);
  FLUXGATE_CHECK(server.threads <= 256 && server.max_connections >= 1);
  FLUXGATE_CHECK(server.client_rate <= 1'000'000 && server.user_burst <= 1'000'000);
  for (const char c : server.admin_token) FLUXGATE_CHECK(c > 0x20 && c < 0x7F);
  for (const char c : server.waiting_room_url) FLUXGATE_CHECK(c > 0x20 && c < 0x7F);
  // What it accepts the server must accept, too; pages of other files are checked when it starts.
  // That takes 10 ms, for the page's templates, so not every input has it.
  const bool has_page = !server.waiting_room_template.empty() || !server.waiting_room_texts.empty();
  if (server.port % 64 == 1 && !has_page) FLUXGATE_CHECK(Server::check(server).has_value());
}

std::string digest(const Settings& settings) {
  const EngineOptions& engine = settings.engine;
  const ServerOptions& server = settings.server;
  std::string all;
  for (const std::string* text :
       {&engine.data_dir, &server.host, &server.waiting_room_url, &server.admin_token,
        &server.trusted_proxy, &settings.admin_token_file, &settings.waiting_room_template_file}) {
    all += *text + '\n';
  }
  for (const std::uint64_t number :
       {static_cast<std::uint64_t>(engine.durability), engine.rate_limit, engine.rate_burst,
        static_cast<std::uint64_t>(engine.idempotency_ttl.count()),
        static_cast<std::uint64_t>(engine.commit_delay_max.count()),
        std::uint64_t{engine.storage_threads}, std::uint64_t{server.port},
        std::uint64_t{server.threads}, std::uint64_t{server.max_connections},
        std::uint64_t{server.max_connections_per_address}, std::uint64_t{server.max_streams},
        server.max_requests_per_connection, server.client_rate, server.client_burst,
        server.user_rate, server.user_burst, std::uint64_t{server.read_threads},
        static_cast<std::uint64_t>(settings.log_level),
        static_cast<std::uint64_t>(settings.log_format)}) {
    all += std::to_string(number) + '\n';
  }
  return all;
}

void check_same(const Result<Settings>& left, const Result<Settings>& right) {
  FLUXGATE_CHECK(left.has_value() == right.has_value());
  if (left) FLUXGATE_CHECK(digest(*left) == digest(*right));
}

// The file's values as flags and as variables.
void check_places(const std::string& path) {
  const auto given = cli::read_config_file(path);
  if (!given) return;
  std::vector<std::string> words;
  Variables variables;
  bool can_be_flags = true;
  bool can_be_variables = true;
  for (const GivenValue& one : *given) {
    if (!is_taken_by(*one.option, cli::Command::serve)) return;
    can_be_flags = can_be_flags && !one.value.empty();
    can_be_variables = can_be_variables && !one.value.empty() && !one.value.starts_with("tcp://") &&
                       one.value.find('\0') == std::string::npos;
    words.push_back("--" + std::string(one.option->name) + "=" + one.value);
    variables[environment_name(*one.option)] = one.value;
  }
  const Result<Settings> by_file = read({"--config", path}, {});
  if (can_be_flags) check_same(by_file, read(words, {}));
  if (can_be_variables) check_same(by_file, read({}, variables));
}

// The same in the other case and with other digits, so that it is as good a token.
std::string other_token(std::string_view token) {
  std::string other(token);
  for (char& c : other) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter) c = static_cast<char>(c ^ 0x20);
    if (c >= '0' && c <= '9') c = static_cast<char>('0' + '9' - c);
  }
  return other;
}

// A token is never shown: with another one the message is the same. To look for the token in it is
// not enough, for the rest of the input, escaped, may hold the same letters.
void check_secret(std::vector<std::string> words, Variables variables, const Error& error) {
  constexpr std::string_view flag = "--admin-token=";
  for (std::string& word : words) {
    if (word.starts_with(flag)) word = std::string(flag) + other_token(word.substr(flag.size()));
  }
  const auto variable = variables.find("FLUXGATE_ADMIN_TOKEN");
  // tcp://... is ignored, but TCP://... is a token.
  if (variable != variables.end() && variable->second.find("://") == std::string::npos) {
    variable->second = other_token(variable->second);
  }
  const Result<Settings> again = read(words, variables);
  FLUXGATE_CHECK(!again && again.error().message == error.message);
}

void check(Input input) {
  std::vector<std::string> words;
  Variables variables;
  std::string_view line;
  while (!input.empty() && (line = input.part('\n')) != "%env") words.emplace_back(line);
  while (!input.empty() && (line = input.part('\n')) != "%file") {
    const std::size_t name_end = std::min(line.find('='), line.size());
    variables[std::string(line.substr(0, name_end))] =
        std::string(line.substr(std::min(name_end + 1, line.size())));
  }
  const ConfigFile file(input.rest());
  check_places(file.path());
  if (!input.empty()) words.insert(words.end(), {"--config", file.path()});
  const Result<Settings> settings = read(words, variables);
  if (settings) {
    if ((*settings).command == cli::Command::serve) check_ranges(*settings);
    return;
  }
  check_message(settings.error());
  check_secret(words, variables, settings.error());
}

}  // namespace
}  // namespace fluxgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Devices and the descriptors of this process would be read, and may not end.
  for (const char* place : {"/dev", "/proc", "/sys", "self/", "fd/"}) {
    if (text.find(place) != std::string_view::npos) return 0;
  }
  fluxgate::fuzz::check(fluxgate::fuzz::Input(data, size));
  return 0;
}
