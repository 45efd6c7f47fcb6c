#include <algorithm>
#include <utility>

#include "http/handlers.hpp"
#include "http/json_write.hpp"
#include "http/metrics.hpp"

namespace fluxgate::http {
namespace {

constexpr std::size_t page_limit_default = 100;
constexpr std::size_t page_limit_max = 1000;

Handled refuse(Exchange& exchange, Problem problem) {
  exchange.out.problem(problem);
  return Handled::answered;
}

Handled answer(Exchange& exchange, std::string_view body) {
  exchange.out.variable({.body = body});
  return Handled::answered;
}

Handled read(Exchange& exchange, std::function<Reading()> work, bool is_audit = false) {
  exchange.read = {.work = std::move(work), .is_audit = is_audit};
  return Handled::reading;
}

std::size_t limit_of(Query& query) {
  const Query::Range range{1, page_limit_max};
  return static_cast<std::size_t>(query.number("limit", range).value_or(page_limit_default));
}

}  // namespace

Handled handle_products(Exchange& exchange) {
  Query query(exchange.target.query);
  const std::string after = query.text("after").value_or("");
  const std::size_t limit = limit_of(query);
  if (query.is_bad() || (!after.empty() && !is_valid_id(after))) {
    return refuse(exchange, Problem::invalid_query);
  }
  // One more than asked for tells whether there is a next page.
  const auto products = exchange.services.engine.products(after, limit + 1);
  std::string body = R"({"products":[)";
  const std::size_t count = std::min(limit, products.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) body.push_back(',');
    append_product(body, products[i]);
  }
  body += R"(],"next":)";
  if (products.size() > limit) {
    append_json_string(body, products[limit - 1].product_id);
  } else {
    body += "null";
  }
  body.push_back('}');
  return answer(exchange, body);
}

Handled handle_product(Exchange& exchange) {
  const std::string_view id = exchange.target.part(1);
  if (!is_valid_id(id)) return refuse(exchange, Problem::unknown_product);
  const auto product = exchange.services.engine.product(id);
  if (!product) return refuse(exchange, Problem::unknown_product);
  std::string body;
  append_product(body, *product);
  return answer(exchange, body);
}

Handled handle_audit(Exchange& exchange) {
  Query query(exchange.target.query);
  const RoundNumber round = query.number("round", {1, units_max}).value_or(0);
  if (query.is_bad()) return refuse(exchange, Problem::invalid_query);
  const std::string id(exchange.target.part(1));
  if (!is_valid_id(id) || !exchange.services.engine.product(id)) {
    return refuse(exchange, Problem::unknown_product);
  }
  return read(
      exchange,
      [&engine = exchange.services.engine, id, round]() -> Reading {
        const Result<Audit> audit = engine.audit(id, round);
        if (!audit) return {problem_of(audit.error().code), {}};
        Reading reading;
        append_audit(reading.body, *audit);
        return reading;
      },
      true);
}

Handled handle_orders(Exchange& exchange) {
  Query query(exchange.target.query);
  OrdersQuery wanted;
  wanted.product_id = query.text("productId").value_or("");
  wanted.round = query.number("round", {1, units_max}).value_or(0);
  wanted.after = query.number("after", {0, units_max}).value_or(0);
  wanted.limit = limit_of(query);
  const bool is_valid_product = wanted.product_id.empty() || is_valid_id(wanted.product_id);
  if (query.is_bad() || !is_valid_product || (wanted.round != 0 && wanted.product_id.empty())) {
    return refuse(exchange, Problem::invalid_query);
  }
  return read(exchange, [&engine = exchange.services.engine, wanted]() -> Reading {
    const Result<OrdersPage> page = engine.orders(wanted);
    if (!page && page.error().code == ErrorCode::not_found) return {Problem::unknown_product, {}};
    if (!page) return {problem_of(page.error().code), {}};
    Reading reading;
    append_orders_page(reading.body, *page);
    return reading;
  });
}

Handled handle_order_by_id(Exchange& exchange) {
  const std::string id(exchange.target.part(1));
  // Nobody can make an id up, so guesses cost no disk and no place in the readers' queue.
  if (!exchange.services.engine.is_order_id(id)) return refuse(exchange, Problem::unknown_order);
  return read(exchange, [&engine = exchange.services.engine, id]() -> Reading {
    const Result<OrderRecord> order = engine.find_order(id);
    if (!order && order.error().code == ErrorCode::not_found) return {Problem::unknown_order, {}};
    if (!order) return {problem_of(order.error().code), {}};
    Reading reading;
    append_order(reading.body, *order);
    return reading;
  });
}

Handled handle_readyz(Exchange& exchange) {
  if (const auto problem = problem_of(exchange.services.engine.state())) {
    return refuse(exchange, *problem);
  }
  exchange.out.fixed(exchange.out.answers().healthy());
  return Handled::answered;
}

Handled handle_metrics(Exchange& exchange) {
  const std::string text =
      metrics_text(exchange.services.counters, exchange.services.engine.stats());
  exchange.out.variable({.type = "text/plain; version=0.0.4; charset=utf-8", .body = text});
  return Handled::answered;
}

Handled handle_waiting(Exchange& exchange) {
  if (exchange.request->accepts_json) return answer(exchange, waiting_body);
  const Page& page = exchange.services.waiting;
  exchange.out.variable({.type = type_html, .headers = page.headers, .body = page.body});
  return Handled::answered;
}

}  // namespace fluxgate::http
