#pragma once

#include <signal.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "support/child_process.hpp"

namespace fluxgate::testing {

/// The program under test: $FLUXGATE_SERVER_BINARY, else what the build says.
[[nodiscard]] inline std::string server_binary() {
  if (const char* path = std::getenv("FLUXGATE_SERVER_BINARY")) return path;
#ifdef FLUXGATE_SERVER_BINARY_DEFAULT
  return FLUXGATE_SERVER_BINARY_DEFAULT;
#else
  throw std::runtime_error("set FLUXGATE_SERVER_BINARY");
#endif
}

/// How to start a server.
struct ServerProcessOptions {
  /// Order log; a server started again on the same directory finds its orders.
  std::filesystem::path data_dir;
  /// Further flags, for example {"--durability", "os"}. `--port 0` and `--data-dir` are given.
  std::vector<std::string> arguments{};
  std::vector<std::string> environment{};  ///< "NAME=VALUE"
  /// Put before the program, for example {"strace", "-D", "-f", ...}. With -D the server itself
  /// is the child, so that signals reach it.
  std::vector<std::string> wrapper{};
};

/// A fluxgate-server run by a test, listening on a free port of 127.0.0.1.
///
/// Inherits FLUXGATE_* variables from nobody: they are taken out, so that a developer's shell
/// does not change a test.
///
/// Threads, Errors, Lifetime: as ChildProcess; the constructor returns once it listens and throws,
/// with its stderr, if it ends instead.
///
/// Example:
///     TempDir dir;
///     ServerProcess server({.data_dir = dir / "data", .arguments = {"--rate-limit", "10"}});
///     talk_to(server.port());
///     server.crash();                                           // kill -9
///     ServerProcess again({.data_dir = dir / "data"});          // recovers
///     REQUIRE(again.terminate().exit_code == 0);                // SIGTERM
class ServerProcess {
 public:
  explicit ServerProcess(const ServerProcessOptions& options) : process_(launch(options)) {
    static constexpr std::string_view start = "fluxgate listening on http://";
    const std::optional<std::string> line = process_.wait_for_line(start);
    if (!line) {
      const ProcessResult& result = process_.wait();
      throw std::runtime_error("the server ended with " + std::to_string(result.exit_code) + ": " +
                               result.err);
    }
    listening_line_ = *line;
    const std::string_view digits =
        std::string_view(listening_line_).substr(listening_line_.rfind(':') + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port_);
    if (parsed.ec != std::errc() || port_ == 0) throw std::runtime_error("no port: " + *line);
  }

  /// The command line and environment such a server gets, for tests that expect it to fail.
  [[nodiscard]] static ProcessOptions launch(const ServerProcessOptions& options) {
    ProcessOptions launched{options.wrapper, options.environment, false};
    launched.command.push_back(server_binary());
    for (const char* word : {"serve", "--port", "0", "--data-dir"}) {
      launched.command.emplace_back(word);
    }
    launched.command.push_back(options.data_dir.string());
    for (const std::string& argument : options.arguments) launched.command.push_back(argument);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      if (!text.starts_with("FLUXGATE_")) launched.environment.emplace_back(text);
    }
    return launched;
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// The first line on stdout.
  [[nodiscard]] const std::string& listening_line() const noexcept { return listening_line_; }
  [[nodiscard]] ChildProcess& process() noexcept { return process_; }

  /// Asks it to end (SIGTERM) and waits until it has.
  const ProcessResult& terminate() {
    process_.send(SIGTERM);
    return process_.wait();
  }
  /// Kills it as a crash would (SIGKILL).
  const ProcessResult& crash() { return process_.crash(); }
  /// Waits for an end that has its reason elsewhere, for example a storage failure.
  const ProcessResult& wait(std::chrono::milliseconds deadline = ChildProcess::deadline_default) {
    return process_.wait(deadline);
  }
  /// What it has logged so far.
  [[nodiscard]] std::string log() const { return process_.err(); }

 private:
  ChildProcess process_;
  std::uint16_t port_ = 0;
  std::string listening_line_;
};

}  // namespace fluxgate::testing
