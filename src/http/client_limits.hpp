#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <optional>
#include <string_view>

#include "admission/client_limiter.hpp"
#include "base/hash.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/entropy.hpp"
#include "fluxgate/options.hpp"
#include "http/address.hpp"

namespace fluxgate::http {

/// What the options say, or the machine's.
[[nodiscard]] Entropy& entropy_of(const ServerOptions& options) noexcept;

/// How many requests a client may make, by his address and by his user; each off unless its rate is
/// given.
///
/// An address is the client's, not that of the trusted proxy he came by. Of an IPv6 address the
/// first 64 bits count: whoever has one has all that begin with them.
///
/// Threads: any.
/// Memory:  2 MiB for the addresses, 4 MiB for the users, if they are on.
class ClientLimits {
 public:
  /// Throws std::bad_alloc.
  explicit ClientLimits(const ServerOptions& options);

  [[nodiscard]] bool limit_addresses() const noexcept { return by_address_.has_value(); }
  [[nodiscard]] bool limit_users() const noexcept { return by_user_.has_value(); }

  /// Counts a request. `forwarded_for` is Request::forwarded_for(). Only if limit_addresses().
  /// Returns: zero: admitted; else how long not to come again.
  [[nodiscard]] std::chrono::nanoseconds count_address(const boost::asio::ip::address& peer,
                                                       std::string_view forwarded_for);
  /// The same of a user's orders. Only if limit_users().
  [[nodiscard]] std::chrono::nanoseconds count_user(std::string_view user_id);
  /// And of his wishes to join the line, apart from his orders: whose order was told to wait joins
  /// at once.
  [[nodiscard]] std::chrono::nanoseconds count_join(std::string_view user_id);

 private:
  const Clock& clock_;
  const std::optional<Network> proxies_;
  const base::HashKey secret_;
  std::optional<admission::ClientLimiter> by_address_;
  std::optional<admission::ClientLimiter> by_user_;
  std::optional<admission::ClientLimiter> by_joiner_;
};

}  // namespace fluxgate::http
