#include "cli/logging.hpp"

#include <catch2/catch.hpp>

using fluxgate::LogLevel;
using namespace fluxgate::cli;

TEST_CASE("format_log_line: text → time, level, message on one line", "[cli][unit]") {
  REQUIRE(format_log_line(LogFormat::text, "T", LogLevel::warning, "a\nb") == "T warning a\\x0ab");
  REQUIRE(format_log_line(LogFormat::text, "T", LogLevel::debug, "") == "T debug ");
}

TEST_CASE("format_log_line: json → one object, quotes and line ends escaped", "[cli][unit]") {
  REQUIRE(format_log_line(LogFormat::json, "T", LogLevel::info, "say \"hi\"\n\\") ==
          R"({"time":"T","level":"info","msg":"say \"hi\"\u000a\\"})");
  REQUIRE(format_log_line(LogFormat::json, "T", LogLevel::error, "{}") ==
          R"({"time":"T","level":"error","msg":"{}"})");
}
