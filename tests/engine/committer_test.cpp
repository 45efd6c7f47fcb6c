#include "engine/committer.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/fixture.hpp"
#include "orderlog/block.hpp"
#include "support/faulty_storage.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;
using testing::FaultyStorage;

namespace {

/// A life whose storage fails on demand.
struct FaultyLife : Life {
  explicit FaultyLife(unsigned commit_threads = 0) : Life(commit_threads), faulty(storage) {
    options.storage = &faulty;
    options.on_storage_failure = [this](std::string_view what) {
      ++failures;
      why = what;
    };
  }

  ~FaultyLife() { engine.reset(); }

  FaultyStorage faulty;
  int failures = 0;
  std::string why;
};

void run(Engine& engine) {
  while (engine.step()) {
  }
}

}  // namespace

TEST_CASE("Committer: a failed write → unknown for all who wait, and for ever", "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  Inbox inbox;
  OrderOperation owner(inbox), copy(inbox), different(inbox), other(inbox);
  owner.request = {"p", "bob", "k", 1, {}};
  copy.request = owner.request;
  different.request = {"p", "bob", "k", 2, {}};
  other.request = {"p", "cyd", "k", 1, {}};
  for (OrderOperation* order : {&owner, &copy, &different, &other}) {
    REQUIRE(engine.submit(*order) == Submission::pending);
  }
  InitOperation init(inbox);
  init.request = {.product_id = "q", .quantity = 1};
  REQUIRE(engine.submit(init) == Submission::pending);

  life.faulty.fail_append({});
  run(engine);
  CHECK(inbox.operations == 5);
  for (OrderOperation* order : {&owner, &copy, &different, &other}) {
    CHECK(order->result.status == OrderStatus::storage_unavailable);
  }
  CHECK(init.result.status == InitStatus::storage_unavailable);
  CHECK(life.failures == 1);
  CHECK(life.why == FaultyStorage::append_failure);
  CHECK(engine.state() == EngineState::failed);

  // No unit went back, no key was freed, nothing new is taken; what was answered still is.
  const auto product = engine.product("p");
  CHECK(product->stock == 2);
  CHECK(product->pending == 2);
  CHECK(product->accepted == 1);
  CHECK(buy(engine, "bob", "k").status == OrderStatus::storage_unavailable);
  CHECK(buy(engine, "dora", "k").status == OrderStatus::storage_unavailable);
  CHECK(buy(engine, "ann", "k").replayed);
  CHECK(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::storage_unavailable);
  CHECK_FALSE(engine.product("q").has_value());
  CHECK(life.faulty.appends() == 4);  // the key, the round, ann, the failed one: none after it
  REQUIRE_FALSE(engine.close().has_value());
  CHECK(engine.close().error().code == ErrorCode::unavailable);
  CHECK(life.failures == 1);
}

TEST_CASE("Committer: the failed write reached the disk → the restart sells it to its owner",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  life.faulty.fail_append({.reaches_storage = true});
  CHECK(buy(engine, "ann", "k").status == OrderStatus::storage_unavailable);
  life.options.storage = &life.storage;
  Engine& again = life.open();
  CHECK(buy(again, "bob", "k").status == OrderStatus::sold_out);
  const auto retry = buy(again, "ann", "k");
  CHECK(retry.status == OrderStatus::accepted);
  CHECK(retry.replayed);
}

TEST_CASE("Committer: the failed write was lost → the restart sells the unit once",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  life.faulty.fail_append({});
  CHECK(buy(engine, "ann", "k").status == OrderStatus::storage_unavailable);
  life.options.storage = &life.storage;
  Engine& again = life.open();
  CHECK(buy(again, "ann", "k").status == OrderStatus::accepted);
  CHECK(buy(again, "bob", "k").status == OrderStatus::sold_out);
}

TEST_CASE("Committer: a failed mark → stops the sale as a failed write does", "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  life.faulty.fail_mark({});
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  life.clock.advance(1s);
  run(engine);
  CHECK(life.failures == 1);
  CHECK(life.why == FaultyStorage::mark_failure);
  CHECK(buy(engine, "bob", "k").status == OrderStatus::storage_unavailable);
}

