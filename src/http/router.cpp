#include "http/router.hpp"

#include <array>

namespace fluxgate::http {
namespace {

// The sale first: routes are looked for from the top.
constexpr std::array<RouteFacts, route_count> table{{
    {Route::none, Method::other, "", "none", false, false},
    {Route::init, Method::post, "/init", "init", true, true},
    {Route::order, Method::post, "/order", "order", false, true},
    {Route::products, Method::get, "/products", "products", false, false},
    {Route::product, Method::get, "/products/{productId}", "product", false, false},
    {Route::audit, Method::get, "/products/{productId}/audit", "audit", true, false},
    {Route::orders, Method::get, "/orders", "orders", true, false},
    {Route::order_by_id, Method::get, "/orders/{orderId}", "order_by_id", false, false},
    {Route::healthz, Method::get, "/healthz", "healthz", false, false},
    {Route::readyz, Method::get, "/readyz", "readyz", false, false},
    {Route::metrics, Method::get, "/metrics", "metrics", false, false},
    {Route::openapi, Method::get, "/openapi.json", "openapi", false, false},
    {Route::home, Method::get, "/", "home", false, false},
    {Route::waiting_room, Method::get, "/waiting-room", "waiting_room", false, false},
    {Route::tickets, Method::post, "/waiting-room/tickets", "tickets", false, true},
    {Route::ticket, Method::get, "/waiting-room/tickets/{ticket}", "ticket", false, false},
    {Route::events, Method::get, "/waiting-room/events", "events", false, false},
    {Route::buy, Method::post, "/waiting-room/buy", "buy", false, false},
    {Route::settings, Method::get, "/admin/settings", "settings", true, false},
    {Route::change_settings, Method::patch, "/admin/settings", "change_settings", true, true},
    {Route::ticket_keys, Method::post, "/admin/ticket-keys", "ticket_keys", true, false},
}};

// A pattern's parts, split once, when the program is compiled.
struct Pattern {
  std::array<std::string_view, Target::parts_max> parts;
  std::size_t count = 0;
};

constexpr std::array<Pattern, route_count> patterns = [] {
  std::array<Pattern, route_count> result{};
  for (std::size_t i = 1; i < route_count; ++i) {
    if (table[i].route != static_cast<Route>(i)) throw "the table is not in order";
    std::string_view rest = table[i].path.substr(1);
    for (;;) {
      const std::size_t slash = rest.find('/');
      result[i].parts[result[i].count++] = rest.substr(0, slash);
      if (slash == std::string_view::npos) break;
      rest.remove_prefix(slash + 1);
    }
  }
  return result;
}();

bool matches(const Pattern& pattern, const Target& target) noexcept {
  if (pattern.count != target.count) return false;
  for (std::size_t i = 0; i < pattern.count; ++i) {
    const bool is_any = pattern.parts[i].starts_with('{') && !target.parts[i].empty();
    if (!is_any && pattern.parts[i] != target.parts[i]) return false;
  }
  return true;
}

std::string_view methods_of(const RouteFacts& route) noexcept {
  switch (route.method) {
    case Method::post:
      return "POST";
    case Method::patch:
      return "PATCH";
    default:
      return "GET, HEAD";
  }
}

}  // namespace

const RouteFacts& facts(Route route) noexcept {
  return table[static_cast<std::size_t>(route)];
}

Route find_route(const Target& target, Method method) noexcept {
  Route first = Route::none;
  for (std::size_t i = 1; i < route_count; ++i) {
    if (!matches(patterns[i], target)) continue;
    if (takes(table[i], method)) return static_cast<Route>(i);
    if (first == Route::none) first = static_cast<Route>(i);
  }
  return first;
}

std::span<const RouteFacts> routes() noexcept {
  return std::span(table).subspan(1);
}

std::string allowed(std::span<const RouteFacts> routes, std::string_view path) {
  std::string methods;
  for (const RouteFacts& route : routes) {
    if (route.path != path) continue;
    if (!methods.empty()) methods += ", ";
    methods += methods_of(route);
  }
  return methods;
}

}  // namespace fluxgate::http
