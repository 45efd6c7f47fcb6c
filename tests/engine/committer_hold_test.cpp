// Orders that are held until enough have come. The committer by itself: an engine whose clock is
// injected holds nobody.

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/committer.hpp"
#include "engine/fixture.hpp"
#include "support/two_threads.hpp"

using namespace fluxgate;
using namespace fluxgate::engine;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds delay{10};
constexpr std::chrono::milliseconds owed_max{20};

/// A committer and all its parts, before its first block.
struct Parts {
  explicit Parts(std::chrono::nanoseconds delay_of_thin = delay) : delay_max(delay_of_thin) {}

  std::chrono::nanoseconds delay_max;
  ManualClock clock;
  SeededEntropy entropy;
  orderlog::MemoryStorage storage;
  inventory::Inventory inventory{base::HashKey{}};
  idempotency::IdempotencyIndex index{base::HashKey{}, 0s};
  admission::RateLimiter limiter{0, 1, 0ns, true};
  Gate gate{1'000};
  WaitingRoom room{{.inventory = inventory, .limiter = limiter, .clock = clock, .secret = {}},
                   {.line = std::make_unique<admission::Line>([](std::uint64_t) { return true; }),
                    .signer = std::make_unique<admission::TokenSigner>()},
                   {}};
  SaleControl control{{.limiter = limiter, .room = room, .clock = clock, .entropy = entropy}, {}};
  OrderIdCodec order_ids = *OrderIdCodec::from_key(std::string(OrderIdCodec::key_bytes, 'k'));
  orderlog::LogWriter log{storage, clock, Durability::sync, {}, 0ms, {}};
  Committer committer{{.inventory = inventory,
                       .index = index,
                       .log = log,
                       .gate = gate,
                       .room = room,
                       .control = control,
                       .order_ids = order_ids,
                       .clock = clock,
                       .delay_max = delay_max,
                       .owed_max = owed_max,
                       .on_failure = nullptr},
                      {}};
};

/// Rounds of some product each, as operations to push.
class Rounds {
 public:
  explicit Rounds(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) names_.push_back("p" + std::to_string(i));
    for (const std::string& name : names_) {
      auto& init = *inits_.emplace_back(std::make_unique<InitOperation>(inbox));
      init.request = {.product_id = name, .quantity = 1};
    }
  }
  InitOperation& operator[](std::size_t i) { return *inits_[i]; }

  Inbox inbox;

 private:
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<InitOperation>> inits_;
};

}  // namespace

TEST_CASE("Committer: those held become enough → the driver is woken and writes them as one block",
          "[engine][unit]") {
  Parts parts;
  Rounds rounds(CommitDelay::waiting_enough);
  for (std::size_t i = 0; i < CommitDelay::waiting_enough; ++i) {
    REQUIRE(refusal_at<InitStatus>(parts.gate) == std::nullopt);
    parts.committer.push(rounds[i], Wake::now);
    if (i == 0) parts.committer.wait(std::nullopt);  // the first wakes it
    if (i == CommitDelay::waiting_enough - 1) break;
    REQUIRE_FALSE(parts.committer.step());
    REQUIRE(parts.committer.next_step() == parts.clock.monotonic() + delay);
  }
  parts.committer.wait(std::nullopt);  // so does the last
  CHECK(rounds.inbox.operations == 0);
  CHECK(parts.committer.step());
  CHECK(rounds.inbox.operations == CommitDelay::waiting_enough);
  EngineStats stats;
  parts.committer.add_stats(stats);
  CHECK(stats.commits == 1);
  CHECK(parts.gate.pending() == 0);
}

TEST_CASE("Committer: a wake-up is owed → what is pushed waits for it, whatever wakes the driver",
          "[engine][unit]") {
  Parts parts;
  Rounds rounds(2 * CommitDelay::waiting_enough);
  const auto push = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      REQUIRE(refusal_at<InitStatus>(parts.gate) == std::nullopt);
      parts.committer.push(rounds[i], Wake::later);
    }
  };
  push(0, CommitDelay::waiting_enough);
  CHECK_FALSE(parts.committer.step());
  CHECK(parts.committer.next_step() == parts.clock.monotonic() + owed_max);
  push(CommitDelay::waiting_enough, 2 * CommitDelay::waiting_enough);
  CHECK_FALSE(parts.committer.step());
  CHECK(rounds.inbox.operations == 0);

  parts.committer.wake_for_pushed();
  parts.committer.wait(parts.clock.monotonic() + 10s);  // is woken
  CHECK(parts.committer.step());
  CHECK(rounds.inbox.operations == 2 * CommitDelay::waiting_enough);
  EngineStats stats;
  parts.committer.add_stats(stats);
  CHECK(stats.commits == 1);
}

