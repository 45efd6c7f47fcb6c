#include "http/admin_rule.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace fluxgate::http {
namespace {

Request local_request() {
  Request request;
  request.host = "localhost:3000";
  return request;
}

}  // namespace

TEST_CASE("is_local_host: names of this machine → true", "[http][unit]") {
  for (const char* host : {"localhost", "LocalHost", "localhost:3000", "127.0.0.1", "127.0.0.1:80",
                           "127.255.0.9", "127.1.2.3:65535", "[::1]", "[::1]:3000"}) {
    INFO(host);
    CHECK(is_local_host(host));
  }
}

TEST_CASE("is_local_host: anything else → false", "[http][unit]") {
  for (const char* host : {"",
                           ":",
                           ":3000",
                           "localhost:x",
                           "localhost:65536",
                           "localhost:3000:1",
                           "localhost.",
                           "localhost.evil.example",
                           "evil.example",
                           "127.0.0.1.evil.example",
                           "127.1",
                           "127.0.0.256",
                           "127.0.0.",
                           "127.0.0.1.",
                           "127..0.1",
                           "0127.0.0.1",
                           "128.0.0.1",
                           "0.0.0.0",
                           "10.0.0.1",
                           "::1",
                           "[::1",
                           "[::2]",
                           "[::1]x",
                           "[::ffff:127.0.0.1]",
                           "1",
                           "2130706433",
                           "localhost :80",
                           "127.0.0.1:+80"}) {
    INFO(host);
    CHECK_FALSE(is_local_host(host));
  }
}

TEST_CASE("AdminRule: no token → only who talks to the server directly", "[http][unit]") {
  const AdminRule rule("", true);
  CHECK_FALSE(rule.is_off());
  CHECK(rule.allows(local_request(), "", true));
  CHECK(rule.allows(local_request(), "127.0.0.1:3000", true));
  CHECK_FALSE(rule.allows(local_request(), "", false));
  CHECK_FALSE(rule.allows(local_request(), "evil.example", true));

  Request request = local_request();
  request.http_1_0 = true;
  CHECK_FALSE(rule.allows(request, "", true));
  request = local_request();
  request.came_by_detour = true;
  CHECK_FALSE(rule.allows(request, "", true));
  request = local_request();
  request.host = "evil.example";
  CHECK_FALSE(rule.allows(request, "", true));
  CHECK_FALSE(rule.allows(request, "localhost", true));
}

TEST_CASE("AdminRule: reached from elsewhere and no token → off", "[http][unit]") {
  const AdminRule rule("", false);
  CHECK(rule.is_off());
  Request request = local_request();
  request.authorization = "Bearer ";
  CHECK_FALSE(rule.allows(request, "", true));
}

TEST_CASE("AdminRule: a token → it and nothing else, from anywhere", "[http][unit]") {
  for (const bool is_local_only : {true, false}) {
    const AdminRule rule("s3cret", is_local_only);
    CHECK_FALSE(rule.is_off());
    const auto allows = [&](const char* authorization) {
      Request request = local_request();
      request.http_1_0 = true;
      request.came_by_detour = true;
      request.host = "shop.example";
      request.authorization = authorization;
      const bool result = rule.allows(request, "shop.example", false);
      // Being local gains nothing.
      Request local = local_request();
      local.authorization = authorization;
      CHECK(rule.allows(local, "", true) == result);
      return result;
    };
    for (const char* good : {"Bearer s3cret", "bearer s3cret", "BEARER  s3cret"}) {
      CHECK(allows(good));
    }
    for (const char* bad : {"", "s3cret", "Bearer", "Bearer ", "Bearer   ", "Bearer s3cre",
                            "Bearer s3crets", "Bearer S3CRET", "Bearer s3cret ", "Basic s3cret",
                            "Bearers3cret", "Bearer s3cret,s3cret", "Bearer\ts3cret"}) {
      INFO(bad);
      CHECK_FALSE(allows(bad));
    }
  }
}

}  // namespace fluxgate::http
