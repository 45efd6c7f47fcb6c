// Whatever reads a client's bytes reads none behind them: each text of 0 to 256 bytes ends where
// memory ends. Several readers take words of eight bytes or vectors at a time.
#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "admission/signed_tokens.hpp"
#include "base/mix_hash.hpp"
#include "base/sip_hash.hpp"
#include "engine/order_id.hpp"
#include "http/chunked_decoder.hpp"
#include "http/common_header.hpp"
#include "http/cookie.hpp"
#include "http/header_memo.hpp"
#include "http/header_scan.hpp"
#include "http/json_read.hpp"
#include "http/json_tokens.hpp"
#include "http/limits.hpp"
#include "http/order_body.hpp"
#include "http/request_parser.hpp"
#include "http/uri.hpp"
#include "orderlog/block.hpp"
#include "orderlog/record.hpp"
#include "support/guarded_text.hpp"

namespace fluxgate {
namespace {

using testing::GuardedText;

constexpr std::size_t bytes_max = 256;

std::string cut(std::string text, std::size_t bytes, char filler = 'a') {
  text.resize(bytes, filler);
  return text;
}

// Texts of every length that each look like the beginning of something.
void for_all_lengths(const std::vector<std::string>& beginnings,
                     const std::function<void(GuardedText&)>& read, std::size_t padding = 0) {
  for (std::size_t bytes = 0; bytes <= bytes_max; ++bytes) {
    for (const std::string& beginning : beginnings) {
      for (const char filler : {'a', '"', '\\', '\x80', '\0'}) {
        GuardedText text(cut(beginning, bytes, filler), padding);
        read(text);
      }
    }
  }
}

// A request whose header has exactly so many bytes.
std::string header_of(std::size_t bytes) {
  std::string header = "POST /order HTTP/1.1\r\nHost: a\r\nx-idempotency-key: ";
  const std::size_t rest = header.size() + 4;
  if (bytes <= rest) return {};
  return header + std::string(bytes - rest, 'k') + "\r\n\r\n";
}

}  // namespace

TEST_CASE("ids and keys: every length up to the end of memory → read within, judged by length",
          "[security][unit]") {
  for (std::size_t bytes = 0; bytes <= bytes_max; ++bytes) {
    const GuardedText text(std::string(bytes, 'a'));
    CHECK(is_valid_id(text.view()) == (bytes >= 1 && bytes <= 128));
    CHECK(is_valid_key(text.view()) == (bytes >= 1 && bytes <= 255));
    if (bytes == 0) continue;
    const GuardedText bad(std::string(bytes - 1, 'a') + '\x7F');
    CHECK_FALSE(is_valid_id(bad.view()));
    CHECK_FALSE(is_valid_key(bad.view()));
  }
}

TEST_CASE("hashes: every length up to the end of memory → as of a copy", "[security][unit]") {
  const base::HashKey key{1, 2};
  for (std::size_t bytes = 0; bytes <= bytes_max; ++bytes) {
    const std::string copy = std::string(bytes, 'x') + "behind";
    const GuardedText text(std::string(bytes, 'x'));
    const std::string_view same = std::string_view(copy).substr(0, bytes);
    CHECK(base::keyed_hash(key, text.view()).low == base::keyed_hash(key, same).low);
    CHECK(base::mix_hash(key, text.view()) == base::mix_hash(key, same));
  }
}

TEST_CASE("headers: every length up to the end of memory → scanned and parsed within",
          "[security][unit]") {
  for_all_lengths({"", "GET / HTTP/1.1\r\nHost: a\r\n", "POST /order HTTP/1.1\r\nx: \xC3", "\r\n\r",
                   "GET / HTTP/1.1\r"},
                  [](GuardedText& text) {
                    http::HeaderScan scan;
                    static_cast<void>(scan.feed(text.view()));
                  });
  std::size_t complete = 0;
  http::HeaderMemo memo;
  for (std::size_t bytes = 0; bytes <= bytes_max; ++bytes) {
    const GuardedText text(header_of(bytes));
    http::HeaderScan scan;
    if (scan.feed(text.view()) != http::HeaderScan::State::complete) continue;
    ++complete;
    http::Request common, parsed, recalled;
    REQUIRE(http::read_common_header(text.view(), scan, common));
    REQUIRE_FALSE(http::parse_header(text.view(), parsed).has_value());
    CHECK(common.key == parsed.key);
    memo.remember(text.view(), common);
    const std::size_t found = memo.recall(text.view(), recalled);
    CHECK((found == 0 || (found == bytes && recalled.key == common.key)));
  }
  CHECK(complete == bytes_max - 54);
}

TEST_CASE("JSON: every length up to the end of the padding → read within", "[security][unit]") {
  http::JsonReader reader;
  for_all_lengths(
      {"", "{\"productId\":\"", "{\"productId\":\"p\",\"userId\":\"", "[[[[", "{\"a\":1e", "\"\\u",
       "{\"productId\":\"p\",\"userId\":\"u\"}"},
      [&](GuardedText& text) {
        http::OrderBody order;
        static_cast<void>(http::read_common_order(text.view(), order));
        std::array<http::JsonField, 2> fields{
            {{.name = "productId", .is_required = true}, {.name = "userId", .is_required = true}}};
        const std::size_t bytes = text.view().size();
        static_cast<void>(reader.read(text.data(), bytes, fields));
      },
      http::input_padding_bytes);
}

TEST_CASE("JSON tokens: every length up to the end of memory → read within", "[security][unit]") {
  for_all_lengths({"", "-0.5e+", "\\u12", "\\ud83d\\ud", "1234567890123456", "\\"},
                  [](GuardedText& text) {
                    static_cast<void>(http::is_number(text.view()));
                    static_cast<void>(http::plain_integer(text.view()));
                    if (!http::has_valid_escapes(text.view())) return;
                    static_cast<void>(http::unescape(text.data(), text.view().size()));
                  });
}

TEST_CASE("targets, cookies and chunks: every length up to the end of memory → read within",
          "[security][unit]") {
  for_all_lengths({"", "/products/%C3%A", "/a/b/c?x=%", "http://localhost:3000/a?b=c&d",
                   "flux_ticket=", "; =", "5;x\r\nhello\r\n0\r\n", "ffffffff"},
                  [](GuardedText& text) {
                    http::Target target;
                    std::string scratch;
                    static_cast<void>(http::parse_target(text.view(), target, scratch));
                    http::Query query(text.view());
                    static_cast<void>(query.text("x"));
                    static_cast<void>(query.number("limit", {0, 1000}));
                    static_cast<void>(http::find_cookie(text.view(), "x"));
                    http::ChunkedDecoder decoder;
                    std::string output(text.view().size(), '\0');
                    static_cast<void>(decoder.feed(text.view(), output.data()));
                    CHECK(decoder.written() <= decoder.taken());
                  });
}

TEST_CASE("tokens and order ids: every length up to the end of memory → refused within",
          "[security][unit]") {
  admission::TokenSigner signer;
  REQUIRE(signer.add_key(std::string(admission::TokenSigner::key_bytes, 'k')));
  const auto ids = engine::OrderIdCodec::from_key(std::string(16, 'k'));
  REQUIRE(ids.has_value());
  const std::string ticket = signer.sign(admission::Ticket{1, 1, 0, "ann"});
  for_all_lengths({"", "AQEAAAAA", ticket + "A", "00000000"}, [&](GuardedText& text) {
    static_cast<void>(admission::TokenSigner::claimed_number(text.view()));
    CHECK(signer.read_ticket(text.view()).has_value() == (text.view() == ticket));
    CHECK_FALSE(signer.read_pass(text.view(), "ann").has_value());
    CHECK_FALSE(ids->decode(text.view()).has_value());
  });
}

TEST_CASE("blocks and records: every length up to the end of memory → read within",
          "[security][unit]") {
  const std::string order(
      "\x03\x00\x01\x01\x03"
      "ann\x03key",
      12);
  for_all_lengths({"", order + order, "\x08\x01\x01\xFF\xFF\x03", "\x01\x80\x80\x80", "\x07\x40"},
                  [](GuardedText& text) {
                    CHECK_FALSE(orderlog::open_block({}, text.view()).has_value());
                    orderlog::RecordReader reader(text.view());
                    while (reader.next()) {
                    }
                    static_cast<void>(reader.status());
                  });
}

}  // namespace fluxgate