TEST_CASE("Committer: a wake-up is owed and not paid → written when it is overdue",
          "[engine][unit]") {
  Parts parts(2 * owed_max);  // thin ones are held for longer than that
  Rounds rounds(1);
  REQUIRE(refusal_at<InitStatus>(parts.gate) == std::nullopt);
  parts.committer.push(rounds[0], Wake::later);
  REQUIRE_FALSE(parts.committer.step());
  parts.clock.advance(owed_max - 1ns);
  REQUIRE_FALSE(parts.committer.step());
  parts.clock.advance(1ns);
  CHECK(parts.committer.step());
  CHECK(rounds.inbox.operations == 1);
}

TEST_CASE("Committer: paid, and enough come before the driver looks → written when it does",
          "[engine][unit]") {
  Parts parts;
  Rounds rounds(CommitDelay::waiting_enough);
  const auto push = [&](std::size_t i) {
    REQUIRE(refusal_at<InitStatus>(parts.gate) == std::nullopt);
    parts.committer.push(rounds[i], Wake::later);
  };
  push(0);
  REQUIRE_FALSE(parts.committer.step());
  parts.committer.wake_for_pushed();
  for (std::size_t i = 1; i < CommitDelay::waiting_enough; ++i) push(i);
  CHECK(parts.committer.step());
  CHECK(rounds.inbox.operations == CommitDelay::waiting_enough);
}

TEST_CASE("Committer: paid, and thin → held for others to join, from when it was first seen",
          "[engine][unit]") {
  Parts parts;
  Rounds rounds(1);
  REQUIRE(refusal_at<InitStatus>(parts.gate) == std::nullopt);
  parts.committer.push(rounds[0], Wake::later);
  REQUIRE_FALSE(parts.committer.step());
  const auto seen = parts.clock.monotonic();
  REQUIRE(parts.committer.next_step() == seen + owed_max);
  parts.clock.advance(delay / 2);
  parts.committer.wake_for_pushed();
  REQUIRE_FALSE(parts.committer.step());
  REQUIRE(parts.committer.next_step() == seen + delay);
  parts.clock.advance(delay / 2);
  CHECK(parts.committer.step());
  CHECK(rounds.inbox.operations == 1);
}

TEST_CASE("Committer: a host steps by itself → takes what is owed a wake-up at once",
          "[engine][unit]") {
  Life life;
  life.options.durability = Durability::sync;
  life.options.clock = &system_clock();
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  Inbox inbox;
  OrderOperation order(inbox);
  order.request = {"p", "ann", "k", 1, {}};
  REQUIRE(engine.submit(order, Wake::later) == Submission::pending);
  CHECK(engine.step());
  CHECK(order.result.status == OrderStatus::accepted);
}

TEST_CASE("Committer: two end a hold at once → the driver is woken, and both are in the block",
          "[engine][race]") {
  constexpr int rounds_count = 2'000;
  Parts parts;
  Rounds rounds(3);
  std::atomic<int> wrong{0};
  const auto note = [&](bool right) { wrong += right ? 0 : 1; };
  TwoThreads{.prepare =
                 [&](int round) {
                   parts.clock.advance(delay);
                   note(parts.gate.try_enter() == Gate::Entry::entered);
                   parts.committer.push(rounds[2], Wake::now);
                   parts.committer.wait(std::nullopt);
                   parts.committer.step();
                   note(rounds.inbox.operations == 3 * round);
                   // Those in between are counted, and pushed by nobody.
                   for (std::size_t i = 1; i < CommitDelay::waiting_enough; ++i) {
                     note(parts.gate.try_enter() == Gate::Entry::entered);
                   }
                 },
             .act =
                 [&](int thread, int) {
                   parts.committer.push(rounds[static_cast<std::size_t>(thread)], Wake::now);
                 },
             .check =
                 [&](int round) {
                   parts.committer.wait(std::nullopt);
                   note(parts.committer.step());
                   note(rounds.inbox.operations == 3 * (round + 1));
                   parts.gate.leave(CommitDelay::waiting_enough - 3);
                   note(parts.gate.pending() == 0);
                 }}
      .run(rounds_count);
  CHECK(wrong == 0);
}

TEST_CASE("Committer: two push and pay at once → the driver is woken, and both are in the block",
          "[engine][race]") {
  constexpr int rounds_count = 2'000;
  Parts parts(0ns);
  Rounds rounds(2);
  std::atomic<int> wrong{0};
  const auto note = [&](bool right) { wrong += right ? 0 : 1; };
  TwoThreads{.prepare =
                 [&](int) {
                   for (int i = 0; i < 2; ++i) {
                     note(parts.gate.try_enter() == Gate::Entry::entered);
                   }
                 },
             .act =
                 [&](int thread, int) {
                   parts.committer.push(rounds[static_cast<std::size_t>(thread)], Wake::later);
                   parts.committer.wake_for_pushed();
                 },
             .check =
                 [&](int round) {
                   parts.committer.wait(parts.clock.monotonic() + 10s);
                   note(parts.committer.step());
                   note(rounds.inbox.operations == 2 * (round + 1));
                   note(parts.gate.pending() == 0);
                 }}
      .run(rounds_count);
  CHECK(wrong == 0);
}
