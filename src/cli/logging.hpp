#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "fluxgate/options.hpp"

namespace spdlog {
class logger;
}  // namespace spdlog

namespace fluxgate::cli {

enum class LogFormat { text, json };

/// The program's log: one line a message on stderr, written before write() returns.
///
/// text: `2026-01-31T12:00:00.000Z info what happened`
/// json: `{"time":"2026-01-31T12:00:00.000Z","level":"info","msg":"what happened"}`
///
/// Threads:  any. Lines do not mix.
/// Lifetime: sinks share the log and may outlive this object.
class Logger {
 public:
  /// Drops what is below `least`.
  Logger(LogLevel least, LogFormat format);

  void write(LogLevel level, std::string_view message) const;
  /// For EngineOptions::log and ServerOptions::log.
  [[nodiscard]] LogSink sink() const;

 private:
  std::shared_ptr<spdlog::logger> logger_;
};

/// One line of the log, without its end. `time` is shown as it is.
[[nodiscard]] std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                                          std::string_view message);

}  // namespace fluxgate::cli
