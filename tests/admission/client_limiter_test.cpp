#include "admission/client_limiter.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <random>
#include <vector>

#include "base/aborts.hpp"
#include "base/run_together.hpp"
#include "base/sip_hash.hpp"
#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

base::Hash128 client(std::uint64_t number) {
  const char* const bytes = reinterpret_cast<const char*>(&number);
  return base::keyed_hash({1, 2}, std::string_view(bytes, sizeof(number)));
}

// All in the first set.
base::Hash128 neighbour(std::uint64_t number) {
  return {.high = number, .low = 0};
}

}  // namespace

TEST_CASE("ClientLimiter: one client → his burst, then one an interval, told how long",
          "[admission][unit]") {
  ClientLimiter limiter({.rate = 10, .burst = 3}, seconds(5));
  for (int i = 0; i < 3; ++i) REQUIRE(limiter.try_admit(client(1), seconds(5)) == nanoseconds(0));
  REQUIRE(limiter.try_admit(client(1), seconds(5)) == milliseconds(100));
  REQUIRE(limiter.try_admit(client(1), seconds(5) + milliseconds(99)) == milliseconds(1));
  REQUIRE(limiter.try_admit(client(1), seconds(5) + milliseconds(100)) == nanoseconds(0));
  REQUIRE(limiter.try_admit(client(1), seconds(5) + milliseconds(100)) == milliseconds(100));
  // Quiet for long, he has his burst again and no more.
  for (int i = 0; i < 3; ++i) REQUIRE(limiter.try_admit(client(1), seconds(60)) == nanoseconds(0));
  REQUIRE(limiter.try_admit(client(1), seconds(60)) == milliseconds(100));
}

TEST_CASE("ClientLimiter: one client over the limit → another is not", "[admission][unit]") {
  ClientLimiter limiter({.rate = 1, .burst = 1}, seconds(5));
  REQUIRE(limiter.try_admit(client(1), seconds(5)) == nanoseconds(0));
  REQUIRE(limiter.try_admit(client(1), seconds(5)) == seconds(1));
  REQUIRE(limiter.try_admit(client(2), seconds(5)) == nanoseconds(0));
}

TEST_CASE("ClientLimiter: time that goes back → a longer wait, nothing more", "[admission][unit]") {
  ClientLimiter limiter({.rate = 1, .burst = 2}, seconds(5));
  REQUIRE(limiter.try_admit(client(1), seconds(9)) == nanoseconds(0));
  REQUIRE(limiter.try_admit(client(1), seconds(9)) == nanoseconds(0));
  REQUIRE(limiter.try_admit(client(1), seconds(7)) == seconds(3));
  REQUIRE(limiter.try_admit(client(1), seconds(1)) == seconds(5));
}

TEST_CASE("ClientLimiter: no rate or burst, or too much → a defect, aborts", "[admission][unit]") {
  for (const ClientLimiter::Limit limit : {ClientLimiter::Limit{0, 1},
                                           {1, 0},
                                           {ClientLimiter::rate_max + 1, 1},
                                           {1, ClientLimiter::burst_max + 1}}) {
    REQUIRE(testing::aborts([&] { ClientLimiter(limit, seconds(0)); }));
  }
}

