// Races of the waiting room. Workers count in atomics; the main thread asserts.

#include <array>
#include <atomic>
#include <barrier>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/rival_orders.hpp"
#include "engine/waiting_room_fixture.hpp"
#include "support/two_threads.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

namespace {

constexpr int threads = 6;

void in_threads(const std::function<void(int)>& work) {
  std::barrier start(threads);
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      start.arrive_and_wait();
      work(t);
    });
  }
  for (auto& worker : workers) worker.join();
}

std::string name(const char* prefix, int number) {
  return prefix + std::to_string(number);
}

}  // namespace

TEST_CASE("Race: orders with one pass at once → exactly one is accepted", "[engine][race]") {
  constexpr int rounds = 200;
  Life life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 10'000}).status == InitStatus::ok);
  for (int round = 0; round < rounds; ++round) {
    const std::string user = name("u", round);
    const JoinResult joined = engine.join({.product_id = "p", .user_id = user});
    REQUIRE(joined.status == JoinStatus::joined);
    const auto place = engine.look(joined.ticket);
    REQUIRE(place.has_value());
    REQUIRE(place->state == PlaceState::admitted);
    std::atomic<int> accepted{0};
    std::atomic<int> used{0};
    std::atomic<int> strange_looks{0};
    in_threads([&](int t) {
      const std::string key = name("k", t);
      const OrderResult result = engine.order(
          {.product_id = "p", .user_id = user, .key = key, .quantity = 1, .pass = place->pass});
      accepted += result.status == OrderStatus::accepted ? 1 : 0;
      used += result.status == OrderStatus::used_pass ? 1 : 0;
      // It is in use, so it is told no more.
      const auto now = engine.look(joined.ticket);
      strange_looks += now && now->state == PlaceState::expired && now->pass.empty() ? 0 : 1;
    });
    REQUIRE(accepted == 1);
    REQUIRE(used == threads - 1);
    REQUIRE(strange_looks == 0);
  }
  CHECK(engine.stats().orders_total == rounds);
  CHECK(engine.audit("p", 1)->units_in_log == rounds);
}

TEST_CASE("Race: two orders with one pass, checked at the same moment → one is accepted",
          "[engine][race]") {
  constexpr int rounds = 2'000;
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = rounds + 1}).status == InitStatus::ok);
  RivalOrders rivals(engine);
  std::string user;
  std::string pass;
  TwoThreads{.prepare =
                 [&](int round) {
                   user = name("u", round);
                   const auto joined = engine.join({.product_id = "p", .user_id = user});
                   const auto place = engine.look(joined.ticket);
                   pass = place ? place->pass : "";
                 },
             .act =
                 [&](int thread, int) {
                   rivals.submit(thread, {"p", user, thread == 0 ? "k0" : "k1", 1, pass});
                 },
             .check = [&](int) { rivals.count_round(OrderStatus::used_pass); }}
      .run(rounds);
  CHECK(rivals.wrong_rounds() == 0);
  CHECK(engine.stats().keys == rounds);
  CHECK(engine.product("p")->accepted == rounds);
}

TEST_CASE("Race: one person joins many times at once → one ticket", "[engine][race]") {
  constexpr int rounds = 200;
  Life life(1);
  life.options.rate_limit = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 10}).status == InitStatus::ok);
  for (int round = 0; round < rounds; ++round) {
    std::array<JoinResult, threads> results;
    in_threads([&](int t) {
      const std::string user = name("u", round);
      results[static_cast<std::size_t>(t)] = engine.join({.product_id = "p", .user_id = user});
    });
    int joined = 0;
    for (const JoinResult& result : results) {
      REQUIRE((result.status == JoinStatus::joined || result.status == JoinStatus::kept));
      REQUIRE(result.ticket == results[0].ticket);
      joined += result.status == JoinStatus::joined ? 1 : 0;
    }
    REQUIRE(joined == 1);
  }
  CHECK(engine.stats().tickets_total == rounds);
}

TEST_CASE("Race: joins, looks and orders while the line moves → a pass each, an order each",
          "[engine][race]") {
  constexpr int people = 300;  // of each thread
  constexpr std::uint64_t rate = 1'000;
  Room room(rate);
  std::atomic<int> busy{threads};
  std::atomic<int> bought{0};
  std::atomic<int> grown{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int i = 0; i < people; ++i) {
        const std::string user = name("u", t * people + i);
        const JoinResult joined = room.engine->join({.product_id = "p", .user_id = user});
        std::uint64_t ahead = joined.place.ahead;
        auto place = room.engine->look(joined.ticket);
        while (place && place->state == PlaceState::waiting) {
          grown += place->ahead > ahead ? 1 : 0;
          ahead = place->ahead;
          std::this_thread::yield();
          place = room.engine->look(joined.ticket);
        }
        if (!place || place->state != PlaceState::admitted) {
          ++wrong;
          continue;
        }
        const OrderResult result = room.buy_with(place->pass, user, "k");
        bought += result.status == OrderStatus::accepted ? 1 : 0;
      }
      --busy;
    });
  }
  // Passes issued when each point of the pace ends; what a step issues behind that is of it still.
  std::vector<std::uint64_t> issued;
  while (busy != 0) {
    issued.push_back(room.admissions());
    room.life.clock.advance(pace_point);
    room.settle();
    std::this_thread::yield();
  }
  for (auto& worker : workers) worker.join();
  CHECK(wrong == 0);
  CHECK(grown == 0);
  constexpr std::size_t window = 1s / pace_point - 1;
  for (std::size_t i = window; i < issued.size(); ++i) {
    if (issued[i] - issued[i - window] > rate) FAIL_CHECK("too many by point " << i);
  }
  CHECK(bought == threads * people);
  CHECK(room.admissions() == threads * people);
  CHECK(room.engine->stats().orders_total == threads * people);
  room.restart();
  CHECK(room.engine->stats().orders_total == threads * people);
  CHECK(room.engine->stats().line_waiting == 0);
}

TEST_CASE(
    "Race: a new round while people wait for it → no order without a pass gets in before them",
    "[engine][race]") {
  constexpr int rounds = 20;
  Life life(1);
  life.options.rate_limit = 1;
  life.options.rate_burst = 1'000'000;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  // The first takes the whole of the line's rate, for time stands still.
  for (int i = 0; i < 20'000; ++i) {
    REQUIRE(engine.join({.product_id = "p", .user_id = name("u", i)}).status == JoinStatus::joined);
  }
  std::atomic<bool> is_over{false};
  std::atomic<int> accepted{0};
  std::vector<std::thread> buyers;
  for (int t = 0; t < threads; ++t) {
    buyers.emplace_back([&, t] {
      for (int i = 0; !is_over.load(); ++i) {
        const std::string user = name("x", t) + name("-", i);
        const OrderResult result =
            engine.order({.product_id = "p", .user_id = user, .key = "k", .quantity = 1});
        accepted += result.status == OrderStatus::accepted ? 1 : 0;
      }
    });
  }
  for (int round = 0; round < rounds; ++round) {
    CHECK(engine.init({.product_id = "p", .quantity = 0}).status == InitStatus::ok);
    CHECK(engine.init({.product_id = "p", .quantity = 100}).status == InitStatus::ok);
  }
  is_over = true;
  for (std::thread& buyer : buyers) buyer.join();
  CHECK(accepted == 0);
}
