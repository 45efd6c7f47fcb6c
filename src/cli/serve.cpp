#include "cli/serve.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "cli/events.hpp"
#include "fluxgate/engine.hpp"
#include "fluxgate/server.hpp"

namespace fluxgate::cli {
namespace {

// "75 within 1 s": what the committer's answers may still take to reach their clients.
constexpr std::chrono::milliseconds failed_stop_wait_max{800};
// Behind the drain of at most 10 s: what the last write and the closing of the log may take.
constexpr std::chrono::milliseconds close_wait_max{30'000};

struct Service {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Server> server;
};

/// Ends the process without destructors: other threads still run, perhaps for ever.
[[noreturn]] void end_now(ExitCode code) {
  std::_Exit(static_cast<int>(code));
}

/// Opens the log and listens. On an error logs one line and returns the exit code.
std::optional<ExitCode> start(Service& service, const Settings& settings, const Logger& log,
                              Events& events) {
  // Before the log is made, or read for seconds.
  if (auto checked = Server::check(settings.server); !checked) {
    log.write(LogLevel::error, checked.error().message);
    return ExitCode::usage;
  }
  EngineOptions engine_options = settings.engine;
  engine_options.log = log.sink();
  engine_options.on_storage_failure = [&log, &events](std::string_view why) {
    log.write(LogLevel::error, fmt::format("storage failed: {}", why));
    events.storage_failed();
  };
  auto engine = Engine::open(std::move(engine_options));
  if (!engine) {
    log.write(LogLevel::error, engine.error().message);
    const ExitCode code = exit_code_of(engine.error().code);
    // The options were checked before: what is wrong is the directory.
    return code == ExitCode::usage ? ExitCode::failure : code;
  }
  service.engine = *std::move(engine);

  ServerOptions server_options = settings.server;
  server_options.log = log.sink();
  auto server = Server::start(*service.engine, std::move(server_options));
  if (!server) {
    log.write(LogLevel::error, server.error().message);
    // Here `unavailable` is sockets or threads, not storage.
    return server.error().code == ErrorCode::invalid_argument ? ExitCode::usage : ExitCode::failure;
  }
  service.server = *std::move(server);
  return std::nullopt;
}

/// Ends without closing the engine: its storage may hang, and has nothing left to save.
[[noreturn]] void end_after_storage_failure(const Logger& log) {
  log.write(LogLevel::error, "ending with 75: every acknowledged order is safe; start again");
  end_now(ExitCode::storage_failed);
}

ExitCode drain(Service& service, const Logger& log, Events& events,
               std::chrono::seconds drain_max) {
  log.write(LogLevel::info, "stopping: no new orders; those in flight are answered");
  bool in_time = false;
  Result<void> closed;
  const Event event = events.run(
      [&] {
        in_time = service.server->stop();
        closed = service.engine->close();
      },
      drain_max + close_wait_max);
  switch (event) {
    case Event::done:
      break;
    case Event::storage_failed:
      static_cast<void>(events.wait(failed_stop_wait_max));  // stop() is running: let it end
      end_after_storage_failure(log);
    case Event::signal:
      log.write(LogLevel::warning, "a second signal: ending now");
      end_now(ExitCode::failure);
    case Event::timeout:
      log.write(LogLevel::error, "the log could not be closed in time: ending now");
      end_now(ExitCode::failure);
  }
  if (!in_time) log.write(LogLevel::warning, "some answers did not go out in time");
  if (!closed) {
    log.write(LogLevel::error, closed.error().message);
    return exit_code_of(closed.error().code);
  }
  log.write(LogLevel::info, "stopped");
  return ExitCode::ok;
}

void announce(const std::string& url) {
  std::printf("fluxgate listening on %s\n", url.c_str());
  std::fflush(stdout);
}

}  // namespace

std::string base_url(std::string_view host, std::uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  return is_ipv6 ? fmt::format("http://[{}]:{}", host, port)
                 : fmt::format("http://{}:{}", host, port);
}

ExitCode serve(const Settings& settings) {
  Events events;  // first: the threads made below inherit its blocked signals
  const Logger log(settings.log_level, settings.log_format);
  for (const std::string& warning : settings.warnings) log.write(LogLevel::warning, warning);

  Service service;
  std::optional<ExitCode> failed;
  const Event opened = events.run([&] { failed = start(service, settings, log, events); });
  if (opened == Event::storage_failed) end_after_storage_failure(log);
  if (opened == Event::signal) {
    log.write(LogLevel::info, "stopped before it served");
    end_now(ExitCode::ok);
  }
  if (failed) return *failed;

  announce(base_url(settings.server.host, service.server->port()));
  if (events.wait() == Event::storage_failed) {
    // The answers that the failure left behind go out.
    static_cast<void>(events.run([&service] { service.server->stop(); }, failed_stop_wait_max));
    end_after_storage_failure(log);
  }
  return drain(service, log, events, settings.server.drain_timeout);
}

}  // namespace fluxgate::cli
