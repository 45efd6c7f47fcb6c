#include <simdjson.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "fluxgate/version.hpp"
#include "http/fixture.hpp"
#include "http/pages.hpp"
#include "http/router.hpp"

namespace fluxgate::http {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::string upper(std::string_view text) {
  std::string result;
  for (const char c : text) result.push_back(static_cast<char>(c - ('a' - 'A')));
  return result;
}

std::string lower(std::string_view text) {
  std::string result;
  for (const char c : text) result.push_back(static_cast<char>(c + ('a' - 'A')));
  return result;
}

std::string_view method_name(Method method) {
  return method == Method::post ? "post" : method == Method::patch ? "patch" : "get";
}

// "POST /order" of every operation in the document.
std::set<std::string> documented(const element& document) {
  std::set<std::string> operations;
  for (const auto& [path, item] : object(document["paths"])) {
    for (const auto& [method, operation] : object(item)) {
      operations.insert(upper(method) + " " + std::string(path));
    }
  }
  return operations;
}

// Every "$ref" below `value`.
void collect_references(const element& value, std::set<std::string>& references) {
  if (value.is_object()) {
    for (const auto& [name, inner] : object(value)) {
      if (name == "$ref") references.insert(std::string(std::string_view(inner)));
      collect_references(inner, references);
    }
  } else if (value.is_array()) {
    for (const element inner : simdjson::dom::array(value)) collect_references(inner, references);
  }
}

}  // namespace

TEST_CASE("OpenAPI: the document → JSON of this release whose references exist", "[http][unit]") {
  simdjson::dom::parser parser;
  const element document = parser.parse(simdjson::padded_string(openapi_document()));
  CHECK(std::string_view(document["openapi"]) == "3.1.0");
  CHECK(std::string_view(document["info"]["version"]) == FLUXGATE_VERSION);
  std::set<std::string> references;
  collect_references(document, references);
  CHECK(references.size() > 10);
  for (const std::string& reference : references) {
    INFO(reference);
    REQUIRE(reference.starts_with("#/"));
    CHECK(document.at_pointer(reference.substr(1)).error() == simdjson::SUCCESS);
  }
}

TEST_CASE("OpenAPI: routes → documented, all and only", "[http][unit]") {
  simdjson::dom::parser parser;
  const element document = parser.parse(simdjson::padded_string(openapi_document()));
  std::set<std::string> routes;
  for (std::size_t i = 1; i < route_count; ++i) {
    const RouteFacts& route = facts(static_cast<Route>(i));
    routes.insert(upper(method_name(route.method)) + " " + std::string(route.path));
    const auto operation = document["paths"][route.path][method_name(route.method)];
    INFO(route.path);
    CHECK((operation["security"].error() == simdjson::SUCCESS) == route.is_admin);
    const auto json_body = operation["requestBody"]["content"]["application/json"];
    CHECK((json_body.error() == simdjson::SUCCESS) == route.has_json_body);
  }
  CHECK(documented(document) == routes);
}

TEST_CASE("OpenAPI: each documented operation → answered, with a documented status",
          "[http][socket]") {
  Sale sale;
  sale.init("p", 5);
  HttpClient client = sale.client();
  const std::string bought = client.request(order("p", "a", "k")).body;
  const std::string id = bought.substr(bought.find("orderId") + 10, OrderId::size);
  simdjson::dom::parser parser;
  const std::string text = client.request(get("/openapi.json")).body;
  CHECK(text == openapi_document());
  const element document = parser.parse(simdjson::padded_string(text));
  for (const std::string& operation : documented(document)) {
    INFO(operation);
    const std::string method = operation.substr(0, operation.find(' '));
    const std::string path = operation.substr(operation.find(' ') + 1);
    std::string target = path;
    const auto replace = [&](const std::string& name, const std::string& value) {
      const std::size_t at = target.find(name);
      if (at != std::string::npos) target.replace(at, name.size(), value);
    };
    replace("{productId}", "p");
    replace("{orderId}", id);
    HttpRequest request = get(target);
    if (path == "/order") request = order("p", "b", "k2");
    if (path == "/waiting-room/tickets") request = post_json(target, order_body("p", "c"));
    if (path == "/waiting-room/events") request.target += "?ticket=x";
    if (method == "PATCH") request = post_json(target, "{}");
    if (path == "/init") request = post_json(target, R"({"productId":"p","quantity":5})");
    request.method = method;
    const HttpResponse answer = client.request(request);
    const element responses = document["paths"][path][lower(method)]["responses"];
    const auto found = responses[std::to_string(answer.status)];
    CHECK(found.error() == simdjson::SUCCESS);
    // Forms without a form, and tickets that are none, are refused.
    const bool has_no_ticket = path.ends_with("{ticket}") || path.ends_with("/events");
    const int wanted = path == "/waiting-room/buy"       ? 415
                       : path == "/waiting-room/tickets" ? 201
                       : has_no_ticket                   ? 404
                                                         : 200;
    CHECK(answer.status == wanted);
    std::string type = answer.header("Content-Type");
    type = type.substr(0, type.find(';'));
    if (answer.status == 200) CHECK(found["content"][type].error() == simdjson::SUCCESS);
  }
}

}  // namespace fluxgate::http
