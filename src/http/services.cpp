#include "http/services.hpp"

#include <utility>

namespace fluxgate::http {
namespace {

std::string location_of(const std::string& url) {
  const bool has_query = url.find('?') != std::string::npos;
  const bool is_open = url.ends_with('?') || url.ends_with('&');
  return url + (is_open ? "" : has_query ? "&" : "?") + "productId=";
}

}  // namespace

Services::Services(Engine& engine_to_serve, const ServerOptions& server_options, AdminRule rule,
                   WaitingRoomPage page)
    : engine(engine_to_serve),
      options(server_options),
      admin(std::move(rule)),
      clients(server_options),
      home(make_page(home_source())),
      waiting(make_page(waiting_source())),
      waiting_room(std::move(page)),
      guests(entropy_of(server_options)),
      waiting_location(location_of(server_options.waiting_room_url)) {}

}  // namespace fluxgate::http
