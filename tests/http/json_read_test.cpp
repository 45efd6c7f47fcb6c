#include "http/json_read.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "http/json_grammar.hpp"
#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

// Reads an order. The result is "ok p=.. u=.. q=..", "invalid_json" or "invalid_field: message".
std::string read_order(JsonReader& reader, const std::string& body,
                       const std::string& behind = "") {
  // Exactly the bytes a connection has, so that a sanitizer sees one too many.
  const std::size_t size = body.size() + std::max(behind.size(), input_padding_bytes);
  const auto buffer = std::make_unique<char[]>(size);
  std::memcpy(buffer.get(), body.data(), body.size());
  std::memcpy(buffer.get() + body.size(), behind.data(), behind.size());
  std::array<JsonField, 3> fields{{
      {.name = "productId", .kind = JsonField::Kind::id, .is_required = true},
      {.name = "userId", .kind = JsonField::Kind::id, .is_required = true},
      {.name = "quantity", .kind = JsonField::Kind::integer, .min = 1},
  }};
  const auto refusal = reader.read(buffer.get(), body.size(), fields);
  if (!behind.empty()) CHECK(std::string_view(buffer.get() + body.size(), behind.size()) == behind);
  if (refusal) {
    std::string result(facts(refusal->problem).code);
    if (!refusal->message.empty()) result += ": " + refusal->message;
    return result;
  }
  std::string result = "ok p=" + std::string(fields[0].text) + " u=" + std::string(fields[1].text);
  if (fields[2].is_present) result += " q=" + std::to_string(fields[2].number);
  return result;
}

std::string read_order(const std::string& body) {
  JsonReader reader;
  const std::string result = read_order(reader, body);
  // What stands behind the body, and what was read before, must make no difference.
  for (const char* behind : {"}", "]", "\"", "0", ",\"a\":1}", "GET / HTTP/1.1\r\n\r\n"}) {
    CHECK(read_order(reader, body, behind) == result);
  }
  return result;
}

// An order with `more` in it.
std::string order_with(const std::string& more) {
  return R"({"productId":"p","userId":"u",)" + more + "}";
}

void check_not_json(const std::vector<std::string>& bodies) {
  for (const std::string& body : bodies) {
    INFO(body);
    CHECK(read_order(body) == "invalid_json");
  }
}

constexpr const char* id_rule = " must be a string of 1 to 128 bytes without control characters";
constexpr const char* quantity_rule =
    "invalid_field: quantity must be a whole number from 1 to 9007199254740991";

}  // namespace

TEST_CASE("JsonReader: valid orders → their fields", "[http][unit]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"productId":"p","userId":"u"})", "ok p=p u=u"},
      {R"({"userId":"u","productId":"p"})", "ok p=p u=u"},
      {" \t\r\n{ \"productId\" : \"p\" ,\n\"userId\"\t:\"u\" } \r\n", "ok p=p u=u"},
      {order_with(R"("quantity":1)"), "ok p=p u=u q=1"},
      {order_with(R"("quantity":9007199254740991)"), "ok p=p u=u q=9007199254740991"},
      {R"({"productId":"a/b c","userId":"日本"})", "ok p=a/b c u=日本"},
      {R"({"productId":"\u0070","userId":"\"\\\/"})", "ok p=p u=\"\\/"},
      {R"({"productId":"\u00e9\u65e5\ud83d\ude00","userId":"\uD83D\uDE00x"})", "ok p=é日😀 u=😀x"},
      {R"({"product\u0049d":"p","\u0075serId":"u"})", "ok p=p u=u"},
      {R"({"productId":"p","userId":"u","":1})", "ok p=p u=u"},
      // Fields nobody asked for.
      {order_with(R"("a":null,"b":true,"c":false,"d":-0,"e":1e999,"f":0.5E-3,"g":[],"h":{})"),
       "ok p=p u=u"},
      {order_with(R"("a":[1,"x",[null],{"productId":"q"}],"b":{"userId":{"c":[]}})"), "ok p=p u=u"},
      {order_with(R"("a":1,"a":2,"PRODUCTID":"x","productId ":"y")"), "ok p=p u=u"},
      {order_with(R"("a":"\ud800","b":"\udc00\ud800","\ud800":1)"), "ok p=p u=u"},
      {order_with(R"("a":123456789012345678901234567890123456789012345678901234567890)"),
       "ok p=p u=u"},
      {order_with("\"a\":\"\x7F\""), "ok p=p u=u"},
      {R"({"productId":")" + std::string(128, 'p') + R"(","userId":"u"})",
       "ok p=" + std::string(128, 'p') + " u=u"},
  };
  for (const auto& [body, wanted] : cases) {
    INFO(body);
    CHECK(read_order(body) == wanted);
  }
}

