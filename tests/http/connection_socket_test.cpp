#include <catch2/catch.hpp>
#include <list>
#include <string>
#include <vector>

#include "http/fixture.hpp"
#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

using std::chrono::seconds;

const std::string health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

}  // namespace

TEST_CASE("Session: connection options → kept or closed as asked", "[http][socket]") {
  Sale sale;
  HttpClient client = sale.client();
  for (int i = 0; i < 3; ++i) {
    client.write(health);
    CHECK(client.read_response().header("Connection").empty());
  }
  client.write("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.read_response().header("Connection") == "keep-alive");
  client.write("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n" + health);
  CHECK(client.read_response().header("Connection") == "close");
  CHECK(client.read_to_end().empty());

  HttpClient old = sale.client();
  old.write("GET /healthz HTTP/1.0\r\n\r\n");
  CHECK(old.read_response().header("Connection") == "close");
  CHECK(old.read_to_end().empty());
}

TEST_CASE("Session: sixteen pipelined requests, cut anywhere → sixteen answers in order",
          "[http][socket]") {
  Sale sale;
  sale.init("p", 1'000'000);
  std::string input;
  std::vector<std::string> wanted;
  const auto add = [&](const std::string& bytes, const std::string& answer) {
    input += bytes;
    wanted.push_back(answer);
  };
  for (int i = 0; i < 4; ++i) {
    add(HttpClient::text_of(order("p", "a", "k" + std::to_string(i))), "200 success");
    add(HttpClient::text_of(order("q", "a", "k")), "404 unknown_product");
    add("GET /healthz HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n", "200 ok");
    add("POST /order HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "415 unsupported_media_type");
  }
  HttpClient client = sale.client();
  for (std::size_t cut = 0; cut < input.size(); ++cut) {
    client.write(std::string_view(input).substr(0, cut));
    client.write(std::string_view(input).substr(cut));
    for (const std::string& answer : wanted) {
      const std::string found = verdict(client.read_response());
      if (found != answer) FAIL("cut at " << cut << ": " << found << ", not " << answer);
    }
  }
  CHECK(sale.engine->product("p")->accepted == 4);
}

TEST_CASE("Session: a request byte by byte → answered", "[http][socket]") {
  Sale sale;
  sale.init("p", 1);
  HttpClient client = sale.client();
  for (const char c : HttpClient::text_of(order("p", "a", "k"))) client.write({&c, 1});
  CHECK(verdict(client.read_response()) == "200 success");
}

TEST_CASE("Session: Expect: 100-continue → asked for the body, once", "[http][socket]") {
  Sale sale;
  sale.init("p", 9);
  HttpClient client = sale.client();
  HttpRequest request = order("p", "a", "k1");
  request.headers.push_back({"Expect", "100-continue"});
  const std::string text = HttpClient::text_of(request);
  const std::size_t head = text.size() - request.body.size();
  client.write(text.substr(0, head));
  CHECK(client.read_response().status == 100);
  client.write(text.substr(head, 5));
  client.write(text.substr(head + 5));
  CHECK(verdict(client.read_response()) == "200 success");
  // With its body at once nobody waits; a refusal needs no body either.
  client.write(text);
  CHECK(verdict(client.read_response()) == "200 success");
  client.write(
      "POST /order HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
      "Content-Length: 16385\r\n\r\n");
  CHECK(verdict(client.read_response()) == "413 body_too_large");
  CHECK(client.read_to_end().empty());

  HttpClient other = sale.client();
  other.write("GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\n\r\n");
  CHECK(verdict(other.read_response()) == "200 ok");
}

TEST_CASE("Session: a chunked order → as with a length", "[http][socket]") {
  Sale sale;
  sale.init("p", 9);
  HttpClient client = sale.client();
  const std::string head =
      "POST /order HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "x-idempotency-key: k\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = order_body("p", "a");
  std::string chunks;
  for (const char c : body) chunks += "1;x=y\r\n" + std::string(1, c) + "\r\n";
  client.write(head + chunks + "0\r\n\r\n" + health);
  CHECK(verdict(client.read_response()) == "200 success");
  CHECK(verdict(client.read_response()) == "200 ok");
  client.write(head + "0\r\nx-idempotency-key: other\r\n\r\n");
  CHECK(verdict(client.read_response()) == "400 malformed_request");
}

TEST_CASE("Session: HEAD → GET's header and no body", "[http][socket]") {
  Sale sale;
  sale.init("p", 1);
  HttpClient client = sale.client();
  for (const char* target :
       {"/", "/healthz", "/readyz", "/openapi.json", "/products", "/products/p", "/products/q",
        "/orders", "/orders/x", "/products/p/audit", "/waiting-room", "/nothing"}) {
    INFO(target);
    std::string head = client.request(get(target)).head;
    HttpRequest request = get(target);
    request.method = "HEAD";
    std::string other = client.request(request).head;
    // The second may have turned between them.
    head.replace(head.find("Date:"), 35, "");
    other.replace(other.find("Date:"), 35, "");
    CHECK(other == head);
  }
  CHECK(client.request({.method = "HEAD", .target = "/order"}).status == 405);
  CHECK(verdict(client.request(get("/healthz"))) == "200 ok");
}

TEST_CASE("Session: a client that closes its side → still answered", "[http][socket]") {
  Sale sale;
  sale.init("p", 1);
  HttpClient client = sale.client();
  client.write(HttpClient::text_of(order("p", "a", "k")) + health);
  client.shutdown_send();
  CHECK(verdict(client.read_response()) == "200 success");
  CHECK(verdict(client.read_response()) == "200 ok");
  CHECK(client.read_to_end().empty());
}

TEST_CASE("Session: max_requests_per_connection → closed after the last", "[http][socket]") {
  ServerOptions options;
  options.max_requests_per_connection = 2;
  Sale sale(options);
  HttpClient client = sale.client();
  client.write(health + health + health);
  CHECK(client.read_response().header("Connection").empty());
  CHECK(client.read_response().header("Connection") == "close");
  CHECK(client.read_to_end().empty());
}

TEST_CASE("Session: slow clients → 408 or closed when the deadline is over", "[http][socket]") {
  ServerOptions options;
  options.header_timeout = options.body_timeout = options.idle_timeout = seconds{1};
  Sale sale(options);
  HttpClient header = sale.client();
  HttpClient body = sale.client();
  HttpClient idle = sale.client();
  header.write("GET /healthz HTTP/1.1\r\nHo");
  body.write("POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  idle.connect();
  for (HttpClient* slow : {&header, &body}) {
    const HttpResponse answer = slow->read_response();
    CHECK(verdict(answer) == "408 request_timeout");
    CHECK(answer.header("Connection") == "close");
    CHECK(slow->read_to_end().empty());
  }
  CHECK(idle.read_to_end().empty());
  CHECK(metric(sale, "fluxgate_http_request_timeouts_total") == 2);
}

// The shard closes four connections at a time, and has time for others between.
TEST_CASE("Session: 200 with one deadline, some of whom leave meanwhile → 408 to all others",
          "[http][socket]") {
  ServerOptions options;
  options.header_timeout = seconds{1};
  Sale sale(options);
  std::list<HttpClient> slow;
  for (int i = 0; i < 200; ++i) {
    slow.push_back(sale.client());
    slow.back().write("GET /healthz HTTP/1.1\r\nHo");
  }
  // The last that came are looked at first, and who leaves is replaced by the last that is left.
  CHECK(verdict(slow.back().read_response()) == "408 request_timeout");
  slow.pop_back();
  for (int i = 0; i < 20; ++i) slow.pop_front();
  for (HttpClient& client : slow) {
    CHECK(verdict(client.read_response()) == "408 request_timeout");
    CHECK(client.read_to_end().empty());
  }
  slow.clear();
  CHECK(becomes_true([&] { return metric(sale, "fluxgate_http_connections") == 1; }));
}

TEST_CASE("Session: deadlines longer than the clock → none", "[http][socket]") {
  ServerOptions options;
  options.header_timeout = options.body_timeout = options.idle_timeout = seconds::max();
  Sale sale(options);
  HttpClient header = sale.client();
  HttpClient idle = sale.client();
  header.write("GET /healthz HTTP/1.1\r\nHo");
  idle.connect();
  // Longer than a tick.
  CHECK(header.is_silent_for(std::chrono::milliseconds{1500}));
  CHECK(idle.is_silent_for(std::chrono::milliseconds{1}));
}

TEST_CASE("Session: a client that drips bytes → no more time than any other", "[http][socket]") {
  ServerOptions options;
  options.header_timeout = seconds{1};
  Sale sale(options);
  HttpClient client = sale.client();
  client.write("GET /healthz HTTP/1.1\r\nA: ");
  int drips = 0;
  while (client.is_silent_for(std::chrono::milliseconds{50}) && ++drips < 100) client.write("x");
  REQUIRE(drips < 100);
  CHECK(verdict(client.read_response()) == "408 request_timeout");
}

TEST_CASE("Session: a client that drips a body → no more time than any other", "[http][socket]") {
  ServerOptions options;
  options.body_timeout = seconds{1};
  Sale sale(options);
  for (const char* framing :
       {"Content-Length: 9999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"}) {
    HttpClient client = sale.client();
    client.write("POST /order HTTP/1.1\r\nHost: a\r\n" + std::string(framing));
    const std::string drip = framing[0] == 'C' ? "x" : "1\r\nx\r\n";
    int drips = 0;
    while (client.is_silent_for(std::chrono::milliseconds{50}) && ++drips < 100) client.write(drip);
    REQUIRE(drips < 100);
    CHECK(verdict(client.read_response()) == "408 request_timeout");
  }
}

TEST_CASE("Session: halves of empty lines, again and again → no more time than any other",
          "[http][socket]") {
  Sale sale;
  HttpClient client = sale.client();
  client.write("\r");
  int drips = 0;
  while (client.is_silent_for(std::chrono::milliseconds{50}) && ++drips < 100) {
    client.write(drips % 2 == 0 ? "\r" : "\n");
  }
  REQUIRE(drips < 100);
  CHECK(verdict(client.read_response()) == "400 malformed_request");
}

TEST_CASE("Session: a client that does not read → closed, and never much memory",
          "[http][socket]") {
  ServerOptions options;
  options.write_timeout = seconds{1};
  Sale sale(options);
  HttpClient client = sale.client();
  client.set_receive_buffer(4096);
  std::string requests;
  for (int i = 0; i < 2000; ++i) requests += "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";
  client.write(requests);
  CHECK(becomes_true([&] { return metric(sale, "fluxgate_http_connections") == 1; }));
  // 40 MB were asked for; one output, what the kernel may hold of it and what the client's kernel
  // took are all that was made.
  CHECK(metric(sale, "fluxgate_http_requests_total{route=\"openapi\",status=\"2xx\"}") < 20);
}

TEST_CASE("Session: a client that does not read while log reads come back → closed all the same",
          "[http][socket]") {
  ServerOptions options;
  options.write_timeout = seconds{1};
  Sale sale(options);
  sale.init("p", 1);
  HttpClient client = sale.client();
  const std::string id =
      sale.engine->order({.product_id = "p", .user_id = "a", .key = "k"}).order_id.str();
  client.set_receive_buffer(4096);
  std::string requests;
  for (int i = 0; i < 2000; ++i) {
    requests += "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";
    requests += "GET /orders/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n";
  }
  client.write(requests);
  CHECK(becomes_true([&] { return metric(sale, "fluxgate_http_connections") == 1; }));
}

TEST_CASE("Session: an empty line behind a body → the next request is answered", "[http][socket]") {
  Sale sale;
  sale.init("p", 1);
  HttpClient client = sale.client();
  client.write(HttpClient::text_of(order("p", "a", "k")) + "\r\n");
  CHECK(verdict(client.read_response()) == "200 success");
  CHECK(verdict(client.request(get("/healthz"))) == "200 ok");
}

TEST_CASE("Session: more pipelined requests than a turn answers → all answered, in order",
          "[http][socket]") {
  Sale sale;
  sale.init("p", 1);
  HttpClient client = sale.client();
  std::string requests;
  for (std::size_t i = 0; i < 10 * turn_requests_max; ++i) {
    requests += i % 2 == 0 ? health : HttpClient::text_of(get("/products/none"));
  }
  client.write(requests);
  for (std::size_t i = 0; i < 10 * turn_requests_max; ++i) {
    REQUIRE(client.read_response().status == (i % 2 == 0 ? 200 : 404));
  }
}

TEST_CASE("Session: clients that reset in the middle of an order → nothing lost",
          "[http][socket]") {
  Sale sale;
  sale.init("p", 100);
  sale.storage.block_appends();
  for (int i = 0; i < 50; ++i) {
    HttpClient client = sale.client();
    client.write(HttpClient::text_of(order("p", "a", "k" + std::to_string(i))) + health);
    if (i == 0) sale.storage.wait_until_blocked();
    client.reset();
  }
  HttpClient last = sale.client();
  last.write(HttpClient::text_of(order("p", "a", "k50")));
  sale.storage.release_appends();
  CHECK(verdict(last.read_response()) == "200 success");
  CHECK(becomes_true([&] { return metric(sale, "fluxgate_http_connections") == 2; }));
  // Which orders arrived before their reset is the kernel's affair; each is whole.
  const auto product = sale.engine->product("p");
  CHECK(product->pending == 0);
  CHECK(product->accepted + product->stock == 100);
}

}  // namespace fluxgate::http
