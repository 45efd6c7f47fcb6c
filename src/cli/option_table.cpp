#include "cli/option_table.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "cli/value_rules.hpp"

namespace fluxgate::cli {
namespace {

constexpr NumberRange any_number{0, UINT64_MAX >> 1U};  // what a TOML integer can hold
constexpr NumberRange rate_range{0, 1'000'000'000};
constexpr NumberRange client_range{0, 1'000'000};
constexpr NumberRange connections_range{0, 1'000'000};
constexpr auto ttl_seconds_max = static_cast<std::uint64_t>(idempotency_ttl_max.count());

using Text = std::string_view;
using enum OptionScope;
using enum ValueKind;

Problem set_durability(Settings& to, Text value) {
  if (value == "sync") {
    to.engine.durability = Durability::sync;
  } else if (value == "os") {
    to.engine.durability = Durability::os;
  } else if (value == "memory") {
    to.engine.durability = Durability::memory;
  } else {
    return "must be sync, os or memory";
  }
  return std::nullopt;
}

Problem set_log_level(Settings& to, Text value) {
  if (value == "debug") {
    to.log_level = LogLevel::debug;
  } else if (value == "info") {
    to.log_level = LogLevel::info;
  } else if (value == "warning") {
    to.log_level = LogLevel::warning;
  } else if (value == "error") {
    to.log_level = LogLevel::error;
  } else {
    return "must be debug, info, warning or error";
  }
  return std::nullopt;
}

Problem set_log_format(Settings& to, Text value) {
  if (value != "text" && value != "json") return "must be text or json";
  to.log_format = value == "json" ? LogFormat::json : LogFormat::text;
  return std::nullopt;
}

Problem set_commit_delay(Settings& to, Text value) {
  std::uint64_t microseconds = 0;
  Problem problem = check_number(value, {0, 100'000}, microseconds);
  if (!problem) to.engine.commit_delay_max = std::chrono::microseconds(microseconds);
  return problem;
}

Problem set_ttl(Settings& to, Text value) {
  std::uint64_t seconds = 0;
  Problem problem = check_number(value, {0, ttl_seconds_max}, seconds);
  if (!problem) to.engine.idempotency_ttl = std::chrono::seconds(seconds);
  return problem;
}

constexpr auto table = std::to_array<Option>({
    {"host", serve, text, "HOST", "localhost",
     "where to listen; localhost: 127.0.0.1, and ::1 if there is IPv6",
     [](Settings& to, Text value) { return set_host(value, to.server.host); }},
    {"port", serve, number, "PORT", "3000", "0 picks a free one",
     [](Settings& to, Text value) {
       return set_number(value, {0, 65'535}, to.server.port);
     }},
    {"data-dir", all, text, "DIR", "./fluxgate-data", "the order log; one server a directory",
     [](Settings& to, Text value) { return set_text(value, to.engine.data_dir); }},
    {"threads", serve, number, "N", "number of cores", "HTTP threads, 1 to 256",
     [](Settings& to, Text value) {
       return set_number(value, {1, 256}, to.server.threads);
     }},
    {"durability", serve, text, "WORD", "sync",
     "sync: a sale is answered once its log write is on disk;\n"
     "os: once it is in the kernel; memory: nothing is written",
     set_durability},
    {"rate-limit", serve, number, "N", "0", "admissions per second; 0: no limit",
     [](Settings& to, Text value) { return set_number(value, rate_range, to.engine.rate_limit); }},
    {"rate-burst", serve, number, "N", "0", "admissions at once after a quiet time; 0: rate-limit",
     [](Settings& to, Text value) { return set_number(value, rate_range, to.engine.rate_burst); }},
    {"waiting-room-url", serve, text, "URL", "/waiting-room",
     "where people over the rate limit are sent",
     [](Settings& to, Text value) { return set_url(value, to.server.waiting_room_url); }},
    {"waiting-room-template", serve, text, "FILE", "built in",
     "mustache template of the waiting room's page",
     [](Settings& to, Text value) { return set_text(value, to.waiting_room_template_file); }},
    {"waiting-room-texts", serve, text, "FILE", "built in",
     "JSON with the page's texts and colours, instead of those\nbuilt in",
     [](Settings& to, Text value) { return set_text(value, to.waiting_room_texts_file); }},
    {"admin-token", serve, text, "TOKEN", "none", "bearer token of the admin routes",
     [](Settings& to, Text value) { return set_token(value, to.server.admin_token); }, true},
    {"admin-token-file", serve, text, "FILE", "none", "file that holds the bearer token",
     [](Settings& to, Text value) { return set_text(value, to.admin_token_file); }},
    {"trusted-proxy", serve, text, "NETWORK", "none",
     "address or network whose X-Forwarded-For is believed",
     [](Settings& to, Text value) { return set_network(value, to.server.trusted_proxy); }},
    {"idempotency-ttl", serve, number, "SECONDS", "86400",
     "how long an accepted key is remembered; 0: for ever", set_ttl},
    {"max-connections", serve, number, "N", "16384", "open connections",
     [](Settings& to, Text value) {
       return set_number(value, {1, connections_range.most}, to.server.max_connections);
     }},
    {"max-connections-per-address", serve, number, "N", "0", "0: no limit",
     [](Settings& to, Text value) {
       return set_number(value, connections_range, to.server.max_connections_per_address);
     }},
    {"max-streams", serve, number, "N", "4096", "open event streams of the waiting room",
     [](Settings& to, Text value) {
       return set_number(value, {1, connections_range.most}, to.server.max_streams);
     }},
    {"max-requests-per-connection", serve, number, "N", "0", "0: no limit",
     [](Settings& to, Text value) {
       return set_number(value, any_number, to.server.max_requests_per_connection);
     }},
    {"client-rate", serve, number, "N", "0", "requests per second of one address; 0: no limit",
     [](Settings& to, Text value) {
       return set_number(value, client_range, to.server.client_rate);
     }},
    {"client-burst", serve, number, "N", "0",
     "requests of an address at once after a quiet time;\n0: client-rate",
     [](Settings& to, Text value) {
       return set_number(value, client_range, to.server.client_burst);
     }},
    {"user-rate", serve, number, "N", "0", "orders per second of one user; 0: no limit",
     [](Settings& to, Text value) { return set_number(value, client_range, to.server.user_rate); }},
    {"user-burst", serve, number, "N", "0",
     "orders of a user at once after a quiet time; 0: user-rate",
     [](Settings& to,
        Text value) { return set_number(value, client_range, to.server.user_burst); }},
    {"commit-delay-us", serve, number, "N", "1000",
     "how long orders that come thinly may wait for others to\n"
     "share their log write, 0 to 100000 microseconds",
     set_commit_delay},
    {"storage-threads", serve, number, "N", "1", "threads that compact the log, 1 to 16",
     [](Settings& to, Text value) {
       return set_number(value, {1, 16}, to.engine.storage_threads);
     }},
    {"read-threads", serve, number, "N", "1", "threads that read the log for HTTP, 1 to 16",
     [](Settings& to, Text value) {
       return set_number(value, {1, 16}, to.server.read_threads);
     }},
    {"log-level", serve, text, "WORD", "info", "debug, info, warning or error", set_log_level},
    {"log-format", serve, text, "WORD", "text", "text, or json: one object a line", set_log_format},
    {"config", all, text, "FILE", "none", "TOML file with any of these options",
     [](Settings& to, Text value) { return set_text(value, to.config); }},
    {"product", orders, text, "ID", "all", "only orders of this product",
     [](Settings& to, Text value) { return set_id(value, to.orders.product); }},
    {"round", orders, number, "N", "all", "only orders of this round; needs --product",
     [](Settings& to, Text value) {
       return set_number(value, {1, any_number.most}, to.orders.round);
     }},
    {"after", orders, number, "SEQUENCE", "0", "only orders with a higher sequence",
     [](Settings& to, Text value) { return set_number(value, any_number, to.orders.after); }},
    {"limit", orders, number, "N", "0", "at most so many orders; 0: all",
     [](Settings& to, Text value) { return set_number(value, any_number, to.orders.limit); }},
    {"count", orders, boolean, "", "false", "print only how many orders there are",
     [](Settings& to, Text value) { return set_boolean(value, to.orders.count); }},
    {"json", orders_or_verify, boolean, "", "false", "print JSON: orders one object a line",
     [](Settings& to, Text value) { return set_boolean(value, to.json); }},
    {"to", backup, text, "DIR", "none", "where the copy goes: a directory that is new or empty",
     [](Settings& to, Text value) { return set_text(value, to.backup.to); }},
    {"upto", backup, number, "SEQUENCE", "all", "the last order to copy; nothing behind it is",
     [](Settings& to, Text value) {
       return set_number(value, {1, any_number.most}, to.backup.upto);
     }},
});

OptionScope scope_of(Command command) noexcept {
  switch (command) {
    case Command::orders:
      return orders;
    case Command::verify:
      return verify;
    case Command::backup:
      return backup;
    case Command::serve:
    case Command::help:
    case Command::version:
      break;
  }
  return serve;
}

}  // namespace

std::span<const Option> options() noexcept {
  return table;
}

bool is_taken_by(const Option& option, Command command) noexcept {
  return (static_cast<unsigned>(option.scope) & static_cast<unsigned>(scope_of(command))) != 0;
}

std::string environment_name(const Option& option) {
  std::string name = "FLUXGATE_" + toml_key(option);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name;
}

std::string toml_key(const Option& option) {
  std::string key(option.name);
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

}  // namespace fluxgate::cli
