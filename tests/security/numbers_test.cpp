// Numbers at their bounds, wherever a client or an operator sends one: the exact answer to each.
#include <catch2/catch.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/answers.hpp"
#include "fuzz/http_session.hpp"

namespace fluxgate {
namespace {

using fuzz::Answer;
using fuzz::SessionSetup;

std::string post(std::string_view target, const std::string& body, std::string_view more = "") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// "200", or the status and the code of an error.
std::string verdict(const Answer& answer) {
  std::string verdict = std::to_string(answer.status);
  static constexpr std::string_view code = "\"code\":\"";
  const std::size_t begin = answer.body.find(code);
  if (begin == std::string::npos) return verdict;
  const std::size_t end = answer.body.find('"', begin + code.size());
  return verdict + " " + answer.body.substr(begin + code.size(), end - begin - code.size());
}

// What a new server says to one request; none of its products is out of balance after it.
std::string ask(const std::string& request) {
  const fuzz::SessionOutcome outcome = fuzz::serve_session(SessionSetup(0), {request});
  CHECK(outcome.is_balanced);
  const std::vector<Answer> answers = fuzz::answers_of(outcome.output, false);
  REQUIRE(answers.size() == 1);
  return verdict(answers[0]);
}

// Numbers as they are written in a body, from small to absurd.
const std::vector<std::string>& numbers() {
  static const std::vector<std::string> all{"0",
                                            "1",
                                            "2147483647",
                                            "2147483648",
                                            "4294967295",
                                            "4294967296",
                                            "4294967297",
                                            "9007199254740991",
                                            "9007199254740992",
                                            "9223372036854775807",
                                            "9223372036854775808",
                                            "18446744073709551615",
                                            "18446744073709551616",
                                            "18446744073709551617",
                                            "1" + std::string(400, '0'),
                                            "-1",
                                            "-0",
                                            "1.0",
                                            "1e3",
                                            "1E0",
                                            "\"1\"",
                                            "true",
                                            "null",
                                            "[1]",
                                            "{}",
                                            "01",
                                            "+1",
                                            "0x1",
                                            "1_0",
                                            ".5",
                                            "NaN"};
  return all;
}

constexpr std::size_t in_range = 8;  // of numbers(), those up to units_max
constexpr std::size_t is_json = 25;  // and those that are JSON

std::string expected(std::size_t i, const std::string& zero, const std::string& one,
                     const std::string& more) {
  if (i == 0) return zero;
  if (i == 1) return one;
  if (i < in_range) return more;
  return i < is_json ? "400 invalid_field" : "400 invalid_json";
}

void check_all(const std::function<std::string(const std::string&)>& request,
               const std::string& zero, const std::string& one, const std::string& more) {
  for (std::size_t i = 0; i < numbers().size(); ++i) {
    INFO(numbers()[i]);
    CHECK(ask(request(numbers()[i])) == expected(i, zero, one, more));
  }
}

}  // namespace

TEST_CASE("POST /order: quantity at every bound → the exact answer", "[security][socket]") {
  // The product has three units, and five a user; the product without units sells none.
  const auto order = [](const std::string& product, const std::string& quantity) {
    return post("/order",
                R"({"productId":")" + product + R"(","userId":"u","quantity":)" + quantity + "}",
                "x-idempotency-key: k\r\n");
  };
  check_all([&](const std::string& number) { return order("p", number); }, "400 invalid_field",
            "200", "422 over_limit");
  CHECK(ask(order("p", "3")) == "200");
  CHECK(ask(order("p", "4")) == "409");
  CHECK(ask(order("p", "5")) == "409");
  CHECK(ask(order("p", "6")) == "422 over_limit");
  CHECK(ask(order("iphone-15", "1")) == "409");
  CHECK(ask(order("nobody", "9007199254740991")) == "404 unknown_product");
}

TEST_CASE("POST /init: quantity, limits and round at every bound → the exact answer",
          "[security][socket]") {
  const auto init = [](const char* field) {
    return [field](const std::string& number) {
      const std::string quantity = std::string_view(field) == "quantity" ? "" : R"("quantity":5,)";
      return post("/init",
                  R"({"productId":"new",)" + quantity + '"' + field + "\":" + number + "}");
    };
  };
  check_all(init("quantity"), "200", "200", "200");
  check_all(init("maxPerOrder"), "200", "200", "200");
  check_all(init("maxPerUser"), "200", "200", "200");
  check_all(init("round"), "400 invalid_field", "200", "422 round_mismatch");
}

TEST_CASE("sums: units of a user up to the largest number → refused, never wrapped",
          "[security][socket]") {
  const std::string max = "9007199254740991";
  const auto order = [](const char* key, const std::string& quantity) {
    return post("/order", R"({"productId":"big","userId":"u","quantity":)" + quantity + "}",
                "x-idempotency-key: " + std::string(key) + "\r\n");
  };
  const std::string requests =
      post("/init", R"({"productId":"big","quantity":)" + max + R"(,"maxPerUser":)" + max + "}") +
      order("a", max) + order("b", max) + order("c", "1") +
      post("/init", R"({"productId":"big","quantity":)" + max + R"(,"maxPerUser":10})") +
      order("d", "10") + order("e", max) + order("f", "1");
  const auto outcome = fuzz::serve_session(SessionSetup(0), {requests});
  CHECK(outcome.is_balanced);
  std::vector<std::string> verdicts;
  for (const Answer& answer : fuzz::answers_of(outcome.output, false)) {
    verdicts.push_back(verdict(answer));
  }
  CHECK(verdicts == std::vector<std::string>{"200", "200", "422 over_limit", "422 over_limit",
                                             "200", "200", "422 over_limit", "422 over_limit"});
}

TEST_CASE("PATCH /admin/settings: rate and burst at every bound → the exact answer",
          "[security][socket]") {
  for (const char* field : {"rateLimit", "rateBurst"}) {
    for (const std::string& number : numbers()) {
      INFO(field << " " << number);
      std::string request =
          post("/admin/settings", std::string("{\"") + field + "\":" + number + "}");
      request.replace(0, 4, "PATCH");
      const std::string answer = ask(request);
      const bool is_good = number == "0" || number == "1";
      const bool is_bad_json = &number - numbers().data() >= static_cast<std::ptrdiff_t>(is_json);
      CHECK(answer == (is_good ? "200" : is_bad_json ? "400 invalid_json" : "400 invalid_field"));
    }
  }
}

TEST_CASE("GET: limit, after and round at every bound → the exact answer", "[security][socket]") {
  const auto get = [](const std::string& target) {
    return ask("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  };
  const std::string huge = "1" + std::string(400, '0');
  for (const char* page : {"/products?limit=", "/orders?limit="}) {
    for (const char* good : {"1", "100", "999", "1000"}) {
      INFO(page << good);
      CHECK(get(page + std::string(good)) == "200");
    }
    for (const std::string& bad : {std::string("0"), std::string("1001"), std::string("4294967297"),
                                   std::string("18446744073709551617"), huge, std::string("-1"),
                                   std::string("+1"), std::string("1.0"), std::string("1e2"),
                                   std::string(""), std::string("%31%00"), std::string("0x1")}) {
      INFO(page << bad);
      CHECK(get(page + bad) == "400 invalid_query");
    }
  }
  for (const char* good : {"0", "1", "9007199254740991"}) {
    INFO(good);
    CHECK(get("/orders?after=" + std::string(good)) == "200");
  }
  for (const std::string& bad :
       {std::string("9007199254740992"), std::string("18446744073709551616"), huge,
        std::string("-1"), std::string("1.0"), std::string("")}) {
    INFO(bad);
    CHECK(get("/orders?after=" + bad) == "400 invalid_query");
    CHECK(get("/orders?productId=p&round=" + bad) == "400 invalid_query");
    CHECK(get("/products/p/audit?round=" + bad) == "400 invalid_query");
  }
  CHECK(get("/orders?round=1") == "400 invalid_query");
  CHECK(get("/orders?productId=p&round=0") == "400 invalid_query");
  CHECK(get("/orders?productId=p&round=1") == "200");
  CHECK(get("/products/p/audit?round=1") == "200");
}

}  // namespace fluxgate
