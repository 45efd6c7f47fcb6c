#include "support/sale_client.hpp"

#include <simdjson.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fluxgate::testing {
namespace {

constexpr std::size_t orders_page_max = 1'000;

using simdjson::dom::element;

std::uint64_t number(const element& object, const char* field) {
  std::uint64_t value = 0;
  if (object[field].get(value) != simdjson::SUCCESS) {
    throw std::runtime_error("no number " + std::string(field));
  }
  return value;
}

std::string text(const element& object, const char* field) {
  std::string_view value;
  if (object[field].get(value) != simdjson::SUCCESS) {
    throw std::runtime_error("no text " + std::string(field));
  }
  return std::string(value);
}

element parse(simdjson::dom::parser& parser, const std::string& json) {
  element parsed;
  if (parser.parse(json).get(parsed) != simdjson::SUCCESS) {
    throw std::runtime_error("not JSON: " + json);
  }
  return parsed;
}

/// What must not be answered at all: everything but 200.
void require_ok(int status, const std::string& what, const std::string& body) {
  if (status == 200) return;
  throw std::runtime_error(what + " answered " + std::to_string(status) + ": " + body);
}

/// Ids of these tests need no escape in JSON or in a path.
std::string json_text(std::string_view plain) {
  std::string text;
  text.append(1, '"').append(plain).append(1, '"');
  return text;
}

LoggedOrder logged_order(const element& object) {
  LoggedOrder order;
  order.sequence = number(object, "sequence");
  order.order_id = text(object, "orderId");
  order.product_id = text(object, "productId");
  order.user_id = text(object, "userId");
  order.round = number(object, "round");
  order.quantity = number(object, "quantity");
  return order;
}

}  // namespace

HttpResponse SaleClient::post(const std::string& target, const std::string& body,
                              const std::vector<HttpHeader>& headers) {
  HttpRequest request{.method = "POST", .target = target, .headers = headers, .body = body};
  request.headers.push_back({"Content-Type", "application/json"});
  return http_.request(request);
}

std::string SaleClient::get(const std::string& target) {
  HttpResponse response = http_.request({.method = "GET", .target = target});
  require_ok(response.status, "GET " + target, response.body);
  return std::move(response.body);
}

OrderAnswer SaleClient::order(const Wish& wish) {
  send_orders({&wish, 1});
  return read_order();
}

void SaleClient::send_orders(std::span<const Wish> wishes) {
  std::string bytes;
  for (const Wish& wish : wishes) {
    HttpRequest request{.method = "POST", .target = "/order"};
    request.headers = {{"x-idempotency-key", wish.key}, {"Content-Type", "application/json"}};
    if (!wish.pass.empty()) request.headers.push_back({"x-admission-pass", wish.pass});
    request.body = "{\"productId\":" + json_text(wish.product_id) +
                   ",\"userId\":" + json_text(wish.user_id) +
                   ",\"quantity\":" + std::to_string(wish.quantity) + "}";
    bytes += HttpClient::text_of(request);
  }
  http_.write(bytes);
}

OrderAnswer SaleClient::read_order() {
  const HttpResponse response = http_.read_response();
  if (response.header("Connection") == "close") http_.close();
  simdjson::dom::parser parser;
  const element answer = parse(parser, response.body);
  OrderAnswer result{.status = response.status,
                     .replayed = response.header("Idempotent-Replayed") == "true",
                     .order_id = {},
                     .code = {}};
  const std::string status = text(answer, "status");
  if (result.status == 200) result.order_id = text(answer, "orderId");
  if (result.status == 302) result.code = status;
  if (status == "error") result.code = text(answer, "code");
  return result;
}

std::string SaleClient::join_line(const std::string& product_id, const std::string& user_id) {
  const HttpResponse response = post(
      "/waiting-room/tickets",
      "{\"productId\":" + json_text(product_id) + ",\"userId\":" + json_text(user_id) + "}", {});
  if (response.status == 409) return {};
  if (response.status != 201) require_ok(response.status, "POST tickets", response.body);
  simdjson::dom::parser parser;
  return text(parse(parser, response.body), "ticket");
}

PlaceAnswer SaleClient::look(const std::string& ticket) {
  simdjson::dom::parser parser;
  const std::string body = get("/waiting-room/tickets/" + ticket);
  const element answer = parse(parser, body);
  PlaceAnswer place{.state = text(answer, "state"), .ahead = 0, .pass = {}};
  if (place.state == "waiting") place.ahead = number(answer, "ahead");
  if (place.state == "admitted") place.pass = text(answer, "pass");
  return place;
}

std::uint64_t SaleClient::init(const std::string& product_id, const StockWish& wish) {
  std::string body =
      "{\"productId\":" + json_text(product_id) + ",\"quantity\":" + std::to_string(wish.quantity);
  if (wish.max_per_order != 0) body += ",\"maxPerOrder\":" + std::to_string(wish.max_per_order);
  if (wish.max_per_user != 0) body += ",\"maxPerUser\":" + std::to_string(wish.max_per_user);
  const HttpResponse response = post("/init", body + "}", {});
  require_ok(response.status, "POST /init", response.body);
  simdjson::dom::parser parser;
  return number(parse(parser, response.body), "round");
}

ProductAnswer SaleClient::product(const std::string& product_id) {
  simdjson::dom::parser parser;
  const std::string body = get("/products/" + product_id);
  const element answer = parse(parser, body);
  return {.round = number(answer, "round"),
          .quantity = number(answer, "quantity"),
          .stock = number(answer, "stock"),
          .accepted = number(answer, "accepted"),
          .pending = number(answer, "pending")};
}

AuditAnswer SaleClient::audit(const std::string& product_id, std::uint64_t round) {
  simdjson::dom::parser parser;
  const std::string body = get("/products/" + product_id + "/audit?round=" + std::to_string(round));
  const element answer = parse(parser, body);
  AuditAnswer audit{.quantity = number(answer, "quantity"),
                    .orders_in_log = number(answer, "ordersInLog"),
                    .units_in_log = number(answer, "unitsInLog")};
  if (answer["oversold"].get(audit.oversold) != simdjson::SUCCESS) {
    throw std::runtime_error("no oversold: " + body);
  }
  return audit;
}

std::vector<LoggedOrder> SaleClient::orders() {
  std::vector<LoggedOrder> log;
  std::uint64_t after = 0;
  for (;;) {
    simdjson::dom::parser parser;
    const std::string body =
        get("/orders?after=" + std::to_string(after) + "&limit=" + std::to_string(orders_page_max));
    const element page = parse(parser, body);
    simdjson::dom::array orders;
    if (page["orders"].get(orders) != simdjson::SUCCESS) throw std::runtime_error("no orders");
    for (const element order : orders) log.push_back(logged_order(order));
    if (page["next"].is_null()) return log;
    after = number(page, "next");
  }
}

}  // namespace fluxgate::testing
