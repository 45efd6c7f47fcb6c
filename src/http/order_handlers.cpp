#include <array>

#include "http/handlers.hpp"
#include "http/json_write.hpp"
#include "http/order_body.hpp"
#include "http/uri.hpp"

namespace fluxgate::http {
namespace {

constexpr std::string_view replayed_header = "Idempotent-Replayed: true\r\n";

void refuse(Exchange& exchange, const JsonRefusal& refusal) {
  if (refusal.message.empty()) {
    exchange.out.problem(refusal.problem);
  } else {
    exchange.out.problem(refusal.problem, refusal.message);
  }
}

// Fills in the order. False: it was refused.
bool read_order(Exchange& exchange) {
  const Request& request = *exchange.request;
  OrderBody body;
  if (read_common_order(request.body, body)) {
    exchange.order.request = {.product_id = body.product_id,
                              .user_id = body.user_id,
                              .key = request.key,
                              .pass = request.pass};
    return true;
  }
  std::array<JsonField, 3> fields{{
      {.name = "productId", .kind = JsonField::Kind::id, .is_required = true},
      {.name = "userId", .kind = JsonField::Kind::id, .is_required = true},
      {.name = "quantity", .kind = JsonField::Kind::integer, .min = 1},
  }};
  if (!read_fields(exchange, fields)) return false;
  exchange.order.request = {.product_id = fields[0].text,
                            .user_id = fields[1].text,
                            .key = request.key,
                            .quantity = fields[2].is_present ? fields[2].number : 1,
                            .pass = request.pass};
  return true;
}

std::optional<Problem> check_key(const Request& request) noexcept {
  if (!request.has_key) return Problem::missing_idempotency_key;
  if (request.has_key_conflict || !is_valid_key(request.key)) {
    return Problem::invalid_idempotency_key;
  }
  return std::nullopt;
}

void answer_waiting(Exchange& exchange, std::string_view more_headers) {
  std::string headers = "Cache-Control: no-store\r\nLocation: ";
  headers += exchange.services.waiting_location;
  append_encoded(headers, exchange.order.request.product_id);
  headers += "\r\n";
  exchange.out.variable(
      {.status = 302, .headers = headers, .more_headers = more_headers, .body = waiting_body});
}

}  // namespace

bool read_fields(Exchange& exchange, std::span<JsonField> fields) {
  const auto refusal = exchange.json.read(exchange.body, exchange.request->body.size(), fields);
  if (refusal) refuse(exchange, *refusal);
  return !refusal;
}

Handled handle_order(Exchange& exchange) {
  const Request& request = *exchange.request;
  if (const auto problem = check_key(request)) {
    exchange.out.problem(*problem);
    return Handled::answered;
  }
  if (!read_order(exchange)) return Handled::answered;
  exchange.awaited = Operation::Kind::order;
  if (exchange.services.clients.limit_users()) {
    const auto wait = exchange.services.clients.count_user(exchange.order.request.user_id);
    // Who has won, or is about to, hears so all the same.
    if (wait.count() != 0 && !exchange.services.engine.knows_key(exchange.order)) {
      return refuse_for_now(exchange, exchange.counters.limited_users, wait);
    }
  }
  // The shard wakes the committer when all that is there has been submitted.
  if (exchange.services.engine.submit(exchange.order, Wake::later) == Submission::pending) {
    return Handled::called;
  }
  answer_order(exchange);
  return Handled::answered;
}

void answer_order(Exchange& exchange) {
  const OrderResult& result = exchange.order.result;
  exchange.counters.count_order(result);
  const std::string_view replayed = result.replayed ? replayed_header : std::string_view();
  if (result.status == OrderStatus::sold_out) {
    if (!result.replayed) return exchange.out.fixed(exchange.out.answers().sold_out());
    return exchange.out.variable({.status = 409, .more_headers = replayed, .body = sold_out_body});
  }
  if (result.status == OrderStatus::waiting) return answer_waiting(exchange, replayed);
  if (result.status != OrderStatus::accepted) {
    const Problem problem = problem_of(result.status).value_or(Problem::internal);
    if (!result.replayed) return exchange.out.problem(problem);
    return exchange.out.problem(problem, facts(problem).message, replayed);
  }
  std::string body;
  append_order_accepted(body, exchange.order.request, result);
  exchange.out.variable({.more_headers = replayed, .body = body});
}

Handled handle_init(Exchange& exchange) {
  std::array<JsonField, 5> fields{{
      {.name = "productId", .kind = JsonField::Kind::id, .is_required = true},
      {.name = "quantity", .kind = JsonField::Kind::integer, .is_required = true},
      {.name = "maxPerOrder", .kind = JsonField::Kind::integer},
      {.name = "maxPerUser", .kind = JsonField::Kind::integer},
      {.name = "round", .kind = JsonField::Kind::integer, .min = 1},
  }};
  if (!read_fields(exchange, fields)) return Handled::answered;
  if (!exchange.init) exchange.init = std::make_unique<InitCall>(exchange.sink, exchange.session);
  exchange.init->request = {.product_id = fields[0].text,
                            .quantity = fields[1].number,
                            .max_per_order = fields[2].number,
                            .max_per_user = fields[3].number,
                            .round = fields[4].number};
  exchange.awaited = Operation::Kind::init;
  if (exchange.services.engine.submit(*exchange.init) == Submission::pending) {
    return Handled::called;
  }
  answer_init(exchange);
  return Handled::answered;
}

void answer_init(Exchange& exchange) {
  const InitResult& result = exchange.init->result;
  if (const auto problem = problem_of(result.status)) return exchange.out.problem(*problem);
  std::string body;
  append_init(body, exchange.init->request, result);
  exchange.out.variable({.body = body});
}

}  // namespace fluxgate::http
