#include "http/handlers.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "http/ascii.hpp"
#include "http/json_write.hpp"

namespace fluxgate::http {
namespace {

Handled refuse(Exchange& exchange, Problem problem) {
  exchange.out.problem(problem);
  return Handled::answered;
}

// What watches the server is never told to wait.
bool is_for_operators(Route route) noexcept {
  return route == Route::healthz || route == Route::readyz || route == Route::metrics;
}

Handled refuse_method(Exchange& exchange, const RouteFacts& route) {
  constexpr Problem problem = Problem::method_not_allowed;
  const std::string allow = "Allow: " + allowed(routes(), route.path) + "\r\n";
  exchange.out.problem(problem, facts(problem).message, allow);
  return Handled::answered;
}

Handled answer_page(Exchange& exchange, const Page& page) {
  exchange.out.variable({.type = type_html, .headers = page.headers, .body = page.body});
  return Handled::answered;
}

Handled dispatch(Exchange& exchange) {
  switch (exchange.route) {
    case Route::init:
      return handle_init(exchange);
    case Route::order:
      return handle_order(exchange);
    case Route::products:
      return handle_products(exchange);
    case Route::product:
      return handle_product(exchange);
    case Route::audit:
      return handle_audit(exchange);
    case Route::orders:
      return handle_orders(exchange);
    case Route::order_by_id:
      return handle_order_by_id(exchange);
    case Route::readyz:
      return handle_readyz(exchange);
    case Route::metrics:
      return handle_metrics(exchange);
    case Route::waiting_room:
      return handle_waiting_room(exchange);
    case Route::tickets:
      return handle_tickets(exchange);
    case Route::ticket:
      return handle_ticket(exchange);
    case Route::events:
      return handle_events(exchange);
    case Route::buy:
      return handle_buy(exchange);
    case Route::settings:
      return handle_settings(exchange);
    case Route::change_settings:
      return handle_change_settings(exchange);
    case Route::ticket_keys:
      return handle_ticket_keys(exchange);
    case Route::home:
      return answer_page(exchange, exchange.services.home);
    case Route::healthz:
      exchange.out.fixed(exchange.out.answers().healthy());
      break;
    case Route::openapi:
      exchange.out.variable({.body = openapi_document()});
      break;
    case Route::none:
      return refuse(exchange, Problem::not_found);
  }
  return Handled::answered;
}

}  // namespace

Handled refuse_for_now(Exchange& exchange, Counter& refused, std::chrono::nanoseconds wait) {
  refused.add();
  constexpr Problem problem = Problem::too_many_requests;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  // With whole requests a second nearly nobody has to wait for longer.
  if (seconds <= 1) return refuse(exchange, problem);
  std::string body;
  append_error(body, facts(problem).code, facts(problem).message);
  const std::string retry = "Retry-After: " + std::to_string(seconds) + "\r\n";
  exchange.out.variable({.status = facts(problem).status, .more_headers = retry, .body = body});
  return Handled::answered;
}

Handled handle(Exchange& exchange) {
  const Request& request = *exchange.request;
  const bool is_target = parse_target(request.target, exchange.target, exchange.decoded);
  exchange.route = is_target ? find_route(exchange.target, request.method) : Route::none;
  if (exchange.services.clients.limit_addresses() && !is_for_operators(exchange.route)) {
    const auto wait =
        exchange.services.clients.count_address(exchange.peer, request.forwarded_for());
    if (wait.count() != 0) return refuse_for_now(exchange, exchange.counters.limited_clients, wait);
  }
  if (!is_target) return refuse(exchange, Problem::malformed_request);
  const RouteFacts& route = facts(exchange.route);
  if (exchange.route == Route::none) return refuse(exchange, Problem::not_found);
  if (!takes(route, request.method)) return refuse_method(exchange, route);
  if (route.is_admin && !exchange.services.admin.allows(request, exchange.target.authority,
                                                        exchange.is_loopback_peer)) {
    return refuse(exchange, Problem::unauthorized);
  }
  // Parameters, such as a charset, change nothing: JSON is UTF-8.
  if (route.has_json_body && !is_media_type(request.content_type, type_json)) {
    return refuse(exchange, Problem::unsupported_media_type);
  }
  return dispatch(exchange);
}

void finish_call(Exchange& exchange) {
  // The page's calls are answered with pages.
  if (exchange.route == Route::waiting_room) return answer_room(exchange);
  if (exchange.route == Route::buy) return answer_buy(exchange);
  switch (exchange.awaited) {
    case Operation::Kind::order:
      return answer_order(exchange);
    case Operation::Kind::init:
      return answer_init(exchange);
    case Operation::Kind::join:
      return answer_join(exchange);
    case Operation::Kind::settings:
      return answer_settings(exchange);
  }
}

void finish_read(Exchange& exchange, const Reading& reading) {
  if (reading.problem == Problem::storage_unavailable) {
    // Its own message: what an order is told about its outcome is not for readers.
    exchange.out.problem(*reading.problem, "The order log cannot be read now");
  } else if (reading.problem) {
    exchange.out.problem(*reading.problem);
  } else {
    exchange.out.variable({.body = reading.body});
  }
}

}  // namespace fluxgate::http
