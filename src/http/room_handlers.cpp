#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "http/ascii.hpp"
#include "http/cookie.hpp"
#include "http/handlers.hpp"
#include "http/json_write.hpp"
#include "http/room_request.hpp"
#include "http/uri.hpp"

namespace fluxgate::http {
namespace {

constexpr std::string_view type_form = "application/x-www-form-urlencoded";
// When a page that found no place looks again.
constexpr std::uint64_t retry_seconds = 5;
constexpr std::uint64_t retry_seconds_gone = 15;
// A browser without script loads the whole page, and an order button must not move under a finger.
constexpr std::uint64_t page_seconds_least = 2;
constexpr std::uint64_t page_seconds_admitted = 30;

// The words that come back from handle_buy().
RoomNotice notice_of(std::string_view word) noexcept {
  if (word == "over_limit") return RoomNotice::over_limit;
  if (word == "pass") return RoomNotice::pass;
  return word == "busy" ? RoomNotice::busy : RoomNotice::none;
}

RoomState state_of(PlaceState state) noexcept {
  switch (state) {
    case PlaceState::waiting:
      return RoomState::waiting;
    case PlaceState::admitted:
      return RoomState::admitted;
    case PlaceState::sold_out:
      return RoomState::sold_out;
    case PlaceState::expired:
      break;
  }
  return RoomState::expired;
}

std::uint64_t seconds_of(std::chrono::milliseconds time) noexcept {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

// Path and query that lead back to the page, which then knows the ticket.
std::string page_link(const RoomRequest& room) {
  std::string url = room_link(room.product_id);
  if (!room.has_cookie && !room.ticket.empty()) append_encoded(url += "&ticket=", room.ticket);
  return url;
}

RoomView view_of(const RoomRequest& room, RoomState state) {
  RoomView view;
  view.state = state;
  view.notice = room.notice;
  view.product_id = room.product_id;
  view.user_id = room.user_id;
  view.ticket = room.ticket;
  view.order_id = room.order_id;
  view.has_ticket_in_links = !room.has_cookie;
  view.refresh_seconds = state == RoomState::gone ? retry_seconds_gone : retry_seconds;
  return view;
}

struct PageAnswer {
  unsigned status = 200;
  std::string more_headers = {};
};

Handled answer_page(Exchange& exchange, const RoomView& view, const PageAnswer& answer = {}) {
  const auto page = exchange.services.waiting_room.render(exchange.request->accept_language, view);
  exchange.out.variable({.status = answer.status,
                         .type = type_html,
                         .headers = page.headers,
                         .more_headers = answer.more_headers,
                         .body = page.body});
  return Handled::answered;
}

// 303: what was sent is done, and loading the next page again does not do it again.
Handled answer_see_other(Exchange& exchange, const std::string& url, std::string_view more = {}) {
  const std::string headers = "Cache-Control: no-store\r\nLocation: " + url + "\r\n";
  exchange.out.variable(
      {.status = 303, .type = type_html, .headers = headers, .more_headers = more, .body = {}});
  return Handled::answered;
}

// A problem, as a page for people.
Handled answer_problem(Exchange& exchange, Problem problem, RoomState state) {
  if (exchange.request->accepts_json) {
    exchange.out.problem(problem);
    return Handled::answered;
  }
  return answer_page(exchange, view_of(*exchange.room, state),
                     {facts(problem).status, std::string(facts(problem).headers)});
}

Handled answer_place(Exchange& exchange, const Place& place, const std::string& cookie = {}) {
  const RoomRequest& room = *exchange.room;
  if (exchange.request->accepts_json) {
    std::string body(waiting_body.substr(0, waiting_body.size() - 1));
    body += ",\"ticket\":";
    append_json_string(body, room.ticket);
    std::string rest;
    append_place(rest, place);
    rest.front() = ',';
    body += rest;
    exchange.out.variable({.more_headers = cookie, .body = body});
    return Handled::answered;
  }
  RoomView view = view_of(room, state_of(place.state));
  view.pass = place.pass;
  view.position = place.position;
  view.ahead = place.ahead;
  view.from = room.from;
  view.wait_seconds = seconds_of(place.wait);
  view.units_left = place.units_left;
  view.refresh_seconds = std::max(seconds_of(place.refresh), page_seconds_least);
  if (place.state == PlaceState::admitted) view.refresh_seconds = page_seconds_admitted;
  return answer_page(exchange, view, {.more_headers = cookie});
}

enum class Taken { no, yes, of_another };

// Takes a ticket that this engine gave for this product, and to this user if one is named.
Taken take_ticket(const Engine& engine, std::string_view ticket, RoomRequest& room) {
  if (ticket.empty()) return Taken::no;
  const auto holder = engine.ticket_holder(ticket);
  if (!holder || holder->product_id != room.product_id) return Taken::no;
  if (!room.user_id.empty() && holder->user_id != room.user_id) return Taken::of_another;
  room.ticket = ticket;
  room.user_id = holder->user_id;
  return Taken::yes;
}

// What the query says. None: `productId` is missing.
std::optional<RoomRequest> read_query(Query& query, std::string& ticket) {
  const auto product = query.text("productId");
  if (!product) return std::nullopt;
  RoomRequest room;
  room.product_id = *product;
  room.user_id = query.text("userId").value_or("");
  ticket = query.text("ticket").value_or("");
  room.order_id = query.text("order").value_or("");
  room.notice = notice_of(query.text("result").value_or(""));
  room.from = query.number("from", {0, units_max}).value_or(0);
  room.joins_again = query.text("again").has_value();
  return room;
}

Handled join(Exchange& exchange) {
  RoomRequest& room = *exchange.room;
  if (room.user_id.empty()) {
    room.user_id = exchange.services.guests.next();
  } else if (ClientLimits& clients = exchange.services.clients; clients.limit_users()) {
    if (clients.count_join(room.user_id).count() != 0) {
      exchange.counters.limited_users.add();
      return answer_problem(exchange, Problem::too_many_requests, RoomState::busy);
    }
  }
  return submit_join(exchange, {.product_id = room.product_id, .user_id = room.user_id});
}

// Where the page goes after an order from it.
std::string link_after(const RoomRequest& room, const OrderResult& result) {
  const std::string page = page_link(room);
  switch (result.status) {
    case OrderStatus::accepted:
      return page + "&order=" + std::string(result.order_id.view());
    case OrderStatus::sold_out:
    case OrderStatus::unknown_product:
      return page;  // which says so
    case OrderStatus::over_limit:
      return page + "&result=over_limit";
    case OrderStatus::invalid_pass:
    case OrderStatus::expired_pass:
    case OrderStatus::used_pass:
    case OrderStatus::key_reused:
    case OrderStatus::invalid_argument:
      return page + "&result=pass";
    default:
      return page + "&result=busy";
  }
}

}  // namespace

Handled handle_waiting_room(Exchange& exchange) {
  const Request& request = *exchange.request;
  Engine& engine = exchange.services.engine;
  Query query(exchange.target.query);
  std::string ticket;
  std::optional<RoomRequest> read = read_query(query, ticket);
  const bool is_bad_user = read && !read->user_id.empty() && !is_valid_id(read->user_id);
  if (query.is_bad() || is_bad_user) {
    exchange.out.problem(Problem::invalid_query);
    return Handled::answered;
  }
  if (!read) return handle_waiting(exchange);
  exchange.room = std::make_unique<RoomRequest>(*std::move(read));
  RoomRequest& room = *exchange.room;
  if (!is_valid_id(room.product_id) || !engine.product(room.product_id)) {
    return answer_problem(exchange, Problem::unknown_product, RoomState::unknown);
  }
  if (!room.order_id.empty()) {
    // Only an order of ours is thanked for: nobody can make its id up.
    if (engine.is_order_id(room.order_id) && !request.accepts_json) {
      return answer_page(exchange, view_of(room, RoomState::bought));
    }
    room.order_id.clear();
  }
  const std::string_view cookie = find_cookie(request.cookie, ticket_cookie_name(room.product_id));
  // A ticket that stood in a link may be somebody else's, and must not stay. Nor must a link with a
  // name in it take the place of the ticket somebody has.
  const bool is_linked = !ticket.empty();
  const Taken taken = take_ticket(engine, is_linked ? std::string_view(ticket) : cookie, room);
  room.keeps_cookie = is_linked || taken == Taken::of_another;
  if (is_linked && taken != Taken::yes) {
    return answer_problem(exchange, Problem::unknown_ticket, RoomState::expired);
  }
  room.has_cookie = !room.ticket.empty() && cookie == room.ticket;
  if (room.joins_again || room.ticket.empty()) return join(exchange);
  const std::optional<Place> place = engine.look(room.ticket);
  if (!place) return answer_problem(exchange, Problem::unknown_ticket, RoomState::expired);
  return answer_place(exchange, *place);
}

void answer_room(Exchange& exchange) {
  RoomRequest& room = *exchange.room;
  JoinResult& result = exchange.join->result;
  if (result.status == JoinStatus::joined || result.status == JoinStatus::kept) {
    const bool had_cookie = room.has_cookie;
    room.has_cookie = had_cookie && room.ticket == result.ticket;
    room.ticket = std::move(result.ticket);
    const std::string cookie = room.has_cookie || room.keeps_cookie
                                   ? std::string()
                                   : ticket_cookie_line(room.product_id, room.ticket);
    if (room.joins_again && !exchange.request->accepts_json) {
      room.has_cookie = had_cookie && !room.keeps_cookie;  // who sent one sends the next
      answer_see_other(exchange, page_link(room), cookie);
      return;
    }
    // The first look: without a line it is this person's turn at once.
    const std::optional<Place> place = exchange.services.engine.look(room.ticket);
    answer_place(exchange, place.value_or(std::move(result.place)), cookie);
    return;
  }
  if (result.status == JoinStatus::sold_out) {
    if (exchange.request->accepts_json) {
      return exchange.out.fixed(exchange.out.answers().sold_out());
    }
    answer_page(exchange, view_of(room, RoomState::gone));
    return;
  }
  const Problem problem = problem_of(result.status).value_or(Problem::internal);
  const RoomState state = result.status == JoinStatus::unknown_product ? RoomState::unknown
                          : result.status == JoinStatus::line_closed   ? RoomState::closed
                                                                       : RoomState::busy;
  answer_problem(exchange, problem, state);
}

// Another site can make a browser send this form, but not with a pass of the person who sits there:
// the pass stands in the page, which no other site can read, and is a signature nobody can make up.
// Ticket and pass of somebody else buy for that somebody, as he could by himself. So nothing hangs
// on the cookie here, which is SameSite=Lax and would not be sent from there either.
Handled handle_buy(Exchange& exchange) {
  const Request& request = *exchange.request;
  if (!is_media_type(request.content_type, type_form)) {
    exchange.out.problem(Problem::unsupported_media_type,
                         "Send Content-Type: application/x-www-form-urlencoded");
    return Handled::answered;
  }
  // Both values are base64url, in which a plus, which forms write for a space, cannot be.
  Query form(request.body);
  const auto ticket = form.text("ticket");
  const auto pass = form.text("pass");
  if (form.is_bad() || !ticket || !pass) {
    exchange.out.problem(Problem::invalid_field);
    return Handled::answered;
  }
  const auto holder = exchange.services.engine.ticket_holder(*ticket);
  if (!holder) {
    exchange.out.problem(Problem::unknown_ticket);
    return Handled::answered;
  }
  exchange.room = std::make_unique<RoomRequest>();
  RoomRequest& room = *exchange.room;
  room.product_id = holder->product_id;
  room.user_id = holder->user_id;
  room.ticket = *ticket;
  room.pass = *pass;
  room.has_cookie = find_cookie(request.cookie, ticket_cookie_name(room.product_id)) == room.ticket;
  if (!is_valid_key(room.pass)) return answer_see_other(exchange, page_link(room) + "&result=pass");
  // One pass is one order, however often its button is pressed: so it is the key, too.
  exchange.order.request = {
      .product_id = room.product_id, .user_id = room.user_id, .key = room.pass, .pass = room.pass};
  exchange.awaited = Operation::Kind::order;
  if (exchange.services.engine.submit(exchange.order, Wake::later) == Submission::pending) {
    return Handled::called;
  }
  answer_buy(exchange);
  return Handled::answered;
}

void answer_buy(Exchange& exchange) {
  const OrderResult& result = exchange.order.result;
  exchange.counters.count_order(result);
  answer_see_other(exchange, link_after(*exchange.room, result));
}

}  // namespace fluxgate::http