TEST_CASE("JsonReader: wrong fields in valid JSON → invalid_field", "[http][unit]") {
  const std::string product = std::string("invalid_field: productId") + id_rule;
  const std::string user = std::string("invalid_field: userId") + id_rule;
  const std::string object = "invalid_field: The body must be a JSON object";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"{}", "invalid_field: productId is missing"},
      {R"({"userId":"u"})", "invalid_field: productId is missing"},
      {R"({"productId":"p"})", "invalid_field: userId is missing"},
      {R"({"productid":"p","userId":"u"})", "invalid_field: productId is missing"},
      {R"({"productId":"","userId":"u"})", product},
      {R"({"productId":1,"userId":"u"})", product},
      {R"({"productId":null,"userId":"u"})", product},
      {R"({"productId":true,"userId":"u"})", product},
      {R"({"productId":["p"],"userId":"u"})", product},
      {R"({"productId":{"a":"p"},"userId":"u"})", product},
      {R"({"productId":"p","userId":"\u0000"})", user},
      {R"({"productId":"p","userId":"a\nb"})", user},
      {R"({"productId":"p","userId":"\u007f"})", user},
      {R"({"productId":"p","userId":"\u0085"})", user},
      {"{\"productId\":\"p\",\"userId\":\"\x7F\"}", user},
      {"{\"productId\":\"p\",\"userId\":\"\xC2\x80\"}", user},
      {R"({"productId":"p","userId":"\ud800"})", user},
      {R"({"productId":"p","userId":"\udc00"})", user},
      {R"({"productId":"p","userId":"\ud800x"})", user},
      {R"({"productId":"p","userId":"\ud800\u0041"})", user},
      {R"({"productId":"p","userId":"\ud800\ud800"})", user},
      {R"({"productId":"p","userId":"\ud83d\\ude00"})", user},
      {R"({"productId":")" + std::string(129, 'p') + R"(","userId":"u"})", product},
      {order_with(R"("quantity":0)"), quantity_rule},
      {order_with(R"("quantity":-1)"), quantity_rule},
      {order_with(R"("quantity":-0)"), quantity_rule},
      {order_with(R"("quantity":1.0)"), quantity_rule},
      {order_with(R"("quantity":1e2)"), quantity_rule},
      {order_with(R"("quantity":1E0)"), quantity_rule},
      {order_with(R"("quantity":"1")"), quantity_rule},
      {order_with(R"("quantity":null)"), quantity_rule},
      {order_with(R"("quantity":true)"), quantity_rule},
      {order_with(R"("quantity":[1])"), quantity_rule},
      {order_with(R"("quantity":{})"), quantity_rule},
      {order_with(R"("quantity":9007199254740992)"), quantity_rule},
      {order_with(R"("quantity":18446744073709551617)"), quantity_rule},
      {order_with(R"("quantity":1e999)"), quantity_rule},
      {"[]", object},
      {R"([{"productId":"p","userId":"u"}])", object},
      {"\"p\"", object},
      {"1", object},
      {" null ", object},
      {"true", object},
      {"-1.5e3", object},
  };
  for (const auto& [body, wanted] : cases) {
    INFO(body);
    CHECK(read_order(body) == wanted);
  }
}

TEST_CASE("JsonReader: documents that are no JSON → invalid_json", "[http][unit]") {
  const std::string good = R"({"productId":"p","userId":"u"})";
  check_not_json({
      "",    " ",   "\n",  "{",     "}",     "[",    "]",   "\"",
      "\"a", "a",   "nul", "nulll", "tru",   "True", "NaN", "Infinity",
      "'a'", "{,}", "[,]", "[1,]",  "[1 2]", "[1}",  "{]",  "\xEF\xBB\xBF" + good,
      "1 2", "1,",  "01",  "+1",    "-",
  });
}

