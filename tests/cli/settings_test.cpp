#include "cli/settings.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "cli/help.hpp"
#include "cli/option_table.hpp"
#include "support/temp_dir.hpp"

using namespace fluxgate;
using namespace fluxgate::cli;
using fluxgate::testing::TempDir;

namespace {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

Result<Settings> read(const Words& words, const Variables& variables = {}) {
  return read_settings(words, [&variables](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

Settings must_read(const Words& words, const Variables& variables = {}) {
  Result<Settings> settings = read(words, variables);
  if (!settings) FAIL(settings.error().message);
  return *std::move(settings);
}

std::string message_of(const Words& words, const Variables& variables = {}) {
  const Result<Settings> settings = read(words, variables);
  REQUIRE_FALSE(settings.has_value());
  REQUIRE(settings.error().code == ErrorCode::invalid_argument);
  const std::string& message = settings.error().message;
  REQUIRE(message.find('\n') == std::string::npos);
  return message;
}

std::string write_file(const TempDir& dir, const std::string& name, const std::string& text) {
  std::ofstream(dir / name, std::ios::binary) << text;
  return (dir / name).string();
}

}  // namespace

TEST_CASE("read_settings: nothing said → serve with the documented defaults", "[cli][unit]") {
  for (const Words& words : {Words{}, Words{"serve"}}) {
    const Settings settings = must_read(words);
    REQUIRE(settings.command == Command::serve);
    REQUIRE(settings.server.host == "localhost");
    REQUIRE(settings.server.port == 3000);
    REQUIRE(settings.server.threads == 0);
    REQUIRE(settings.server.waiting_room_url == "/waiting-room");
    REQUIRE(settings.server.admin_token.empty());
    REQUIRE(settings.server.trusted_proxy.empty());
    REQUIRE(settings.server.max_connections == 16'384);
    REQUIRE(settings.server.max_connections_per_address == 0);
    REQUIRE(settings.server.max_requests_per_connection == 0);
    REQUIRE(settings.server.client_rate == 0);
    REQUIRE(settings.server.client_burst == 0);
    REQUIRE(settings.server.user_rate == 0);
    REQUIRE(settings.server.user_burst == 0);
    REQUIRE(settings.engine.data_dir == "./fluxgate-data");
    REQUIRE(settings.engine.durability == Durability::sync);
    REQUIRE(settings.engine.rate_limit == 0);
    REQUIRE(settings.engine.rate_burst == 0);
    REQUIRE(settings.engine.idempotency_ttl == std::chrono::seconds{86'400});
    REQUIRE(settings.log_level == LogLevel::info);
    REQUIRE(settings.log_format == LogFormat::text);
  }
}

TEST_CASE("options: the default shown, given as a value → the setting it had", "[cli][unit]") {
  for (const Option& option : options()) {
    if (option.default_text == "none" || option.default_text == "all" ||
        option.default_text == "built in" || option.default_text == "number of cores") {
      continue;
    }
    INFO(option.name);
    Settings settings;
    REQUIRE_FALSE(option.apply(settings, option.default_text).has_value());
    const Settings fresh;
    REQUIRE(settings.server.host == fresh.server.host);
    REQUIRE(settings.server.port == fresh.server.port);
    REQUIRE(settings.server.waiting_room_url == fresh.server.waiting_room_url);
    REQUIRE(settings.server.max_connections == fresh.server.max_connections);
    REQUIRE(settings.server.read_threads == fresh.server.read_threads);
    REQUIRE(settings.engine.data_dir == fresh.engine.data_dir);
    REQUIRE(settings.engine.durability == fresh.engine.durability);
    REQUIRE(settings.engine.rate_limit == fresh.engine.rate_limit);
    REQUIRE(settings.engine.idempotency_ttl == fresh.engine.idempotency_ttl);
    REQUIRE(settings.engine.commit_delay_max == fresh.engine.commit_delay_max);
    REQUIRE(settings.engine.storage_threads == fresh.engine.storage_threads);
    REQUIRE(settings.log_level == fresh.log_level);
    REQUIRE(settings.log_format == fresh.log_format);
  }
}

TEST_CASE("read_settings: both spellings of a flag → the same", "[cli][unit]") {
  REQUIRE(must_read({"--rate-limit", "10"}).engine.rate_limit == 10);
  REQUIRE(must_read({"--rate-limit=10"}).engine.rate_limit == 10);
  REQUIRE(must_read({"serve", "--admin-token=a=b"}).server.admin_token == "a=b");
}

TEST_CASE("read_settings: every flag → its field", "[cli][unit]") {
  const Settings all = must_read({"--host",
                                  "::1",
                                  "--port",
                                  "0",
                                  "--data-dir",
                                  "d",
                                  "--threads",
                                  "256",
                                  "--durability",
                                  "os",
                                  "--rate-limit",
                                  "5",
                                  "--rate-burst",
                                  "6",
                                  "--waiting-room-url",
                                  "/w",
                                  "--admin-token",
                                  "t",
                                  "--trusted-proxy",
                                  "10.0.0.0/8",
                                  "--idempotency-ttl",
                                  "0",
                                  "--max-connections",
                                  "7",
                                  "--max-connections-per-address",
                                  "8",
                                  "--max-requests-per-connection",
                                  "9",
                                  "--commit-delay-us",
                                  "0",
                                  "--storage-threads",
                                  "2",
                                  "--read-threads",
                                  "3",
                                  "--log-level",
                                  "error",
                                  "--log-format",
                                  "json"});
  REQUIRE(all.server.host == "::1");
  REQUIRE(all.server.port == 0);
  REQUIRE(all.engine.data_dir == "d");
  REQUIRE(all.server.threads == 256);
  REQUIRE(all.engine.durability == Durability::os);
  REQUIRE(all.engine.rate_limit == 5);
  REQUIRE(all.engine.rate_burst == 6);
  REQUIRE(all.server.waiting_room_url == "/w");
  REQUIRE(all.server.admin_token == "t");
  REQUIRE(all.server.trusted_proxy == "10.0.0.0/8");
  REQUIRE(all.engine.idempotency_ttl == std::chrono::seconds{0});
  REQUIRE(all.server.max_connections == 7);
  REQUIRE(all.server.max_connections_per_address == 8);
  REQUIRE(all.server.max_requests_per_connection == 9);
  REQUIRE(all.engine.commit_delay_max == std::chrono::microseconds{0});
  REQUIRE(all.engine.storage_threads == 2);
  REQUIRE(all.server.read_threads == 3);
  REQUIRE(all.log_level == LogLevel::error);
  REQUIRE(all.log_format == LogFormat::json);
}

TEST_CASE("read_settings: the limits per client → their fields", "[cli][unit]") {
  const Settings all =
      must_read({"--client-rate=10", "--client-burst=11", "--user-rate=12", "--user-burst=13"});
  REQUIRE(all.server.client_rate == 10);
  REQUIRE(all.server.client_burst == 11);
  REQUIRE(all.server.user_rate == 12);
  REQUIRE(all.server.user_burst == 13);
}

TEST_CASE("read_settings: flag, environment and file → in this order", "[cli][unit]") {
  const TempDir dir;
  const std::string file = write_file(
      dir, "sale.toml", "port = 1\nrate_limit = 1\nthreads = 1\nhost = \"file\"\ncount = true\n");
  const Variables variables{{"FLUXGATE_PORT", "2"}, {"FLUXGATE_RATE_LIMIT", "2"}};
  Settings settings = must_read({"--config", file, "--port", "3"}, variables);
  REQUIRE(settings.server.port == 3);
  REQUIRE(settings.engine.rate_limit == 2);
  REQUIRE(settings.server.threads == 1);
  REQUIRE(settings.server.host == "file");

  // The file itself can be named by the environment, and the flag names another.
  settings = must_read({}, {{"FLUXGATE_CONFIG", file}});
  REQUIRE(settings.server.port == 1);
  const std::string other = write_file(dir, "other.toml", "port = 9\n");
  settings = must_read({"--config=" + other}, {{"FLUXGATE_CONFIG", file}});
  REQUIRE(settings.server.port == 9);
  REQUIRE(settings.server.host == "localhost");
}

TEST_CASE("read_settings: every option as a TOML key and a variable → read", "[cli][unit]") {
  const TempDir dir;
  const std::string file = write_file(
      dir, "all.toml",
      "# all keys\nhost='h'\nport=4\ndata_dir='d'\nthreads=2\ndurability='memory'\nrate_limit=1\n"
      "rate_burst=1\nwaiting_room_url='/w'\nadmin_token='t'\ntrusted_proxy='::1'\n"
      "idempotency_ttl=1\nmax_connections=1\nmax_connections_per_address=1\n"
      "max_requests_per_connection=1\nclient_rate=1\nclient_burst=1\nuser_rate=1\nuser_burst=1\n"
      "log_level='debug'\nlog_format='json'\nstorage_threads=1\n"
      "commit_delay_us=1\nread_threads=1\nproduct='p'\nround=1\nafter=1\nlimit=1\ncount="
      "false\njson=true\n");
  const Settings settings = must_read({"--config", file});
  REQUIRE(settings.server.admin_token == "t");
  REQUIRE(settings.engine.durability == Durability::memory);
  REQUIRE(settings.json);

  for (const Option& option : options()) {
    if (!is_taken_by(option, Command::serve) || option.kind != ValueKind::number) continue;
    const std::string name = environment_name(option);
    INFO(name);
    REQUIRE(message_of({}, {{name, "x"}}).starts_with(name + ": must be a whole number from "));
  }
}

TEST_CASE("read_settings: unknown words → one line that names them", "[cli][unit]") {
  const std::vector<std::pair<Words, std::string>> cases{
      {{"--nope"}, "--nope"},
      {{"--nope=1"}, "--nope"},
      {{"-x"}, "-x"},
      {{"--rate_limit", "1"}, "--rate_limit"},
      {{"--Port", "1"}, "--Port"},
      {{"--por", "1"}, "--por"},
      {{"serve", "extra"}, "extra"},
      {{"--port", "1", "serve"}, "serve"},
      {{"check"}, "\"check\""},
      {{"restore"}, "\"restore\""},
      {{"", "--port", "1"}, "\"\""},
      {{"--count"}, "--count"},
      {{"orders", "--port", "1"}, "--port"},
      {{"--new\nline"}, "--new\\x0aline"},
      {{"--", "x"}, "x"},
  };
  for (const auto& [words, named] : cases) {
    INFO(named);
    REQUIRE(message_of(words).find(named) != std::string::npos);
  }
  REQUIRE(message_of({"check"}) ==
          "unknown command \"check\"; known: serve, orders, verify, backup");
}

TEST_CASE("read_settings: malformed flags → the exact line", "[cli][unit]") {
  const std::vector<std::pair<Words, std::string>> cases{
      {{"--port", "65536"}, "--port: must be a whole number from 0 to 65535, not \"65536\""},
      {{"--port=abc"}, "--port: must be a whole number from 0 to 65535, not \"abc\""},
      {{"--port="}, "--port: a value is missing"},
      {{"--admin-token=", "x"}, "--admin-token: a value is missing"},
      {{"--port", "--admin-token=tokentoken"}, "--port: a value is missing"},
      {{"--port", "--admin_token=tokentoken"}, "--port: a value is missing"},
      {{"--host", "--port", "80"}, "--host: a value is missing"},
      {{"--data-dir", "--help"}, "--data-dir: a value is missing"},
      {{"orders", "--port", "--count"}, "unexpected argument: --port"},
      {{"--", "--port", "--count"}, "unexpected argument: --port"},
      {{"admin-token=tokentoken"},
       "unknown command \"admin-token\"; known: serve, orders, verify, backup"},
      {{"--threads", "0"}, "--threads: must be a whole number from 1 to 256, not \"0\""},
      {{"--threads", "257"}, "--threads: must be a whole number from 1 to 256, not \"257\""},
      {{"--durability", "yes"}, "--durability: must be sync, os or memory, not \"yes\""},
      {{"--rate-limit", "1.5"},
       "--rate-limit: must be a whole number from 0 to 1000000000, not \"1.5\""},
      {{"--rate-burst", "1000000001"},
       "--rate-burst: must be a whole number from 0 to 1000000000, not \"1000000001\""},
      {{"--client-rate", "1000001"},
       "--client-rate: must be a whole number from 0 to 1000000, not \"1000001\""},
      {{"--waiting-room-url", "x"},
       "--waiting-room-url: must be a path that begins with / or an http(s) URL, percent-encoded, "
       "without #, not \"x\""},
      {{"--admin-token", "se cret"},
       "--admin-token: must be 1 to 4096 visible ASCII characters without spaces"},
      {{"--trusted-proxy", "10.0.0.0/40"},
       "--trusted-proxy: must be an IP address or a network such as 10.0.0.0/8, not "
       "\"10.0.0.0/40\""},
      {{"--idempotency-ttl", "3153600001"},
       "--idempotency-ttl: must be a whole number from 0 to 3153600000, not \"3153600001\""},
      {{"--max-connections", "0"},
       "--max-connections: must be a whole number from 1 to 1000000, not \"0\""},
      {{"--commit-delay-us", "100001"},
       "--commit-delay-us: must be a whole number from 0 to 100000, not \"100001\""},
      {{"--storage-threads", "17"},
       "--storage-threads: must be a whole number from 1 to 16, not \"17\""},
      {{"--read-threads", "0"}, "--read-threads: must be a whole number from 1 to 16, not \"0\""},
      {{"--log-level", "warn"}, "--log-level: must be debug, info, warning or error, not \"warn\""},
      {{"--log-format", "xml"}, "--log-format: must be text or json, not \"xml\""},
      {{"--host", "a b"}, "--host: must be a host name or an address, not \"a b\""},
      {{"--data-dir", "a\nb"},
       "--data-dir: must not be empty or hold control characters, not \"a\\x0ab\""},
      {{"orders", "--round", "1"},
       "--round: needs --product, because every product counts its own rounds"},
  };
  for (const auto& [words, message] : cases) REQUIRE(message_of(words) == message);
  REQUIRE(message_of({"--port", "1", "--port", "2"}).find("--port") != std::string::npos);
  REQUIRE(message_of({"--port"}).find("--port") != std::string::npos);
}

TEST_CASE("read_settings: variables → unknown, empty and tcp:// ones do not count", "[cli][unit]") {
  const Settings settings = must_read({}, {{"FLUXGATE_PORT", "tcp://10.96.0.7:3000"},
                                           {"FLUXGATE_SERVICE_HOST", "10.96.0.7"},
                                           {"FLUXGATE_NOPE", "x"},
                                           {"FLUXGATE_COUNT", "not for serve"},
                                           {"FLUXGATE_ADMIN_TOKEN", ""}});
  REQUIRE(settings.server.port == 3000);
  REQUIRE(settings.server.admin_token.empty());
  REQUIRE(settings.warnings.size() == 1);
  REQUIRE(settings.warnings.front() ==
          "the environment variable FLUXGATE_PORT is ignored: tcp://10.96.0.7:3000 is the address "
          "of a service, not a setting");
  REQUIRE(must_read({}, {{"FLUXGATE_ADMIN_TOKEN", "tcp://tokentoken"}}).warnings ==
          std::vector<std::string>{"the environment variable FLUXGATE_ADMIN_TOKEN is ignored: "
                                   "tcp://… is the address of a service, not a setting"});
  // A malformed one counts even where a flag beats it.
  REQUIRE(message_of({"--port", "1"}, {{"FLUXGATE_PORT", "x"}}) ==
          "FLUXGATE_PORT: must be a whole number from 0 to 65535, not \"x\"");
}

TEST_CASE("read_settings: a bad configuration file → one line with the file", "[cli][unit]") {
  const TempDir dir;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"nope = 1\n", "nope: unknown key"},
      {"rate-limit = 1\n", "rate-limit: unknown key"},
      {"config = 'x'\n", "config: unknown key"},
      {"[server]\nport = 1\n", "server: unknown key"},
      {"port = '3000'\n", "port: must be a whole number without quotes"},
      {"port = 3000.0\n", "port: must be a whole number without quotes"},
      {"host = 1\n", "host: must be text in quotes"},
      {"count = 'true'\n", "count: must be true or false without quotes"},
      {"rate_limit = -1\n", "rate_limit: must be a whole number from 0 to 1000000000, not \"-1\""},
      {"admin_token = 'a b'\n",
       "admin_token: must be 1 to 4096 visible ASCII characters without spaces"},
      // The library's own words would show the number.
      {"port = 1\n\nadmin_token = 12345678901234567890123",
       "line 3: admin_token: must be text in quotes"},
  };
  for (const auto& [text, expected] : cases) {
    const std::string file = write_file(dir, "bad.toml", text);
    REQUIRE(message_of({"--config", file}) == file + ": " + expected);
  }
  for (const std::string text : {"port = 1\nport = 2\n", "a\nport =\n", "= 1\n\xff"}) {
    const std::string file = write_file(dir, "bad.toml", text);
    REQUIRE(message_of({"--config", file}).starts_with(file + ": line "));
  }
  const std::string missing = (dir / "missing.toml").string();
  REQUIRE(message_of({"--config", missing}) ==
          "config " + missing + ": cannot be read: No such file or directory");
  REQUIRE(message_of({"--config", dir.str()}) ==
          "config " + dir.str() + ": cannot be read: Is a directory");
}

TEST_CASE("read_settings: a token file → one line end is cut off, nothing else", "[cli][unit]") {
  const TempDir dir;
  for (const std::string text : {"secret", "secret\n", "secret\r\n"}) {
    const std::string file = write_file(dir, "token", text);
    REQUIRE(must_read({"--admin-token-file", file}).server.admin_token == "secret");
  }
  for (const std::string text : {"", "\n", "secret\n\n", " secret", "se\ncret"}) {
    const std::string file = write_file(dir, "token", text);
    REQUIRE(message_of({"--admin-token-file", file}) ==
            "admin-token-file " + file +
                ": the token in it must be 1 to 4096 visible ASCII characters without spaces");
  }
  const std::string file = write_file(dir, "token", "secret");
  REQUIRE(message_of({"--admin-token-file", file}, {{"FLUXGATE_ADMIN_TOKEN", "other"}}) ==
          "admin-token and admin-token-file: only one of them may be given");
  REQUIRE(message_of({"--admin-token-file", file + "x"}) ==
          "admin-token-file " + file + "x: cannot be read: No such file or directory");
}

TEST_CASE("read_settings: files of the waiting room's page → their text", "[cli][unit]") {
  const TempDir dir;
  const std::string page = write_file(dir, "page.html", "<p>{{place}}</p>\n");
  const std::string texts = write_file(dir, "texts.json", "{}");
  const Settings settings =
      must_read({"--waiting-room-template", page}, {{"FLUXGATE_WAITING_ROOM_TEXTS", texts}});
  REQUIRE(settings.server.waiting_room_template == "<p>{{place}}</p>\n");
  REQUIRE(settings.server.waiting_room_texts == "{}");

  REQUIRE(message_of({"--waiting-room-template", page + "x"}) ==
          "waiting-room-template " + page + "x: cannot be read: No such file or directory");
  const std::string empty = write_file(dir, "empty", "");
  REQUIRE(message_of({"--waiting-room-texts", empty}) ==
          "waiting-room-texts " + empty + ": is empty");
  const std::string huge = write_file(dir, "huge", std::string(256 * 1024 + 1, ' '));
  REQUIRE(message_of({"--waiting-room-texts", huge}) ==
          "waiting-room-texts " + huge + ": cannot be read: more than 262144 bytes");
}

TEST_CASE("read_settings: orders → its own options, and the shared ones", "[cli][unit]") {
  const Settings settings =
      must_read({"orders", "--data-dir", "d", "--product", "日本 15", "--round=2", "--after", "3",
                 "--limit", "4", "--count", "--json"});
  REQUIRE(settings.command == Command::orders);
  REQUIRE(settings.engine.data_dir == "d");
  REQUIRE(settings.orders.product == "日本 15");
  REQUIRE(settings.orders.round == 2);
  REQUIRE(settings.orders.after == 3);
  REQUIRE(settings.orders.limit == 4);
  REQUIRE(settings.orders.count);
  REQUIRE(settings.json);
  // Nor does a file that only the server may read.
  REQUIRE(must_read({"orders"}, {{"FLUXGATE_ADMIN_TOKEN_FILE", "/nowhere"}}).command ==
          Command::orders);
  const TempDir dir;
  const std::string config = write_file(dir, "fluxgate.toml", "waiting_room_texts = '/nowhere'\n");
  REQUIRE(must_read({"orders", "--config", config}).command == Command::orders);
  // A variable for serve does not disturb it.
  REQUIRE(must_read({"orders"}, {{"FLUXGATE_PORT", "x"}}).command == Command::orders);
  REQUIRE(must_read({"orders"}, {{"FLUXGATE_DATA_DIR", "e"}}).engine.data_dir == "e");
}

TEST_CASE("read_settings: help and version → whatever else is set", "[cli][unit]") {
  const Variables broken{{"FLUXGATE_PORT", "x"}};
  REQUIRE(must_read({"--help"}, broken).command == Command::help);
  REQUIRE(must_read({"--version"}, broken).command == Command::version);
  REQUIRE(must_read({"orders", "--help"}, broken).topic == Command::orders);
}

TEST_CASE("help_text: every option with its variable and default; lines fit", "[cli][unit]") {
  for (const Command topic : {Command::serve, Command::orders}) {
    const std::string help = help_text(topic);
    for (const Option& option : options()) {
      const bool shown = help.find("  --" + std::string(option.name) + " ") != std::string::npos;
      REQUIRE(shown == is_taken_by(option, topic));
      if (!shown) continue;
      REQUIRE(help.find("[" + environment_name(option) + "; default: ") != std::string::npos);
    }
    std::size_t begin = 0;
    for (std::size_t end; (end = help.find('\n', begin)) != std::string::npos; begin = end + 1) {
      REQUIRE(end - begin <= 100);
    }
  }
}

TEST_CASE("read_settings: --max-connections → a quarter is not for orders that wait",
          "[cli][unit]") {
  const auto pending = [](const Words& words) {
    return must_read(words).engine.pending_orders_max;
  };
  REQUIRE(pending({}) == 12'288);
  REQUIRE(pending({"--max-connections", "1"}) == 1);
  REQUIRE(pending({"--max-connections", "4"}) == 3);
  REQUIRE(pending({"--max-connections", "1000000"}) == 65'536);
}
