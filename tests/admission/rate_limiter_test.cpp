#include "admission/rate_limiter.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <random>
#include <vector>

#include "base/aborts.hpp"
#include "base/run_together.hpp"
#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::uint64_t ns_per_second = 1'000'000'000;
constexpr hours hundred_years{100 * 365 * 24 + 25 * 24};

// The contract by brute force, over whole numbers: is there a window from one admission to another
// with k of them, k > burst + rate·t? All products fit: see the sizes used below.
bool is_broken(const std::vector<nanoseconds>& admitted, std::uint64_t rate, std::uint64_t burst) {
  for (std::size_t first = 0; first < admitted.size(); ++first) {
    for (std::size_t last = first; last < admitted.size(); ++last) {
      const std::uint64_t count = last - first + 1;
      if (count <= burst) continue;
      const auto span = static_cast<std::uint64_t>((admitted[last] - admitted[first]).count());
      if ((count - burst) * ns_per_second > span * rate) return true;
    }
  }
  return false;
}

// The same in one pass: the admissions up to each one, less what the rate allows, may exceed the
// least such value before by the burst at most.
bool is_broken_anywhere(const std::vector<nanoseconds>& admitted, std::uint64_t rate,
                        std::uint64_t burst) {
  __extension__ using Wide = __int128;
  std::optional<Wide> least;
  Wide count = 0;
  for (const nanoseconds time : admitted) {
    const Wide allowed = static_cast<Wide>(time.count()) * static_cast<Wide>(rate);
    const Wide before = count * static_cast<Wide>(ns_per_second) - allowed;
    least = least ? std::min(*least, before) : before;
    ++count;
    const Wide excess = before + static_cast<Wide>(ns_per_second) - *least;
    if (excess > static_cast<Wide>(burst) * static_cast<Wide>(ns_per_second)) return true;
  }
  return false;
}

std::uint64_t admissions_at(RateLimiter& limiter, nanoseconds now, std::uint64_t tries) {
  std::uint64_t admitted = 0;
  for (std::uint64_t i = 0; i < tries; ++i) admitted += limiter.try_admit(now) ? 1 : 0;
  return admitted;
}

}  // namespace

TEST_CASE("RateLimiter: rate 0 → off, everybody is admitted", "[admission][unit]") {
  RateLimiter limiter(0, 0, seconds(5), false);
  REQUIRE_FALSE(limiter.enabled());
  REQUIRE(admissions_at(limiter, seconds(0), 1000) == 1000);
}

TEST_CASE("RateLimiter: no burst, or a rate above rate_max → a defect, aborts",
          "[admission][unit]") {
  REQUIRE(testing::aborts([] { RateLimiter(5, 0, seconds(0), true); }));
  REQUIRE(testing::aborts([] { RateLimiter(RateLimiter::rate_max + 1, 1, seconds(0), true); }));
}

TEST_CASE("RateLimiter: full at the start → the burst at once, then one an interval",
          "[admission][unit]") {
  RateLimiter limiter(10, 4, seconds(5), true);
  REQUIRE(limiter.enabled());
  REQUIRE(admissions_at(limiter, seconds(5), 10) == 4);
  REQUIRE(admissions_at(limiter, seconds(5) + nanoseconds(99'999'999), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(5) + nanoseconds(100'000'000), 10) == 1);
  REQUIRE(admissions_at(limiter, seconds(5) + nanoseconds(399'999'999), 10) == 2);
  REQUIRE(admissions_at(limiter, seconds(5) + nanoseconds(400'000'000), 10) == 1);
}

TEST_CASE("RateLimiter: empty at the start → the burst has to be saved up", "[admission][unit]") {
  RateLimiter limiter(10, 4, seconds(5), false);
  REQUIRE(admissions_at(limiter, seconds(5), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(5) + nanoseconds(99'999'999), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(5) + nanoseconds(100'000'000), 10) == 1);
  REQUIRE(admissions_at(limiter, seconds(5) + nanoseconds(300'000'000), 10) == 2);
  REQUIRE(admissions_at(limiter, seconds(60), 10) == 4);
}

