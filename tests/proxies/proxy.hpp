#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "support/child_process.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {

/// A proxy of Debian in front of a server on this machine, by a configuration of its own, in a
/// folder of its own, on a free port of 127.0.0.1. It keeps one connection to the server and uses
/// it for everybody, and gives every request it knows of `token` as its authorization.
///
/// Threads, Errors: as ChildProcess.
/// Lifetime: the destructor ends it.
class Proxy {
 public:
  /// nginx, haproxy, apache or varnish. None: its program is not installed.
  [[nodiscard]] static std::unique_ptr<Proxy> start(std::string_view kind,
                                                    std::uint16_t server_port,
                                                    const std::string& token);
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// What it has said on stderr.
  [[nodiscard]] std::string log() const { return process_->err(); }

 private:
  Proxy() = default;
  void wait_until_it_listens();

  TempDir folder_;
  std::uint16_t port_ = 0;
  std::optional<ChildProcess> process_;
};

}  // namespace fluxgate::testing
