#include "admission/admission_pace.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "base/aborts.hpp"
#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t second_points = 200;
constexpr std::uint64_t rates[] = {1, 3, 7, 199, 1'000, 123'457};

nanoseconds at_point(std::uint64_t number) {
  return static_cast<std::int64_t>(number) * nanoseconds(AdmissionPace::point);
}
// How many were issued when, in the order of time.
class Issued {
 public:
  void add(nanoseconds now, std::uint64_t count) { issues_.push_back({now, count}); }

  /// The most in any window of one second of real time.
  [[nodiscard]] std::uint64_t most() const {
    std::uint64_t most = 0;
    std::uint64_t sum = 0;
    std::size_t first = 0;
    for (const Issue& last : issues_) {
      sum += last.count;
      for (; issues_[first].at + std::chrono::seconds(1) <= last.at; ++first) {
        sum -= issues_[first].count;
      }
      most = std::max(most, sum);
    }
    return most;
  }
  /// The fewest in any window of so many calls.
  [[nodiscard]] std::uint64_t fewest(std::size_t calls) const {
    std::uint64_t fewest = UINT64_MAX;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < issues_.size(); ++i) {
      sum += issues_[i].count;
      if (i >= calls) sum -= issues_[i - calls].count;
      if (i + 1 >= calls) fewest = std::min(fewest, sum);
    }
    return fewest;
  }

 private:
  struct Issue {
    nanoseconds at;
    std::uint64_t count;
  };
  std::vector<Issue> issues_;
};

std::uint64_t issue_all(AdmissionPace& pace, nanoseconds now) {
  const std::uint64_t count = pace.allowance(now);
  pace.issue(count);
  return count;
}

}  // namespace

TEST_CASE("AdmissionPace: called at every point while somebody waits → the rate in every second",
          "[admission][property]") {
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    Issued issued;
    for (std::uint64_t i = 0; i < 5'000; ++i) issued.add(at_point(i), issue_all(pace, at_point(i)));
    INFO("rate " << rate);
    REQUIRE(issued.most() == rate);
    REQUIRE(issued.fewest(second_points) == rate);
  }
}

TEST_CASE(
    "AdmissionPace: called late → never more than the rate in a second of real time, nor fewer"
    " in one and two points",
    "[admission][property]") {
  std::mt19937_64 random(testing::make_seed("AdmissionPace late"));
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    Issued issued;
    const std::uint64_t start = random() % 1'000'000;
    for (std::uint64_t i = 0; i < 5'000; ++i) {
      const auto late = static_cast<std::int64_t>(random() % 5'000'000);
      const nanoseconds now = at_point(start + i) + nanoseconds(late);
      issued.add(now, issue_all(pace, now));
    }
    INFO("rate " << rate);
    REQUIRE(issued.most() == rate);
    REQUIRE(issued.fewest(second_points + 2) >= rate);
  }
}

TEST_CASE("AdmissionPace: the first late, the next in time → no two within a second at rate 1",
          "[admission][unit]") {
  AdmissionPace pace(1);
  const nanoseconds late = at_point(0) + nanoseconds(4'900'000);
  REQUIRE(issue_all(pace, late) == 1);
  REQUIRE(pace.next_due() == late + std::chrono::seconds(1));
  REQUIRE(issue_all(pace, at_point(200)) == 0);
  REQUIRE(issue_all(pace, late + std::chrono::seconds(1) - nanoseconds(1)) == 0);
  REQUIRE(issue_all(pace, late + std::chrono::seconds(1)) == 1);
}

TEST_CASE("AdmissionPace: a slow write → the second counts from its end", "[admission][unit]") {
  for (const std::uint64_t written : {100U, 300U}) {
    AdmissionPace pace(1);
    REQUIRE(issue_all(pace, at_point(0)) == 1);
    pace.settle(1, at_point(written));
    REQUIRE(pace.next_due() == at_point(written + 200));
    REQUIRE(issue_all(pace, at_point(written + 199)) == 0);
    REQUIRE(issue_all(pace, at_point(written + 200)) == 1);
  }
}