TEST_CASE("RateLimiter: quiet for long → no more than the burst", "[admission][unit]") {
  for (const std::uint64_t rate :
       {1U, 3U, 7U, 1'000U, 999'983U, 1'000'000U, 3'000'001U, 500'000'000U, 1'000'000'000U}) {
    RateLimiter limiter(rate, 5, nanoseconds(3), true);
    for (const nanoseconds now : std::vector<nanoseconds>{hours(1), hours(1000), hours(100'000),
                                                          hundred_years / 2, hundred_years}) {
      REQUIRE(admissions_at(limiter, now, 10) == 5);
    }
  }
}

TEST_CASE("RateLimiter: quiet for long, at a rate that no tick divides → the burst within 2 ns",
          "[admission][unit]") {
  for (const std::uint64_t rate : {333'333'333U, 700'000'001U, 999'999'999U}) {
    RateLimiter limiter(rate, 50, nanoseconds(3), true);
    for (const nanoseconds now : std::vector<nanoseconds>{seconds(1), hours(1), hundred_years}) {
      const std::uint64_t at_once = admissions_at(limiter, now, 100);
      REQUIRE((at_once == 49 || at_once == 50));
      const std::uint64_t later = admissions_at(limiter, now + nanoseconds(1), 100);
      REQUIRE(at_once + later >= 50);
      REQUIRE(at_once + later <= 51);
    }
  }
}

TEST_CASE("RateLimiter: burst apart from the rate → each holds", "[admission][unit]") {
  RateLimiter wide(1, 1000, seconds(0), true);
  REQUIRE(admissions_at(wide, seconds(0), 2000) == 1000);
  REQUIRE(admissions_at(wide, seconds(10), 2000) == 10);

  RateLimiter narrow(1000, 1, seconds(0), true);
  REQUIRE(admissions_at(narrow, seconds(0), 10) == 1);
  REQUIRE(admissions_at(narrow, nanoseconds(999'999), 10) == 0);
  REQUIRE(admissions_at(narrow, nanoseconds(1'000'000), 10) == 1);
  REQUIRE(admissions_at(narrow, seconds(10), 10) == 1);
}

TEST_CASE("RateLimiter: the greatest burst and rate → no overflow", "[admission][unit]") {
  const std::uint64_t burst = ~std::uint64_t{0};
  for (const std::uint64_t rate : {std::uint64_t{1}, RateLimiter::rate_max}) {
    RateLimiter full(rate, burst, seconds(0), true);
    REQUIRE(admissions_at(full, seconds(0), 1000) == 1000);
    REQUIRE(admissions_at(full, hundred_years, 1000) == 1000);
    RateLimiter empty(rate, burst, seconds(0), false);
    REQUIRE(admissions_at(empty, seconds(0), 1000) == 0);
    REQUIRE(admissions_at(empty, hundred_years, 1000) == 1000);
  }
}

TEST_CASE("RateLimiter: time before the construction, or going back → nothing more is admitted",
          "[admission][unit]") {
  RateLimiter limiter(10, 2, seconds(100), true);
  REQUIRE(admissions_at(limiter, seconds(50), 10) == 2);
  REQUIRE(admissions_at(limiter, seconds(100), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(101), 10) == 2);
  REQUIRE(admissions_at(limiter, seconds(100), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(101), 10) == 0);
}

TEST_CASE("RateLimiter: after the last second it can count → refuses, does not wrap",
          "[admission][unit]") {
  RateLimiter limiter(1000, 5, seconds(0), true);
  REQUIRE(admissions_at(limiter, seconds(3'200'000'000), 10) == 5);
  REQUIRE(admissions_at(limiter, nanoseconds::max(), 10) == 0);
}

TEST_CASE("RateLimiter: random arrivals → no window has more than burst + rate·t",
          "[admission][unit]") {
  std::mt19937_64 random(testing::make_seed("rate_limiter_windows"));
  for (const std::uint64_t rate :
       {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{7}, std::uint64_t{1'000},
        std::uint64_t{999'983}, std::uint64_t{1'000'000}, std::uint64_t{333'333'333},
        std::uint64_t{700'000'000}, std::uint64_t{999'999'999}, std::uint64_t{1'000'000'000}}) {
    for (const std::uint64_t burst : {1U, 2U, 3U, 10U, 1000U}) {
      const nanoseconds start(static_cast<std::int64_t>(random() % (ns_per_second << 20)));
      RateLimiter limiter(rate, burst, start, random() % 2 == 0);
      // From three times as many arrivals as may pass to a third, in clumps and with gaps.
      const std::uint64_t gap = std::max<std::uint64_t>(ns_per_second / rate, 1);
      std::vector<nanoseconds> admitted;
      nanoseconds now = start;
      for (int i = 0; i < 3000; ++i) {
        switch (random() % 16) {
          case 0:
            now += nanoseconds(random() % (gap * 30));
            break;
          case 1:
            now += nanoseconds(gap);
            break;
          case 2:
            now += nanoseconds(gap + 1);
            break;
          case 3:
            now += nanoseconds(1);
            break;
          case 4:
            break;
          default:
            now += nanoseconds(random() % gap);
            break;
        }
        if (limiter.try_admit(now)) admitted.push_back(now);
      }
      INFO("rate " << rate << ", burst " << burst);
      REQUIRE_FALSE(admitted.empty());
      REQUIRE_FALSE(is_broken_anywhere(admitted, rate, burst));
      admitted.resize(std::min<std::size_t>(admitted.size(), 400));
      REQUIRE_FALSE(is_broken(admitted, rate, burst));
    }
  }
}

TEST_CASE("RateLimiter: the check of these tests → sees one admission too many",
          "[admission][unit]") {
  // Burst 2 and 10 a second: the third may come 100 ms after the first.
  for (const int late : {99'999'999, 100'000'000}) {
    const std::vector<nanoseconds> three{nanoseconds(0), nanoseconds(5), nanoseconds(late)};
    REQUIRE(is_broken(three, 10, 2) == (late < 100'000'000));
    REQUIRE(is_broken_anywhere(three, 10, 2) == (late < 100'000'000));
  }
}

TEST_CASE("RateLimiter: arrivals out of order → no window has more than burst + rate·t",
          "[admission][unit]") {
  std::mt19937_64 random(testing::make_seed("rate_limiter_disorder"));
  for (const std::uint64_t rate : {7U, 1'000'000U, 999'999'999U}) {
    for (const std::uint64_t burst : {1U, 4U, 50U}) {
      RateLimiter limiter(rate, burst, seconds(7), true);
      const std::uint64_t gap = std::max<std::uint64_t>(ns_per_second / rate, 1);
      std::vector<nanoseconds> admitted;
      nanoseconds latest = seconds(7);
      for (int i = 0; i < 5000; ++i) {
        latest += nanoseconds(random() % gap);
        const nanoseconds now = latest - nanoseconds(random() % (gap * 4));
        if (limiter.try_admit(now)) admitted.push_back(now);
      }
      std::sort(admitted.begin(), admitted.end());
      INFO("rate " << rate << ", burst " << burst);
      REQUIRE_FALSE(is_broken_anywhere(admitted, rate, burst));
    }
  }
}

TEST_CASE("RateLimiter: always orders waiting → the whole rate, to a thousandth",
          "[admission][unit]") {
  for (const std::uint64_t rate :
       {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{999'983}, std::uint64_t{1'000'000},
        std::uint64_t{3'000'001}, std::uint64_t{333'333'333}, std::uint64_t{700'000'000},
        std::uint64_t{999'999'937}, std::uint64_t{1'000'000'000}}) {
    RateLimiter limiter(rate, 2, seconds(1), true);
    const std::uint64_t step = std::max<std::uint64_t>(ns_per_second / rate / 4, 1);
    const std::uint64_t span = std::max<std::uint64_t>(step * 100'000, 1);
    std::uint64_t admitted = 0;
    for (std::uint64_t at = 0; at <= span; at += step) {
      const nanoseconds now = seconds(1) + nanoseconds(at);
      while (limiter.try_admit(now)) ++admitted;
    }
    __extension__ using Wide = unsigned __int128;
    const auto allowed = static_cast<std::uint64_t>(Wide{span} * rate / ns_per_second) + 2;
    INFO("rate " << rate);
    REQUIRE(admitted <= allowed);
    REQUIRE(admitted + 1 >= allowed - allowed / 1000);
  }
}

TEST_CASE("RateLimiter: burst 1 → one an interval, to the next whole nanosecond",
          "[admission][unit]") {
  for (const std::uint64_t rate : {1'000U, 7U, 999'983U, 1'000'000U, 3'000'001U, 1'000'000'000U}) {
    RateLimiter limiter(rate, 1, nanoseconds(12'345), true);
    nanoseconds now(12'345);
    REQUIRE(limiter.try_admit(now));
    const nanoseconds interval((ns_per_second + rate - 1) / rate);
    for (int i = 0; i < 1000; ++i) {
      if (limiter.try_admit(now + interval - nanoseconds(1))) FAIL("too early at rate " << rate);
      now += interval;
      // The tick may cost one nanosecond where an interval is not a whole number of them.
      if (ns_per_second % rate != 0 && !limiter.try_admit(now)) {
        now += nanoseconds(1);
        if (!limiter.try_admit(now)) FAIL("too late at rate " << rate);
      } else if (ns_per_second % rate == 0 && !limiter.try_admit(now)) {
        FAIL("too late at rate " << rate);
      }
    }
  }
}

TEST_CASE("RateLimiter: threads with the real clock → no window has more than burst + rate·t",
          "[admission][race]") {
  constexpr std::uint64_t rate = 300'000;
  constexpr std::uint64_t burst = 20;
  constexpr int tries = 150'000;
  const auto clock = [] {
    return nanoseconds(std::chrono::steady_clock::now().time_since_epoch());
  };
  RateLimiter limiter(rate, burst, clock(), true);
  std::vector<std::vector<nanoseconds>> admitted(2);
  testing::run_together(2, [&](int thread) {
    auto& mine = admitted[static_cast<std::size_t>(thread)];
    for (int i = 0; i < tries; ++i) {
      const nanoseconds now = clock();
      if (limiter.try_admit(now)) mine.push_back(now);
    }
  });
  std::vector<nanoseconds> all = admitted[0];
  all.insert(all.end(), admitted[1].begin(), admitted[1].end());
  std::sort(all.begin(), all.end());
  REQUIRE(all.size() > burst);
  REQUIRE_FALSE(is_broken_anywhere(all, rate, burst));
}

TEST_CASE("RateLimiter: threads at one moment → exactly the burst", "[admission][race]") {
  constexpr std::uint64_t burst = 50'000;
  RateLimiter limiter(1000, burst, seconds(1), true);
  std::atomic<std::uint64_t> admitted{0};
  testing::run_together(3, [&](int) { admitted += admissions_at(limiter, seconds(1), burst); });
  REQUIRE(admitted == burst);
}

}  // namespace fluxgate::admission
