#include "http/header_scan.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

using State = HeaderScan::State;

// All at once, and byte by byte: both must end alike.
std::string outcome(const std::string& bytes) {
  std::string results[2];
  for (const bool drips : {false, true}) {
    HeaderScan scan;
    State state = State::more;
    for (std::size_t size = drips ? 1 : bytes.size(); state == State::more && size <= bytes.size();
         ++size) {
      state = scan.feed(std::string_view(bytes).substr(0, size));
    }
    std::string& result = results[drips ? 1 : 0];
    if (state == State::more) result = "more";
    if (state == State::refused) result = facts(scan.problem()).code;
    if (state == State::complete) {
      result = "complete " + std::to_string(scan.header_begin()) + " " +
               std::to_string(scan.header_end());
    }
  }
  CHECK(results[0] == results[1]);
  return results[0];
}

std::string with_fields(const std::string& fields) {
  return "GET / HTTP/1.1\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("HeaderScan: plain headers → complete at the empty line", "[http][unit]") {
  CHECK(outcome("GET / HTTP/1.1\r\n\r\n") == "complete 0 18");
  CHECK(outcome("GET / HTTP/1.0\r\n\r\n") == "complete 0 18");
  CHECK(outcome("\r\nGET / HTTP/1.1\r\n\r\n") == "complete 2 20");
  CHECK(outcome("GET / HTTP/1.1\r\nHost: a\r\nX-Y:\r\nA:\tb\t\r\n\r\nbody\x01\n\r") ==
        "complete 0 40");
  CHECK(outcome("M!#$%&'*+-.^_`|~9 /a?b%20=\xC3\xA9 HTTP/1.1\r\n\r\n") == "complete 0 41");
  CHECK(outcome(with_fields("a: \xFF\x80\r\n")).starts_with("complete"));
}

TEST_CASE("HeaderScan: part of a header → more", "[http][unit]") {
  const std::string whole = "POST /order HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    HeaderScan scan;
    CHECK(scan.feed(std::string_view(whole).substr(0, size)) == State::more);
  }
}

TEST_CASE("HeaderScan: what two readers could read differently → malformed_request",
          "[http][unit]") {
  const std::vector<std::string> bad{
      // Request lines.
      "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "\nGET / HTTP/1.1\r\n\r\n",
      " GET / HTTP/1.1\r\n\r\n",
      "GET  / HTTP/1.1\r\n\r\n",
      "GET /  HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1 \r\n\r\n",
      "GET /\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/1\r\n\r\n",
      "GET / HTTP/1.10\r\n\r\n",
      "GET / http/1.1\r\n\r\n",
      "GET / HTTP/x.1\r\n\r\n",
      "GET / HTTX/1.1\r\n\r\n",
      "G@T / HTTP/1.1\r\n\r\n",
      "GET /a b HTTP/1.1\r\n\r\n",
      "GET /#a HTTP/1.1\r\n\r\n",
      "GET /\x7F HTTP/1.1\r\n\r\n",
      "GET /\t HTTP/1.1\r\n\r\n",
      "GET\t/ HTTP/1.1\r\n\r\n",
      std::string(33, 'A') + " / HTTP/1.1\r\n\r\n",
      "\x16\x03\x01\x02",
      // Line ends and control characters.
      "GET / HTTP/1.1\n\n",
      "GET / HTTP/1.1\r\nHost: a\n\r\n",
      "GET / HTTP/1.1\rHost: a\r\n\r\n",
      with_fields("a: b\rc\r\n"),
      with_fields("a: b\r\r\n"),
      with_fields("a: b\x01\r\n"),
      with_fields(std::string("a: b\0c\r\n", 8)),
      with_fields("a: b\x7F\r\n"),
      with_fields("a: b\x0B\r\n"),
      // Fields.
      with_fields(" a: b\r\n"),
      with_fields("\ta: b\r\n"),
      with_fields("a: b\r\n c\r\n"),
      with_fields("a: b\r\n\tc\r\n"),
      with_fields("a : b\r\n"),
      with_fields("a\t: b\r\n"),
      with_fields(": b\r\n"),
      with_fields("a\r\n"),
      with_fields("a b: c\r\n"),
      with_fields("a(: c\r\n"),
      with_fields("a\xC3\xA9: c\r\n"),
      with_fields("a\"b\": c\r\n"),
  };
  for (const std::string& bytes : bad) {
    INFO(bytes);
    CHECK(outcome(bytes) == "malformed_request");
  }
}

TEST_CASE("HeaderScan: another version → version_not_supported", "[http][unit]") {
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"}) {
    CHECK(outcome("GET / " + std::string(version) + "\r\n\r\n") == "version_not_supported");
  }
  CHECK(outcome("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "version_not_supported");
}

TEST_CASE("HeaderScan: the target's bound → exact", "[http][unit]") {
  const std::string longest(target_bytes_max - 1, 'a');
  CHECK(outcome("GET /" + longest + " HTTP/1.1\r\n\r\n").starts_with("complete"));
  CHECK(outcome("GET /" + longest + "a HTTP/1.1\r\n\r\n") == "uri_too_long");
  CHECK(outcome("GET /" + std::string(40'000, 'a')) == "uri_too_long");
}

TEST_CASE("HeaderScan: the bounds of fields → exact", "[http][unit]") {
  std::string fields;
  for (std::size_t i = 0; i < header_fields_max; ++i) fields += "a: b\r\n";
  CHECK(outcome(with_fields(fields)).starts_with("complete"));
  CHECK(outcome(with_fields(fields + "a: b\r\n")) == "headers_too_large");

  const std::string largest = "a: " + std::string(header_bytes_max - 5, 'b') + "\r\n";
  CHECK(largest.size() == header_bytes_max);
  CHECK(outcome(with_fields(largest)).starts_with("complete"));
  CHECK(outcome(with_fields("b" + largest)) == "headers_too_large");
  CHECK(outcome(with_fields("a: b\r\n" + largest)) == "headers_too_large");
  CHECK(outcome("GET / HTTP/1.1\r\na: " + std::string(40'000, 'b')) == "headers_too_large");
}

}  // namespace fluxgate::http
