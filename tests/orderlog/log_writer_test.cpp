#include "orderlog/log_writer.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "orderlog/log_fixture.hpp"
#include "orderlog/memory_storage.hpp"
#include "support/faulty_storage.hpp"
#include "support/manual_clock.hpp"

namespace fluxgate::orderlog {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::FaultyStorage;
using testing::ManualClock;
using namespace std::chrono_literals;

struct Fixture {
  explicit Fixture(Durability durability)
      : writer(storage, clock, durability, LogPosition{}, milliseconds{0}, LogPosition{}) {}

  void gather(std::size_t orders = 1) {
    for (std::size_t i = 0; i < orders; ++i) {
      const Sequence sequence = writer.block().next_sequence();
      writer.block().add(OrderEntry{0, 1, 1, id36('u', sequence), id36('k', sequence), 0});
    }
  }
  Written write(std::size_t orders = 1) {
    gather(orders);
    return must(writer.write());
  }
  LogPosition mark() { return must(memory.mark()); }

  ManualClock clock;
  MemoryStorage memory;
  FaultyStorage storage{memory};
  LogWriter writer;
};

TEST_CASE("LogWriter: writes → a log that walks, and what became of each", "[orderlog][unit]") {
  Fixture f(Durability::sync);
  const Written first = f.write(3);
  CHECK(first.first == 1);
  CHECK(first.orders == 3);
  CHECK(first.accepted_at == ManualClock::utc_at_start);
  CHECK(first.end.block == 1);
  CHECK(first.end.sequence == 3);
  f.clock.advance(5ms);
  f.writer.block().add(SettingRecord{"n", "v"});
  const Written second = must(f.writer.write());
  CHECK(second.first == 4);
  CHECK(second.orders == 0);
  CHECK(second.accepted_at == ManualClock::utc_at_start + 5ms);
  CHECK(f.write().first == 4);
  CHECK(f.writer.stats().blocks == 3);
  CHECK(f.storage.syncs() == 3);

  Transcript transcript;
  CHECK(must(walk(f.memory, 0, transcript)) == f.writer.tail());
  CHECK(transcript.sequences == std::vector<Sequence>{1, 2, 3, 4});
}

TEST_CASE("LogWriter: goes on behind a tail → one chain", "[orderlog][unit]") {
  Fixture f(Durability::sync);
  f.write(2);
  LogWriter next(f.storage, f.clock, Durability::sync, f.writer.tail(), milliseconds{7}, {});
  next.block().add(OrderEntry{0, 1, 1, "u", "k", 0});
  CHECK(must(next.write()).first == 3);
  Transcript transcript;
  CHECK(must(walk(f.memory, 0, transcript)) == next.tail());
}

TEST_CASE("LogWriter: the machine's clock jumps → acceptedAt never goes back", "[orderlog][unit]") {
  Fixture f(Durability::sync);
  f.clock.jump_to(5'000ms);
  CHECK(f.write().accepted_at == 5'000ms);
  f.clock.jump_to(1'000ms);
  CHECK(f.write().accepted_at == 5'000ms);
  f.clock.jump_to(-9ms);
  CHECK(f.write().accepted_at == 5'000ms);
  f.clock.jump_to(6'000ms);
  CHECK(f.write().accepted_at == 6'000ms);
  Transcript transcript;
  CHECK(outcome(walk(f.memory, 0, transcript)) == "ok");
}

TEST_CASE("LogWriter: one write → the clock is asked three times, an idle tend() never",
          "[orderlog][unit]") {
  Fixture f(Durability::sync);
  f.write();
  CHECK(f.clock.reads() == 3);
  must(f.writer.tend());
  const auto reads = f.clock.reads();
  must(f.writer.tend());
  CHECK(f.clock.reads() == reads);
}

TEST_CASE("LogWriter: sync → the mark follows at once, then every 50 ms", "[orderlog][unit]") {
  Fixture f(Durability::sync);
  CHECK_FALSE(f.writer.next_due());
  f.write();
  CHECK(f.mark() == LogPosition{});
  REQUIRE(f.writer.next_due());
  CHECK(*f.writer.next_due() <= f.clock.monotonic());
  must(f.writer.tend());
  CHECK(f.mark() == f.writer.tail());
  CHECK_FALSE(f.writer.next_due());

  const LogPosition first = f.writer.tail();
  f.clock.advance(10ms);
  f.write();
  REQUIRE(f.writer.next_due());
  CHECK(*f.writer.next_due() == f.clock.monotonic() + 40ms);
  f.clock.advance(39ms);
  must(f.writer.tend());
  CHECK(f.mark() == first);
  f.clock.advance(1ms);
  must(f.writer.tend());
  CHECK(f.mark() == f.writer.tail());
  CHECK(f.storage.marks() == 2);
}

TEST_CASE("LogWriter: started behind a mark → tend() moves it without a write",
          "[orderlog][unit]") {
  Fixture f(Durability::sync);
  f.write();
  LogWriter next(f.storage, f.clock, Durability::sync, f.writer.tail(), milliseconds{0}, {});
  REQUIRE(next.next_due());
  must(next.tend());
  CHECK(f.mark() == f.writer.tail());
  CHECK(f.storage.appends() == 1);
}

TEST_CASE("LogWriter: os → syncs at most every 500 ms, the mark never ahead of a sync",
          "[orderlog][unit]") {
  Fixture f(Durability::os);
  f.write();  // the first after a quiet time
  CHECK(f.storage.syncs() == 1);
  must(f.writer.tend());
  const LogPosition first = f.mark();
  CHECK(first == f.writer.tail());
  for (int i = 0; i < 4; ++i) {
    f.clock.advance(100ms);
    f.write();
    must(f.writer.tend());
    REQUIRE(f.storage.syncs() == 1);
    REQUIRE(f.mark() == first);
    REQUIRE(f.writer.synced() == first);
  }
  f.clock.advance(100ms);
  f.write();
  CHECK(f.storage.syncs() == 2);
  must(f.writer.tend());
  CHECK(f.mark() == f.writer.tail());
}

TEST_CASE("LogWriter: os, then quiet → an empty synced block after 500 ms, and no more",
          "[orderlog][unit]") {
  Fixture f(Durability::os);
  f.write();
  must(f.writer.tend());
  f.clock.advance(10ms);
  f.write();
  const LogPosition unsynced = f.writer.tail();
  REQUIRE(f.writer.next_due());
  CHECK(*f.writer.next_due() == f.clock.monotonic() + sync_interval);
  f.clock.advance(499ms);
  must(f.writer.tend());
  CHECK(f.writer.tail() == unsynced);
  f.clock.advance(1ms);
  must(f.writer.tend());
  CHECK(f.writer.tail().block == unsynced.block + 1);
  CHECK(f.writer.tail().sequence == unsynced.sequence);
  CHECK(f.storage.syncs() == 2);
  CHECK(f.mark() == f.writer.tail());
  CHECK_FALSE(f.writer.next_due());
  f.clock.advance(10s);
  must(f.writer.tend());
  CHECK(f.storage.appends() == 3);
  Transcript transcript;
  CHECK(must(walk(f.memory, 0, transcript)) == f.writer.tail());
}

TEST_CASE("LogWriter: os, records gathered when the sync is due → their own write syncs",
          "[orderlog][unit]") {
  Fixture f(Durability::os);
  f.write();
  f.write();
  f.gather();
  f.clock.advance(600ms);
  must(f.writer.tend());
  CHECK(f.storage.appends() == 2);
  CHECK(f.writer.block().orders() == 1);
  must(f.writer.write());
  CHECK(f.storage.syncs() == 2);
  CHECK(f.writer.synced() == f.writer.tail());
}

TEST_CASE("LogWriter: os and a power cut → the mark's orders are there", "[orderlog][crash]") {
  Fixture f(Durability::os);
  for (int i = 0; i < 40; ++i) {
    f.write(2);
    must(f.writer.tend());
    const auto left = f.storage.after_power_cut();
    const LogPosition mark = must(left->mark());
    Transcript transcript;
    REQUIRE(outcome(walk(*left, 0, transcript, &mark)) == "ok");
    f.clock.advance(30ms);
  }
  CHECK(f.storage.syncs() == 3);
}

TEST_CASE("LogWriter: close → all synced and marked, in every durability", "[orderlog][unit]") {
  {
    Fixture f(Durability::sync);
    f.write();
    must(f.writer.close());
    CHECK(f.mark() == f.writer.tail());
    must(f.writer.close());
    CHECK(f.storage.marks() == 1);
  }
  {
    Fixture f(Durability::os);
    f.write();
    f.write();
    must(f.writer.close());
    CHECK(f.writer.synced() == f.writer.tail());
    CHECK(f.mark() == f.writer.tail());
    CHECK(f.mark().sequence == 2);
  }
  {
    Fixture f(Durability::memory);
    f.write();
    CHECK_FALSE(f.writer.next_due());
    must(f.writer.tend());
    must(f.writer.close());
    CHECK(f.storage.syncs() == 0);
    CHECK(f.storage.appends() == 1);
  }
}

TEST_CASE("LogWriter: a failed append, lost or not → every later call returns that error",
          "[orderlog][unit]") {
  for (const bool reaches_storage : {false, true}) {
    Fixture f(Durability::sync);
    f.write();
    must(f.writer.tend());
    f.storage.fail_append({.nth = 1, .for_ever = false, .reaches_storage = reaches_storage});
    f.gather();
    const std::string expected = "unavailable: injected append failure";
    CHECK(outcome(f.writer.write()) == expected);
    CHECK(outcome(f.writer.write()) == expected);
    CHECK(outcome(f.writer.tend()) == expected);
    CHECK(outcome(f.writer.close()) == expected);
    CHECK_FALSE(f.writer.next_due());
    CHECK(f.storage.appends() == 2);  // the storage was never asked again
    CHECK(f.storage.marks() == 1);
    CHECK(f.writer.tail().sequence == 1);
    Transcript transcript;
    CHECK(must(walk(f.memory, 0, transcript)).sequence == (reaches_storage ? 2u : 1u));
  }
}

TEST_CASE("LogWriter: a failed mark → nothing is written afterwards", "[orderlog][unit]") {
  Fixture f(Durability::sync);
  f.storage.fail_mark({.nth = 2, .for_ever = false});
  f.write();
  must(f.writer.tend());
  f.clock.advance(50ms);
  f.write();
  const std::string expected = "unavailable: injected mark failure";
  CHECK(outcome(f.writer.tend()) == expected);
  f.gather();
  CHECK(outcome(f.writer.write()) == expected);
  CHECK(outcome(f.writer.close()) == expected);
  CHECK(f.storage.appends() == 2);
}

TEST_CASE("LogWriter: the empty block of os or the one of close fails → sticky too",
          "[orderlog][unit]") {
  Fixture tended(Durability::os);
  tended.write();
  tended.write();
  tended.storage.fail_append({});
  tended.clock.advance(500ms);
  CHECK(outcome(tended.writer.tend()) == "unavailable: injected append failure");
  CHECK(outcome(tended.writer.close()) == "unavailable: injected append failure");
  CHECK(tended.storage.appends() == 3);

  Fixture closed(Durability::os);
  closed.write();
  closed.write();
  closed.storage.fail_append({});
  CHECK(outcome(closed.writer.close()) == "unavailable: injected append failure");
  CHECK(closed.storage.marks() == 0);
}

TEST_CASE("LogWriter: a write that waits for its disk → statistics have its time",
          "[orderlog][race]") {
  Fixture f(Durability::sync);
  f.write();
  f.storage.block_appends();
  f.gather();
  std::atomic<bool> ok{false};
  std::thread thread([&] { ok = f.writer.write().has_value(); });
  f.storage.wait_until_blocked();
  f.clock.advance(3ms);
  f.storage.release_appends();
  thread.join();
  CHECK(ok);
  CHECK(f.writer.stats().blocks == 2);
  CHECK(f.writer.stats().write_ns_total == 3'000'000);
  CHECK(f.writer.stats().write_ns_max == 3'000'000);
}

TEST_CASE("LogWriter: not_before a time → no later block is dated before it", "[orderlog][unit]") {
  Fixture f(Durability::sync);
  f.writer.not_before(ManualClock::utc_at_start + 1h);
  CHECK(f.write().accepted_at == ManualClock::utc_at_start + 1h);
  f.writer.not_before(ManualClock::utc_at_start);
  CHECK(f.write().accepted_at == ManualClock::utc_at_start + 1h);
  f.clock.advance(2h);
  CHECK(f.write().accepted_at == ManualClock::utc_at_start + 2h);
}

}  // namespace
}  // namespace fluxgate::orderlog
