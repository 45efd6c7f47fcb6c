#include <algorithm>
#include <atomic>
#include <barrier>
#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "admission/rate_limiter.hpp"
#include "base/aborts.hpp"
#include "base/run_together.hpp"
#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
__extension__ using Wide = __int128;

constexpr Wide ns_per_second = 1'000'000'000;

std::uint64_t admissions_at(RateLimiter& limiter, nanoseconds now, std::uint64_t tries) {
  std::uint64_t admitted = 0;
  for (std::uint64_t i = 0; i < tries; ++i) admitted += limiter.try_admit(now) ? 1 : 0;
  return admitted;
}

/// A time at which the clock stood still, and what happened then.
struct Step {
  nanoseconds now{0};
  std::uint64_t rate = 0;    // from here on
  std::uint64_t burst = 0;   // from here on
  bool changed = false;      // here, amid the admissions; never in the first step
  bool touched_off = false;  // the limiter was off during some of it
  std::uint64_t admitted = 0;
  std::uint64_t charged = 0;
};

// The contract by brute force. A window is from one step to another and ends with an admission, so
// the charges of its last step, which may have come after it, do not count. With no change in it,
// it has at most burst + rate·t; with changes, the burst at its beginning and the sum over its
// parts. A window in which the limiter was off has no bound.
bool is_broken(const std::vector<Step>& steps) {
  for (std::size_t first = 0; first < steps.size(); ++first) {
    if (steps[first].touched_off) continue;
    // A step with a change in it began with the burst before.
    std::uint64_t burst = steps[first].burst;
    if (steps[first].changed) burst = std::max(burst, steps[first - 1].burst);
    Wide count = 0;
    Wide allowed = Wide{burst} * ns_per_second;
    for (std::size_t last = first; last < steps.size() && !steps[last].touched_off; ++last) {
      if (last > first) {
        allowed += Wide{(steps[last].now - steps[last - 1].now).count()} * steps[last - 1].rate;
      }
      count += steps[last].admitted;
      if (steps[last].admitted > 0 && count * ns_per_second > allowed) return true;
      count += steps[last].charged;
    }
  }
  return false;
}

/// What may be changed to, in a seeded order: off now and then.
Step random_setting(std::mt19937_64& random) {
  static constexpr std::uint64_t rates[] = {1,       3,         10,          1'000,
                                            999'983, 3'000'001, 700'000'001, 1'000'000'000};
  Step setting;
  setting.rate = random() % 6 == 0 ? 0 : rates[random() % std::size(rates)];
  setting.burst = random() % 4 == 0 ? 1 : 1 + random() % 200;
  return setting;
}

}  // namespace

