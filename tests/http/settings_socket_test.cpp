#include <catch2/catch.hpp>
#include <string>

#include "http/fixture.hpp"

namespace fluxgate::http {
namespace {

HttpRequest change(std::string body) {
  HttpRequest request = post_json("/admin/settings", std::move(body));
  request.method = "PATCH";
  return request;
}

std::string settings(HttpClient& client) {
  const HttpResponse answer = client.request(get("/admin/settings"));
  CHECK(answer.status == 200);
  CHECK(answer.header("Cache-Control") == "no-store");
  return answer.body;
}

EngineOptions with_rate(std::uint64_t rate) {
  EngineOptions options;
  options.rate_limit = rate;
  return options;
}

}  // namespace

TEST_CASE("Settings: changed in part → the rest stays, the answer is what is in force",
          "[http][socket]") {
  Sale sale({}, with_rate(7));
  HttpClient client = sale.client();
  const std::string first =
      R"({"rateLimit":7,"rateBurst":0,"lineClosed":false,"admitAll":false,"salePaused":false})";
  CHECK(settings(client) == first);
  CHECK(client.request(change("{}")).body == first);
  const HttpResponse changed = client.request(
      change(R"({"rateLimit":50,"salePaused":true,"lineClosed":false,"ofALaterRelease":[1]})"));
  CHECK(changed.status == 200);
  CHECK(changed.body ==
        R"({"rateLimit":50,"rateBurst":0,"lineClosed":false,"admitAll":false,"salePaused":true})");
  CHECK(settings(client) == changed.body);
  const HttpResponse rest =
      client.request(change(R"({"rateBurst":9,"lineClosed":true,"admitAll":true})"));
  CHECK(rest.body ==
        R"({"rateLimit":50,"rateBurst":9,"lineClosed":true,"admitAll":true,"salePaused":true})");
  CHECK(metric(sale, "fluxgate_rate_limit") == 50);
  CHECK(metric(sale, "fluxgate_line_closed") == 1);
  CHECK(metric(sale, "fluxgate_admit_all") == 1);
  CHECK(metric(sale, "fluxgate_sale_paused") == 1);
}

TEST_CASE("Settings: a paused sale, a closed line → 302 and 503, sold out and replays as ever",
          "[http][socket]") {
  Sale sale;
  sale.init("p", 2);
  sale.init("gone", 0);
  HttpClient client = sale.client();
  REQUIRE(verdict(client.request(order("p", "a", "k1"))) == "200 success");
  REQUIRE(client.request(change(R"({"salePaused":true,"lineClosed":true})")).status == 200);
  CHECK(verdict(client.request(order("p", "a", "k2"))) == "302 waiting");
  CHECK(verdict(client.request(order("p", "a", "k1"))) == "200 success");
  CHECK(verdict(client.request(order("gone", "a", "k2"))) == "409 sold_out");
  const HttpRequest join = post_json("/waiting-room/tickets", order_body("p", "b"));
  const HttpResponse closed = client.request(join);
  CHECK(verdict(closed) == "503 overloaded");
  CHECK_FALSE(closed.header("Retry-After").empty());
  REQUIRE(client.request(change(R"({"salePaused":false,"lineClosed":false})")).status == 200);
  CHECK(verdict(client.request(order("p", "a", "k2"))) == "200 success");
  CHECK(verdict(client.request(join)) == "409 sold_out");
}

TEST_CASE("Settings: wrong input → its code, nothing is changed", "[http][socket]") {
  Sale sale({}, with_rate(7));
  HttpClient client = sale.client();
  const std::string before = settings(client);
  const auto message = [&](std::string body) {
    const HttpResponse answer = client.request(change(std::move(body)));
    CHECK(verdict(answer) == "400 invalid_field");
    return field(answer, "msg");
  };
  CHECK(message(R"({"rateLimit":1000000001})") ==
        "rateLimit must be a whole number from 0 to 1000000000");
  CHECK(message(R"({"rateLimit":-1})") == "rateLimit must be a whole number from 0 to 1000000000");
  CHECK(message(R"({"rateLimit":5,"rateBurst":"6"})") ==
        "rateBurst must be a whole number from 0 to 1000000000");
  for (const char* bad : {"1", "0", "\"true\"", "null", "[]", "{}"}) {
    CAPTURE(bad);
    CHECK(message("{\"rateLimit\":5,\"salePaused\":" + std::string(bad) + "}") ==
          "salePaused must be true or false");
  }
  CHECK(verdict(client.request(change("{"))) == "400 invalid_json");
  CHECK(verdict(client.request(change(R"({"salePaused":truefalse})"))) == "400 invalid_json");
  CHECK(verdict(client.request(change(R"({"rateLimit":1,"rateLimit":2})"))) == "400 invalid_json");
  HttpRequest untyped = change("{}");
  untyped.headers.clear();
  CHECK(verdict(client.request(untyped)) == "415 unsupported_media_type");
  const HttpResponse posted = client.request(post_json("/admin/settings", "{}"));
  CHECK(verdict(posted) == "405 method_not_allowed");
  CHECK(posted.header("Allow") == "GET, HEAD, PATCH");
  CHECK(settings(client) == before);
}

TEST_CASE("Settings: without the token → 401, nothing is changed", "[http][socket]") {
  ServerOptions options;
  options.admin_token = "0123456789abcdef";
  Sale sale(options, with_rate(7));
  HttpClient client = sale.client();
  HttpRequest keys = post_json("/admin/ticket-keys", "");
  CHECK(verdict(client.request(get("/admin/settings"))) == "401 unauthorized");
  CHECK(verdict(client.request(change(R"({"rateLimit":9})"))) == "401 unauthorized");
  CHECK(verdict(client.request(keys)) == "401 unauthorized");
  CHECK(sale.engine->settings().rate_limit == 7);
  HttpRequest allowed = change(R"({"rateLimit":9})");
  allowed.headers.push_back({"Authorization", "Bearer 0123456789abcdef"});
  CHECK(client.request(allowed).status == 200);
  CHECK(sale.engine->settings().rate_limit == 9);
  keys.headers.push_back({"Authorization", "Bearer 0123456789abcdef"});
  CHECK(client.request(keys).body == R"({"ticketKey":2})");
}

TEST_CASE("Settings: a new ticket key → earlier tickets stay good; no more than 255",
          "[http][socket]") {
  Sale sale({}, with_rate(1));
  sale.init("p", 5);
  HttpClient client = sale.client();
  const auto join = [&](std::string_view user) {
    return field(client.request(post_json("/waiting-room/tickets", order_body("p", user))),
                 "ticket");
  };
  const auto is_known = [&](const std::string& ticket) {
    return client.request(get("/waiting-room/tickets/" + ticket)).status == 200;
  };
  const HttpRequest renew{.method = "POST", .target = "/admin/ticket-keys"};
  const std::string first = join("a");
  CHECK(client.request(renew).body == R"({"ticketKey":2})");
  const std::string second = join("b");
  CHECK(is_known(first));
  CHECK(is_known(second));
  for (int key = 3; key <= 255; ++key) REQUIRE(client.request(renew).status == 200);
  const HttpResponse refused = client.request(renew);
  CHECK(verdict(refused) == "422 over_limit");
  CHECK(field(refused, "msg") == "255 ticket keys were made: no more");
  CHECK(is_known(first));
  CHECK(verdict(client.request(get("/admin/ticket-keys"))) == "405 method_not_allowed");
}

TEST_CASE("Settings: storage that failed → 503 storage_unavailable", "[http][socket]") {
  Sale sale;
  sale.storage.fail_append({});
  HttpClient client = sale.client();
  CHECK(verdict(client.request(change(R"({"rateLimit":9})"))) == "503 storage_unavailable");
  CHECK(sale.engine->settings().rate_limit == 0);
}

}  // namespace fluxgate::http
