#include "http/header_memo.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "http/common_header.hpp"
#include "support/seed.hpp"

namespace fluxgate::http {
namespace {

const std::string order_header =
    "POST /order HTTP/1.1\r\nHost: localhost:3000\r\nAuthorization: Bearer t\r\n"
    "Content-Length: 54\r\nContent-Type: application/json\r\nx-idempotency-key: 0123456789\r\n"
    "Accept: application/json\r\n\r\n";

/// What reading it says; false: it is not a whole common header.
bool read(const std::string& bytes, Request& request) {
  HeaderScan scan;
  return scan.feed(bytes) == HeaderScan::State::complete && scan.header_begin() == 0 &&
         read_common_header(bytes, scan, request);
}

HeaderMemo memo_of(const std::string& header) {
  Request request;
  REQUIRE(read(header, request));
  HeaderMemo memo;
  memo.remember(header, request);
  return memo;
}

}  // namespace

TEST_CASE("HeaderMemo: the same header with another key → recalled", "[http][unit]") {
  const HeaderMemo memo = memo_of(order_header);
  std::string next = order_header;
  next.replace(next.find("0123456789"), 10, "abc~!\"#x-_");
  const std::string input = next + "{the body";
  Request recalled;
  REQUIRE(memo.recall(input, recalled) == next.size());
  Request wanted;
  REQUIRE(read(next, wanted));
  CHECK(recalled == wanted);
  CHECK(recalled.key == "abc~!\"#x-_");
  CHECK(recalled.key.data() == input.data() + next.find("abc~"));
}

TEST_CASE("HeaderMemo: a browser's header → not remembered", "[http][unit]") {
  for (const char* line : {"Cookie: a=b\r\n", "Accept-Language: de\r\n"}) {
    std::string header = order_header;
    header.insert(header.size() - 2, line);
    const HeaderMemo memo = memo_of(header);
    Request request;
    CHECK(memo.recall(header, request) == 0);
  }
}

TEST_CASE("HeaderMemo: any other byte, or too few → not recalled", "[http][unit]") {
  const HeaderMemo memo = memo_of(order_header);
  Request request;
  for (std::size_t size = 0; size < order_header.size(); ++size) {
    REQUIRE(memo.recall(std::string_view(order_header).substr(0, size), request) == 0);
  }
  const std::size_t key = order_header.find("0123456789");
  for (std::size_t at = 0; at < order_header.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = order_header;
      changed[at] = static_cast<char>(byte);
      const bool is_key_byte = at >= key && at < key + 10 && byte >= 0x21 && byte <= 0x7E;
      REQUIRE((memo.recall(changed, request) != 0) == (is_key_byte || changed == order_header));
    }
  }
}

TEST_CASE("HeaderMemo: nothing remembered, no key, or too long → not recalled", "[http][unit]") {
  Request request;
  CHECK(HeaderMemo().recall(order_header, request) == 0);
  const std::string no_key = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  CHECK(memo_of(no_key).recall(no_key, request) == 0);
  const std::string empty_key = "GET / HTTP/1.1\r\nHost: a\r\nx-idempotency-key:\r\n\r\n";
  CHECK(memo_of(empty_key).recall(empty_key, request) == 0);
  const std::string too_long =
      "GET / HTTP/1.1\r\nHost: a\r\nx-idempotency-key: k\r\nCookie: " + std::string(500, 'c') +
      "\r\n\r\n";
  CHECK(memo_of(too_long).recall(too_long, request) == 0);
}

TEST_CASE("HeaderMemo: whatever it recalls → reading says the same", "[http][unit]") {
  std::mt19937_64 random(testing::make_seed("HeaderMemo"));
  const std::vector<std::string> lines{"Host: a\r\n",
                                       "Host: b\r\n",
                                       "Content-Length: 5\r\n",
                                       "Content-Type: application/json\r\n",
                                       "x-idempotency-key: k1\r\n",
                                       "x-idempotency-key: k2\r\n",
                                       "X-Idempotency-Key:  k3 \r\n",
                                       "Accept: application/json\r\n",
                                       "x-idempotency-key: k 1\r\n",
                                       "Cookie: k1\r\n"};
  HeaderMemo memo;
  int recalled_count = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string header = random() % 2 == 0 ? "POST /order HTTP/1.1\r\n" : "GET / HTTP/1.1\r\n";
    for (std::uint64_t count = random() % 4; count > 0; --count) {
      header += lines[random() % lines.size()];
    }
    header += "\r\n";
    Request wanted;
    const bool is_common = read(header, wanted);
    Request recalled;
    if (memo.recall(header, recalled) != 0) {
      ++recalled_count;
      INFO(header);
      REQUIRE(is_common);
      REQUIRE(recalled == wanted);
    } else if (is_common) {
      memo.remember(header, wanted);
    }
  }
  CHECK(recalled_count > 20);
}

}  // namespace fluxgate::http