TEST_CASE("AdmissionPace: issued by a life before → counted for a second", "[admission][unit]") {
  AdmissionPace pace(10);
  pace.remember(9, at_point(1'000));
  REQUIRE(issue_all(pace, at_point(1'000)) == 1);
  REQUIRE(issue_all(pace, at_point(1'199)) == 0);
  REQUIRE(issue_all(pace, at_point(1'200)) == 5);
}

TEST_CASE("AdmissionPace: evenly → no point has more than its share, rounded up",
          "[admission][unit]") {
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      REQUIRE(issue_all(pace, at_point(i)) <= (rate + second_points - 1) / second_points);
    }
  }
}

TEST_CASE("AdmissionPace: random times, counts, rests and pauses → never more than the rate",
          "[admission][property]") {
  std::mt19937_64 random(testing::make_seed("AdmissionPace random times"));
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    Issued issued;
    nanoseconds now{static_cast<std::int64_t>(random() % 1'000'000'000)};
    for (int call = 0; call < 50'000; ++call) {
      const std::uint64_t kind = random() % 100;
      const milliseconds longest(kind == 0 ? 3'000 : kind < 10 ? 200 : 12);
      now += nanoseconds(static_cast<std::int64_t>(random()) & 0xFFFF'FFFF) %
             nanoseconds(longest).count();
      if (random() % 50 == 0) pace.rest();
      const std::uint64_t allowed = pace.allowance(now);
      const std::uint64_t taken = random() % 3 == 0 ? random() % (allowed + 1) : allowed;
      pace.issue(taken);
      issued.add(now, taken);
    }
    INFO("rate " << rate);
    REQUIRE(issued.most() <= rate);
    REQUIRE(issued.most() != 0);
  }
}

TEST_CASE("AdmissionPace: called when next_due() says → something is due then, and not before",
          "[admission][property]") {
  std::mt19937_64 random(testing::make_seed("AdmissionPace next_due"));
  for (const std::uint64_t rate : rates) {
    AdmissionPace pace(rate);
    nanoseconds now{0};
    INFO("rate " << rate);
    for (int call = 0; call < 5'000; ++call) {
      if (random() % 20 == 0) pace.rest();
      if (random() % 20 == 0) now += milliseconds(random() % 2'000);
      pace.issue(pace.allowance(now) / (random() % 3 + 1));
      if (const std::uint64_t left = pace.allowance(now); left != 0) {
        REQUIRE(pace.next_due() <= now);
        pace.issue(left);
      }
      const nanoseconds due = pace.next_due();
      REQUIRE(due > now);
      REQUIRE(due - now <= std::chrono::seconds(1));
      AdmissionPace earlier = pace;
      REQUIRE(earlier.allowance(due - nanoseconds(1)) == 0);
      AdmissionPace just_then = pace;
      REQUIRE(just_then.allowance(due) > 0);
      now = due;
    }
  }
}

TEST_CASE("AdmissionPace: a pause → half a second of it is made up for", "[admission][unit]") {
  AdmissionPace pace(1'000);
  for (std::uint64_t i = 0; i < 1'000; ++i) REQUIRE(issue_all(pace, at_point(i)) == 5);
  // Points 1000 to 1499 were missed; due are this one and the 100 before less the oldest.
  REQUIRE(issue_all(pace, at_point(1'500)) == 500);
  REQUIRE(issue_all(pace, at_point(1'501)) == 5);
}

TEST_CASE("AdmissionPace: rest → what nobody wanted is lost", "[admission][unit]") {
  AdmissionPace pace(1'000);
  REQUIRE(issue_all(pace, at_point(0)) == 5);
  pace.rest();
  REQUIRE(issue_all(pace, at_point(10)) == 5);
  REQUIRE(issue_all(pace, at_point(10)) == 0);
  pace.rest();
  REQUIRE(issue_all(pace, at_point(5'000)) == 5);
}

TEST_CASE("AdmissionPace: rest within a second of a low rate → the next as soon as it may come",
          "[admission][unit]") {
  AdmissionPace pace(1);
  REQUIRE(issue_all(pace, at_point(0)) == 1);
  pace.rest();
  REQUIRE(issue_all(pace, at_point(50)) == 0);
  REQUIRE(pace.next_due() == at_point(200));
  REQUIRE(pace.allowance(at_point(199)) == 0);
  REQUIRE(issue_all(pace, at_point(200)) == 1);
}

TEST_CASE("AdmissionPace: not all that was allowed issued → the rest stays due",
          "[admission][unit]") {
  AdmissionPace pace(1'000);
  REQUIRE(pace.allowance(at_point(0)) == 5);
  pace.issue(2);
  REQUIRE(pace.next_due() == at_point(0));
  REQUIRE(pace.allowance(at_point(0)) == 3);
  REQUIRE(pace.allowance(at_point(1)) == 8);
}

TEST_CASE("AdmissionPace: time that goes back → as if it stood still", "[admission][unit]") {
  AdmissionPace pace(1'000);
  REQUIRE(issue_all(pace, at_point(100)) == 5);
  REQUIRE(issue_all(pace, at_point(40)) == 0);
  REQUIRE(issue_all(pace, at_point(101)) == 5);
}

TEST_CASE("AdmissionPace: another rate → no window has more than the larger, then the new one",
          "[admission][unit]") {
  AdmissionPace pace(1'000);
  Issued issued;
  for (std::uint64_t i = 0; i < 400; ++i) issued.add(at_point(i), issue_all(pace, at_point(i)));
  pace.set_rate(100, at_point(400));
  REQUIRE(pace.allowance(at_point(400)) == 0);
  // 900 and one more of the last 1000 have to go: those of 181 points.
  REQUIRE(pace.next_due() == at_point(580));
  for (std::uint64_t i = 400; i < 2'000; ++i) issued.add(at_point(i), issue_all(pace, at_point(i)));
  REQUIRE(issued.most() == 1'000);
  Issued slower;
  for (std::uint64_t i = 2'000; i < 3'000; ++i) {
    slower.add(at_point(i), issue_all(pace, at_point(i)));
  }
  REQUIRE(slower.most() == 100);
  REQUIRE(slower.fewest(second_points) == 100);
}

TEST_CASE("AdmissionPace: a rate of 0 → a defect, aborts", "[admission][unit]") {
  REQUIRE(testing::aborts([] { AdmissionPace(1).set_rate(0, nanoseconds(0)); }));
}

}  // namespace fluxgate::admission
