#include "http/chunked_decoder.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

using State = ChunkedDecoder::State;

// Decodes in steps of `step` bytes. The result is "body|taken", "more" or the problem.
std::string decode(std::string input, std::size_t step) {
  ChunkedDecoder decoder;
  std::string output(input.size(), ' ');
  std::size_t taken = 0;
  std::size_t written = 0;
  while (taken < input.size()) {
    const std::string_view part = std::string_view(input).substr(taken, step);
    const State state = decoder.feed(part, output.data() + written);
    taken += decoder.taken();
    written += decoder.written();
    if (state == State::refused) return std::string(facts(decoder.problem()).code);
    if (state == State::complete) {
      return output.substr(0, written) + "|" + std::to_string(taken);
    }
    CHECK(decoder.taken() == part.size());
  }
  return "more";
}

std::string decode(const std::string& input) {
  const std::string whole = decode(input, input.size());
  CHECK(decode(input, 1) == whole);
  CHECK(decode(input, 3) == whole);
  return whole;
}

}  // namespace

TEST_CASE("ChunkedDecoder: chunks → their data, and nothing behind the end", "[http][unit]") {
  CHECK(decode("0\r\n\r\n") == "|5");
  CHECK(decode("3\r\nabc\r\n0\r\n\r\n") == "abc|13");
  CHECK(decode("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1") == "abc|13");
  CHECK(decode("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n") == "abc|18");
  CHECK(decode("A\r\n0123456789\r\n0\r\n\r\n") == "0123456789|20");
  CHECK(decode("a\r\n0123456789\r\n000\r\n\r\n") == "0123456789|22");
  CHECK(decode("00000003\r\nabc\r\n0\r\n\r\n") == "abc|20");
  CHECK(decode("3\r\n\r\n0\r\n0\r\n\r\n") == "\r\n0|13");
  CHECK(decode("3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n") == "abc|25");
  CHECK(decode("3 \t;a\r\nabc\r\n0 \r\n\r\n") == "abc|18");
}

TEST_CASE("ChunkedDecoder: part of a body → more", "[http][unit]") {
  const std::string whole = "3;a\r\nabc\r\n0\r\n\r\n";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CHECK(decode(whole.substr(0, size)) == "more");
  }
}

TEST_CASE("ChunkedDecoder: any other framing → malformed_request", "[http][unit]") {
  const std::vector<std::string> bad{
      "\r\n", "g\r\n", "-1\r\n", "+1\r\na\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", ";a\r\n",
      "1\na\r\n0\r\n\r\n", "1\r\na\n0\r\n\r\n", "1\r\nab\r\n0\r\n\r\n", "1\r\na0\r\n\r\n",
      "1\r\ra\r\n", "1\r\na\r\r", "1\r\na\r\n\r\n0\r\n\r\n", "000000003\r\nabc\r\n", "1;a\nb\r\n",
      "1;a\rb\r\n", std::string("1;\0\r\n", 5), "1;\x7F\r\n", "1x\r\na\r\n",
      // Trailers.
      "0\r\nx-idempotency-key: a\r\n\r\n", "0\r\na\r\n\r\n", "0\r\n\n", "0\r\n\ra"};
  for (const std::string& input : bad) {
    INFO(input);
    CHECK(decode(input) == "malformed_request");
  }
}

TEST_CASE("ChunkedDecoder: bounds → exact", "[http][unit]") {
  const std::string largest(body_bytes_max, 'a');
  CHECK(decode("4000\r\n" + largest + "\r\n0\r\n\r\n").starts_with(largest + "|"));
  CHECK(decode("4001\r\n") == "body_too_large");
  CHECK(decode("FFFFFFFF\r\n") == "body_too_large");
  CHECK(decode("4000\r\n" + largest + "\r\n1\r\n") == "body_too_large");

  CHECK(decode("0;" + std::string(chunk_framing_bytes_max - 6, 'a') + "\r\n\r\n").starts_with("|"));
  CHECK(decode("0;" + std::string(chunk_framing_bytes_max - 5, 'a') + "\r\n\r\n") ==
        "malformed_request");
  std::string crumbs;
  for (std::size_t i = 0; i < body_bytes_max; ++i) crumbs += "1\r\na\r\n";
  CHECK(decode(crumbs + "0\r\n\r\n") == "malformed_request");
}

}  // namespace fluxgate::http
