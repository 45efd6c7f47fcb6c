#include "http/request_reader.hpp"

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

using State = RequestReader::State;

void put(RequestReader& reader, std::string_view bytes) {
  const std::span<char> room = reader.room();
  REQUIRE(bytes.size() <= room.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  reader.commit(bytes.size());
}

// Feeds `bytes` in steps. The result is "target:body" of each request, then how it ended.
std::vector<std::string> read_all(std::string_view bytes, std::size_t step) {
  BufferPool buffers;
  HeaderMemo memo;
  RequestReader reader(buffers, memo);
  std::vector<std::string> found;
  while (true) {
    const State state = reader.next();
    if (state == State::request) {
      const Request& request = reader.request();
      // What simdjson will do: read behind the body.
      unsigned sum = 0;
      for (std::size_t i = 0; i < input_padding_bytes; ++i) {
        sum += static_cast<unsigned char>(request.body.data()[request.body.size() + i]);
      }
      CHECK(sum < 256 * input_padding_bytes);
      CHECK(request.body.data() == reader.body());
      found.push_back(std::string(request.target) + ":" + std::string(request.body));
      reader.consume();
      continue;
    }
    if (state == State::refused) {
      found.emplace_back(facts(reader.problem()).code);
      return found;
    }
    if (bytes.empty()) {
      found.emplace_back(state == State::empty    ? "empty"
                         : state == State::header ? "header"
                                                  : "body");
      return found;
    }
    const std::size_t count = std::min({step, bytes.size(), reader.room().size()});
    put(reader, bytes.substr(0, count));
    bytes.remove_prefix(count);
  }
}

std::string post(const std::string& target, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

std::string chunked(const std::string& target, const std::string& chunks) {
  return "POST " + target + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks;
}

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("RequestReader: pipelined requests in steps of any size → each once", "[http][unit]") {
  const std::string input = post("/1", "abc") + "\r\n" + chunked("/2", "2\r\nde\r\n0\r\n\r\n") +
                            post("/3", "") + "GET /4 HTTP/1.1\r\nHost: a\r\n\r\n" +
                            chunked("/5", "0\r\n\r\n") + post("/6", "\r\n\r\nGET");
  const Found wanted{"/1:abc", "/2:de", "/3:", "/4:", "/5:", "/6:\r\n\r\nGET", "empty"};
  for (std::size_t step = 1; step <= input.size(); ++step) CHECK(read_all(input, step) == wanted);
}

TEST_CASE("RequestReader: the largest request after others → read, in a grown buffer",
          "[http][unit]") {
  const std::string target = "/" + std::string(target_bytes_max - 1, 't');
  const std::string body(body_bytes_max, 'b');
  const std::string field = "a: " + std::string(header_bytes_max - 5 - 9 - 27, 'f') + "\r\n";
  const std::string large = "POST " + target + " HTTP/1.1\r\nHost: a\r\n" + field +
                            "Content-Length: 16384\r\n\r\n" + body;
  const std::string small = post("/s", "x");
  const Found wanted{"/s:x", "/s:x", target + ":" + body, "/s:x", "empty"};
  for (const std::size_t step : {1UL, 7UL, 1000UL, 100'000UL}) {
    CHECK(read_all(small + small + large + small, step) == wanted);
  }
  std::string crumbs;
  for (int i = 0; i < 2100; ++i) crumbs += "5;ex\r\n01234\r\n";
  std::string decoded;
  for (int i = 0; i < 2000; ++i) decoded += "01234";
  for (const std::size_t step : {1UL, 1000UL, 100'000UL}) {
    // 8 bytes of framing each, together more than chunk_framing_bytes_max.
    CHECK(read_all(small + chunked("/c", crumbs + "0\r\n\r\n") + small, step) ==
          Found{"/s:x", "malformed_request"});
  }
  crumbs.clear();
  for (int i = 0; i < 2000; ++i) crumbs += "5\r\n01234\r\n";
  for (const std::size_t step : {1UL, 1000UL, 100'000UL}) {
    CHECK(read_all(small + chunked("/c", crumbs + "0\r\n\r\n") + small, step) ==
          Found{"/s:x", "/c:" + decoded, "/s:x", "empty"});
  }
}

TEST_CASE(
    "RequestReader: headers alike but for their keys, the buffer moving below them → all read",
    "[http][unit]") {
  const auto order = [](int number, std::size_t body_bytes) {
    const std::string key = std::to_string(1000 + number);
    const std::string body = key + std::string(body_bytes - key.size(), 'b');
    return "POST /order HTTP/1.1\r\nHost: a\r\nx-idempotency-key: " + key +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  for (const std::size_t body_bytes : {10U, 3000U, 9000U}) {
    std::string bytes;
    Found wanted;
    for (int i = 0; i < 20; ++i) {
      const std::string one = order(i, body_bytes);
      bytes += one;
      wanted.push_back("/order:" + one.substr(one.size() - body_bytes));
    }
    wanted.push_back("empty");
    for (const std::size_t step : {1U, 7U, 100U, 1000U, 4000U, 100'000U}) {
      CHECK(read_all(bytes, step) == wanted);
    }
  }
}

TEST_CASE("RequestReader: a second empty line before a request → refused in steps of any size",
          "[http][unit]") {
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t step = 1; step < 9; ++step) {
    INFO("steps of " << step);
    const std::vector<std::string> refused{"malformed_request"};
    CHECK(read_all("\r\n\r\n" + request, step) == refused);
    CHECK(read_all("\r\n" + request + "\r\n" + request + "\r\n", step) ==
          std::vector<std::string>{"/:", "/:", "empty"});
  }
}

TEST_CASE("RequestReader: what is missing → header or body", "[http][unit]") {
  CHECK(read_all("", 1) == Found{"empty"});
  CHECK(read_all("G", 1) == Found{"header"});
  // An empty line begins nothing: a client that sends one behind a body is idle.
  CHECK(read_all("\r\n", 1) == Found{"empty"});
  CHECK(read_all("\r\n", 2) == Found{"empty"});
  CHECK(read_all("\r", 1) == Found{"header"});
  CHECK(read_all("\r\nG", 3) == Found{"header"});
  CHECK(read_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na", 1) == Found{"body"});
  CHECK(read_all(chunked("/", "1\r\na\r\n"), 1) == Found{"body"});
}

TEST_CASE("RequestReader: a refused part → its problem", "[http][unit]") {
  CHECK(read_all(post("/1", "a") + "GET /\r\n\r\n", 5) == Found{"/1:a", "malformed_request"});
  CHECK(read_all("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16385\r\n\r\n", 5) ==
        Found{"body_too_large"});
  CHECK(read_all(chunked("/", "0\r\na: b\r\n\r\n"), 5) == Found{"malformed_request"});
  CHECK(read_all(chunked("/", "FFFF\r\n"), 5) == Found{"body_too_large"});
}

TEST_CASE("RequestReader: Expect without a body yet → one wish to continue", "[http][unit]") {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  BufferPool buffers;
  HeaderMemo memo;
  RequestReader reader(buffers, memo);
  put(reader, head);
  REQUIRE(reader.next() == State::body);
  CHECK(reader.take_continue_wish());
  CHECK_FALSE(reader.take_continue_wish());
  put(reader, "ab");
  REQUIRE(reader.next() == State::request);
  reader.consume();
  put(reader, head + "a");
  REQUIRE(reader.next() == State::body);
  CHECK_FALSE(reader.take_continue_wish());
}

}  // namespace fluxgate::http
