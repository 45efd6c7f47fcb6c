#pragma once

#include <boost/asio/ip/address.hpp>
#include <string_view>

#include "http/address.hpp"

namespace fluxgate::http {

/// Who sent a request that came from the trusted `proxies`: the rightmost address of the list that
/// is not one of theirs. What stands left of it is only said by him.
///
/// `lines` is Request::forwarded_for(). An entry is an address, with or without a port, IPv6 in
/// brackets or not. Anything else ends the walk: then, and if there are proxies only, the last
/// address that was read counts, or `peer`.
[[nodiscard]] boost::asio::ip::address client_address(const boost::asio::ip::address& peer,
                                                      std::string_view lines,
                                                      const Network& proxies);

}  // namespace fluxgate::http
