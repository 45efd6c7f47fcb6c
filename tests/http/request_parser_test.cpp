#include "http/request_parser.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace fluxgate::http {
namespace {

struct Parsed {
  std::string header;
  Request request;
  std::string outcome;
};

Parsed parse(const std::string& fields, const std::string& line = "POST /order HTTP/1.1") {
  Parsed parsed;
  parsed.header = line + "\r\n" + fields + "\r\n";
  const auto problem = parse_header(parsed.header, parsed.request);
  parsed.outcome = problem ? facts(*problem).code : "ok";
  return parsed;
}

const std::string host = "Host: localhost\r\n";

}  // namespace

TEST_CASE("parse_header: a full request → every field", "[http][unit]") {
  const Parsed parsed =
      parse(host +
            "content-type: application/json\r\nAUTHORIZATION: Bearer x\r\n"
            "X-Idempotency-Key:  k-1 \r\nx-admission-pass: p\r\nContent-Length: 12\r\n"
            "Accept: text/html, application/json;q=0.5\r\nExpect: 100-Continue\r\n"
            "cookie: a=b\r\nCookie: c=d\r\nACCEPT-Language: fr\r\n");
  REQUIRE(parsed.outcome == "ok");
  const Request& request = parsed.request;
  CHECK(request.method == Method::post);
  CHECK(request.target == "/order");
  CHECK(request.host == "localhost");
  CHECK(request.content_type == "application/json");
  CHECK(request.authorization == "Bearer x");
  CHECK(request.key == "k-1");
  CHECK(request.pass == "p");
  CHECK(request.content_length == 12);
  CHECK(request.accepts_json);
  CHECK(request.expects_continue);
  CHECK(request.cookie == "a=b");
  CHECK(request.accept_language == "fr");
  CHECK(request.keep_alive);
  CHECK_FALSE(request.is_chunked);
  CHECK_FALSE(request.came_by_detour);
  CHECK_FALSE(request.has_key_conflict);
}

TEST_CASE("parse_header: methods → known, other or not_implemented", "[http][unit]") {
  const std::vector<std::pair<std::string, Method>> known{
      {"GET", Method::get},       {"HEAD", Method::head},    {"POST", Method::post},
      {"PUT", Method::other},     {"DELETE", Method::other}, {"PATCH", Method::patch},
      {"OPTIONS", Method::other}, {"TRACE", Method::other},  {"CONNECT", Method::other}};
  for (const auto& [name, method] : known) {
    const Parsed parsed = parse(host, name + " / HTTP/1.1");
    CHECK(parsed.outcome == "ok");
    CHECK(parsed.request.method == method);
  }
  for (const char* name : {"BREW", "get", "PROPFIND", "POSTS"}) {
    CHECK(parse(host, std::string(name) + " / HTTP/1.1").outcome == "not_implemented");
  }
}

TEST_CASE("parse_header: framing → one length or chunked", "[http][unit]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "ok"},
      {"Content-Length: 0\r\n", "ok"},
      {"Content-Length: 007\r\n", "ok"},
      {"Content-Length: 16384\r\n", "ok"},
      {"Content-Length: 16385\r\n", "body_too_large"},
      {"Content-Length: 18446744073709551615\r\n", "body_too_large"},
      {"Content-Length: 18446744073709551617\r\n", "malformed_request"},
      {"Content-Length:\r\n", "malformed_request"},
      {"Content-Length: -1\r\n", "malformed_request"},
      {"Content-Length: +1\r\n", "malformed_request"},
      {"Content-Length: 0x1\r\n", "malformed_request"},
      {"Content-Length: 1 2\r\n", "malformed_request"},
      {"Content-Length: 1,1\r\n", "malformed_request"},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", "malformed_request"},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", "malformed_request"},
      {"Transfer-Encoding: chunked\r\n", "ok"},
      {"Transfer-Encoding: Chunked\r\n", "ok"},
      {"Transfer-Encoding:\r\n", "not_implemented"},
      {"Transfer-Encoding: gzip\r\n", "not_implemented"},
      {"Transfer-Encoding: identity\r\n", "not_implemented"},
      {"Transfer-Encoding: gzip, chunked\r\n", "not_implemented"},
      {"Transfer-Encoding: chunked, gzip\r\n", "not_implemented"},
      {"Transfer-Encoding: chunked, chunked\r\n", "not_implemented"},
      {"Transfer-Encoding: \"chunked\"\r\n", "not_implemented"},
      {"Transfer-Encoding: chunked;a=b\r\n", "not_implemented"},
      {"Transfer-Encoding: xchunked\r\n", "not_implemented"},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "malformed_request"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "malformed_request"},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "malformed_request"},
      {"Content-Length: 5\r\nTransfer-Encoding: gzip\r\n", "malformed_request"},
  };
  for (const auto& [fields, outcome] : cases) {
    INFO(fields);
    CHECK(parse(host + fields).outcome == outcome);
  }
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  CHECK(parse(host + chunked).request.is_chunked);
  CHECK(parse(host + chunked, "POST / HTTP/1.0").outcome == "malformed_request");
}

