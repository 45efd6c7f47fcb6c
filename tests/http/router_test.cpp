#include "http/router.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <string>

namespace fluxgate::http {
namespace {

Route route_of(const std::string& path, Method method) {
  Target target;
  std::string scratch;
  REQUIRE(parse_target(path, target, scratch));
  return find_route(target, method);
}

}  // namespace

TEST_CASE("find_route: a path and a method → its route", "[http][unit]") {
  CHECK(route_of("/order", Method::post) == Route::order);
  CHECK(route_of("/products/a%2Fb?x", Method::get) == Route::product);
  CHECK(route_of("/products/a", Method::head) == Route::product);
  CHECK(route_of("/products/", Method::get) == Route::none);
  CHECK(route_of("/nowhere", Method::post) == Route::none);
  CHECK(route_of("/", Method::get) == Route::home);
  for (const RouteFacts& route : routes()) {
    if (route.path.find('{') != std::string_view::npos) continue;
    CHECK(route_of(std::string(route.path), route.method) == route.route);
  }
}

TEST_CASE("find_route: a method no route of the path takes → one that does not take it",
          "[http][unit]") {
  for (const Method method : {Method::get, Method::patch, Method::other}) {
    CHECK(route_of("/order", method) == Route::order);
    CHECK_FALSE(takes(facts(Route::order), method));
  }
}

TEST_CASE("takes: HEAD → where GET is", "[http][unit]") {
  RouteFacts route{Route::home, Method::get, "/", "home", false, false};
  CHECK(takes(route, Method::get));
  CHECK(takes(route, Method::head));
  CHECK_FALSE(takes(route, Method::patch));
  route.method = Method::patch;
  CHECK(takes(route, Method::patch));
  CHECK_FALSE(takes(route, Method::head));
  CHECK_FALSE(takes(route, Method::other));
}

TEST_CASE("allowed: a path → all that its routes take", "[http][unit]") {
  const std::array<RouteFacts, 4> table{{{Route::home, Method::get, "/a", "a", true, false},
                                         {Route::init, Method::post, "/b", "b", true, true},
                                         {Route::order, Method::patch, "/a", "a", true, true},
                                         {Route::orders, Method::patch, "/c", "c", true, true}}};
  CHECK(allowed(table, "/a") == "GET, HEAD, PATCH");
  CHECK(allowed(table, "/b") == "POST");
  CHECK(allowed(table, "/c") == "PATCH");
  CHECK(allowed(table, "/d").empty());
  CHECK(allowed(routes(), "/order") == "POST");
}

}  // namespace fluxgate::http
