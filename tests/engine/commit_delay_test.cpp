#include "engine/commit_delay.hpp"

#include <catch2/catch.hpp>

namespace fluxgate::engine {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// A committer whose orders come `idle` after it has answered the ones before.
struct Committing {
  explicit Committing(nanoseconds delay_max) : delay(delay_max) {}

  /// How long the next batch of so many is held; `joining` more come while it is.
  nanoseconds batch(nanoseconds idle, std::size_t waiting = 1, std::size_t joining = 1) {
    now += idle;
    const nanoseconds came = now;
    while (delay.holds(waiting, now)) {
      REQUIRE(delay.until() > now);
      now = *delay.until();
      waiting += joining;
    }
    const nanoseconds held = now - came;
    now += write_time;
    delay.note_write(now - write_time, now);
    REQUIRE_FALSE(delay.until().has_value());
    return held;
  }

  CommitDelay delay;
  nanoseconds write_time = 200us;
  nanoseconds now = 1s;
};

}  // namespace

TEST_CASE("CommitDelay: orders that come thinly → held, for the longest time", "[engine][unit]") {
  Committing committing(1ms);
  for (int i = 0; i < 20; ++i) committing.batch(400us);
  CHECK(committing.batch(400us) == 1ms);
}

TEST_CASE("CommitDelay: orders that follow an answer → not held, nor after a while",
          "[engine][unit]") {
  Committing committing(1ms);
  for (int i = 0; i < 20; ++i) committing.batch(400us);
  for (int i = 0; i < 20; ++i) committing.batch(30us);
  for (int i = 0; i < 100; ++i) CHECK(committing.batch(30us) == 0ns);
  // On a disk this fast, too, where 150 us are long.
  committing.write_time = 20us;
  for (int i = 0; i < 20; ++i) committing.batch(150us);
  for (int i = 0; i < 100; ++i) CHECK(committing.batch(150us) == 0ns);
  committing.write_time = 200us;
  for (int i = 0; i < 20; ++i) committing.batch(400us);
  CHECK(committing.batch(400us) == 1ms);
}

TEST_CASE("CommitDelay: enough that wait → not held", "[engine][unit]") {
  Committing committing(1ms);
  for (int i = 0; i < 20; ++i) committing.batch(400us);
  CHECK(committing.batch(400us, CommitDelay::waiting_enough) == 0ns);
  CHECK(committing.batch(400us, CommitDelay::waiting_enough - 1) == 1ms);
}

TEST_CASE("CommitDelay: nobody joins → held ever more rarely, and again when somebody does",
          "[engine][unit]") {
  Committing committing(1ms);
  for (int i = 0; i < 200; ++i) committing.batch(400us, 1, 0);
  int held = 0;
  for (int i = 0; i < 640; ++i) held += committing.batch(400us, 1, 0) > 0ns ? 1 : 0;
  CHECK(held == 10);
  for (int i = 0; i < 64; ++i) committing.batch(400us);
  for (int i = 0; i < 10; ++i) CHECK(committing.batch(400us) == 1ms);
}

TEST_CASE("CommitDelay: first seen long before they may be written → not idle meanwhile, nor held",
          "[engine][unit]") {
  CommitDelay delay(1ms);
  nanoseconds now = 1s;
  const auto batch = [&](nanoseconds until_paid) {
    delay.see(now);
    now += until_paid;
    const bool is_held = delay.holds(1, now);
    now += is_held ? 1ms : 0ms;
    delay.note_write(now, now + 200us);
    now += 200us;
    return is_held;
  };
  for (int i = 0; i < 20; ++i) batch(300us);
  for (int i = 0; i < 20; ++i) CHECK_FALSE(batch(300us));
  // Thin ones have waited long enough, and that nobody joined them says nothing of their holds.
  Committing committing(1ms);
  for (int i = 0; i < 20; ++i) committing.batch(400us);
  for (int i = 0; i < 10; ++i) {
    committing.now += 400us;
    committing.delay.see(committing.now);
    CHECK(committing.batch(1ms) == 0ns);
  }
  CHECK(committing.batch(400us) == 1ms);
}

TEST_CASE("CommitDelay: who comes before the hold has not joined it", "[engine][unit]") {
  Committing committing(1ms);
  for (int i = 0; i < 20; ++i) committing.batch(400us);
  // Five more come between the first look and the hold, and nobody while it lasts.
  const auto batch = [&] {
    committing.now += 400us;
    committing.delay.see(committing.now);
    return committing.batch(300us, 6, 0);
  };
  int held = 0;
  for (int i = 0; i < 200; ++i) batch();
  for (int i = 0; i < 640; ++i) held += batch() > 0ns ? 1 : 0;
  CHECK(held == 10);
}

TEST_CASE("CommitDelay: zero → never held", "[engine][unit]") {
  Committing committing(0ns);
  for (int i = 0; i < 20; ++i) CHECK(committing.batch(400us) == 0ns);
}

}  // namespace fluxgate::engine
