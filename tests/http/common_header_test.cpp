#include "http/common_header.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "http/request_parser.hpp"
#include "support/seed.hpp"

namespace fluxgate::http {
namespace {

struct Read {
  std::string bytes;
  HeaderScan scan{};
  Request request{};
  bool is_common = false;
};

Read read(const std::string& bytes) {
  Read read;
  read.bytes = bytes;
  REQUIRE(read.scan.feed(read.bytes) == HeaderScan::State::complete);
  read.is_common = read_common_header(read.bytes, read.scan, read.request);
  return read;
}

bool is_common(const std::string& fields, const std::string& line = "POST /order HTTP/1.1") {
  return read(line + "\r\nHost: a\r\n" + fields + "\r\n").is_common;
}

}  // namespace

TEST_CASE("read_common_header: an order as clients send it → every field", "[http][unit]") {
  const Read order = read(
      "\r\nPOST /order?a HTTP/1.1\r\nHost: localhost:3000\r\nUser-Agent: "
      "k6\r\nCONTENT-LENGTH:54\r\n"
      "content-type: application/json \r\nx-Idempotency-Key:\t k-1\t\r\nAccept: "
      "application/json\r\n"
      "Authorization: Bearer x\r\nX-Else:\r\nCOOKIE: a=b; c=d\r\n"
      "Accept-language: de,en;q=0.5\r\nCookie: e\r\n\r\n");
  REQUIRE(order.is_common);
  CHECK(order.request.method == Method::post);
  CHECK(order.request.target == "/order?a");
  CHECK(order.request.host == "localhost:3000");
  CHECK(order.request.content_length == 54);
  CHECK(order.request.content_type == "application/json");
  CHECK(order.request.has_key);
  CHECK(order.request.key == "k-1");
  CHECK(order.request.authorization == "Bearer x");
  CHECK(order.request.accepts_json);
  CHECK(order.request.keep_alive);
  CHECK(order.request.cookie == "a=b; c=d");
  CHECK(order.request.accept_language == "de,en;q=0.5");
  CHECK(is_common("", "GET / HTTP/1.1"));
  CHECK(is_common("", "HEAD / HTTP/1.1"));
}

TEST_CASE("read_common_header: what changes framing, connection or trust → not common",
          "[http][unit]") {
  for (const char* line : {"GET / HTTP/1.0", "PUT / HTTP/1.1", "get / HTTP/1.1"}) {
    CHECK_FALSE(is_common("", line));
  }
  CHECK_FALSE(read("GET / HTTP/1.1\r\n\r\n").is_common);
  for (const char* fields : {"Host: a\r\n",
                             "Connection: close\r\n",
                             "Proxy-Connection: close\r\n",
                             "Upgrade: h2c\r\n",
                             "Transfer-Encoding: chunked\r\n",
                             "Expect: 100-continue\r\n",
                             "Content-Length: 16385\r\n",
                             "Content-Length: 100000\r\n",
                             "Content-Length: +1\r\n",
                             "Content-Length:\r\n",
                             "Content-Length: 1\r\nContent-Length: 1\r\n",
                             "Via: 1.1 a\r\n",
                             "Origin: http://a\r\n",
                             "Forwarded: for=a\r\n",
                             "X-Forwarded-For: a\r\n",
                             "x-forwarded-: a\r\n",
                             "X-Real-IP: a\r\n",
                             "Sec-Fetch-Site: cross-site\r\n",
                             "X-Admission-Pass: a\r\n",
                             "Idempotency-Key: a\r\n",
                             "x-idempotency-key: a\r\nx-idempotency-key: a\r\n",
                             "Authorization: a\r\nAuthorization: a\r\n",
                             "Content-Type: a\r\nContent-Type: a\r\n"}) {
    INFO(fields);
    CHECK_FALSE(is_common(fields));
  }
}

TEST_CASE("read_common_header: any header it takes → Beast's way says the same", "[http][unit]") {
  std::mt19937_64 random(testing::make_seed("read_common_header"));
  const auto pick = [&](const std::vector<std::string>& from) -> const std::string& {
    return from[random() % from.size()];
  };
  const std::vector<std::string> lines{"GET / HTTP/1.1",       "POST /order HTTP/1.1",
                                       "HEAD /a?b HTTP/1.1",   "PUT / HTTP/1.1",
                                       "POST /order HTTP/1.0", "POST http://a/order HTTP/1.1"};
  const std::vector<std::string> names{"Host",
                                       "Content-Length",
                                       "Content-Type",
                                       "X-Idempotency-Key",
                                       "Idempotency-Key",
                                       "Authorization",
                                       "Accept",
                                       "User-Agent",
                                       "Connection",
                                       "Expect",
                                       "Via",
                                       "Transfer-Encoding",
                                       "Upgrade",
                                       "X-Forwarded-For",
                                       "Cookie",
                                       "Accept-Language",
                                       "Sec-Fetch-Site",
                                       "Proxy-Connection",
                                       "X-Real-Ip",
                                       "Keep-Alive",
                                       "X-Admission-Pass",
                                       "TE",
                                       "Trailer",
                                       "X-Forwarded",
                                       "Content-Encoding",
                                       "Forwarded"};
  const std::vector<std::string> values{"",    "a",     "localhost:3000",   "12",   "0",   "a b",
                                        "99",  "close", "application/json", "\xFF", "a,b", "a/b",
                                        "007", "\t x ", "keep-alive",       "16384"};
  int common = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = pick(lines) + "\r\n";
    if (random() % 8 != 0) bytes += "Host: a\r\n";
    for (std::uint64_t field = random() % 6; field > 0; --field) {
      std::string name = pick(names);
      for (char& c : name) {
        if (random() % 4 == 0 && c != '-') c = static_cast<char>(c ^ 0x20);
      }
      bytes += name + ":" + (random() % 2 == 0 ? " " : "") + pick(values) + "\r\n";
    }
    const Read found = read(bytes + "\r\n");
    if (!found.is_common) continue;
    ++common;
    INFO(found.bytes);
    Request by_beast;
    REQUIRE_FALSE(parse_header(found.bytes, by_beast).has_value());
    REQUIRE(found.request == by_beast);
  }
  CHECK(common > 1000);
}

}  // namespace fluxgate::http