TEST_CASE("JsonReader: orders with broken punctuation → invalid_json", "[http][unit]") {
  const std::string good = R"({"productId":"p","userId":"u"})";
  check_not_json({
      ".5",
      "1.",
      "1e",
      "1e+",
      "0x1",
      "--1",
      "\"a\"b",
      "[] []",
      good + "x",
      good + good,
      good + ",",
      good + "]",
      good + "}",
      good + "//",
      "/**/" + good,
      good.substr(0, good.size() - 1),
      good.substr(0, good.size() - 2),
      R"({productId:"p","userId":"u"})",
      R"({'productId':"p","userId":"u"})",
      R"({"productId" "p","userId":"u"})",
      R"({"productId":"p" "userId":"u"})",
      R"({"productId":,"userId":"u"})",
      R"({"productId":"p","userId"})",
      R"({"productId":"p","userId":"u",})",
      R"({,"productId":"p","userId":"u"})",
      R"({"productId":"p",,"userId":"u"})",
      R"({1:2,"productId":"p","userId":"u"})",
      R"({"productId"::"p","userId":"u"})",
      R"({"productId":"p","userId":"u"]})",
  });
}

TEST_CASE("JsonReader: repeated or broken fields → invalid_json", "[http][unit]") {
  check_not_json({
      R"({"productId":"p","productId":"p","userId":"u"})",
      R"({"productId":"p","product\u0049d":"p","userId":"u"})",
      R"({"productId":"p","userId":"u","userId":1})",
      order_with(R"("quantity":1,"quantity":1)"),
      order_with(R"("quantity":01)"),
      order_with(R"("quantity":+1)"),
      order_with(R"("quantity":1x)"),
      order_with(R"("quantity":1.)"),
      order_with(R"("quantity":.1)"),
      order_with(R"("quantity":0x10)"),
      order_with(R"("quantity":1 1)"),
      order_with(R"("quantity":1_000)"),
      R"({"productId":"\x","userId":"u"})",
      R"({"productId":"\u12","userId":"u"})",
      R"({"productId":"\u12g4","userId":"u"})",
      R"({"productId":"p"p,"userId":"u"})",
      R"({"productId":"p""p","userId":"u"})",
      R"({"productId":"p\","userId":"u"})",
      "{\"productId\":\"a\nb\",\"userId\":\"u\"}",
      "{\"productId\":\"a\tb\",\"userId\":\"u\"}",
      std::string("{\"productId\":\"a\0b\",\"userId\":\"u\"}", 32),
      R"({"productId":1,"userId":"u","a":01})",
      R"({"quantity":"1","productId":"p"} x)",
  });
}

TEST_CASE("JsonReader: broken fields nobody asked for → invalid_json", "[http][unit]") {
  check_not_json({
      order_with(R"("a":)"),
      order_with(R"("a":nul)"),
      order_with(R"("a":truefalse)"),
      order_with(R"("a":01)"),
      order_with(R"("a":1.e5)"),
      order_with(R"("a":-)"),
      order_with(R"("a":-a)"),
      order_with(R"("a":1e)"),
      order_with(R"("a":"\q")"),
      order_with(R"("a":"\u00")"),
      order_with(R"("\q":1)"),
      order_with(R"("\u00g0":1)"),
      order_with(R"("a":[1,])"),
      order_with(R"("a":[,1])"),
      order_with(R"("a":[1 2])"),
      order_with(R"("a":[1}])"),
      order_with(R"("a":{"b"})"),
      order_with(R"("a":{"b":1,})"),
      order_with(R"("a":{"b":1 "c":2})"),
      order_with(R"("a":{1:2})"),
      order_with(R"("a":[)"),
      order_with(R"("a":{)"),
      order_with(R"("a":])"),
      order_with(R"("a":"x" "y")"),
      order_with(R"("a":[{"b":[01]}])"),
      order_with(R"("a":undefined)"),
      order_with("\"a\":\"\x01\""),
      order_with("\"a\x02\":1"),
      order_with(std::string("\"a\":\0", 5)),
      order_with("\"a\":\v1"),
      order_with("\"a\":\xA0"
                 "1"),
  });
}

