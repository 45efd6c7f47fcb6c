#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
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
  buy,
  settings,
  change_settings,
  ticket_keys,
};
inline constexpr std::size_t route_count = 21;

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

/// True if the route takes the method.
[[nodiscard]] constexpr bool takes(const RouteFacts& route, Method method) noexcept {
  return method == route.method || (method == Method::head && route.method == Method::get);
}

/// The route of a path and a method. If none of the path's routes takes the method, the first of
/// them; if the path has none, Route::none.
[[nodiscard]] Route find_route(const Target& target, Method method) noexcept;

/// All routes, in the order in which they are looked for.
[[nodiscard]] std::span<const RouteFacts> routes() noexcept;

/// Value of the Allow header: what the routes of this path take.
[[nodiscard]] std::string allowed(std::span<const RouteFacts> routes, std::string_view path);

}  // namespace fluxgate::http
