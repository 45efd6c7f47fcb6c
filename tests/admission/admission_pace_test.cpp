#include "admission/admission_pace.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

constexpr std::size_t window = 200;
constexpr std::int64_t first_point = 1'000'000;

std::chrono::nanoseconds at_point(std::size_t index) {
  return (first_point + static_cast<std::int64_t>(index)) * AdmissionPace::point;
}

std::uint64_t most_in_a_window(const std::vector<std::uint64_t>& issued) {
  std::uint64_t sum = 0;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < issued.size(); ++i) {
    sum += issued[i];
    if (i >= window) sum -= issued[i - window];
    most = std::max(most, sum);
  }
  return most;
}

constexpr std::uint64_t rates[] = {1, 3, 7, 199, 1000, 123'457};

}  // namespace

TEST_CASE("AdmissionPace: somebody always waits → the rate in every second, evenly",
          "[admission][unit]") {
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    std::vector<std::uint64_t> issued;
    for (std::size_t i = 0; i < 1500; ++i) {
      issued.push_back(pace.allowance(at_point(i)));
      pace.issue(issued.back());
    }
    INFO(rate);
    CHECK(issued[0] >= 1);
    for (std::size_t begin = 0; begin + window <= issued.size(); ++begin) {
      std::uint64_t sum = 0;
      for (std::size_t i = begin; i < begin + window; ++i) sum += issued[i];
      REQUIRE(sum == rate);
    }
    CHECK(*std::max_element(issued.begin(), issued.end()) <= rate / window + 1);
  }
}

TEST_CASE("AdmissionPace: any pauses, few who wait → never more than the rate in a second",
          "[admission][random]") {
  std::mt19937_64 random(testing::make_seed("admission_pace_test"));
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    std::vector<std::uint64_t> issued(20'000, 0);
    for (std::size_t i = 0; i < issued.size(); i += 1 + (random() % 8 == 0 ? random() % 400 : 0)) {
      if (random() % 50 == 0) {
        pace.rest();
        continue;
      }
      const std::uint64_t waiting = random() % 3 == 0 ? random() % 4 : rate * 2;
      issued[i] = std::min(pace.allowance(at_point(i)), waiting);
      pace.issue(issued[i]);
    }
    INFO(rate);
    CHECK(most_in_a_window(issued) <= rate);
  }
}

TEST_CASE("AdmissionPace: next_due → the first point that allows one more", "[admission][unit]") {
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    auto now = at_point(0);
    for (int i = 0; i < 500; ++i) {
      const std::uint64_t allowed = pace.allowance(now);
      REQUIRE(allowed >= 1);
      pace.issue(allowed);
      const auto due = pace.next_due();
      REQUIRE(due > now);
      if (due - now > AdmissionPace::point) {
        AdmissionPace early = pace;
        REQUIRE(early.allowance(due - AdmissionPace::point) == 0);
      }
      now = due;
    }
  }
}

}  // namespace fluxgate::admission
