#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fluxgate::fuzz {

/// How the server that gets an input is set up: bits of the input's first byte.
struct SessionSetup {
  explicit SessionSetup(std::uint8_t bits) noexcept
      : is_remote((bits & 1) != 0),
        has_token((bits & 2) != 0),
        has_line((bits & 4) != 0),
        trusts_proxy((bits & 8) != 0),
        has_limits((bits & 16) != 0) {}

  bool is_remote;     ///< the peer is no loopback address
  bool has_token;     ///< `session_token` guards the admin routes
  bool has_line;      ///< one admission a second
  bool trusts_proxy;  ///< the peer's X-Forwarded-For is believed
  bool has_limits;    ///< few requests per connection, client and user
};

inline constexpr std::string_view session_token = "letmein-0123456789";

/// What became of one connection.
struct SessionOutcome {
  std::string output;       ///< all that the client got
  std::string products;     ///< name, round, quantity and stock of each
  bool is_balanced;         ///< quantity = stock + accepted, everywhere
  bool is_changed = false;  ///< a product or a setting is not what it was
};

/// Serves one connection on which the pieces arrive one after the other, each after the one before
/// has been dealt with, and which the client then closes; engine, shard and session are new, and
/// their time stands still.
[[nodiscard]] SessionOutcome serve_session(const SessionSetup& setup,
                                           const std::vector<std::string_view>& pieces);

}  // namespace fluxgate::fuzz
