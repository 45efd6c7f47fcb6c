#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "http/fixture.hpp"

namespace fluxgate::http {
namespace {

using std::chrono::seconds;

ErrorCode start_error(Engine& engine, ServerOptions options) {
  auto started = Server::start(engine, std::move(options));
  REQUIRE_FALSE(started.has_value());
  return started.error().code;
}

bool connects(std::uint16_t port) {
  try {
    HttpClient(port).connect();
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

TEST_CASE("Server: stop() while orders wait → they are answered, then it ends", "[http][socket]") {
  Sale sale;
  sale.init("p", 9);
  sale.storage.block_appends();
  HttpClient waiting = sale.client();
  HttpClient idle = sale.client();
  CHECK(verdict(idle.request(get("/healthz"))) == "200 ok");
  waiting.write(HttpClient::text_of(order("p", "a", "k1")) +
                HttpClient::text_of(order("p", "a", "k2")));
  sale.storage.wait_until_blocked();
  const std::uint16_t port = sale.server->port();
  std::future<bool> stopped = std::async(std::launch::async, [&] { return sale.server->stop(); });
  CHECK(idle.read_to_end().empty());
  CHECK(becomes_true([&] { return !connects(port); }));
  sale.storage.release_appends();
  const HttpResponse answer = waiting.read_response();
  CHECK(verdict(answer) == "200 success");
  CHECK(answer.header("Connection") == "close");
  // The second was not read before the first was answered: it did not begin.
  CHECK(waiting.read_to_end().empty());
  CHECK(stopped.get());
  CHECK(sale.server->stop());
  CHECK(sale.engine->state() == EngineState::draining);
}

TEST_CASE("Server: an order that waits longer than any deadline → still answered",
          "[http][socket]") {
  ServerOptions options;
  options.header_timeout = options.body_timeout = options.write_timeout = options.idle_timeout =
      seconds{1};
  Sale sale(options);
  sale.init("p", 9);
  sale.storage.block_appends();
  HttpClient waiting = sale.client();
  waiting.write(HttpClient::text_of(order("p", "a", "k1")));
  sale.storage.wait_until_blocked();
  // Idle connections on both shards tell when the deadlines are over.
  for (int i = 0; i < 4; ++i) {
    HttpClient idle = sale.client();
    idle.connect();
    CHECK(idle.read_to_end().empty());
  }
  sale.storage.release_appends();
  CHECK(verdict(waiting.read_response()) == "200 success");
  CHECK(verdict(waiting.request(get("/healthz"))) == "200 ok");
}

TEST_CASE("Server: stop() under load → every request that got through is answered",
          "[http][race]") {
  for (int round = 0; round < 10; ++round) {
    Sale sale;
    sale.init("p", units_max);
    std::atomic<int> answered{0};
    std::atomic<int> accepted{0};
    std::atomic<int> odd{0};
    std::vector<std::thread> threads;
    for (int buyer = 0; buyer < 4; ++buyer) {
      threads.emplace_back([&, buyer] {
        std::optional<HttpClient> client(sale.client());
        try {
          for (int i = 0;; ++i) {
            const std::string name = std::to_string(buyer) + "-" + std::to_string(i);
            const HttpResponse answer = client->request(order("p", name, name));
            const std::string found = verdict(answer);
            ++answered;
            if (found == "200 success") ++accepted;
            if (found != "200 success" && found != "503 draining") ++odd;
            if (answer.header("Connection") == "close") return;
          }
        } catch (const std::runtime_error&) {
          // Its connection was idle when the server closed it.
        }
      });
    }
    while (answered < 200) std::this_thread::yield();
    CHECK(sale.server->stop());
    for (std::thread& thread : threads) thread.join();
    CHECK(odd == 0);
    const auto product = sale.engine->product("p");
    CHECK(product->pending == 0);
    // Whoever was accepted was told.
    CHECK(product->accepted == static_cast<Units>(accepted));
  }
}

TEST_CASE("Server: stop() and a request that never ends → closed when drain_timeout is over",
          "[http][socket]") {
  ServerOptions options;
  options.drain_timeout = seconds{0};
  Sale sale(options);
  HttpClient client = sale.client();
  // The answer to the first tells that the beginning of the second, in the same segment, was read.
  client.write(HttpClient::text_of(get("/healthz")) + "GET /healthz HTTP/1.1\r\nHo");
  CHECK(verdict(client.read_response()) == "200 ok");
  CHECK_FALSE(sale.server->stop());
  CHECK_THROWS_AS(client.read_response(), std::runtime_error);
}

TEST_CASE("Server: stop() in a host that commits by itself → commits what waits",
          "[http][socket]") {
  EngineOptions engine_options;
  engine_options.commit_threads = 0;
  Sale sale({}, engine_options);
  sale.init("p", 9);
  HttpClient client = sale.client();
  client.write(HttpClient::text_of(order("p", "a", "k")));
  REQUIRE(becomes_true([&] { return sale.engine->product("p")->pending == 1; }));
  CHECK(sale.server->stop());
  CHECK(verdict(client.read_response()) == "200 success");
}

TEST_CASE("Server: a port that is taken → in_use, although ports are shared inside",
          "[http][socket]") {
  Sale sale;
  for (const char* host : {"localhost", "127.0.0.1", "0.0.0.0"}) {
    ServerOptions options;
    options.host = host;
    options.port = sale.server->port();
    CHECK(start_error(*sale.engine, options) == ErrorCode::in_use);
  }
}

TEST_CASE("Server: options that cannot be → invalid_argument", "[http][unit]") {
  Sale sale;
  const auto check = [&](auto change) {
    ServerOptions options;
    options.port = 0;
    change(options);
    CHECK(start_error(*sale.engine, options) == ErrorCode::invalid_argument);
  };
  check([](ServerOptions& options) { options.max_connections = 0; });
  check([](ServerOptions& options) { options.max_connections = 1'000'001; });
  check([](ServerOptions& options) { options.read_threads = 0; });
  check([](ServerOptions& options) { options.read_threads = 17; });
  check([](ServerOptions& options) { options.threads = 1025; });
  check([](ServerOptions& options) { options.header_timeout = seconds{0}; });
  check([](ServerOptions& options) { options.idle_timeout = seconds{0}; });
  check([](ServerOptions& options) { options.drain_timeout = seconds{-1}; });
  check([](ServerOptions& options) { options.waiting_room_url = ""; });
  check([](ServerOptions& options) { options.waiting_room_url = "/a\r\nSet-Cookie: b"; });
  check([](ServerOptions& options) { options.admin_token = "a b"; });
  check([](ServerOptions& options) { options.client_rate = 1'000'001; });
  check([](ServerOptions& options) { options.user_burst = 1'000'001; });
  check([](ServerOptions& options) { options.trusted_proxy = "10.0.0.0/33"; });
  check([](ServerOptions& options) { options.trusted_proxy = "proxy"; });
  check([](ServerOptions& options) { options.host = "no.such.host.invalid"; });
  check([](ServerOptions& options) { options.host = "192.0.2.1"; });
}

TEST_CASE("Server: localhost → IPv4 and, if there is one, IPv6", "[http][socket]") {
  Sale sale;
  HttpClient v6 = sale.client();
  try {
    v6.connect(true);
  } catch (const std::runtime_error&) {
    WARN("this machine has no ::1");
    return;
  }
  CHECK(verdict(v6.request(post_json("/init", R"({"productId":"p","quantity":1})"))) == "200 ok");
  CHECK(verdict(sale.client().request(get("/healthz"))) == "200 ok");
}

TEST_CASE("Server: out of descriptors → rests, and accepts when there are some again",
          "[http][socket]") {
  std::atomic<int> warnings{0};
  ServerOptions options;
  options.log = [&](LogLevel level, std::string_view) { warnings += level == LogLevel::warning; };
  Sale sale(options);
  HttpClient watcher = sale.client();
  CHECK(verdict(watcher.request(get("/healthz"))) == "200 ok");
  const auto failures = [&] {
    const std::string text = watcher.request(get("/metrics")).body;
    const std::string name = "\nfluxgate_http_accept_failures_total ";
    return std::stoi(text.substr(text.find(name) + name.size()));
  };
  // Their own descriptors exist before the limit falls to where one more would be.
  std::vector<HttpClient> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(sale.client());
    clients.back().open();
  }
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next = ::dup(0);
  ::close(next);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  for (HttpClient& client : clients) {
    client.connect();
    client.write(HttpClient::text_of(get("/healthz")));
  }
  const bool failed = becomes_true([&] { return failures() >= 2; });
  const int seen = failures();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(failed);
  CHECK(seen < 100);
  for (HttpClient& client : clients) CHECK(verdict(client.read_response()) == "200 ok");
  CHECK(warnings >= 1);
  CHECK(warnings < 20);
}

TEST_CASE("Server: more connections than max_connections → 503 and closed", "[http][socket]") {
  ServerOptions options;
  options.max_connections = 2;
  Sale sale(options);
  HttpClient first = sale.client();
  HttpClient second = sale.client();
  CHECK(verdict(first.request(get("/healthz"))) == "200 ok");
  CHECK(verdict(second.request(get("/healthz"))) == "200 ok");
  for (int i = 0; i < 3; ++i) {
    HttpClient third = sale.client();
    third.write(HttpClient::text_of(get("/healthz")));
    const HttpResponse answer = third.read_response();
    CHECK(verdict(answer) == "503 overloaded");
    CHECK(answer.header("Connection") == "close");
    CHECK(answer.header("Retry-After") == "1");
    CHECK(third.read_to_end().empty());
  }
  second.close();
  CHECK(becomes_true([&] {
    HttpClient next = sale.client();
    return verdict(next.request(get("/healthz"))) == "200 ok";
  }));
}

TEST_CASE("Server: a disk that hangs → the connections kept for others still hear what is gone",
          "[http][socket]") {
  ServerOptions options;
  options.max_connections = 4;
  EngineOptions engine_options;
  engine_options.pending_orders_max = 3;
  Sale sale(options, engine_options);
  sale.init("p", 9);
  sale.init("gone", 0);
  sale.storage.block_appends();
  std::vector<HttpClient> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(sale.client());
    waiting.back().write(HttpClient::text_of(order("p", "a", "k" + std::to_string(i))));
  }
  CHECK(becomes_true([&] { return sale.engine->product("p")->pending == 3; }));
  HttpClient other = sale.client();
  const HttpResponse refused = other.request(order("p", "a", "k3"));
  CHECK(verdict(refused) == "503 overloaded");
  CHECK(refused.header("Retry-After") == "1");
  CHECK(refused.header("Connection").empty());
  CHECK(verdict(other.request(order("gone", "a", "k"))) == "409 sold_out");
  CHECK(verdict(other.request(get("/healthz"))) == "200 ok");
  CHECK(sale.engine->product("p")->stock == 6);
  sale.storage.release_appends();
  for (HttpClient& client : waiting) CHECK(verdict(client.read_response()) == "200 success");
  CHECK(verdict(other.request(order("p", "a", "k3"))) == "200 success");
}

TEST_CASE("Server: more connections than an address may have → 429, but for the proxy",
          "[http][socket]") {
  for (const bool is_proxy : {false, true}) {
    ServerOptions options;
    options.max_connections_per_address = 1;
    if (is_proxy) options.trusted_proxy = "127.0.0.0/8";
    Sale sale(options);
    HttpClient first = sale.client();
    CHECK(verdict(first.request(get("/healthz"))) == "200 ok");
    HttpClient second = sale.client();
    second.write(HttpClient::text_of(get("/healthz")));
    const HttpResponse answer = second.read_response();
    CHECK(verdict(answer) == (is_proxy ? "200 ok" : "429 too_many_requests"));
    CHECK(answer.header("Retry-After") == (is_proxy ? "" : "1"));
  }
}

TEST_CASE("Server: admin routes → for the token, or for who is here", "[http][socket]") {
  struct Case {
    const char* name;
    ServerOptions options;
    std::vector<HttpHeader> headers;
    bool is_allowed;
  };
  ServerOptions token;
  token.admin_token = "s3cret";
  ServerOptions proxy;
  proxy.trusted_proxy = "127.0.0.1";
  ServerOptions open;
  open.host = "0.0.0.0";
  ServerOptions open_token = open;
  open_token.admin_token = "s3cret";
  const std::vector<Case> cases{
      {"direct", {}, {}, true},
      {"forwarded", {}, {{"X-Forwarded-For", "127.0.0.1"}}, false},
      {"foreign page", {}, {{"Origin", "http://evil.example"}}, false},
      {"a token nobody set", {}, {{"Authorization", "Bearer x"}}, true},
      {"no token", token, {}, false},
      {"wrong token", token, {{"Authorization", "Bearer s3cre"}}, false},
      {"token", token, {{"Authorization", "Bearer s3cret"}}, true},
      {"token through a proxy",
       token,
       {{"Authorization", "bearer s3cret"}, {"Via", "1.1 a"}},
       true},
      {"behind a proxy", proxy, {}, false},
      {"on all addresses", open, {}, false},
      {"on all addresses, token", open_token, {{"Authorization", "Bearer s3cret"}}, true},
  };
  for (const Case& each : cases) {
    INFO(each.name);
    std::string warning;
    ServerOptions options = each.options;
    options.log = [&](LogLevel, std::string_view line) { warning = line; };
    Sale sale(options);
    HttpClient client = sale.client();
    sale.init("p", 1);
    for (const HttpRequest& plain :
         {post_json("/init", R"({"productId":"p","quantity":1})"), get("/orders"),
          get("/orders?productId=p"), get("/products/p/audit")}) {
      HttpRequest request = plain;
      for (const HttpHeader& header : each.headers) request.headers.push_back(header);
      const HttpResponse answer = client.request(request);
      CHECK(answer.status == (each.is_allowed ? 200 : 401));
      if (!each.is_allowed) CHECK(verdict(answer) == "401 unauthorized");
    }
    CHECK(verdict(client.request(get("/products"))).starts_with("200"));
    const bool is_off = each.options.admin_token.empty() && each.options.host == "0.0.0.0";
    const bool has_proxy = !each.options.trusted_proxy.empty();
    CHECK(warning.starts_with("the admin routes are off") == (is_off || has_proxy));
  }
}

TEST_CASE("Server: an admin request by name, version or absolute target → only the local ones",
          "[http][socket]") {
  Sale sale;
  const auto status = [&](const std::string& bytes) {
    HttpClient client = sale.client();
    client.write(bytes);
    return verdict(client.read_response());
  };
  CHECK(status("GET /orders HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n").starts_with("200"));
  CHECK(
      status("GET http://localhost/orders HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("200"));
  CHECK(status("GET /orders HTTP/1.1\r\nHost: shop.example\r\n\r\n") == "401 unauthorized");
  CHECK(status("GET /orders HTTP/1.1\r\nHost:\r\n\r\n") == "401 unauthorized");
  CHECK(status("GET http://shop.example/orders HTTP/1.1\r\nHost: localhost\r\n\r\n") ==
        "401 unauthorized");
  CHECK(status("GET /orders HTTP/1.0\r\nHost: localhost\r\n\r\n") == "401 unauthorized");
}

}  // namespace fluxgate::http
