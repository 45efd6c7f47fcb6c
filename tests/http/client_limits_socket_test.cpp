#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "http/fixture.hpp"
#include "support/manual_clock.hpp"

namespace fluxgate::http {
namespace {

using std::chrono::milliseconds;

// What a client gets who is over a limit, on a connection that goes on.
void check_refused(HttpClient& client, const HttpRequest& request,
                   const std::string& retry_after = "1") {
  const HttpResponse answer = client.request(request);
  INFO(answer.head);
  CHECK(verdict(answer) == "429 too_many_requests");
  CHECK(answer.header("Retry-After") == retry_after);
  CHECK(std::count_if(answer.headers.begin(), answer.headers.end(),
                      [](const HttpHeader& each) { return each.name == "Retry-After"; }) == 1);
  CHECK(answer.header("Cache-Control") == "no-store");
  CHECK(answer.header("Connection").empty());
  CHECK(client.is_connected());
  CHECK(verdict(client.request(get("/healthz"))) == "200 ok");
}

HttpRequest forwarded(HttpRequest request, std::string address) {
  request.headers.push_back({"X-Forwarded-For", std::move(address)});
  return request;
}

std::string verdict_of(HttpClient& client, const HttpRequest& request) {
  return verdict(client.request(request));
}

}  // namespace

TEST_CASE("Server: an address over --client-rate → 429, the connection goes on, then 200 again",
          "[http][socket]") {
  testing::ManualClock clock;
  Sale sale({.client_rate = 2, .client_burst = 3, .clock = &clock});
  sale.init("p", 10);
  HttpClient client = sale.client();
  HttpClient other_connection = sale.client();
  CHECK(verdict_of(client, order("p", "a", "k1")) == "200 success");
  CHECK(other_connection.request(get("/products/p")).status == 200);
  // What leads nowhere counts, too.
  CHECK(verdict_of(client, get("/nowhere")) == "404 not_found");
  check_refused(client, order("p", "b", "k1"));
  check_refused(other_connection, get("/products/p"));
  check_refused(client, get("/nowhere"));
  check_refused(client, get("/bad%zz"));
  HttpRequest head = get("/products/p");
  head.method = "HEAD";
  CHECK(client.request(head).status == 429);
  CHECK(client.request(get("/readyz")).status == 200);
  CHECK(client.request(get("/metrics")).status == 200);
  CHECK(sale.engine->product("p")->accepted == 1);

  clock.advance(milliseconds(499));
  check_refused(client, order("p", "b", "k1"));
  clock.advance(milliseconds(1));
  CHECK(verdict_of(client, order("p", "b", "k1")) == "200 success");
  check_refused(client, get("/products/p"));
}

TEST_CASE("Server: pipelined requests over the limit → each its answer, in order",
          "[http][socket]") {
  testing::ManualClock clock;
  Sale sale({.client_rate = 1, .client_burst = 2, .clock = &clock});
  HttpClient client = sale.client();
  std::string all;
  for (int i = 0; i < 4; ++i) all += HttpClient::text_of(get("/nowhere"));
  client.write(all + HttpClient::text_of(get("/healthz")));
  for (const int status : {404, 404, 429, 429, 200}) {
    CHECK(client.read_response().status == status);
  }
}

TEST_CASE("Server: more than a second to wait → Retry-After is rounded up", "[http][socket]") {
  testing::ManualClock clock;
  clock.advance(milliseconds(10'000));
  Sale sale({.client_rate = 1, .client_burst = 1, .clock = &clock});
  HttpClient client = sale.client();
  clock.advance(milliseconds(5'000));
  CHECK(client.request(get("/nowhere")).status == 404);
  // Another shard's later look at the clock does the same.
  clock.advance(milliseconds(-1'001));
  check_refused(client, get("/nowhere"), "3");
  clock.advance(milliseconds(1));
  check_refused(client, get("/nowhere"), "2");
}

TEST_CASE("Server: a user over --user-rate → 429; other users, replays and reads go on",
          "[http][socket]") {
  testing::ManualClock clock;
  Sale sale({.user_rate = 1, .user_burst = 2, .clock = &clock});
  sale.init("p", 10);
  HttpClient client = sale.client();
  const HttpResponse first = client.request(order("p", "ann", "k1"));
  CHECK(verdict(first) == "200 success");
  CHECK(verdict_of(client, order("p", "ann", "k2")) == "200 success");
  check_refused(client, order("p", "ann", "k3"));
  HttpRequest by_json = order("p", "ann", "k3");
  by_json.body = R"({ "userId": "ann", "productId": "p", "quantity": 1 })";
  check_refused(client, by_json);
  CHECK(sale.engine->product("p")->accepted == 2);

  CHECK(verdict_of(client, order("p", "bob", "k1")) == "200 success");
  const HttpResponse replay = client.request(order("p", "ann", "k1"));
  CHECK(replay.body == first.body);
  CHECK(replay.header("Idempotent-Replayed") == "true");
  CHECK(verdict_of(client, order("q", "ann", "k1")) == "422 idempotency_key_reused");
  CHECK(client.request(get("/products/p")).status == 200);
  // Faults of the request are told first.
  CHECK(verdict_of(client, post_json("/order", order_body("p", "ann"))) ==
        "400 missing_idempotency_key");

  clock.advance(milliseconds(1000));
  CHECK(verdict_of(client, order("p", "ann", "k3")) == "200 success");
  check_refused(client, order("p", "ann", "k4"));
}

TEST_CASE("Server: a user over --user-rate → joins by the page and by JSON are refused, counted",
          "[http][socket]") {
  testing::ManualClock clock;
  Sale sale({.user_rate = 1, .user_burst = 1, .clock = &clock});
  sale.init("p", 10);
  HttpClient client = sale.client();
  CHECK(client.request(get("/waiting-room?productId=p&userId=ann")).status == 200);
  const HttpResponse page = client.request(get("/waiting-room?productId=p&userId=ann"));
  CHECK(page.status == 429);
  CHECK(page.header("Retry-After") == "1");
  CHECK(page.header("Content-Type").starts_with("text/html"));
  CHECK(client.request(get("/waiting-room?productId=p")).status == 200);
  check_refused(client, post_json("/waiting-room/tickets", order_body("p", "ann")));
  CHECK(metric(sale, "fluxgate_http_requests_limited_total{limit=\"user\"}") == 2);
  CHECK(metric(sale, "fluxgate_http_requests_limited_total{limit=\"client\"}") == 0);
}

TEST_CASE("Server: both limits → each by itself", "[http][socket]") {
  testing::ManualClock clock;
  Sale sale({.client_rate = 4, .user_rate = 1, .clock = &clock});
  sale.init("p", 10);
  HttpClient client = sale.client();
  CHECK(verdict_of(client, order("p", "ann", "k1")) == "200 success");
  check_refused(client, order("p", "ann", "k2"));
  CHECK(verdict_of(client, order("p", "bob", "k1")) == "200 success");
  CHECK(verdict_of(client, order("p", "cyd", "k1")) == "200 success");
  check_refused(client, order("p", "dan", "k1"));
}

TEST_CASE("Server: X-Forwarded-For by the trusted proxy → its clients apart", "[http][socket]") {
  testing::ManualClock clock;
  Sale sale({.trusted_proxy = "127.0.0.0/8", .client_rate = 1, .clock = &clock});
  HttpClient client = sale.client();
  const auto asks = [&](const std::string& list) {
    return verdict_of(client, forwarded(get("/nowhere"), list));
  };
  CHECK(asks("9.9.9.1") == "404 not_found");
  check_refused(client, forwarded(get("/nowhere"), "9.9.9.1"));
  CHECK(asks("9.9.9.2") == "404 not_found");
  // What a client says of himself stands left of what the proxy says.
  check_refused(client, forwarded(get("/nowhere"), "9.9.9.3, 9.9.9.1"));
  check_refused(client, forwarded(forwarded(get("/nowhere"), "9.9.9.4"), "9.9.9.1, 127.0.0.7"));
  // IPv6: the first 64 bits are one client.
  CHECK(asks("2001:db8::1") == "404 not_found");
  check_refused(client, forwarded(get("/nowhere"), "2001:db8::2:3"));
  CHECK(asks("2001:db8:0:1::1") == "404 not_found");
  // Nothing readable: the peer.
  CHECK(asks("unknown") == "404 not_found");
  check_refused(client, get("/nowhere"));
}

TEST_CASE("Server: X-Forwarded-For by anyone else → ignored", "[http][socket]") {
  testing::ManualClock clock;
  for (const std::string proxy : {"", "10.0.0.0/8"}) {
    Sale sale({.trusted_proxy = proxy, .client_rate = 1, .clock = &clock});
    HttpClient client = sale.client();
    CHECK(verdict_of(client, forwarded(get("/nowhere"), "9.9.9.1")) == "404 not_found");
    check_refused(client, forwarded(get("/nowhere"), "9.9.9.2"));
    check_refused(client, get("/nowhere"));
  }
}

TEST_CASE("Server: the same order header from many clients in turn → each his own limit",
          "[http][socket]") {
  // All but the key and the address are the same bytes: what a shard remembers of the last header
  // must not bring another client's address with it.
  testing::ManualClock clock;
  Sale sale({.trusted_proxy = "127.0.0.1", .client_rate = 1, .threads = 1, .clock = &clock});
  sale.init("p", 100);
  HttpClient client = sale.client();
  CHECK(verdict_of(client, order("p", "a", "k00")) == "200 success");
  for (int i = 1; i <= 9; ++i) {
    const std::string digit = std::to_string(i);
    const std::string address = "9.9.9." + digit;
    CHECK(verdict_of(client, forwarded(order("p", "a", "k1" + digit), address)) == "200 success");
    check_refused(client, forwarded(order("p", "a", "k2" + digit), address));
    check_refused(client, order("p", "a", "k3" + digit));
  }
}

}  // namespace fluxgate::http