TEST_CASE("parse_header: fields that must be there once → malformed_request otherwise",
          "[http][unit]") {
  CHECK(parse("").outcome == "malformed_request");
  CHECK(parse("", "GET / HTTP/1.0").outcome == "ok");
  CHECK(parse(host + host).outcome == "malformed_request");
  CHECK(parse("Host:\r\n").outcome == "ok");
  for (const char* bad : {"a b", "a,b", "a@b", "a/b", "a\\b", "a?b", "a#b"}) {
    CHECK(parse("Host: " + std::string(bad) + "\r\n").outcome == "malformed_request");
  }
  for (const char* name : {"Content-Type", "Authorization", "X-Admission-Pass"}) {
    const std::string line = std::string(name) + ": a\r\n";
    CHECK(parse(host + line).outcome == "ok");
    CHECK(parse(host + line + line).outcome == "malformed_request");
  }
  CHECK(parse(host + "Connection: \"\r\n").outcome == "malformed_request");
}

TEST_CASE("parse_header: key lines → one, or two names with one value", "[http][unit]") {
  const auto conflict = [](const std::string& fields) {
    const Parsed parsed = parse(host + fields);
    CHECK(parsed.outcome == "ok");
    CHECK(parsed.request.has_key);
    return parsed.request.has_key_conflict;
  };
  CHECK_FALSE(conflict("x-idempotency-key: a\r\n"));
  CHECK_FALSE(conflict("Idempotency-Key: a\r\n"));
  CHECK_FALSE(conflict("x-idempotency-key: a\r\nIdempotency-Key: a\r\n"));
  CHECK(conflict("x-idempotency-key: a\r\nIdempotency-Key: b\r\n"));
  CHECK(conflict("Idempotency-Key: b\r\nx-idempotency-key: a\r\n"));
  CHECK(conflict("x-idempotency-key: a\r\nx-idempotency-key: a\r\n"));
  CHECK(conflict("Idempotency-Key: a\r\nidempotency-key: a\r\n"));
  CHECK(conflict("Idempotency-Key:\r\nx-idempotency-key: a\r\n"));
  CHECK_FALSE(parse(host).request.has_key);
}

TEST_CASE("parse_header: connection options → keep_alive", "[http][unit]") {
  CHECK(parse(host).request.keep_alive);
  CHECK_FALSE(parse(host + "Connection: close\r\n").request.keep_alive);
  CHECK_FALSE(parse(host + "Connection: foo, Close\r\n").request.keep_alive);
  CHECK(parse(host + "Connection: keep-alive\r\n").request.keep_alive);
  CHECK_FALSE(parse(host, "GET / HTTP/1.0").request.keep_alive);
  CHECK(parse(host + "Connection: keep-alive\r\n", "GET / HTTP/1.0").request.keep_alive);
}

TEST_CASE("parse_header: X-Forwarded-For lines → from the first value to the last, as sent",
          "[http][unit]") {
  const auto forwarded = [](const std::string& fields) {
    return std::string(parse(host + fields).request.forwarded_for());
  };
  CHECK(forwarded("").empty());
  CHECK(forwarded("X-Forwarded: 1.1.1.1\r\nX-Forwarded-Fo: a\r\nX-Forwarded-Fort: a\r\n").empty());
  CHECK(forwarded("X-Forwarded-For: 1.1.1.1, 2.2.2.2 \r\n") == "1.1.1.1, 2.2.2.2");
  CHECK(forwarded("x-forwarded-for: \r\nA: b\r\nX-FORWARDED-FOR:1\r\nx-forwarded-for:\r\n") == "1");
  CHECK(forwarded("x-forwarded-for: 1\r\nA: b\r\nX-Forwarded-For: 2\r\nC: d\r\n") ==
        "1\r\nA: b\r\nX-Forwarded-For: 2");
}

TEST_CASE("parse_header: signs of a proxy or a foreign page → came_by_detour", "[http][unit]") {
  for (const char* line :
       {"Forwarded: for=1.2.3.4", "X-Forwarded-For: 1.2.3.4", "x-forwarded-host: a",
        "X-Forwarded-Anything: a", "X-Real-IP: 1.2.3.4", "Via: 1.1 a", "Origin: http://a",
        "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: Cross-Site"}) {
    INFO(line);
    CHECK(parse(host + line + "\r\n").request.came_by_detour);
  }
  for (const char* line : {"Sec-Fetch-Site: same-origin", "X-Forwarde: a", "X-Real: a"}) {
    CHECK_FALSE(parse(host + line + "\r\n").request.came_by_detour);
  }
}

}  // namespace fluxgate::http
