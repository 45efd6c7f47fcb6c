#include "http/answers.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "http/json_write.hpp"

namespace fluxgate::http {
namespace {

using std::chrono::milliseconds;

struct Written {
  Answers answers;
  DateText date;
  std::string output;
  AnswerWriter writer{answers, date, output};

  Written() { date.set(milliseconds{784'111'777'999}); }
};

}  // namespace

TEST_CASE("DateText: times → RFC 9110's form", "[http][unit]") {
  DateText date;
  date.set(milliseconds{784'111'777'000});
  CHECK(date.view() == "Sun, 06 Nov 1994 08:49:37 GMT");
  date.set(milliseconds{0});
  CHECK(date.view() == "Thu, 01 Jan 1970 00:00:00 GMT");
  date.set(milliseconds{1'772'323'199'999});
  CHECK(date.view() == "Sat, 28 Feb 2026 23:59:59 GMT");
}

TEST_CASE("AnswerWriter: the sold-out answer → these bytes", "[http][unit]") {
  Written written;
  written.writer.begin(Connection::keep, false);
  written.writer.fixed(written.answers.sold_out());
  CHECK(written.writer.status() == 409);
  CHECK(written.output ==
        "HTTP/1.1 409 Conflict\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Type: application/json\r\nContent-Length: 45\r\nCache-Control: no-store\r\n\r\n"
        R"({"status":"sold_out","msg":"Inventory empty"})");
}

TEST_CASE("AnswerWriter: several answers → one after the other, each in its form", "[http][unit]") {
  Written written;
  written.writer.begin(Connection::close, true);
  written.writer.problem(Problem::overloaded);
  written.writer.begin(Connection::keep_explicit, false);
  written.writer.variable({.status = 302, .more_headers = "Location: /w\r\n", .body = "{}"});
  CHECK(written.output ==
        "HTTP/1.1 503 Service Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Type: application/json\r\nContent-Length: 92\r\nCache-Control: no-store\r\n"
        "Retry-After: 1\r\nConnection: close\r\n\r\n"
        "HTTP/1.1 302 Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nCache-Control: no-store\r\n"
        "Location: /w\r\nConnection: keep-alive\r\n\r\n{}");
}

TEST_CASE("AnswerWriter: fixed and variable → the same bytes", "[http][unit]") {
  for (std::size_t i = 0; i < problem_count; ++i) {
    const auto problem = static_cast<Problem>(i);
    for (const Connection connection :
         {Connection::keep, Connection::close, Connection::keep_explicit}) {
      for (const bool is_head : {false, true}) {
        Written fixed;
        fixed.writer.begin(connection, is_head);
        fixed.writer.problem(problem);
        Written variable;
        variable.writer.begin(connection, is_head);
        variable.writer.problem(problem, facts(problem).message);
        CHECK(fixed.output == variable.output);
        CHECK(fixed.writer.status() == facts(problem).status);
      }
    }
  }
}

TEST_CASE("status_map: problems → every code once, with a fitting status", "[http][unit]") {
  std::set<std::string_view> codes;
  for (std::size_t i = 0; i < problem_count; ++i) {
    const ProblemFacts& known = facts(static_cast<Problem>(i));
    codes.insert(known.code);
    CHECK_FALSE(reason(known.status).empty());
    const bool says_when = known.headers.starts_with("Retry-After: ");
    CHECK(says_when == (known.status == 503 || known.status == 429));
  }
  CHECK(codes.size() == problem_count);
}

TEST_CASE("status_map: answers of the engine → the contract's statuses", "[http][unit]") {
  const auto order = [](OrderStatus status) {
    const auto problem = problem_of(status);
    if (!problem) return std::string("none");
    return std::to_string(facts(*problem).status) + " " + std::string(facts(*problem).code);
  };
  CHECK(order(OrderStatus::accepted) == "none");
  CHECK(order(OrderStatus::waiting) == "none");
  CHECK(order(OrderStatus::sold_out) == "none");
  CHECK(order(OrderStatus::key_reused) == "422 idempotency_key_reused");
  CHECK(order(OrderStatus::over_limit) == "422 over_limit");
  CHECK(order(OrderStatus::unknown_product) == "404 unknown_product");
  CHECK(order(OrderStatus::invalid_pass) == "403 invalid_pass");
  CHECK(order(OrderStatus::expired_pass) == "403 expired_pass");
  CHECK(order(OrderStatus::used_pass) == "403 used_pass");
  CHECK(order(OrderStatus::overloaded) == "503 overloaded");
  CHECK(order(OrderStatus::draining) == "503 draining");
  CHECK(order(OrderStatus::storage_full) == "503 storage_full");
  CHECK(order(OrderStatus::storage_unavailable) == "503 storage_unavailable");
  CHECK(order(OrderStatus::invalid_argument) == "400 invalid_field");

  CHECK(problem_of(InitStatus::ok) == std::nullopt);
  CHECK(problem_of(InitStatus::round_mismatch) == Problem::round_mismatch);
  CHECK(problem_of(InitStatus::too_many_products) == Problem::too_many_products);
  CHECK(problem_of(InitStatus::overloaded) == Problem::overloaded);
  CHECK(problem_of(InitStatus::draining) == Problem::draining);
  CHECK(problem_of(InitStatus::storage_full) == Problem::storage_full);
  CHECK(problem_of(InitStatus::storage_unavailable) == Problem::storage_unavailable);
  CHECK(problem_of(InitStatus::invalid_argument) == Problem::invalid_field);

  CHECK(problem_of(EngineState::running) == std::nullopt);
  CHECK(problem_of(EngineState::draining) == Problem::draining);
  CHECK(problem_of(EngineState::full) == Problem::storage_full);
  CHECK(problem_of(EngineState::failed) == Problem::storage_unavailable);
  CHECK(problem_of(ErrorCode::unavailable) == Problem::storage_unavailable);
  CHECK(problem_of(ErrorCode::damaged) == Problem::internal);
  CHECK(problem_of(ErrorCode::invalid_argument) == Problem::invalid_query);
}

TEST_CASE("json_write: texts and times → escaped and exact", "[http][unit]") {
  std::string text;
  append_json_string(text, std::string_view("a\"b\\c/\x01\n\x7F\xC3\xA9", 11));
  CHECK(text == R"("a\"b\\c/\u0001\u000a\u007f)"
                "\xC3\xA9\"");
  std::string time;
  append_timestamp(time, milliseconds{1'772'323'199'007});
  CHECK(time == "2026-02-28T23:59:59.007Z");
  std::string epoch;
  append_timestamp(epoch, milliseconds{0});
  CHECK(epoch == "1970-01-01T00:00:00.000Z");
}

}  // namespace fluxgate::http
