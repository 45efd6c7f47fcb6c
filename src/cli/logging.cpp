#include "cli/logging.hpp"

#include <fmt/format.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <ctime>
#include <utility>

#include "cli/escape.hpp"
#include "http/json_write.hpp"

namespace fluxgate::cli {
namespace {

const char* level_word(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

LogLevel from_spdlog(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return LogLevel::debug;
    case spdlog::level::info:
      return LogLevel::info;
    case spdlog::level::warn:
      return LogLevel::warning;
    default:
      return LogLevel::error;
  }
}

/// Makes our lines, so that every byte of a message is escaped in both formats.
class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    const auto since_epoch =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch());
    std::string now;
    http::append_timestamp(now, since_epoch);
    const std::string line = format_log_line(format_, now, from_spdlog(message.level),
                                             {message.payload.data(), message.payload.size()});
    to.append(line.data(), line.data() + line.size());
    to.push_back('\n');
  }

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(format_);
  }

 private:
  LogFormat format_;
};

}  // namespace

std::string format_log_line(LogFormat format, std::string_view time, LogLevel level,
                            std::string_view message) {
  if (format == LogFormat::json) {
    return fmt::format(R"({{"time":"{}","level":"{}","msg":"{}"}})", time, level_word(level),
                       escape_json(message));
  }
  return fmt::format("{} {} {}", time, level_word(level), escape_line(message));
}

Logger::Logger(LogLevel least, LogFormat format) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_formatter(std::make_unique<LineFormatter>(format));
  logger_ = std::make_shared<spdlog::logger>("fluxgate", std::move(sink));
  logger_->set_level(to_spdlog(least));
  logger_->flush_on(spdlog::level::trace);
}

void Logger::write(LogLevel level, std::string_view message) const {
  logger_->log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

LogSink Logger::sink() const {
  return [log = *this](LogLevel level, std::string_view message) { log.write(level, message); };
}

}  // namespace fluxgate::cli
