#include "engine/commit_delay.hpp"

#include <catch2/catch.hpp>

namespace fluxgate::engine {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

/// A committer whose orders come `idle` after it has answered the ones before.
struct Committing {
  explicit Committing(nanoseconds delay_max) : delay(delay_max) {}

  /// How long the next batch of so many is held.
  nanoseconds batch(nanoseconds idle, std::size_t waiting = 1) {
    now += idle;
    const nanoseconds came = now;
    while (delay.holds(waiting, now)) {
      REQUIRE(delay.until() > now);
      now = *delay.until();
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

TEST_CASE("CommitDelay: zero → never held", "[engine][unit]") {
  Committing committing(0ns);
  for (int i = 0; i < 20; ++i) CHECK(committing.batch(400us) == 0ns);
}

}  // namespace fluxgate::engine