TEST_CASE("RateLimiter: changed → what was saved up stays, as far as the new burst holds it",
          "[admission][unit]") {
  RateLimiter limiter(10, 4, seconds(5), true);
  REQUIRE(admissions_at(limiter, seconds(5), 1) == 1);
  limiter.change(1000, 100, seconds(5));
  REQUIRE(admissions_at(limiter, seconds(5), 10) == 3);
  REQUIRE(admissions_at(limiter, seconds(5) + milliseconds(7), 10) == 7);
  REQUIRE(admissions_at(limiter, seconds(60), 1000) == 100);

  REQUIRE(admissions_at(limiter, seconds(61), 20) == 20);
  limiter.change(2, 3, seconds(61));
  REQUIRE(admissions_at(limiter, seconds(61), 100) == 3);
  REQUIRE(admissions_at(limiter, seconds(61) + milliseconds(499), 100) == 0);
  REQUIRE(admissions_at(limiter, seconds(61) + milliseconds(500), 100) == 1);

  // Long quiet, it has its burst saved up, and no more.
  limiter.change(2, 50, seconds(10'000));
  REQUIRE(admissions_at(limiter, seconds(10'000), 100) == 3);
}

TEST_CASE("RateLimiter: changed back and forth with nothing saved up → no second burst",
          "[admission][unit]") {
  RateLimiter limiter(10, 50, seconds(5), true);
  REQUIRE(admissions_at(limiter, seconds(5), 100) == 50);
  for (int i = 0; i < 1000; ++i) {
    limiter.change(i % 2 == 0 ? 1'000'000 : 10, i % 3 == 0 ? 1 : 70, seconds(5));
    REQUIRE(admissions_at(limiter, seconds(5), 1) == 0);
  }
}

TEST_CASE("RateLimiter: a share of an admission saved up → kept over a change, never rounded up",
          "[admission][unit]") {
  RateLimiter limiter(10, 1, seconds(5), false);
  limiter.change(1, 1, seconds(5) + milliseconds(50));  // half a one is saved up
  REQUIRE(admissions_at(limiter, seconds(5) + milliseconds(549), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(5) + milliseconds(550), 10) == 1);

  // A billionth of an admission is less than the other rate's ticks can say.
  RateLimiter fine(3, 1, seconds(5), false);
  for (int i = 0; i < 100; ++i) {
    const nanoseconds now = seconds(5) + nanoseconds(1);
    fine.change(i % 2 == 0 ? RateLimiter::rate_max : 3, 1, now);
    REQUIRE(admissions_at(fine, now, 1) == 0);
  }
}

TEST_CASE("RateLimiter: switched off → everybody; switched on → nothing is saved up",
          "[admission][unit]") {
  RateLimiter limiter(0, 0, seconds(5), true);
  limiter.change(10, 4, seconds(7));
  REQUIRE(limiter.enabled());
  REQUIRE_FALSE(limiter.would_admit(seconds(7)));
  REQUIRE(admissions_at(limiter, seconds(7) + milliseconds(200), 10) == 2);
  limiter.change(0, 0, seconds(8));
  REQUIRE_FALSE(limiter.enabled());
  REQUIRE(limiter.would_admit(seconds(8)));
  REQUIRE(admissions_at(limiter, seconds(8), 1000) == 1000);
  limiter.change(10, 4, seconds(8));
  REQUIRE(admissions_at(limiter, seconds(8), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(9), 10) == 4);
}

TEST_CASE("RateLimiter: changed to what it is → nothing happens", "[admission][unit]") {
  RateLimiter limiter(10, 4, seconds(5), true);
  limiter.change(10, 4, seconds(5));
  REQUIRE(admissions_at(limiter, seconds(5), 10) == 4);
  RateLimiter off(0, 0, seconds(5), true);
  off.change(0, 7, seconds(5));
  REQUIRE_FALSE(off.enabled());
}

TEST_CASE("RateLimiter: no burst, or a rate above rate_max, in a change → a defect, aborts",
          "[admission][unit]") {
  REQUIRE(testing::aborts([] { RateLimiter(5, 1, seconds(0), true).change(6, 0, seconds(0)); }));
  REQUIRE(testing::aborts([] {
    RateLimiter(5, 1, seconds(0), true).change(RateLimiter::rate_max + 1, 1, seconds(0));
  }));
}

TEST_CASE("RateLimiter: charged → one fewer is saved up, or owed", "[admission][unit]") {
  RateLimiter limiter(10, 4, seconds(5), true);
  limiter.charge(seconds(5));
  REQUIRE(admissions_at(limiter, seconds(5), 10) == 3);
  for (int i = 0; i < 5; ++i) limiter.charge(seconds(5));
  REQUIRE(admissions_at(limiter, seconds(5) + milliseconds(599), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(5) + milliseconds(600), 10) == 1);

  RateLimiter off(0, 0, seconds(5), true);
  off.charge(seconds(5));
  REQUIRE(admissions_at(off, seconds(5), 10) == 10);
}

TEST_CASE("RateLimiter: owed, then changed → the same number is owed", "[admission][unit]") {
  RateLimiter limiter(10, 4, seconds(5), false);
  for (int i = 0; i < 6; ++i) limiter.charge(seconds(5));
  limiter.change(1000, 50, seconds(5));
  REQUIRE(admissions_at(limiter, seconds(5) + milliseconds(6), 10) == 0);
  REQUIRE(admissions_at(limiter, seconds(5) + milliseconds(7), 10) == 1);
}

TEST_CASE("RateLimiter: charged and changed at the ends of the word → refuses, does not wrap",
          "[admission][unit]") {
  const seconds end(3'200'000'000);
  // Five ticks a nanosecond, five billion an admission, and so many that the word just holds them:
  // the third charge would be beyond it.
  constexpr std::uint64_t burst = 489'348'812;
  RateLimiter limiter(0, 0, seconds(0), false);
  limiter.change(1, burst, end);
  REQUIRE_FALSE(limiter.would_admit(end));
  for (int i = 0; i < 1000; ++i) limiter.charge(end);
  REQUIRE_FALSE(limiter.would_admit(end));
  REQUIRE_FALSE(limiter.try_admit(end));
  for (const std::uint64_t rate : {RateLimiter::rate_max, std::uint64_t{1}, std::uint64_t{7}}) {
    limiter.change(rate, rate == 1 ? burst : 1, end);
    for (int i = 0; i < 1000; ++i) limiter.charge(end);
    REQUIRE_FALSE(limiter.try_admit(end));
  }
  limiter.change(0, 0, end);
  REQUIRE(limiter.try_admit(end));
}

TEST_CASE("RateLimiter: the check of the tests amid changes → sees one admission too many",
          "[admission][unit]") {
  // Burst 2 and 10 a second until 100 ms, then 20 a second.
  for (const std::uint64_t more : {0U, 1U}) {
    std::vector<Step> steps{{nanoseconds(0), 10, 2, false, false, 1, 1},
                            {milliseconds(100), 20, 50, true, false, 1, 0},
                            {milliseconds(200), 20, 50, false, false, 2 + more, 0}};
    REQUIRE(is_broken(steps) == (more == 1));
    steps[1].touched_off = true;
    REQUIRE_FALSE(is_broken(steps));
  }
}

// The clock stands still while the threads admit, charge and change, and moves when all have come
// to the end of a step.
TEST_CASE("RateLimiter: threads admit and charge amid changes → no window has more",
          "[admission][race]") {
  constexpr int threads = 3;
  constexpr int steps_of_all = 400;
  std::mt19937_64 seeds(testing::make_seed("rate_change_windows"));
  for (int run = 0; run < 15; ++run) {
    std::vector<Step> steps(steps_of_all);
    std::mt19937_64 plan(seeds());
    Step setting = random_setting(plan);
    nanoseconds now(1'000'000);
    RateLimiter limiter(setting.rate, setting.burst, now, true);
    for (Step& step : steps) {
      step.touched_off = setting.rate == 0;
      if (plan() % 8 == 0 && &step != &steps.front()) {
        const Step wanted = random_setting(plan);
        step.changed = wanted.rate != setting.rate || wanted.burst != setting.burst;
        setting = wanted;
      }
      step.touched_off |= setting.rate == 0;
      step.rate = setting.rate;
      step.burst = setting.burst;
      step.now = now;
      const std::uint64_t gap =
          std::max<std::uint64_t>(1'000'000'000 / std::max<std::uint64_t>(setting.rate, 1), 1);
      now += nanoseconds(plan() % 10 == 0 ? plan() % (gap * 300) : plan() % (gap * 3));
    }
    std::vector<std::atomic<std::uint64_t>> admitted(steps.size());
    std::vector<std::atomic<std::uint64_t>> charged(steps.size());
    std::barrier together(threads);
    const std::uint64_t thread_seed = seeds();
    testing::run_together(threads, [&](int thread) {
      std::mt19937_64 random(thread_seed + static_cast<std::uint64_t>(thread));
      for (std::size_t i = 0; i < steps.size(); ++i) {
        const Step& step = steps[i];
        together.arrive_and_wait();
        const std::uint64_t change_at = thread == 0 && step.changed ? random() % 40 : 40;
        for (std::uint64_t attempt = 0; attempt < 40; ++attempt) {
          if (attempt == change_at) limiter.change(step.rate, step.burst, step.now);
          if (random() % 64 == 0) {
            limiter.charge(step.now);
            ++charged[i];
          } else if (limiter.try_admit(step.now)) {
            ++admitted[i];
          }
        }
      }
    });
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      steps[i].admitted = admitted[i];
      steps[i].charged = charged[i];
      all += admitted[i];
    }
    INFO("run " << run);
    REQUIRE(all > 0);
    REQUIRE_FALSE(is_broken(steps));
  }
}

TEST_CASE("RateLimiter: threads at one moment amid changes → exactly what was saved up",
          "[admission][race]") {
  constexpr std::uint64_t burst = 400'000;
  RateLimiter limiter(1000, burst, seconds(1), true);
  std::atomic<std::uint64_t> admitted{0};
  std::atomic<int> admitting{2};
  std::atomic<bool> is_changing{false};
  // Both together try as often as they may: nobody is refused because of a change.
  testing::run_together(3, [&](int thread) {
    if (thread < 2) {
      while (!is_changing) std::this_thread::yield();
      admitted += admissions_at(limiter, seconds(1), burst / 2);
      --admitting;
      return;
    }
    for (std::uint64_t i = 0; admitting > 0 && i < 100'000; ++i) {
      limiter.change(i % 2 == 0 ? 500 : 1000, burst, seconds(1));
      is_changing = true;
    }
  });
  REQUIRE(admitted == burst);
  REQUIRE_FALSE(limiter.try_admit(seconds(1)));
}

}  // namespace fluxgate::admission