TEST_CASE(
    "Committer: space runs short → new orders refused, all else goes on; it comes back → taken",
    "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  REQUIRE(engine.init({.product_id = "none", .quantity = 0}).status == InitStatus::ok);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  life.faulty.set_space(LogSpace::out);
  life.clock.advance(1s);
  // The order that is behind the last look is still taken.
  CHECK(buy(engine, "bob", "k").status == OrderStatus::accepted);
  run(engine);
  CHECK(engine.state() == EngineState::full);
  CHECK(buy(engine, "cyd", "k").status == OrderStatus::storage_full);
  CHECK(buy(engine, "ann", "k").status == OrderStatus::accepted);
  CHECK(buy(engine, "cyd", "k", 1, "none").status == OrderStatus::sold_out);
  CHECK(engine.init({.product_id = "q", .quantity = 1}).status == InitStatus::storage_full);
  CHECK(engine.product("p")->stock == 3);

  life.faulty.set_space(LogSpace::plenty);
  CHECK(*engine.next_step() <= life.clock.monotonic() + 1s);
  life.clock.advance(1s);
  run(engine);
  CHECK(engine.state() == EngineState::running);
  CHECK(buy(engine, "cyd", "k").status == OrderStatus::accepted);
}

TEST_CASE("Committer: space runs short while nobody orders → seen within a second, and its return",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  for (const auto& [space, state] : {std::pair(LogSpace::out, EngineState::full),
                                     {LogSpace::plenty, EngineState::running},
                                     {LogSpace::out, EngineState::full}}) {
    life.faulty.set_space(space);
    REQUIRE(*engine.next_step() <= life.clock.monotonic() + 1s);
    life.clock.advance(1s);
    run(engine);
    CHECK(engine.state() == state);
  }
  CHECK(buy(engine, "ann", "k").status == OrderStatus::storage_full);
}

TEST_CASE("Committer: a write behind its back fails while nobody orders → told within a second",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  life.faulty.fail_behind();
  REQUIRE(*engine.next_step() <= life.clock.monotonic() + 1s);
  life.clock.advance(1s);
  run(engine);
  CHECK(engine.state() == EngineState::failed);
  CHECK(life.failures == 1);
  CHECK(life.why == FaultyStorage::failure_behind);
  CHECK(buy(engine, "ann", "k").status == OrderStatus::storage_unavailable);
  life.clock.advance(1h);
  run(engine);
  CHECK(life.failures == 1);
}

TEST_CASE("Committer: a write behind its back fails before an order is written → it is unknown",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  const std::uint64_t appends = life.faulty.appends();
  life.faulty.fail_behind();
  life.clock.advance(5ms);
  CHECK(buy(engine, "ann", "k").status == OrderStatus::storage_unavailable);
  CHECK(life.faulty.appends() == appends);
  CHECK(life.failures == 1);
}

TEST_CASE("Committer: a write behind its back has failed at the start → told by the first step",
          "[engine][unit]") {
  FaultyLife life;
  life.open();
  life.faulty.fail_behind();
  Engine& engine = life.open();
  CHECK(engine.state() == EngineState::failed);
  CHECK(life.failures == 0);
  CHECK(engine.next_step() == 0ns);
  run(engine);
  CHECK(life.failures == 1);
  CHECK_FALSE(engine.next_step().has_value());
}

TEST_CASE("Committer: closed → no step is due, and none looks at the storage", "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.close().has_value());
  life.faulty.when_space_is_asked_for([] { FAIL("asked for space"); });
  life.clock.advance(1h);
  CHECK_FALSE(engine.next_step().has_value());
  CHECK_FALSE(engine.step());
}

TEST_CASE("Committer: the last write at a close fails → close() says so, and nobody else is told",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);  // its mark is not due yet
  life.faulty.fail_mark({});
  CHECK(engine.close().error().message == FaultyStorage::mark_failure);
  life.clock.advance(1h);
  CHECK_FALSE(engine.step());
  CHECK(life.failures == 0);
}

TEST_CASE("Committer: people wait while space is short → nobody is called, and no step is due",
          "[engine][unit]") {
  FaultyLife life;
  life.options.rate_limit = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  REQUIRE(engine.join({.product_id = "p", .user_id = "ann"}).status == JoinStatus::joined);
  const JoinResult waits = engine.join({.product_id = "p", .user_id = "bob"});
  life.faulty.set_space(LogSpace::out);
  life.clock.advance(1s);
  REQUIRE(engine.init({.product_id = "q", .quantity = 1}).status == InitStatus::ok);
  run(engine);
  REQUIRE(engine.state() == EngineState::full);
  const auto admitted = engine.stats().admissions_total;
  life.clock.advance(900ms);
  run(engine);
  CHECK(engine.stats().admissions_total == admitted);
  CHECK(engine.next_step().value_or(1h) > life.clock.monotonic());
  CHECK(engine.join({.product_id = "p", .user_id = "cyd"}).status == JoinStatus::storage_full);

  life.faulty.set_space(LogSpace::plenty);
  life.clock.advance(1s);
  run(engine);
  REQUIRE(engine.look(waits.ticket));  // he had been away for long
  life.clock.advance(1s);
  run(engine);
  CHECK(engine.look(waits.ticket)->state == PlaceState::admitted);
}

