#include "http/uri.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "http/router.hpp"

namespace fluxgate::http {
namespace {

// "authority|part|part?query", or "bad".
std::string split(const std::string& text) {
  Target target;
  std::string scratch;
  if (!parse_target(text, target, scratch)) return "bad";
  std::string result(target.authority);
  for (std::size_t i = 0; i < std::min(target.count, Target::parts_max); ++i) {
    result += "|" + std::string(target.parts[i]);
  }
  if (target.count > Target::parts_max) result += "|...";
  if (!target.query.empty()) result += "?" + std::string(target.query);
  return result;
}

Route route_of(const std::string& text) {
  Target target;
  std::string scratch;
  REQUIRE(parse_target(text, target, scratch));
  return find_route(target, Method::get);
}

}  // namespace

TEST_CASE("parse_target: paths → split at slashes, then decoded once", "[http][unit]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"/", "|"},
      {"/a", "|a"},
      {"/a/", "|a|"},
      {"//a", "||a"},
      {"/a/b/c/d", "|a|b|c|d"},
      {"/a/b/c/d/e", "|a|b|c|d|..."},
      {"/a%2Fb/c", "|a/b|c"},
      {"/%41%62", "|Ab"},
      {"/%2541", "|%41"},
      {"/a+b", "|a+b"},
      {"/%E6%97%A5/%e6%9c%ac", "|\xE6\x97\xA5|\xE6\x9C\xAC"},
      {"/\xE6\x97\xA5", "|\xE6\x97\xA5"},
      {"/a?b=c/d", "|a?b=c/d"},
      {"/?", "|"},
      {"/a?b?c", "|a?b?c"},
      {"http://host/a", "host|a"},
      {"http://host:80/a?b", "host:80|a?b"},
      {"", "bad"},
      {"*", "bad"},
      {"a", "bad"},
      {"?a", "bad"},
      {"host:80", "bad"},
      {"http://host", "host|"},
      {"HTTP://host?a=b", "host|?a=b"},
      {"http://", "bad"},
      {"http:///a", "bad"},
      {"http://u@host/a", "bad"},
      {"https://host/a", "bad"},
      {"/%", "bad"},
      {"/%4", "bad"},
      {"/%4g", "bad"},
      {"/%g4", "bad"},
      {"/a/b/c/d/e/%", "bad"},
      {"/%%41", "bad"},
  };
  for (const auto& [text, wanted] : cases) {
    INFO(text);
    CHECK(split(text) == wanted);
  }
}

TEST_CASE("append_encoded: any bytes → only unreserved ones and escapes, and back",
          "[http][unit]") {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));
  std::string encoded;
  append_encoded(encoded, all);
  CHECK(encoded.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~%") == std::string::npos);
  std::string decoded;
  REQUIRE(append_decoded(decoded, encoded));
  CHECK(decoded == all);
  std::string plain;
  append_encoded(plain, "iphone-15_a.b~");
  CHECK(plain == "iphone-15_a.b~");
}

TEST_CASE("Query: parameters → found, missing or bad", "[http][unit]") {
  const auto text = [](std::string_view query) {
    Query parsed(query);
    const auto value = parsed.text("a");
    return parsed.is_bad() ? "bad" : value ? "=" + *value : "none";
  };
  CHECK(text("") == "none");
  CHECK(text("b=1") == "none");
  CHECK(text("a=1") == "=1");
  CHECK(text("b=2&a=1&c") == "=1");
  CHECK(text("a") == "=");
  CHECK(text("a=") == "=");
  CHECK(text("a=b=c") == "=b=c");
  CHECK(text("%61=%31+%20%26") == "=1+ &");
  CHECK(text("a=1&a=1") == "bad");
  CHECK(text("a=1&%61=2") == "bad");
  CHECK(text("a=%") == "bad");
  CHECK(text("%4=1") == "bad");
  CHECK(text("b=%zz&a=1") == "=1");
  CHECK(text("&&a=1&") == "=1");
}

TEST_CASE("Query: numbers → decimal and in range, or bad", "[http][unit]") {
  const auto number = [](std::string_view query) {
    Query parsed(query);
    const auto value = parsed.number("n", {1, 1000});
    return parsed.is_bad() ? "bad" : value ? std::to_string(*value) : "none";
  };
  CHECK(number("") == "none");
  CHECK(number("n=1") == "1");
  CHECK(number("n=1000") == "1000");
  CHECK(number("n=007") == "7");
  for (const char* query : {"n", "n=", "n=0", "n=1001", "n=-1", "n=+1", "n=1.0", "n=1e2", "n=x",
                            "n= 1", "n=1 ", "n=99999999999999999999", "n=1&n=1", "n=%31%"}) {
    CHECK(number(query) == "bad");
  }
}

TEST_CASE("find_route: paths → routes", "[http][unit]") {
  CHECK(route_of("/") == Route::home);
  CHECK(route_of("/?a") == Route::home);
  CHECK(route_of("/init") == Route::init);
  CHECK(route_of("/order") == Route::order);
  CHECK(route_of("/%6frder") == Route::order);
  CHECK(route_of("/products") == Route::products);
  CHECK(route_of("/products/a") == Route::product);
  CHECK(route_of("/products/a%2Fb") == Route::product);
  CHECK(route_of("/products/audit") == Route::product);
  CHECK(route_of("/products/a/audit") == Route::audit);
  CHECK(route_of("/orders") == Route::orders);
  CHECK(route_of("/orders/a") == Route::order_by_id);
  CHECK(route_of("/waiting-room") == Route::waiting_room);
  CHECK(route_of("/waiting-room/tickets/a") == Route::ticket);
  for (const char* path : {"//", "/Init", "/init/", "/order/a", "/products/", "/products//audit",
                           "/products/a/b", "/orders/", "/orders/a/b", "/waiting-room/", "/admin/x",
                           "/products%2Fa", "/a/b/c/d/e", "/waiting-room/tickets/"}) {
    INFO(path);
    CHECK(route_of(path) == Route::none);
  }
}

}  // namespace fluxgate::http
