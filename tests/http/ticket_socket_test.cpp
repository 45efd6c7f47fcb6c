#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "http/fixture.hpp"
#include "support/manual_clock.hpp"

namespace fluxgate::http {
namespace {

using testing::ManualClock;

HttpRequest join(std::string_view product, std::string_view user) {
  return post_json("/waiting-room/tickets", order_body(product, user));
}

HttpRequest order_with_pass(std::string_view user, std::string key, std::string pass) {
  HttpRequest request = order("p", user, std::move(key));
  request.headers.push_back({"x-admission-pass", std::move(pass)});
  return request;
}

std::string ticket_of(HttpClient& client, std::string_view user) {
  return field(client.request(join("p", user)), "ticket");
}

HttpRequest look(const std::string& ticket) {
  return get("/waiting-room/tickets/" + ticket);
}

EngineOptions with_rate(std::uint64_t rate, const Clock* clock = nullptr) {
  EngineOptions options;
  options.rate_limit = rate;
  options.clock = clock;
  return options;
}

}  // namespace

TEST_CASE("Tickets: without a rate limit → admitted at the first look", "[http][socket]") {
  Sale sale;
  sale.init("p", 5);
  HttpClient client = sale.client();
  const HttpResponse joined = client.request(join("p", "a"));
  CHECK(joined.status == 201);
  CHECK(field(joined, "position") == "0");
  CHECK(field(joined, "ahead") == "0");
  CHECK(field(joined, "waitSeconds") == "0");
  const HttpResponse place = client.request(look(field(joined, "ticket")));
  CHECK(place.status == 200);
  CHECK(field(place, "state") == "admitted");
  CHECK(field(place, "unitsLeft") == "5");
  CHECK_FALSE(field(place, "pass").empty());
}

TEST_CASE("Tickets: asked for again, sold out, unknown, malformed → the contract's statuses",
          "[http][socket]") {
  Sale sale({}, with_rate(1));
  sale.init("p", 5);
  sale.init("empty", 0);
  HttpClient client = sale.client();
  REQUIRE(client.request(join("p", "first")).status == 201);
  const HttpResponse joined = client.request(join("p", "a"));
  const HttpResponse again = client.request(join("p", "a"));
  CHECK(joined.status == 201);
  CHECK(again.status == 200);
  CHECK(field(again, "ticket") == field(joined, "ticket"));

  CHECK(verdict(client.request(join("empty", "a"))) == "409 sold_out");
  CHECK(verdict(client.request(join("nothing", "a"))) == "404 unknown_product");
  CHECK(verdict(client.request(post_json("/waiting-room/tickets", R"({"productId":"p"})"))) ==
        "400 invalid_field");
  CHECK(verdict(client.request(post_json("/waiting-room/tickets", "{"))) == "400 invalid_json");
  CHECK(verdict(client.request(get("/waiting-room/tickets"))) == "405 method_not_allowed");

  std::string altered = field(joined, "ticket");
  altered[10] = altered[10] == 'A' ? 'B' : 'A';
  for (const std::string& bad :
       {altered, altered + "=", std::string("x"), std::string(3000, 'A')}) {
    CHECK(verdict(client.request(look(bad))) == "404 unknown_ticket");
    CHECK(verdict(client.request(get("/waiting-room/events?ticket=" + bad))) ==
          "404 unknown_ticket");
  }
  CHECK(verdict(client.request(get("/waiting-room/events"))) == "400 invalid_query");
}

TEST_CASE("Passes: wrong, used and lapsed ones → 403 with their codes", "[http][socket]") {
  ManualClock clock;
  Sale sale({}, with_rate(0, &clock));
  sale.init("p", 10);
  HttpClient client = sale.client();
  const std::string ticket = ticket_of(client, "a");
  const std::string pass = field(client.request(look(ticket)), "pass");
  CHECK(field(client.request(look(ticket)), "pass") == pass);

  CHECK(verdict(client.request(order_with_pass("b", "k", pass))) == "403 invalid_pass");
  CHECK(verdict(client.request(order_with_pass("a", "k", "nonsense"))) == "403 invalid_pass");
  CHECK(verdict(client.request(order_with_pass("a", "k", ticket))) == "403 invalid_pass");

  CHECK(verdict(client.request(order_with_pass("a", "k", pass))) == "200 success");
  CHECK(verdict(client.request(order_with_pass("a", "k2", pass))) == "403 used_pass");
  const HttpResponse replay = client.request(order("p", "a", "k"));
  CHECK(verdict(replay) == "200 success");
  CHECK(replay.header("Idempotent-Replayed") == "true");
  CHECK(field(client.request(look(ticket)), "state") == "expired");

  const std::string late = field(client.request(look(ticket_of(client, "c"))), "pass");
  clock.advance(std::chrono::seconds(299));
  CHECK_FALSE(late.empty());
  CHECK(verdict(client.request(order_with_pass("d", "k", late))) == "403 invalid_pass");
  clock.advance(std::chrono::seconds(1));
  CHECK(verdict(client.request(order_with_pass("c", "k", late))) == "403 expired_pass");
  CHECK(client.is_connected());
}

TEST_CASE("Line: somebody present waits → orders without a pass get 302, his pass buys",
          "[http][socket]") {
  Sale sale({}, with_rate(2));
  sale.init("p", 10);
  HttpClient client = sale.client();
  std::string last;
  for (int i = 0; i < 6; ++i) last = ticket_of(client, "u" + std::to_string(i));
  CHECK(verdict(client.request(order("p", "z", "k"))) == "302 waiting");
  std::string pass;
  std::uint64_t ahead = 6;
  REQUIRE(becomes_true([&] {
    const HttpResponse place = client.request(look(last));
    const std::uint64_t now_ahead = std::stoull(field(place, "ahead"));
    CHECK(now_ahead <= ahead);
    ahead = now_ahead;
    pass = field(place, "pass");
    return !pass.empty();
  }));
  CHECK(verdict(client.request(order_with_pass("u5", "k", pass))) == "200 success");
}

TEST_CASE("Events: a place that moves → events until its last state, then the end",
          "[http][socket]") {
  Sale sale({}, with_rate(1));
  sale.init("p", 1);
  HttpClient client = sale.client();
  REQUIRE(client.request(join("p", "first")).status == 201);
  const std::string ticket = ticket_of(client, "a");
  HttpClient stream = sale.client();
  stream.write("GET /waiting-room/events?ticket=" + ticket +
               " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string text = stream.read_until("\n\nevent: place\ndata: {\"state\":\"waiting\"");
  CHECK(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"));
  CHECK(text.find("\r\nretry: 2000\n\nevent: place\n") != std::string::npos);
  // The only unit goes; who waits for it hears so, and the stream ends.
  const std::string pass = [&] {
    std::string got;
    REQUIRE(becomes_true([&] {
      got = field(client.request(look(ticket_of(client, "first"))), "pass");
      return !got.empty();
    }));
    return got;
  }();
  CHECK(verdict(client.request(order_with_pass("first", "k", pass))) == "200 success");
  text = stream.read_to_end();
  CHECK(text.find("data: {\"state\":\"sold_out\"") != std::string::npos);
  CHECK(text.ends_with("}\n\n"));
}

TEST_CASE("Events: while the server stops → 503 draining, no stream that would hold it up",
          "[http][socket]") {
  Sale sale({}, with_rate(1));
  sale.init("p", 5);
  HttpClient client = sale.client();
  const HttpRequest events = get("/waiting-room/events?ticket=" + ticket_of(client, "a"));
  sale.engine->drain();
  CHECK(verdict(client.request(events)) == "503 draining");
}

TEST_CASE("Events: over --max-streams → 503, until one ends", "[http][socket]") {
  ServerOptions options;
  options.max_streams = 1;
  Sale sale(options, with_rate(1));
  sale.init("p", 5);
  HttpClient client = sale.client();
  REQUIRE(client.request(join("p", "first")).status == 201);
  const HttpRequest events = get("/waiting-room/events?ticket=" + ticket_of(client, "a"));
  {
    HttpClient stream = sale.client();
    stream.write("GET " + events.target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(stream.read_response(true).status == 200);
    CHECK(verdict(client.request(events)) == "503 overloaded");
    HttpRequest head = events;
    head.method = "HEAD";
    CHECK(client.request(head).status == 503);
  }
  // The one above has hung up; the place is taken by a stream that reads what comes first.
  REQUIRE(becomes_true([&] {
    HttpClient again = sale.client();
    again.write("GET " + events.target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return again.read_response(true).status == 200;
  }));
}

}  // namespace fluxgate::http