TEST_CASE("Committer: space is low → nobody joins, orders go on, and nobody is needed for its end",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  CHECK(engine.join({.product_id = "p", .user_id = "ann"}).status == JoinStatus::joined);
  life.faulty.set_space(LogSpace::low);
  life.clock.advance(5ms);
  CHECK(engine.join({.product_id = "p", .user_id = "bob"}).status == JoinStatus::storage_full);
  CHECK(engine.join({.product_id = "p", .user_id = "ann"}).status == JoinStatus::kept);
  CHECK(buy(engine, "bob", "k").status == OrderStatus::accepted);
  CHECK(engine.state() == EngineState::running);

  life.faulty.set_space(LogSpace::plenty);
  REQUIRE(*engine.next_step() <= life.clock.monotonic() + 1s);
  life.clock.advance(1s);
  run(engine);
  CHECK(engine.join({.product_id = "p", .user_id = "bob"}).status == JoinStatus::joined);
}

TEST_CASE("Committer: a look at low space takes long → the next is not put off by it",
          "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  REQUIRE(engine.join({.product_id = "p", .user_id = "ann"}).status == JoinStatus::joined);
  life.faulty.set_space(LogSpace::low);
  life.faulty.when_space_is_asked_for([&] { life.clock.advance(2s); });
  life.clock.advance(5ms);
  const auto looked_at = life.clock.monotonic();
  CHECK(buy(engine, "bob", "k").status == OrderStatus::accepted);
  // The line's places are looked at again later than that.
  CHECK(engine.next_step() == looked_at + 1s);
}

TEST_CASE("Committer: drained while space is short → stays so when it comes back",
          "[engine][unit]") {
  FaultyLife life;
  life.faulty.set_space(LogSpace::out);
  Engine& engine = life.open();
  REQUIRE(engine.state() == EngineState::full);
  CHECK(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::storage_full);
  engine.drain();
  CHECK(engine.state() == EngineState::draining);
  life.faulty.set_space(LogSpace::plenty);
  life.clock.advance(1s);
  run(engine);
  CHECK(engine.state() == EngineState::draining);
  CHECK(engine.close().has_value());
}

TEST_CASE("Committer: failed → nothing is due any more", "[engine][unit]") {
  FaultyLife life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  life.faulty.fail_mark({});
  life.clock.advance(100ms);
  CHECK(buy(engine, "ann", "k").status == OrderStatus::accepted);
  life.clock.advance(100ms);
  run(engine);
  REQUIRE(engine.state() == EngineState::failed);
  // Only the end of the key's life is left.
  CHECK(*engine.next_step() > life.clock.monotonic() + 1h);
}

TEST_CASE("Committer: while one block is written → the next gathers whole", "[engine][race]") {
  FaultyLife life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 100}).status == InitStatus::ok);
  const std::uint64_t before = life.faulty.appends();
  life.faulty.block_appends();
  auto first = engine.order_future({.product_id = "p", .user_id = "u0", .key = "k"});
  life.faulty.wait_until_blocked();
  std::vector<std::future<OrderResult>> rest;
  for (int i = 1; i <= 50; ++i) {
    const std::string user = "u" + std::to_string(i);
    rest.push_back(engine.order_future({.product_id = "p", .user_id = user, .key = "k"}));
  }
  CHECK(engine.product("p")->pending == 51);
  life.faulty.release_appends();
  CHECK(first.get().sequence == 1);
  for (auto& future : rest) REQUIRE(future.get().status == OrderStatus::accepted);
  CHECK(life.faulty.appends() == before + 2);
  CHECK(engine.product("p")->accepted == 51);
}

TEST_CASE("Committer: rounds → each rule of /init", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  const auto init = [&](Units quantity, RoundNumber round) {
    return engine.init({.product_id = "p", .quantity = quantity, .round = round});
  };
  CHECK(init(5, 2).status == InitStatus::round_mismatch);
  CHECK_FALSE(engine.product("p").has_value());
  CHECK(init(5, 1).round == 1);
  CHECK(init(5, 1).status == InitStatus::ok);  // said again
  CHECK(init(5, 1).round == 1);
  CHECK(init(6, 1).status == InitStatus::round_mismatch);
  CHECK(init(6, 3).status == InitStatus::round_mismatch);
  CHECK(init(6, 3).round == 1);
  CHECK(init(6, 2).round == 2);
  CHECK(init(7, 0).round == 3);
  CHECK(init(7, 0).round == 4);
  CHECK(engine.product("p")->quantity == 7);
}

