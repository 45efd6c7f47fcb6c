#pragma once

#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string_view>

namespace fluxgate::http {

/// A block of addresses, for example 10.0.0.0/8 or 2001:db8::1.
class Network {
 public:
  /// Reads an address or "address/bits"; none if it is neither.
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);

  /// An IPv4 address mapped into IPv6 counts as the IPv4 address.
  [[nodiscard]] bool contains(const boost::asio::ip::address& address) const;

 private:
  [[nodiscard]] bool unmap();

  boost::asio::ip::address base_;
  unsigned bits_ = 0;
};

/// `address`, or the IPv4 address it stands for.
[[nodiscard]] boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

}  // namespace fluxgate::http
