#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fluxgate/engine.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"

namespace fluxgate {

/// The HTTP service of docs/HTTP_API.md over an engine the caller owns.
///
/// Threads:  ServerOptions::threads shards and ServerOptions::read_threads readers, none else. No
///           signal handler; nothing on stdout. Methods from one thread at a time.
/// Lifetime: destroying it stops it. The engine must outlive it.
///
/// Example:
///     auto server = fluxgate::Server::start(*engine, {.port = 3000});
///     if (!server) return fail(server.error().message);
///     wait_for_signal();
///     (*server)->stop();
class Server {
 public:
  /// Listens and serves. Connections are accepted when this returns.
  ///
  /// Errors: invalid_argument (a host, proxy or number that cannot be), in_use (the port is
  ///         taken), permission, unavailable (no sockets or threads to be had).
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(Engine& engine, ServerOptions options);

  /// What start() would say of the options by themselves, before there is an engine: that a number
  /// is out of range, or that the waiting room's page cannot be made.
  ///
  /// Errors: invalid_argument.
  [[nodiscard]] static Result<void> check(const ServerOptions& options);

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// The port it listens on.
  [[nodiscard]] std::uint16_t port() const noexcept;

  /// Refuses new connections and orders, answers what is in flight (drain_timeout at most),
  /// closes and joins. Calls Engine::drain(). True if every answer went out in time.
  bool stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace fluxgate