TEST_CASE("Committer: two rounds of a product pushed at once → both open, in order",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  Inbox inbox;
  InitOperation first(inbox), second(inbox), third(inbox);
  first.request = {.product_id = "p", .quantity = 1};
  second.request = {.product_id = "p", .quantity = 2};
  third.request = {.product_id = "q", .quantity = 3};
  for (InitOperation* init : {&first, &second, &third}) {
    REQUIRE(engine.submit(*init) == Submission::pending);
  }
  run(engine);
  CHECK(first.result.round == 1);
  CHECK(second.result.round == 2);
  CHECK(third.result.round == 1);
  CHECK(engine.product("p")->quantity == 2);
  CHECK(life.open().product("p")->quantity == 2);
}

TEST_CASE("Committer: a reset while an order is in flight → the order stays in its round",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  Inbox inbox;
  InitOperation reset(inbox);
  OrderOperation order(inbox);
  reset.request = {.product_id = "p", .quantity = 10};
  order.request = {"p", "ann", "k", 1, {}};
  REQUIRE(engine.submit(reset) == Submission::pending);
  REQUIRE(engine.submit(order) == Submission::pending);  // behind the reset in the log
  run(engine);
  CHECK(order.result.status == OrderStatus::accepted);
  CHECK(engine.product("p")->stock == 10);
  CHECK(engine.product("p")->accepted == 0);
  CHECK(engine.audit("p", 1)->units_in_log == 1);
  CHECK(engine.audit("p", 2)->units_in_log == 0);
  CHECK(life.open().product("p")->stock == 10);
}

TEST_CASE("Committer: the mark follows within 100 ms, and is equal after close", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  const auto due = engine.next_step();
  REQUIRE(due.has_value());
  CHECK(*due <= life.clock.monotonic() + 100ms);
  life.clock.advance(100ms);
  run(engine);
  CHECK(life.storage.mark()->sequence == 1);
  REQUIRE(buy(engine, "bob", "k").status == OrderStatus::accepted);
  REQUIRE(engine.close().has_value());
  CHECK(life.storage.mark()->sequence == 2);
}

TEST_CASE("Committer: too many products → refused, and those there go on", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  Inbox inbox;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i <= products_max; ++i) ids.push_back("p" + std::to_string(i));
  std::vector<std::unique_ptr<InitOperation>> inits;
  for (const std::string& id : ids) {
    auto& init = *inits.emplace_back(std::make_unique<InitOperation>(inbox));
    init.request = {.product_id = id, .quantity = 1};
    // A batch as large as the engine takes, then its commit.
    while (engine.submit(init) == Submission::completed) run(engine);
  }
  run(engine);
  CHECK(inits.front()->result.status == InitStatus::ok);
  CHECK(inits[products_max - 1]->result.status == InitStatus::ok);
  CHECK(inits[products_max]->result.status == InitStatus::too_many_products);
  CHECK(engine.stats().products == products_max);
  CHECK(engine.init({.product_id = "p5", .quantity = 2}).round == 2);
}

TEST_CASE("Committer: more new products than a block holds → all of them, over several blocks",
          "[engine][unit]") {
  // With names of 128 bytes a product and its round are some 150 bytes: a block takes 14,000.
  constexpr int products = 20'000;
  Life life;
  Engine& engine = life.open();
  Inbox inbox;
  std::vector<std::string> names;
  std::vector<std::unique_ptr<InitOperation>> inits;
  names.reserve(products);
  for (int i = 0; i < products; ++i) {
    std::string& name = names.emplace_back(std::to_string(i));
    name.resize(id_bytes_max, '-');
    auto& init = *inits.emplace_back(std::make_unique<InitOperation>(inbox));
    init.request = {.product_id = name, .quantity = 1};
    REQUIRE(engine.submit(init) == Submission::pending);
  }
  run(engine);
  CHECK(inbox.operations == products);
  CHECK(engine.stats().products == products);
  CHECK(engine.stats().blocks_total > 2);
}

TEST_CASE("Committer: what a full block left over → next_step() asks for the next step at once",
          "[engine][unit]") {
  constexpr std::size_t orders = orderlog::block_orders_max + 1;
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = orders}).status == InitStatus::ok);
  Inbox inbox;
  std::vector<std::string> keys;
  std::vector<std::unique_ptr<OrderOperation>> operations;
  keys.reserve(orders);
  for (std::size_t i = 0; i < orders; ++i) {
    keys.push_back(std::to_string(i));
    auto& order = *operations.emplace_back(std::make_unique<OrderOperation>(inbox));
    order.request = {"p", "u", keys.back(), 1, {}};
    REQUIRE(engine.submit(order) == Submission::pending);
  }
  REQUIRE(engine.step());
  CHECK(inbox.operations == orderlog::block_orders_max);
  CHECK(engine.next_step() == std::chrono::nanoseconds(0));
  REQUIRE(engine.step());
  CHECK(inbox.operations == static_cast<int>(orders));
}