TEST_CASE("JsonReader: bytes that are no UTF-8 → invalid_json", "[http][unit]") {
  check_not_json({
      // A lone continuation, an overlong slash, a surrogate, beyond the end, cut off.
      order_with("\"a\":\"\x80\""),
      order_with("\"a\":\"\xC0\xAF\""),
      order_with("\"a\":\"\xED\xA0\x80\""),
      order_with("\"a\":\"\xF4\x90\x80\x80\""),
      order_with("\"a\":\"\xE6\x97\""),
      order_with("\"\xFF\":1"),
      "\xFF",
      "{\"productId\":\"\xC3\",\"userId\":\"u\"}",
      "{\"productId\":\"\xFE\",\"userId\":\"u\"}",
  });
}

TEST_CASE("JsonReader: nesting → json_depth_max levels and no more", "[http][unit]") {
  const auto nested = [](std::size_t depth, char open, char close) {
    // The order itself is one level, the innermost value another.
    std::string value = "1";
    for (std::size_t level = 2; level < depth; ++level) {
      value = open == '[' ? open + value + close : open + std::string("\"a\":") + value + close;
    }
    return order_with("\"a\":" + value);
  };
  CHECK(read_order(nested(json_depth_max, '[', ']')) == "ok p=p u=u");
  CHECK(read_order(nested(json_depth_max + 1, '[', ']')) == "invalid_json");
  CHECK(read_order(nested(json_depth_max, '{', '}')) == "ok p=p u=u");
  CHECK(read_order(nested(json_depth_max + 1, '{', '}')) == "invalid_json");
  CHECK(read_order(order_with("\"a\":" + std::string(8000, '['))) == "invalid_json");
  CHECK(read_order(std::string(8000, '[') + std::string(8000, ']')) == "invalid_json");
}

TEST_CASE("JsonReader: the largest body → read", "[http][unit]") {
  const std::string frame = order_with("\"a\":\"\"");
  const std::string body =
      order_with("\"a\":\"" + std::string(body_bytes_max - frame.size(), 'x') + "\"");
  CHECK(body.size() == body_bytes_max);
  CHECK(read_order(body) == "ok p=p u=u");
}

TEST_CASE("JsonReader: mutated bodies → JSON exactly if the grammar says so", "[http][fuzz]") {
  const char* given = std::getenv("FLUXGATE_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  INFO("FLUXGATE_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::vector<std::string> sources{
      order_with(R"("quantity":12,"a":[1,-0.5e+3,true,false,null,"x\u00e9\"",{"b":{}},[]])"),
      R"([{"a":[[],{}],"b":"\\\/"},0.0e1,"\ud83d\ude00"])", R"("a\tb")", "-12.5E+10",
      R"({ "a" : [ 1 , 2 ] , "b" : { "c" : null } })"};
  const std::string alphabet = R"({}[]",:\u0123456789eE+-.truefalsn ab/)";
  JsonReader reader;
  for (int round = 0; round < 60'000; ++round) {
    std::string body = sources[random() % sources.size()];
    for (std::uint64_t edits = random() % 4; edits > 0 && !body.empty(); --edits) {
      const std::size_t at = random() % body.size();
      switch (random() % 4) {
        case 0:
          body[at] = alphabet[random() % alphabet.size()];
          break;
        case 1:
          body.insert(at, 1, alphabet[random() % alphabet.size()]);
          break;
        case 2:
          body.erase(at, 1 + random() % 3);
          break;
        default:
          body.insert(at, body.substr(random() % body.size(), random() % 8));
          break;
      }
    }
    const bool is_json = JsonGrammar(body).accepts(json_depth_max);
    std::string result = read_order(reader, body, "}]");
    // A repeated field of ours is refused although it is JSON.
    const bool repeats =
        result == "invalid_json" && body.find("productId") != body.rfind("productId");
    if (is_json == (result == "invalid_json") && !repeats) {
      FAIL_CHECK("\"" << body << "\" is " << (is_json ? "" : "no ") << "JSON, but: " << result);
    }
  }
}

}  // namespace fluxgate::http
