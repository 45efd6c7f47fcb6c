#include "http/order_body.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "http/json_read.hpp"
#include "http/limits.hpp"
#include "support/seed.hpp"

namespace fluxgate::http {
namespace {

/// A body with the bytes behind it that readers may touch.
struct Body {
  explicit Body(const std::string& text) : bytes(text + std::string(input_padding_bytes, '"')) {
    size = text.size();
  }
  [[nodiscard]] std::string_view view() const { return std::string_view(bytes).substr(0, size); }
  std::string bytes;
  std::size_t size = 0;
};

std::string read(const std::string& text) {
  const Body body(text);
  OrderBody order;
  if (!read_common_order(body.view(), order)) return "-";
  return std::string(order.product_id) + "|" + std::string(order.user_id);
}

}  // namespace

TEST_CASE("read_common_order: the shape clients send → both ids", "[http][unit]") {
  CHECK(read(R"({"productId":"iphone-15","userId":"ann"})") == "iphone-15|ann");
  CHECK(read(R"({"productId":" /~","userId":"a b"})") == " /~|a b");
  const std::string longest(128, 'x');
  CHECK(read(R"({"productId":")" + longest + R"(","userId":")" + longest + R"("})") ==
        longest + "|" + longest);
}

TEST_CASE("read_common_order: anything else → left to JsonReader", "[http][unit]") {
  const std::string too_long(129, 'x');
  for (const std::string& text : std::vector<std::string>{
           "", "{}", R"({"productId":"p","userId":"u"} )", R"( {"productId":"p","userId":"u"})",
           R"({"productId": "p","userId":"u"})", R"({"userId":"u","productId":"p"})",
           R"({"productId":"p","userId":"u","quantity":1})", R"({"productId":"","userId":"u"})",
           R"({"productId":"p","userId":""})", R"({"productId":"p","userId":"u)",
           R"({"productId":"p","userId":"u"}})", R"({"productId":"p\u0020","userId":"u"})",
           R"({"productId":"p","userId":"\"})", "{\"productId\":\"\xC3\xA9\",\"userId\":\"u\"}",
           "{\"productId\":\"p\",\"userId\":\"\x7F\"}", "{\"productId\":\"p\",\"userId\":\"\x1F\"}",
           R"({"productId":")" + too_long + R"(","userId":"u"})"}) {
    INFO(text);
    CHECK(read(text) == "-");
  }
}

TEST_CASE("read_common_order: every byte at every place → JsonReader says the same",
          "[http][unit]") {
  JsonReader reader;
  const std::string good = R"({"productId":"iphone-15-black","userId":"ann-0123456789"})";
  int common = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[at] = static_cast<char>(byte);
      Body body(text);
      OrderBody order;
      if (!read_common_order(body.view(), order)) continue;
      ++common;
      std::array<JsonField, 2> fields{
          {{.name = "productId", .is_required = true}, {.name = "userId", .is_required = true}}};
      const OrderBody found{order};
      const std::string product(found.product_id), user(found.user_id);
      REQUIRE_FALSE(reader.read(body.bytes.data(), body.size, fields).has_value());
      REQUIRE(fields[0].text == product);
      REQUIRE(fields[1].text == user);
    }
  }
  // In an id of 15 and one of 14 bytes each of the 93 plain characters is good.
  CHECK(common == (15 + 14) * 93 + static_cast<int>(good.size()) - 29);
}

}  // namespace fluxgate::http
