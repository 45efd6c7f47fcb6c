#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "fluxgate/result.hpp"

namespace fluxgate::http {

/// Connections the kernel may complete before they are accepted, per socket.
inline constexpr int backlog_max = 4096;

struct ListeningSocket {
  base::UniqueFd fd;
  bool is_v6 = false;
};

/// Listening sockets: one set per shard, all on the same addresses and port.
struct Listeners {
  std::vector<std::vector<ListeningSocket>> shards;
  std::uint16_t port = 0;
  bool is_loopback = false;  ///< every address is one that only this machine reaches
};

/// Opens them, with SO_REUSEPORT, so that the kernel spreads connections over the shards.
///
/// "localhost" is 127.0.0.1 and, where IPv6 exists, ::1; any other host is an address or a name.
/// Port 0 picks one that is free on every address.
///
/// Errors: in_use (also if the other holder used SO_REUSEPORT, which would have let us share its
///         connections), permission (a port below 1024), invalid_argument (the host is not one, or
///         not of this machine), unavailable.
[[nodiscard]] Result<Listeners> open_listeners(const std::string& host, std::uint16_t port,
                                               std::size_t shards);

}  // namespace fluxgate::http
