#include "http/client_address.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "http/request_parser.hpp"
#include "support/seed.hpp"

namespace fluxgate::http {
namespace {

using boost::asio::ip::make_address;

// What counts for a request of `peer` with these X-Forwarded-For lines, behind 10.0.0.0/8.
std::string client(const std::string& peer, const std::vector<std::string>& lines) {
  std::string header = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (const std::string& line : lines) {
    header += "x-forwarded-FOR:" + line + "\r\nCookie: 7.7.7.7, 8.8.8.8\r\n";
  }
  header += "\r\n";
  Request request;
  REQUIRE_FALSE(parse_header(header, request).has_value());
  REQUIRE(request.came_by_detour == !lines.empty());
  const std::optional<Network> proxies = Network::parse("10.0.0.0/8");
  return client_address(make_address(peer), request.forwarded_for(), *proxies).to_string();
}

}  // namespace

TEST_CASE("client_address: a peer that is no proxy → the peer, whatever it says", "[http][unit]") {
  CHECK(client("1.2.3.4", {"9.9.9.9"}) == "1.2.3.4");
  CHECK(client("1.2.3.4", {"10.0.0.1"}) == "1.2.3.4");
  CHECK(client("1.2.3.4", {}) == "1.2.3.4");
  CHECK(client("::1", {"9.9.9.9"}) == "::1");
  CHECK(client("::ffff:1.2.3.4", {"9.9.9.9"}) == "1.2.3.4");
}

TEST_CASE("client_address: by proxies → the rightmost address that is none of theirs",
          "[http][unit]") {
  CHECK(client("10.0.0.1", {}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {" 9.9.9.9 "}) == "9.9.9.9");
  CHECK(client("::ffff:10.0.0.1", {"9.9.9.9"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"1.1.1.1, 2.2.2.2,9.9.9.9"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"1.1.1.1, 9.9.9.9, 10.0.0.2, 10.3.0.1"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"2001:db8::7, 10.0.0.2"}) == "2001:db8::7");
  CHECK(client("10.0.0.1", {"::ffff:9.9.9.9"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"10.0.0.3, 10.0.0.2"}) == "10.0.0.3");
}

TEST_CASE("client_address: several lines → one list, other fields left out", "[http][unit]") {
  CHECK(client("10.0.0.1", {"1.1.1.1", "9.9.9.9"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"1.1.1.1, 9.9.9.9", "10.0.0.2"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"1.1.1.1", "9.9.9.9, 10.0.0.4", "10.0.0.3", " 10.0.0.2"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"9.9.9.9", ""}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"", "9.9.9.9", "  ", "10.0.0.2"}) == "9.9.9.9");
}

TEST_CASE("client_address: ports and brackets → the address", "[http][unit]") {
  CHECK(client("10.0.0.1", {"9.9.9.9:4711"}) == "9.9.9.9");
  CHECK(client("10.0.0.1", {"[2001:db8::7]"}) == "2001:db8::7");
  CHECK(client("10.0.0.1", {"[2001:db8::7]:80, 10.0.0.2:1"}) == "2001:db8::7");
}

TEST_CASE("client_address: a malformed entry → the last address before it, or the peer",
          "[http][unit]") {
  for (const std::string bad : {"unknown",
                                "_hidden",
                                "9.9.9",
                                "9.9.9.9.9",
                                "09.9.9.9x",
                                "9.9.9.9:",
                                "9.9.9.9:x",
                                "9.9.9.9:123456",
                                "[9.9.9.9]",
                                "[2001:db8::7",
                                "2001:db8::7]",
                                "[2001:db8::7]x",
                                "[2001:db8::7]:",
                                "fe80::1%eth0",
                                "9.9.9.9 8.8.8.8",
                                "\"9.9.9.9\"",
                                "9.9.9.9;",
                                ":",
                                "[]",
                                "-1.2.3.4",
                                "300.1.1.1"}) {
    INFO(bad);
    CHECK(client("10.0.0.1", {bad}) == "10.0.0.1");
    CHECK(client("10.0.0.1", {"8.8.8.8, " + bad}) == "10.0.0.1");
    CHECK(client("10.0.0.1", {"8.8.8.8, " + bad + ", 10.0.0.2"}) == "10.0.0.2");
    CHECK(client("10.0.0.1", {"8.8.8.8", bad, "10.0.0.3, 10.0.0.2"}) == "10.0.0.3");
    CHECK(client("10.0.0.1", {bad + ", 9.9.9.9, 10.0.0.2"}) == "9.9.9.9");
  }
  CHECK(client("10.0.0.1", {"9.9.9.9,,10.0.0.2"}) == "10.0.0.2");
  CHECK(client("10.0.0.1", {"9.9.9.9,"}) == "10.0.0.1");
  CHECK(client("10.0.0.1", {std::string(5000, '9')}) == "10.0.0.1");
}

// By brute force: split all lines at commas first, then walk.
TEST_CASE("client_address: random lists → the walk's definition", "[http][unit]") {
  std::mt19937_64 random(testing::make_seed("client_address"));
  const std::vector<std::string> entries{"10.0.0.2", "10.9.9.9", "1.1.1.1", "2001:db8::7", "junk"};
  for (int i = 0; i < 5000; ++i) {
    std::vector<std::string> lines;
    std::vector<std::string> all;
    for (std::uint64_t line = random() % 4; line > 0; --line) {
      std::string text;
      for (std::uint64_t entry = random() % 4; entry > 0; --entry) {
        all.push_back(entries[random() % 4 == 0 ? random() % entries.size() : random() % 2]);
        if (!text.empty()) text += random() % 2 == 0 ? "," : " ,\t";
        text += all.back();
      }
      lines.push_back(text);
    }
    std::string wanted = "10.0.0.1";
    for (auto entry = all.rbegin(); entry != all.rend() && *entry != "junk"; ++entry) {
      wanted = *entry;
      if (!wanted.starts_with("10.")) break;
    }
    INFO("case " << i);
    REQUIRE(client("10.0.0.1", lines) == wanted);
  }
}

}  // namespace fluxgate::http
