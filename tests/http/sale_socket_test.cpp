#include <atomic>
#include <barrier>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "http/fixture.hpp"

namespace fluxgate::http {
namespace {

// What one buyer of a crowd got.
struct Got {
  std::string verdict;
  std::string body;
  bool replayed = false;
};

// Sends the same order on `count` connections at once.
std::vector<Got> send_copies(const Sale& sale, const HttpRequest& request, std::size_t count) {
  std::vector<Got> got(count);
  std::barrier<> start(static_cast<std::ptrdiff_t>(count));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        HttpClient client = sale.client();
        client.connect();
        start.arrive_and_wait();
        const HttpResponse answer = client.request(request);
        got[i] = {verdict(answer), answer.body, answer.header("Idempotent-Replayed") == "true"};
      } catch (const std::exception& failure) {
        got[i].verdict = failure.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return got;
}

}  // namespace

TEST_CASE("Server: fifty copies of one order at once → one order, one answer", "[http][race]") {
  struct Case {
    Units stock;
    std::uint64_t rate;
  };
  for (const Case& each : {Case{1000, 0}, Case{1, 0}, Case{1000, 1}}) {
    EngineOptions engine_options;
    engine_options.rate_limit = each.rate;
    for (int round = 0; round < 20; ++round) {
      Sale sale({}, engine_options);
      sale.init("p", each.stock);
      const std::vector<Got> got = send_copies(sale, order("p", "a", "k"), 50);
      std::size_t replays = 0;
      std::set<std::string> bodies;
      for (const Got& one : got) {
        CHECK(one.verdict == "200 success");
        replays += one.replayed ? 1 : 0;
        bodies.insert(one.body);
      }
      CHECK(replays == 49);
      CHECK(bodies.size() == 1);
      CHECK(sale.engine->product("p")->accepted == 1);
    }
  }
}

TEST_CASE("Server: many buyers on many connections → exactly the stock is sold", "[http][race]") {
  Sale sale;
  sale.init("p", 500);
  std::atomic<int> accepted{0};
  std::atomic<int> sold_out{0};
  std::atomic<int> other{0};
  std::vector<std::thread> threads;
  for (int buyer = 0; buyer < 8; ++buyer) {
    threads.emplace_back([&, buyer] {
      try {
        HttpClient client = sale.client();
        for (int i = 0; i < 100; ++i) {
          const std::string name = std::to_string(buyer) + "-" + std::to_string(i);
          const std::string found = verdict(client.request(order("p", name, name)));
          (found == "200 success" ? accepted : found == "409 sold_out" ? sold_out : other)++;
        }
      } catch (const std::exception&) {
        other += 1000;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(accepted == 500);
  CHECK(sold_out == 300);
  CHECK(other == 0);
  CHECK(metric(sale, "fluxgate_orders_total{result=\"accepted\"}") == 500);
  CHECK(metric(sale, "fluxgate_orders_total{result=\"sold_out\"}") == 300);
  CHECK(metric(sale, "fluxgate_log_orders_total") == 500);
}

TEST_CASE("Server: an order that waits for its commit → the pipeline waits behind it",
          "[http][socket]") {
  Sale sale;
  sale.init("p", 2);
  sale.storage.block_appends();
  HttpClient client = sale.client();
  client.write(HttpClient::text_of(order("q", "a", "k0")));
  CHECK(verdict(client.read_response()) == "404 unknown_product");
  client.write(HttpClient::text_of(order("q", "a", "k0")) +
               HttpClient::text_of(order("p", "a", "k1")) +
               HttpClient::text_of(order("p", "a", "k2")) +
               HttpClient::text_of(order("p", "a", "k3")) + HttpClient::text_of(get("/healthz")));
  // What is ready does not wait for what is not.
  CHECK(verdict(client.read_response()) == "404 unknown_product");
  sale.storage.wait_until_blocked();
  const std::string snapshot = sale.client().request(get("/products/p")).body;
  CHECK(snapshot ==
        R"({"productId":"p","round":1,"quantity":2,"stock":1,"accepted":0,"pending":1})");
  sale.storage.release_appends();
  CHECK(verdict(client.read_response()) == "200 success");
  CHECK(verdict(client.read_response()) == "200 success");
  CHECK(verdict(client.read_response()) == "409 sold_out");
  CHECK(verdict(client.read_response()) == "200 ok");
}

TEST_CASE("Server: products → pages in order of ids", "[http][socket]") {
  Sale sale;
  HttpClient client = sale.client();
  CHECK(client.request(get("/products")).body == R"({"products":[],"next":null})");
  for (const char* id : {"b", "a/\"", "c"}) sale.init(id, 5);
  const std::string a =
      R"({"productId":"a/\"","round":1,"quantity":5,"stock":5,"accepted":0,"pending":0})";
  const std::string b =
      R"({"productId":"b","round":1,"quantity":5,"stock":5,"accepted":0,"pending":0})";
  const std::string c =
      R"({"productId":"c","round":1,"quantity":5,"stock":5,"accepted":0,"pending":0})";
  CHECK(client.request(get("/products?limit=2")).body ==
        R"({"products":[)" + a + "," + b + R"(],"next":"b"})");
  CHECK(client.request(get("/products?limit=1")).body ==
        R"({"products":[)" + a + R"(],"next":"a/\""})");
  CHECK(client.request(get("/products?after=a/%22")).body ==
        R"({"products":[)" + b + "," + c + R"(],"next":null})");
  CHECK(client.request(get("/products/a%2F%22")).body == a);
}

TEST_CASE("Server: the log → orders by page and by id, and the audit", "[http][socket]") {
  Sale sale;
  sale.init("p", 5);
  sale.init("q", 5);
  HttpClient client = sale.client();
  std::vector<std::string> ids;
  for (const char* product : {"p", "q", "p"}) {
    const std::string key = "k" + std::to_string(ids.size());
    const std::string body = client.request(order(product, "a b", key)).body;
    ids.push_back(body.substr(body.find("orderId") + 10, OrderId::size));
  }
  const std::string first = client.request(get("/orders/" + ids[0])).body;
  CHECK(first.starts_with(R"({"orderId":")" + ids[0] +
                          R"(","productId":"p","round":1,"userId":"a b","quantity":1,)"
                          R"("sequence":1,"acceptedAt":"20)"));
  CHECK(first.ends_with("Z\"}"));
  CHECK(first.size() - first.find("\"20") == 27);
  const std::string second = client.request(get("/orders/" + ids[1])).body;
  const std::string third = client.request(get("/orders/" + ids[2])).body;
  CHECK(client.request(get("/orders")).body ==
        R"({"orders":[)" + first + "," + second + "," + third + R"(],"next":null})");
  CHECK(client.request(get("/orders?limit=2")).body ==
        R"({"orders":[)" + first + "," + second + R"(],"next":2})");
  CHECK(client.request(get("/orders?after=2")).body ==
        R"({"orders":[)" + third + R"(],"next":null})");
  CHECK(client.request(get("/orders?productId=q&round=1")).body ==
        R"({"orders":[)" + second + R"(],"next":null})");
  CHECK(client.request(get("/products/p/audit")).body ==
        R"({"productId":"p","round":1,"quantity":5,"ordersInLog":2,"unitsInLog":2,)"
        R"("oversold":false})");
  CHECK(client.request(get("/products/p/audit?round=1")).status == 200);
}

TEST_CASE("Server: pages → HTML for people, JSON for who asks", "[http][socket]") {
  Sale sale;
  HttpClient client = sale.client();
  for (const char* target : {"/", "/waiting-room"}) {
    const HttpResponse page = client.request(get(target));
    CHECK(page.status == 200);
    CHECK(page.header("Content-Type") == "text/html; charset=utf-8");
    const std::string policy = page.header("Content-Security-Policy");
    CHECK(policy.starts_with("default-src 'none'; "));
    CHECK(policy.find("style-src 'sha256-") != std::string::npos);
    CHECK(page.body.starts_with("<!doctype html>"));
    CHECK(page.body.find("http://") == std::string::npos);
    CHECK(page.body.find("https://") == std::string::npos);
  }
  HttpRequest json = get("/waiting-room");
  json.headers.push_back({"Accept", "application/json"});
  CHECK(verdict(client.request(json)) == "200 waiting");
}

}  // namespace fluxgate::http
