#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "fluxgate/server.hpp"
#include "orderlog/memory_storage.hpp"
#include "support/faulty_storage.hpp"
#include "support/http_client.hpp"

namespace fluxgate::http {

using testing::field;
using testing::HttpClient;
using testing::HttpHeader;
using testing::HttpRequest;
using testing::HttpResponse;
using testing::verdict;

/// An engine in memory and a server over it on a free port.
struct Sale {
  explicit Sale(ServerOptions server_options = {}, EngineOptions engine_options = {}) {
    if (engine_options.storage == nullptr) engine_options.storage = &storage;
    auto opened = Engine::open(std::move(engine_options));
    if (!opened) FAIL(opened.error().message);
    engine = std::move(*opened);
    server_options.port = 0;
    // More than the test machine's cores may be: requests must meet on different shards.
    if (server_options.threads == 0) server_options.threads = 2;
    auto started = Server::start(*engine, std::move(server_options));
    if (!started) FAIL(started.error().message);
    server = std::move(*started);
  }

  [[nodiscard]] HttpClient client() const { return HttpClient(server->port()); }

  void init(std::string_view product, Units quantity) {
    const InitResult result = engine->init({.product_id = product, .quantity = quantity});
    REQUIRE(result.status == InitStatus::ok);
  }

  orderlog::MemoryStorage memory;
  testing::FaultyStorage storage{memory};
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Server> server;  // goes first
};

inline HttpRequest get(std::string target) {
  return {.method = "GET", .target = std::move(target)};
}

inline HttpRequest post_json(std::string target, std::string body) {
  return {.method = "POST",
          .target = std::move(target),
          .headers = {{"Content-Type", "application/json"}},
          .body = std::move(body)};
}

inline std::string order_body(std::string_view product, std::string_view user) {
  return "{\"productId\":\"" + std::string(product) + "\",\"userId\":\"" + std::string(user) +
         "\"}";
}

inline HttpRequest order(std::string_view product, std::string_view user, std::string key) {
  HttpRequest request = post_json("/order", order_body(product, user));
  request.headers.push_back({"x-idempotency-key", std::move(key)});
  return request;
}

/// Asks again and again, because nothing tells when a server has noticed something.
inline bool becomes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

/// A sample of /metrics; -1 if there is none.
inline double metric(const Sale& sale, const std::string& name) {
  const std::string text = sale.client().request(get("/metrics")).body;
  const std::size_t begin = text.find("\n" + name + " ");
  return begin == std::string::npos ? -1 : std::stod(text.substr(begin + name.size() + 2));
}

}  // namespace fluxgate::http
