#include "http/owed_wake.hpp"

#include <catch2/catch.hpp>

namespace fluxgate::http {
namespace {

using namespace std::chrono_literals;

const std::chrono::steady_clock::time_point start{1s};

}  // namespace

TEST_CASE("OwedWake: nothing is owed → never due", "[http][unit]") {
  OwedWake wake;
  for (int i = 0; i < 1'000; ++i) CHECK_FALSE(wake.is_due(64, start + i * 1ms));
  CHECK_FALSE(wake.is_due(0, start + 1s));
}

TEST_CASE("OwedWake: nobody is ready any more → due, once", "[http][unit]") {
  OwedWake wake;
  wake.owe();
  CHECK_FALSE(wake.is_due(1, start));
  CHECK(wake.is_owed());
  CHECK(wake.is_due(0, start));
  CHECK_FALSE(wake.is_owed());
  CHECK_FALSE(wake.is_due(0, start));
}

TEST_CASE("OwedWake: enough events were served → due, and counted anew", "[http][unit]") {
  OwedWake wake;
  for (int i = 0; i < 3; ++i) {
    wake.owe();
    CHECK_FALSE(wake.is_due(OwedWake::events_max - 1, start));
    wake.owe();
    CHECK(wake.is_due(1, start));
    CHECK_FALSE(wake.is_due(1, start));
  }
}

TEST_CASE("OwedWake: others are served for long → due, and timed anew", "[http][unit]") {
  OwedWake wake;
  auto now = start;
  for (int i = 0; i < 3; ++i) {
    wake.owe();
    CHECK_FALSE(wake.is_due(1, now));
    CHECK_FALSE(wake.is_due(1, now + OwedWake::wait_max - 1ns));
    now += OwedWake::wait_max;
    CHECK(wake.is_due(1, now));
  }
}

}  // namespace fluxgate::http
