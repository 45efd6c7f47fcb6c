#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "http/fixture.hpp"

namespace fluxgate::http {
namespace {

// What must be true of every answer that is not a page.
void check_form(const HttpResponse& answer) {
  INFO(answer.head);
  CHECK(answer.header("Content-Type") == "application/json");
  CHECK(answer.header("Cache-Control") == "no-store");
  CHECK(answer.header("Date").size() == 29);
  CHECK(answer.header("Date").ends_with(" GMT"));
  CHECK(answer.header("Retry-After").empty() == (answer.status != 503 && answer.status != 429));
  CHECK(answer.header("WWW-Authenticate") == (answer.status == 401 ? "Bearer" : ""));
  CHECK(answer.header("Location").empty() == (answer.status != 302));
  CHECK((answer.status == 405) == !answer.header("Allow").empty());
}

// An answer that keeps the connection: the next request on it is answered.
HttpResponse kept(HttpClient& client, const HttpRequest& request) {
  HttpResponse answer = client.request(request);
  INFO(request.target << " " << request.body << " → " << answer.head);
  check_form(answer);
  CHECK(answer.header("Connection").empty());
  CHECK(client.is_connected());
  CHECK(verdict(client.request(get("/healthz"))) == "200 ok");
  return answer;
}

// An answer that closes it: then comes the end, and what was sent behind is not answered.
std::string closed(const Sale& sale, const std::string& bytes) {
  HttpClient client = sale.client();
  client.write(bytes);
  const HttpResponse answer = client.read_response();
  check_form(answer);
  CHECK(answer.header("Connection") == "close");
  CHECK(client.read_to_end().empty());
  return verdict(answer);
}

HttpRequest without_type(HttpRequest request) {
  request.headers.erase(request.headers.begin());
  return request;
}

HttpRequest with(HttpRequest request, const std::string& name, const std::string& value) {
  request.headers.push_back({name, value});
  return request;
}

}  // namespace

TEST_CASE("Server: orders and inits → the statuses of the contract", "[http][socket]") {
  Sale sale;
  HttpClient client = sale.client();
  const HttpResponse init = kept(client, post_json("/init", R"({"productId":"p","quantity":2})"));
  CHECK(init.status == 200);
  CHECK(init.body == R"({"status":"ok","msg":"Stock initialized for p to 2","productId":"p",)"
                     R"("round":1,"quantity":2})");

  const HttpResponse first = kept(client, order("p", "a", "k1"));
  CHECK(verdict(first) == "200 success");
  CHECK(first.header("Idempotent-Replayed").empty());
  CHECK(first.body.starts_with(R"({"status":"success","msg":"Order accepted","orderId":")"));
  CHECK(first.body.ends_with(R"(","productId":"p","quantity":1})"));
  const HttpResponse again = kept(client, order("p", "a", "k1"));
  CHECK(again.body == first.body);
  CHECK(again.header("Idempotent-Replayed") == "true");
  const HttpResponse other_name =
      kept(client, with(post_json("/order", order_body("p", "a")), "Idempotency-Key", "k1"));
  CHECK(other_name.body == first.body);

  HttpRequest two = order("p", "b", "k2");
  two.body = R"({"productId":"p","userId":"b","quantity":2})";
  const HttpResponse sold_out = kept(client, two);
  CHECK(sold_out.status == 409);
  CHECK(sold_out.body == R"({"status":"sold_out","msg":"Inventory empty"})");
  CHECK(verdict(kept(client, order("p", "b", "k1"))) == "200 success");

  two.body = R"({"productId":"p","userId":"a","quantity":2})";
  two.headers.back().value = "k1";
  CHECK(verdict(kept(client, two)) == "422 idempotency_key_reused");
  CHECK(verdict(kept(client, order("q", "a", "k3"))) == "404 unknown_product");
}

TEST_CASE("Server: limits and rounds → 422", "[http][socket]") {
  Sale sale;
  HttpClient client = sale.client();
  const std::string limited =
      R"({"productId":"p","quantity":9,"maxPerOrder":2,"maxPerUser":3,"round":1})";
  CHECK(verdict(kept(client, post_json("/init", limited))) == "200 ok");
  CHECK(verdict(kept(client, post_json("/init", limited))) == "200 ok");
  CHECK(verdict(kept(client, post_json("/init", R"({"productId":"p","quantity":9,"round":3})"))) ==
        "422 round_mismatch");
  HttpRequest request = order("p", "a", "k1");
  request.body = R"({"productId":"p","userId":"a","quantity":3})";
  CHECK(verdict(kept(client, request)) == "422 over_limit");
  request.body = R"({"productId":"p","userId":"a","quantity":2})";
  CHECK(verdict(kept(client, request)) == "200 success");
  request.headers.back().value = "k2";
  CHECK(verdict(kept(client, request)) == "422 over_limit");
}

TEST_CASE("Server: 100000 products → 422 too_many_products", "[http][socket]") {
  Sale sale;
  for (std::size_t i = 0; i < products_max; ++i) sale.init("p" + std::to_string(i), 1);
  HttpClient client = sale.client();
  CHECK(verdict(kept(client, post_json("/init", R"({"productId":"q","quantity":1})"))) ==
        "422 too_many_products");
  CHECK(verdict(kept(client, post_json("/init", R"({"productId":"p7","quantity":1})"))) ==
        "200 ok");
}

TEST_CASE("Server: wrong input → its code, in the order of checks", "[http][socket]") {
  Sale sale;
  sale.init("p", 1);
  HttpClient client = sale.client();
  const auto check = [&](const HttpRequest& request, const std::string& wanted) {
    const HttpResponse answer = kept(client, request);
    INFO(request.method << " " << request.target << " " << request.body);
    CHECK(verdict(answer) == wanted);
    if (answer.status == 405) {
      CHECK(answer.header("Allow") == (request.target == "/order" ? "POST" : "GET, HEAD"));
    }
  };
  check(get("/nothing"), "404 not_found");
  check(get("/order%"), "400 malformed_request");
  check(get("/order"), "405 method_not_allowed");
  check({.method = "DELETE", .target = "/products"}, "405 method_not_allowed");
  check({.method = "PATCH", .target = "/products"}, "405 method_not_allowed");
  check({.method = "OPTIONS", .target = "/orders/x"}, "405 method_not_allowed");
  check({.method = "POST", .target = "/nothing", .body = "{"}, "404 not_found");

  const HttpRequest good = order("p", "a", "k");
  check(without_type(good), "415 unsupported_media_type");
  check(with(without_type(good), "Content-Type", "text/plain"), "415 unsupported_media_type");
  check(with(without_type(good), "Content-Type", "application/jsonx"),
        "415 unsupported_media_type");
  check(post_json("/order", "{"), "400 missing_idempotency_key");
  for (const char* key : {"", "a b", "\xC3\xA9", "a\tb"}) {
    check(order("p", "a", key), "400 invalid_idempotency_key");
  }
  check(order("p", "a", std::string(256, 'k')), "400 invalid_idempotency_key");
  check(with(good, "x-idempotency-key", "k"), "400 invalid_idempotency_key");
  check(with(good, "Idempotency-Key", "l"), "400 invalid_idempotency_key");
  HttpRequest bad = good;
  for (const char* body : {"", "{", "{}x", R"({"productId":"p","productId":"p","userId":"a"})"}) {
    bad.body = body;
    check(bad, "400 invalid_json");
  }
  for (const char* body : {"{}", "[]", R"({"productId":"p","userId":1})",
                           R"({"productId":"p","userId":"a","quantity":0})"}) {
    bad.body = body;
    check(bad, "400 invalid_field");
  }
  check(with(good, "x-admission-pass", "forged"), "403 invalid_pass");
  check(with(with(without_type(good), "Content-Type", "Application/JSON ; charset=utf-8"),
             "Idempotency-Key", "k"),
        "200 success");
  check(order("p", "z", std::string(255, '~')), "409 sold_out");

  for (const char* query : {"limit=0", "limit=1001", "limit=x", "limit=1&limit=1", "after=%01",
                            "limit=1.0", "after=%zz"}) {
    check(get("/products?" + std::string(query)), "400 invalid_query");
  }
  for (const char* query : {"limit=0", "limit=1001", "round=1", "productId=%00", "after=-1",
                            "productId=p&round=0", "after=9007199254740992"}) {
    check(get("/orders?" + std::string(query)), "400 invalid_query");
  }
  check(get("/products/p/audit?round=0"), "400 invalid_query");
  check(get("/products/p/audit?round=2"), "404 not_found");
  check(get("/products/q/audit"), "404 unknown_product");
  check(get("/products/q"), "404 unknown_product");
  check(get("/orders?productId=q"), "404 unknown_product");
  check(get("/orders?productId=q&after=99"), "404 unknown_product");
  check(get("/products/%01"), "404 unknown_product");
  check(get("/orders/x"), "404 unknown_order");
  check(get("/orders/" + std::string(OrderId::size, '0')), "404 unknown_order");
  check(get("/orders/" + std::string(OrderId::size, '~')), "404 unknown_order");
  check(get("/waiting-room/tickets/anything"), "404 unknown_ticket");
  check(get("/waiting-room/events?ticket=x"), "404 unknown_ticket");
  check(get("/admin/x"), "404 not_found");
}

TEST_CASE("Server: what is no proper request → its code, and the end", "[http][socket]") {
  Sale sale;
  const std::string next = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto fields = [&](const std::string& lines) {
    return "POST /order HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + next;
  };
  const std::vector<std::pair<std::string, std::string>> cases{
      {"GET /\r\n\r\n" + next, "400 malformed_request"},
      {"GET / HTTP/1.1\r\n\r\n" + next, "400 malformed_request"},
      {"GET / HTTP/1.1\nHost: a\n\n" + next, "400 malformed_request"},
      {fields("Host: a\r\n"), "400 malformed_request"},
      {fields("a: b\r\n c\r\n"), "400 malformed_request"},
      {fields("a : b\r\n"), "400 malformed_request"},
      {fields(std::string("a: \0\r\n", 6)), "400 malformed_request"},
      {fields("a: b\rc\r\n"), "400 malformed_request"},
      {fields("Content-Length: 1\r\nContent-Length: 1\r\n"), "400 malformed_request"},
      {fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "400 malformed_request"},
      {fields("Content-Type: a\r\nContent-Type: a\r\n"), "400 malformed_request"},
      {fields("Authorization: a\r\nAuthorization: a\r\n"), "400 malformed_request"},
      {fields("x-admission-pass: a\r\nx-admission-pass: a\r\n"), "400 malformed_request"},
      {fields("Transfer-Encoding: chunked\r\n") + "x", "400 malformed_request"},
      {fields("Content-Length: 16385\r\n"), "413 body_too_large"},
      {"POST /order HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4001\r\n",
       "413 body_too_large"},
      {"GET /" + std::string(8192, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n" + next,
       "414 uri_too_long"},
      {fields("a: " + std::string(16'384, 'b') + "\r\n"), "431 headers_too_large"},
      {fields("Transfer-Encoding: gzip\r\n"), "501 not_implemented"},
      {"BREW /order HTTP/1.1\r\nHost: a\r\n\r\n" + next, "501 not_implemented"},
      {"GET / HTTP/2.0\r\n\r\n" + next, "505 version_not_supported"},
      {"\x16\x03\x01\x02\x00\x01", "400 malformed_request"},
  };
  for (const auto& [bytes, wanted] : cases) {
    INFO(bytes.substr(0, 80));
    CHECK(closed(sale, bytes) == wanted);
  }
  std::string many;
  for (int i = 0; i < 64; ++i) many += "a: b\r\n";
  CHECK(closed(sale, fields(many)) == "431 headers_too_large");
}

TEST_CASE("Server: over the rate → 302 to the waiting room", "[http][socket]") {
  for (const auto& [url, start] : std::vector<std::pair<std::string, std::string>>{
           {"/waiting-room", "/waiting-room?productId="},
           {"https://line.example/a?b=c", "https://line.example/a?b=c&productId="},
           {"/w?", "/w?productId="}}) {
    ServerOptions options;
    options.waiting_room_url = url;
    EngineOptions engine_options;
    engine_options.rate_limit = 1;
    Sale sale(options, engine_options);
    const std::string id = "a b/\\u00e9&\\\"x";
    sale.init("a b/\xC3\xA9&\"x", 9);
    HttpClient client = sale.client();
    CHECK(verdict(kept(client, order(id, "a", "k1"))) == "200 success");
    std::string seen;
    // The next second's token may come between two orders, but not between each two.
    for (int i = 0; i < 50 && !seen.starts_with("302"); ++i) {
      const HttpResponse answer = kept(client, order(id, "b", "k" + std::to_string(i)));
      seen = verdict(answer);
      if (answer.status == 302) {
        CHECK(answer.header("Location") == start + "a%20b%2F%C3%A9%26%22x");
      }
    }
    CHECK(seen == "302 waiting");
    CHECK(verdict(kept(client, order(id, "a", "k1"))) == "200 success");
  }
}

TEST_CASE("Server: an engine that cannot → 503 and Retry-After", "[http][socket]") {
  EngineOptions engine_options;
  engine_options.pending_orders_max = 1;
  Sale sale({}, engine_options);
  sale.init("p", 9);
  HttpClient client = sale.client();
  CHECK(verdict(kept(client, get("/readyz"))) == "200 ok");

  sale.storage.block_appends();
  HttpClient waiting = sale.client();
  waiting.write(HttpClient::text_of(order("p", "a", "k1")));
  sale.storage.wait_until_blocked();
  CHECK(verdict(kept(client, order("p", "a", "k2"))) == "503 overloaded");
  sale.storage.release_appends();
  CHECK(verdict(waiting.read_response()) == "200 success");

  sale.storage.fail_append({});
  CHECK(verdict(kept(client, order("p", "a", "k3"))) == "503 storage_unavailable");
  CHECK(verdict(kept(client, get("/readyz"))) == "503 storage_unavailable");
  CHECK(verdict(kept(client, order("p", "a", "k1"))) == "200 success");
  CHECK(verdict(kept(client, post_json("/init", R"({"productId":"q","quantity":1})"))) ==
        "503 storage_unavailable");
}

TEST_CASE("Server: copies of an order whose write fails → one answer, all but one marked",
          "[http][socket]") {
  ServerOptions options;
  options.threads = 1;  // so that requests are read in the order of their sending
  Sale sale(options);
  sale.init("p", 9);
  sale.storage.block_appends();
  sale.storage.fail_append({});
  std::vector<HttpClient> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(sale.client());
    clients.back().write(HttpClient::text_of(order("p", "a", "k")));
  }
  sale.storage.wait_until_blocked();
  CHECK(verdict(sale.client().request(get("/healthz"))) == "200 ok");
  sale.storage.release_appends();
  int marked = 0;
  for (HttpClient& client : clients) {
    const HttpResponse answer = client.read_response();
    CHECK(verdict(answer) == "503 storage_unavailable");
    CHECK_FALSE(answer.header("Retry-After").empty());
    marked += answer.header("Idempotent-Replayed") == "true" ? 1 : 0;
  }
  CHECK(marked == 3);
}

TEST_CASE("Server: no space for new orders → 503 storage_full, until there is", "[http][socket]") {
  Sale sale;
  sale.init("p", 9);
  HttpClient client = sale.client();
  CHECK(verdict(kept(client, order("p", "a", "k"))) == "200 success");
  sale.storage.set_space(LogSpace::out);
  // Found out behind a write, a second after the last look.
  int number = 0;
  REQUIRE(becomes_true([&] {
    return verdict(client.request(order("p", "b", std::to_string(number++)))) != "200 success" ||
           sale.engine->product("p")->stock < 2;
  }));
  REQUIRE(becomes_true([&] { return verdict(client.request(get("/readyz"))) != "200 ok"; }));
  const HttpResponse refused = kept(client, order("p", "c", "k"));
  CHECK(verdict(refused) == "503 storage_full");
  CHECK_FALSE(refused.header("Retry-After").empty());
  CHECK(verdict(kept(client, post_json("/init", R"({"productId":"q","quantity":1})"))) ==
        "503 storage_full");
  CHECK(verdict(kept(client, get("/readyz"))) == "503 storage_full");
  CHECK(verdict(kept(client, order("p", "a", "k"))) == "200 success");
  sale.storage.set_space(LogSpace::plenty);
  CHECK(
      becomes_true([&] { return verdict(client.request(order("p", "c", "k"))) == "200 success"; }));
}

TEST_CASE("Server: a draining engine → 503 draining", "[http][socket]") {
  Sale sale;
  sale.init("p", 9);
  HttpClient client = sale.client();
  CHECK(verdict(kept(client, order("p", "a", "k1"))) == "200 success");
  sale.engine->drain();
  CHECK(verdict(kept(client, order("p", "a", "k2"))) == "503 draining");
  CHECK(verdict(kept(client, get("/readyz"))) == "503 draining");
  CHECK(verdict(kept(client, order("p", "a", "k1"))) == "200 success");
}

namespace {

// A log that can be written and no longer read.
class UnreadableStorage final : public LogStorage {
 public:
  explicit UnreadableStorage(LogStorage& inner) : inner_(inner) {}
  Result<LogPosition> mark() override { return inner_.mark(); }
  Result<void> start_writing(const LogPosition& tail) override {
    started_ = true;
    return inner_.start_writing(tail);
  }
  Result<void> append(const BlockKey& key, std::string_view block, bool sync) override {
    return inner_.append(key, block, sync);
  }
  Result<void> set_mark(const LogPosition& position) override { return inner_.set_mark(position); }
  Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override {
    if (!started_) return inner_.scan(from);
    return Error{ErrorCode::damaged, "not readable"};
  }

 private:
  LogStorage& inner_;
  bool started_ = false;
};

}  // namespace

TEST_CASE("Server: a log that turns out damaged → 500 internal", "[http][socket]") {
  orderlog::MemoryStorage memory;
  UnreadableStorage unreadable(memory);
  EngineOptions engine_options;
  engine_options.storage = &unreadable;
  Sale sale({}, engine_options);
  sale.init("p", 1);
  HttpClient client = sale.client();
  CHECK(verdict(kept(client, order("p", "a", "k"))) == "200 success");
  CHECK(verdict(kept(client, get("/orders"))) == "500 internal");
  CHECK(verdict(kept(client, get("/products/p/audit"))) == "500 internal");
  CHECK(verdict(kept(client, order("p", "a", "k"))) == "200 success");
}

}  // namespace fluxgate::http
