#include "cli/value_rules.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

using namespace fluxgate::cli;
using namespace std::string_view_literals;

namespace {

using Rule = Problem (*)(std::string_view, std::string&);

void accepts(Rule rule, const std::vector<std::string_view>& values) {
  for (const std::string_view value : values) {
    std::string stored;
    INFO('"' << value << '"');
    REQUIRE_FALSE(rule(value, stored).has_value());
    REQUIRE(stored == value);
  }
}

void refuses(Rule rule, const std::vector<std::string_view>& values) {
  for (const std::string_view value : values) {
    std::string stored = "before";
    INFO('"' << value << '"');
    const Problem problem = rule(value, stored);
    REQUIRE(problem.has_value());
    REQUIRE(problem->starts_with("must "));
    REQUIRE(stored == "before");
  }
}

}  // namespace

TEST_CASE("set_number: anything but digits in range → refused, nothing stored", "[cli][unit]") {
  std::uint16_t port = 7;
  for (const auto value : {""sv, "-1"sv, "+1"sv, " 1"sv, "1 "sv, "1.0"sv, "1e3"sv, "0x10"sv,
                           "65536"sv, "99999999999999999999"sv, "abc"sv, "1\0"sv}) {
    INFO('"' << value << '"');
    REQUIRE(set_number(value, {0, 65'535}, port) == "must be a whole number from 0 to 65535");
    REQUIRE(port == 7);
  }
  REQUIRE_FALSE(set_number("65535", {0, 65'535}, port).has_value());
  REQUIRE(port == 65'535);
  REQUIRE(set_number("0", {1, 16}, port) == "must be a whole number from 1 to 16");
}

TEST_CASE("set_host: names and addresses → accepted; brackets are taken off", "[cli][unit]") {
  accepts(set_host, {"localhost", "0.0.0.0", "::", "::1", "fe80::1%eth0", "shop.example"});
  refuses(set_host, {"", "a b", "http://x", "[::1", "[localhost]", "[]", "a\nb", "a/b"});
  std::string host;
  REQUIRE_FALSE(set_host("[::1]", host).has_value());
  REQUIRE(host == "::1");
}

TEST_CASE("set_url: a place a query can be appended to → accepted", "[cli][unit]") {
  accepts(set_url, {"/waiting-room", "/w?a=b", "https://shop.example/w", "http://x"});
  refuses(set_url, {"", "waiting", "ftp://x", "javascript:x", "/w#x", "/a b", "/a\r\nX: y", "/ü"});
}

TEST_CASE("set_token: what a header can carry → accepted", "[cli][unit]") {
  accepts(set_token, {"t", "A-Za-z0-9._~+/=", "!\"#$%&'()*,:;<>?@[\\]^`{|}"});
  refuses(set_token, {"", " ", "a b", "a\n", "ü", "\x7f"});
  std::string stored;
  REQUIRE_FALSE(set_token(std::string(4096, 'x'), stored).has_value());
  REQUIRE(set_token(std::string(4097, 'x'), stored).has_value());
}

TEST_CASE("set_network: addresses and networks → accepted", "[cli][unit]") {
  accepts(set_network, {"10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::1", "fd00::/8",
                        "::/0", "::1/128"});
  refuses(set_network, {"", "10.0.0", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "/8",
                        "::1/129", "localhost", "10.0.0.0/8/8", "10.0.0.0/8 ", "10.0.0.1\0/8"sv});
}

TEST_CASE("set_text, set_id, set_boolean: wrong forms → refused", "[cli][unit]") {
  refuses(set_text, {"", "a\nb", "\x7f", "a\0b"sv});
  accepts(set_text, {"./data", "with space", "日本"});
  refuses(set_id, {"", "\n", "\xff"});
  accepts(set_id, {"iphone-15", "日本 15/x"});
  bool flag = false;
  REQUIRE_FALSE(set_boolean("true", flag).has_value());
  REQUIRE(flag);
  REQUIRE_FALSE(set_boolean("false", flag).has_value());
  REQUIRE_FALSE(flag);
  REQUIRE(set_boolean("1", flag) == "must be true or false");
}
