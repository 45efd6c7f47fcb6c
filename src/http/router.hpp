#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/request.hpp"
#include "http/uri.hpp"

namespace fluxgate::http {

/// Every route; `none` counts what found no route, or was refused before one was looked for.
enum class Route : std::uint8_t {
  none,
  init,
  order,
  products,
  product,
  audit,
  orders,
  order_by_id,
  healthz,
  readyz,
  metrics,
  openapi,
  home,
  waiting_room,
  tickets,
  ticket,
  events,
};
inline constexpr std::size_t route_count = 17;

/// What the router knows of a route.
struct RouteFacts {
  Route route;
  Method method;          ///< `get` takes HEAD too
  std::string_view path;  ///< as in docs/HTTP_API.md; a part in braces stands for any text
  std::string_view name;  ///< label in /metrics
  bool is_admin;
  bool has_json_body;
};

/// By number; the entry of Route::none has no path.
[[nodiscard]] const RouteFacts& facts(Route route) noexcept;

/// The route of a path; Route::none if there is none.
[[nodiscard]] Route find_route(const Target& target) noexcept;

/// Value of the Allow header.
[[nodiscard]] std::string_view allowed(const RouteFacts& route) noexcept;

}  // namespace fluxgate::http
