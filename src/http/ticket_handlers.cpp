#include <array>
#include <optional>
#include <string>

#include "http/handlers.hpp"
#include "http/json_write.hpp"
#include "http/uri.hpp"

namespace fluxgate::http {
namespace {

// Browsers come back by themselves after so many milliseconds.
constexpr std::string_view stream_start =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "X-Accel-Buffering: no\r\nConnection: close\r\n\r\nretry: 2000\n\n";

bool is_last_state(PlaceState state) noexcept {
  return state == PlaceState::sold_out || state == PlaceState::expired;
}

}  // namespace

Handled handle_tickets(Exchange& exchange) {
  std::array<JsonField, 2> fields{{
      {.name = "productId", .kind = JsonField::Kind::id, .is_required = true},
      {.name = "userId", .kind = JsonField::Kind::id, .is_required = true},
  }};
  if (!read_fields(exchange, fields)) return Handled::answered;
  if (exchange.services.clients.limit_users()) {
    const auto wait = exchange.services.clients.count_join(fields[1].text);
    if (wait.count() != 0) return refuse_for_now(exchange, exchange.counters.limited_users, wait);
  }
  return submit_join(exchange, {.product_id = fields[0].text, .user_id = fields[1].text});
}

Handled submit_join(Exchange& exchange, const JoinRequest& request) {
  if (!exchange.join) exchange.join = std::make_unique<JoinCall>(exchange.sink, exchange.session);
  exchange.join->request = request;
  exchange.awaited = Operation::Kind::join;
  if (exchange.services.engine.submit(*exchange.join) == Submission::pending) {
    return Handled::called;
  }
  finish_call(exchange);
  return Handled::answered;
}

void answer_join(Exchange& exchange) {
  const JoinResult& result = exchange.join->result;
  if (result.status == JoinStatus::sold_out) {
    return exchange.out.fixed(exchange.out.answers().sold_out());
  }
  if (const auto problem = problem_of(result.status)) return exchange.out.problem(*problem);
  std::string body;
  append_ticket(body, result);
  exchange.out.variable(
      {.status = result.status == JoinStatus::joined ? 201U : 200U, .body = body});
}

Handled handle_ticket(Exchange& exchange) {
  const auto place = exchange.services.engine.look(exchange.target.part(2));
  if (!place) {
    exchange.out.problem(Problem::unknown_ticket);
    return Handled::answered;
  }
  std::string body;
  append_place(body, *place);
  exchange.out.variable({.body = body});
  return Handled::answered;
}

Handled handle_events(Exchange& exchange) {
  Query query(exchange.target.query);
  const auto ticket = query.text("ticket");
  if (query.is_bad() || !ticket) {
    exchange.out.problem(Problem::invalid_query);
    return Handled::answered;
  }
  const auto place = exchange.services.engine.look(*ticket);
  if (!place) {
    exchange.out.problem(Problem::unknown_ticket);
    return Handled::answered;
  }
  // A server that stops, or is about to, would wait for the client to end it.
  const EngineState state = exchange.services.engine.state();
  if (state == EngineState::draining || state == EngineState::failed) {
    exchange.out.problem(Problem::draining);
    return Handled::answered;
  }
  const std::size_t streams_max = exchange.services.options.max_streams;
  if (exchange.request->method == Method::head) {
    if (exchange.services.streams.open() < streams_max) {
      exchange.out.raw(200, stream_start.substr(0, stream_start.find("retry")));
      return Handled::ending;
    }
    exchange.out.problem(Problem::overloaded);
    return Handled::answered;
  }
  if (!exchange.services.streams.try_open(streams_max)) {
    exchange.out.problem(Problem::overloaded);
    return Handled::answered;
  }
  exchange.out.raw(200, stream_start);
  exchange.stream = {};
  exchange.stream.ticket = *ticket;
  append_event(exchange, *place);
  return Handled::streaming;
}

void append_event(Exchange& exchange, const Place& place) {
  std::string event = "event: place\ndata: ";
  append_place(event, place);
  event += "\n\n";
  exchange.out.raw(200, event);
  exchange.stream.last = place;
  exchange.stream.is_over = is_last_state(place.state);
}

bool continue_stream(Exchange& exchange, std::uint64_t tick) {
  PlaceStream& stream = exchange.stream;
  const auto place = exchange.services.engine.look(stream.ticket);
  if (!place) return false;
  // How soon to look again is drawn anew each time and is no news.
  stream.last.refresh = place->refresh;
  if (tick - stream.spoke_at < stream_ticks_max && *place == stream.last) return false;
  stream.spoke_at = tick;
  append_event(exchange, *place);
  return true;
}

}  // namespace fluxgate::http