TEST_CASE("ClientLimiter: a full set → who is nearest to his whole burst gives way",
          "[admission][unit]") {
  ClientLimiter limiter({.rate = 1, .burst = 2}, seconds(0));
  // Each later than the one before; the first has used up his burst all the same.
  REQUIRE(limiter.try_admit(neighbour(1), seconds(1)) == nanoseconds(0));
  REQUIRE(limiter.try_admit(neighbour(1), seconds(1)) == nanoseconds(0));
  for (std::uint64_t i = 2; i <= 7; ++i) {
    const nanoseconds now = seconds(1) + milliseconds(i);
    REQUIRE(limiter.try_admit(neighbour(i), now) == nanoseconds(0));
  }
  const nanoseconds now = seconds(1) + milliseconds(10);
  REQUIRE(limiter.try_admit(neighbour(3), now) == nanoseconds(0));
  // The eighth is admitted in the place of the second.
  REQUIRE(limiter.try_admit(neighbour(8), now) == nanoseconds(0));
  REQUIRE(limiter.try_admit(neighbour(1), now) == milliseconds(990));
  REQUIRE(limiter.try_admit(neighbour(3), now) == milliseconds(993));
  // Forgotten, the second has his whole burst; the fourth gave way for him.
  REQUIRE(limiter.try_admit(neighbour(2), now) == nanoseconds(0));
  REQUIRE(limiter.try_admit(neighbour(2), now) == nanoseconds(0));
  REQUIRE(limiter.try_admit(neighbour(2), now) == seconds(1));
}

TEST_CASE("ClientLimiter: a flood of addresses → nobody new is refused", "[admission][unit]") {
  ClientLimiter limiter({.rate = 1, .burst = 1}, seconds(0));
  for (std::uint64_t i = 0; i < 3 * ClientLimiter::clients_max; ++i) {
    if (limiter.try_admit(client(i), seconds(1)) != nanoseconds(0)) FAIL("client " << i);
  }
}

TEST_CASE("ClientLimiter: random requests of many → no window of anyone has more",
          "[admission][unit]") {
  std::mt19937_64 random(testing::make_seed("client_limiter_windows"));
  for (const ClientLimiter::Limit limit :
       {ClientLimiter::Limit{1, 1}, {3, 2}, {7, 50}, {999'983, 4}, {1'000'000, 1}}) {
    ClientLimiter limiter(limit, seconds(3));
    const std::uint64_t gap = 1'000'000'000 / limit.rate;
    std::map<std::uint64_t, std::vector<nanoseconds>> admitted;
    nanoseconds now = seconds(3);
    for (int i = 0; i < 20'000; ++i) {
      now += nanoseconds(random() % (gap / 8 + 1));
      const std::uint64_t number = random() % 20;
      const nanoseconds wait = limiter.try_admit(client(number), now);
      if (wait == nanoseconds(0)) admitted[number].push_back(now);
      // Who waits as long as he was told comes through; a nanosecond less does not do.
      if (wait > nanoseconds(0) && random() % 4 == 0) {
        REQUIRE(limiter.try_admit(client(number), now + wait - nanoseconds(1)) == nanoseconds(1));
        REQUIRE(limiter.try_admit(client(number), now + wait) == nanoseconds(0));
        now += wait;
        admitted[number].push_back(now);
      }
    }
    for (const auto& [number, times] : admitted) {
      for (std::size_t first = 0; first + limit.burst < times.size(); ++first) {
        // burst + 1 and 2·burst + 1 admissions, at the closest.
        for (std::size_t more = 1; more <= limit.burst + 1; more += limit.burst) {
          const std::size_t last = first + limit.burst - 1 + more;
          if (last >= times.size()) break;
          const auto span = static_cast<std::uint64_t>((times[last] - times[first]).count());
          INFO("rate " << limit.rate << " burst " << limit.burst << " client " << number);
          REQUIRE(span * limit.rate >= more * 1'000'000'000);
        }
      }
    }
  }
}

TEST_CASE("ClientLimiter: threads at one moment → exactly each client's burst",
          "[admission][race]") {
  ClientLimiter limiter({.rate = 1, .burst = 1000}, seconds(0));
  std::vector<std::atomic<std::uint64_t>> admitted(5);
  testing::run_together(3, [&](int) {
    for (std::uint64_t i = 0; i < 5 * 1000; ++i) {
      // Neighbours: they meet at one lock.
      if (limiter.try_admit(neighbour(i % 5 + 1), seconds(1)) == nanoseconds(0)) ++admitted[i % 5];
    }
  });
  for (const auto& count : admitted) REQUIRE(count == 1000);
}

}  // namespace fluxgate::admission
