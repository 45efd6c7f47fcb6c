#pragma once

#include <cstdint>
#include <string>

#include "http/waiting_room_page.hpp"

namespace fluxgate::http {

/// What somebody who opens the waiting room, or orders from it, is known by.
///
/// Lifetime: of the exchange; it holds what the calls' views point to.
struct RoomRequest {
  std::string product_id;
  std::string user_id;
  std::string ticket;
  std::string pass;      ///< of who orders; also the key of the order
  std::string order_id;  ///< of who has ordered
  std::uint64_t from = 0;
  RoomNotice notice = RoomNotice::none;
  bool joins_again = false;
  bool has_cookie = false;    ///< the browser has sent this ticket
  bool keeps_cookie = false;  ///< the ticket is not to be put into a cookie
};

}  // namespace fluxgate::http
