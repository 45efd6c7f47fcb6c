// Races of the order decision. Workers count in atomics; the main thread asserts.

#include <array>
#include <atomic>
#include <barrier>
#include <catch2/catch.hpp>
#include <functional>
#include <future>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "engine/fixture.hpp"
#include "engine/rival_orders.hpp"
#include "support/two_threads.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;

namespace {

void in_threads(int count, const std::function<void(int)>& work) {
  std::barrier start(count);
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      work(t);
    });
  }
  for (auto& thread : threads) thread.join();
}

std::string name(const char* prefix, int number) {
  return prefix + std::to_string(number);
}

/// Says from any thread whether its one operation is done.
class Done : public CompletionSink {
 public:
  void deliver(Operation*) noexcept override { done_.store(true); }

  /// Submits an order that is never left to the committer, and waits for its answer.
  OrderStatus submit(Engine& engine, OrderOperation& order) {
    done_.store(false);
    if (engine.submit(order) == Submission::pending) {
      while (!done_.load()) std::this_thread::yield();
    }
    return order.result.status;
  }

 private:
  std::atomic<bool> done_{false};
};

/// Sends copies of one new order at once: each is accepted, as one order.
void copies_get_one_order(Engine& engine, const std::string& user) {
  std::array<OrderResult, 4> results;
  in_threads(4, [&](int t) { results[static_cast<std::size_t>(t)] = buy(engine, user, "k"); });
  for (const OrderResult& result : results) {
    REQUIRE(result.status == OrderStatus::accepted);
    REQUIRE(result.sequence == results[0].sequence);
  }
}

}  // namespace

TEST_CASE("Race: copies of one key with one unit left → one order, everybody gets it",
          "[engine][race]") {
  constexpr int copies = 8;
  constexpr int rounds = 100;
  Life life(1);
  Engine& engine = life.open();
  for (int round = 0; round < rounds; ++round) {
    REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
    std::array<OrderResult, copies> results;
    in_threads(copies, [&](int t) {
      results[static_cast<std::size_t>(t)] = buy(engine, "ann", name("k", round));
    });
    int originals = 0;
    for (const OrderResult& result : results) {
      REQUIRE(result.status == OrderStatus::accepted);
      REQUIRE(result.order_id == results[0].order_id);
      originals += result.replayed ? 0 : 1;
    }
    REQUIRE(originals == 1);
  }
  CHECK(engine.stats().orders_total == rounds);
}

TEST_CASE("Race: copies of one order that uses up its user's limit → one order, everybody gets it",
          "[engine][race]") {
  constexpr int rounds = 500;
  Life life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 10'000, .max_per_user = 1}).status ==
          InitStatus::ok);
  for (int round = 0; round < rounds; ++round) copies_get_one_order(engine, name("u", round));
  CHECK(engine.stats().orders_total == rounds);
}

TEST_CASE("Race: copies of one order that takes the last admission → one order, everybody gets it",
          "[engine][race]") {
  constexpr int rounds = 500;
  Life life(1);
  life.options.rate_limit = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 10'000}).status == InitStatus::ok);
  for (int round = 0; round < rounds; ++round) {
    copies_get_one_order(engine, name("u", round));
    life.clock.advance(std::chrono::seconds(1));
  }
  CHECK(engine.stats().orders_total == rounds);
}

TEST_CASE("Race: copies against strangers for the last unit → copies agree, one unit sold",
          "[engine][race]") {
  constexpr int rounds = 100;
  Life life(1);
  Engine& engine = life.open();
  for (int round = 0; round < rounds; ++round) {
    REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
    std::array<OrderResult, 6> results;
    in_threads(6, [&](int t) {
      // Three copies of ann's order, three orders of others.
      const std::string user = t < 3 ? "ann" : name("u", t);
      results[static_cast<std::size_t>(t)] = buy(engine, user, name("k", round));
    });
    std::set<Sequence> orders;
    for (const OrderResult& result : results) {
      if (result.status == OrderStatus::accepted) {
        orders.insert(result.sequence);
      } else {
        REQUIRE(result.status == OrderStatus::sold_out);
      }
    }
    REQUIRE(orders.size() == 1);
    const bool ann_won = results[0].status == OrderStatus::accepted;
    for (int copy = 1; copy < 3; ++copy) {
      REQUIRE((results[static_cast<std::size_t>(copy)].status == OrderStatus::accepted) == ann_won);
    }
  }
}

TEST_CASE("Race: different orders under one key → one accepted, its copies replay, others reused",
          "[engine][race]") {
  constexpr int rounds = 100;
  Life life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 10'000}).status == InitStatus::ok);
  for (int round = 0; round < rounds; ++round) {
    std::array<OrderResult, 6> results;
    in_threads(6, [&](int t) {
      results[static_cast<std::size_t>(t)] =
          buy(engine, "ann", name("k", round), static_cast<Units>(1 + t % 3));
    });
    std::array<int, 3> accepted{};
    for (std::size_t t = 0; t < 6; ++t) {
      if (results[t].status == OrderStatus::accepted) {
        ++accepted[t % 3];
      } else {
        REQUIRE(results[t].status == OrderStatus::key_reused);
      }
    }
    REQUIRE(accepted[0] + accepted[1] + accepted[2] == 2);
    REQUIRE((accepted[0] == 2 || accepted[1] == 2 || accepted[2] == 2));
  }
}

TEST_CASE("Race: different orders under one key, refused or not → each is decided by itself",
          "[engine][race]") {
  // Quantity 2 can never be had, quantity 1 always: whoever waits behind a refusal must be decided.
  constexpr int rounds = 200;
  Life life(1);
  Engine& engine = life.open();
  for (int round = 0; round < rounds; ++round) {
    REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
    std::array<OrderResult, 4> results;
    in_threads(4, [&](int t) {
      results[static_cast<std::size_t>(t)] =
          buy(engine, "ann", name("k", round), t % 2 == 0 ? 1 : 2);
    });
    for (std::size_t t = 0; t < 4; ++t) {
      if (t % 2 == 0) {
        REQUIRE(results[t].status == OrderStatus::accepted);
      } else {
        REQUIRE((results[t].status == OrderStatus::sold_out ||
                 results[t].status == OrderStatus::key_reused));
      }
    }
  }
}

TEST_CASE("Race: two orders of one key that are all refused → each by what is its own, no trace",
          "[engine][race]") {
  // One is refused once it has claimed the key, the other before it looks the key up: it meets the
  // claim, or that it is gone, or waits for it.
  constexpr int orders = 50'000;
  Inbox inbox;
  OrderOperation only(inbox);  // pending to the end: it outlives the engine
  Life life;
  life.options.pending_orders_max = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 9, .max_per_order = 5}).status ==
          InitStatus::ok);
  only.request = {"p", "bob", "k", 1, {}};
  REQUIRE(engine.submit(only) == Submission::pending);
  std::atomic<int> wrong{0};
  TwoThreads{.prepare = [](int) {},
             .act =
                 [&](int t, int) {
                   Done done;
                   OrderOperation order(done);
                   order.request = {"p", "ann", "k", t == 0 ? 1U : 6U, {}};
                   const auto refusal = t == 0 ? OrderStatus::overloaded : OrderStatus::over_limit;
                   for (int i = 0; i < orders; ++i) {
                     const bool right =
                         done.submit(engine, order) == refusal && !order.result.replayed;
                     wrong += right ? 0 : 1;
                   }
                 },
             .check = [](int) {}}
      .run(1);
  CHECK(wrong == 0);
  CHECK(engine.stats().keys == 1);
  CHECK(engine.stats().pending_orders == 1);
  CHECK(engine.product("p")->stock == 8);
}

TEST_CASE("Race: two orders at once for the last admission → one gets it, the other waits",
          "[engine][race]") {
  constexpr int rounds = 2'000;
  Life life;
  life.options.rate_limit = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = rounds + 1}).status == InitStatus::ok);
  RivalOrders rivals(engine);
  std::string key;
  TwoThreads{.prepare = [&](int round) { key = name("k", round); },
             .act =
                 [&](int thread, int) {
                   rivals.submit(thread, {"p", thread == 0 ? "ann" : "bob", key, 1, {}});
                 },
             .check =
                 [&](int) {
                   rivals.count_round(OrderStatus::waiting);
                   life.clock.advance(std::chrono::seconds(1));
                 }}
      .run(rounds);
  CHECK(rivals.wrong_rounds() == 0);
  CHECK(engine.stats().keys == rounds);
  CHECK(engine.stats().pending_orders == 0);
  CHECK(engine.product("p")->accepted == rounds);
}

TEST_CASE("Race: resets in mid-sale → each round sells at most its stock, books agree",
          "[engine][race]") {
  constexpr int resets = 40;
  constexpr Units stock = 50;
  Life life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = stock}).status == InitStatus::ok);
  std::atomic<bool> over{false};
  std::atomic<bool> torn{false};
  std::atomic<int> bought{0};
  std::atomic<int> refused_resets{0};
  in_threads(4, [&](int t) {
    if (t == 0) {
      for (int reset = 0; reset < resets; ++reset) {
        if (engine.init({.product_id = "p", .quantity = stock}).status != InitStatus::ok) {
          refused_resets.fetch_add(1);
        }
      }
      over.store(true);
    }
    for (int i = 0; t != 0 && !over.load(); ++i) {
      const auto result = buy(engine, name("u", t), name("k", i), static_cast<Units>(1 + i % 3));
      if (result.status == OrderStatus::accepted) bought.fetch_add(1);
      const auto seen = engine.product("p");
      if (seen->quantity != seen->stock + seen->accepted + seen->pending) torn.store(true);
    }
  });
  CHECK_FALSE(torn);
  CHECK(refused_resets == 0);
  std::uint64_t orders = 0;
  for (RoundNumber round = 1; round <= resets + 1; ++round) {
    const auto audit = engine.audit("p", round);
    REQUIRE(audit.has_value());
    REQUIRE_FALSE(audit->oversold());
    orders += audit->orders_in_log;
  }
  CHECK(orders == static_cast<std::uint64_t>(bought.load()));
  const auto before = engine.product("p");
  const auto after = life.open().product("p");
  CHECK(after->stock == before->stock);
  CHECK(after->accepted == before->accepted);
  CHECK(after->round == before->round);
}

TEST_CASE("Race: one user, a limit, many keys → never more than the limit", "[engine][race]") {
  constexpr int rounds = 50;
  Life life(1);
  Engine& engine = life.open();
  for (int round = 0; round < rounds; ++round) {
    REQUIRE(engine.init({.product_id = "p", .quantity = 100, .max_per_user = 3}).status ==
            InitStatus::ok);
    std::atomic<int> bought{0};
    std::atomic<int> other{0};
    in_threads(6, [&](int t) {
      const auto result = buy(engine, "ann", name("k", round * 10 + t));
      if (result.status == OrderStatus::accepted) {
        bought.fetch_add(1);
      } else if (result.status != OrderStatus::over_limit) {
        other.fetch_add(1);
      }
    });
    REQUIRE(bought == 3);
    REQUIRE(other == 0);
  }
}

TEST_CASE("Race: an order acknowledged to its copy → found by its id at once", "[engine][race]") {
  constexpr int batches = 50;
  constexpr int orders = 200;
  Life life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = units_max}).status == InitStatus::ok);
  std::atomic<int> batch{0};
  std::atomic<bool> over{false};
  std::atomic<int> seen{0};
  std::atomic<int> lost{0};
  std::thread copier([&] {
    while (!over.load()) {
      const OrderResult copy = buy(engine, "u", name("k", batch.load()));
      if (copy.status != OrderStatus::accepted) continue;
      ++seen;
      if (!engine.find_order(copy.order_id.view())) ++lost;
    }
  });
  for (int b = 0; b < batches; ++b) {
    batch = b * orders;
    std::vector<std::future<OrderResult>> results;
    for (int i = 0; i < orders; ++i) {
      results.push_back(engine.order_future(
          {.product_id = "p", .user_id = "u", .key = name("k", b * orders + i)}));
    }
    for (auto& result : results) result.wait();
  }
  over = true;
  copier.join();
  CHECK(seen.load() > 0);
  CHECK(lost.load() == 0);
}

TEST_CASE("Race: a host steps beside the engine's own thread, and closes it twice → all answered",
          "[engine][race]") {
  constexpr int orders = 2000;
  Life life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = orders}).status == InitStatus::ok);
  std::atomic<int> accepted{0};
  in_threads(4, [&](int t) {
    if (t < 2) {
      for (int i = 0; i < orders / 2; ++i) {
        engine.order({.product_id = "p", .user_id = name("u", t), .key = name("k", i)},
                     [&](const OrderResult& result) {
                       if (result.status == OrderStatus::accepted) ++accepted;
                     });
      }
      return;
    }
    while (accepted.load() < orders) {
      engine.step();
      static_cast<void>(engine.next_step());
    }
    static_cast<void>(engine.close());
  });
  CHECK(accepted.load() == orders);
  CHECK(engine.close().has_value());
}

TEST_CASE("Race: the engine is closed while orders come → each is accepted or refused, none lost",
          "[engine][race]") {
  for (int round = 0; round < 20; ++round) {
    Life life(1);
    Engine& engine = life.open();
    REQUIRE(engine.init({.product_id = "p", .quantity = 1'000'000}).status == InitStatus::ok);
    std::atomic<std::uint64_t> bought{0};
    std::atomic<int> other{0};
    std::atomic<bool> closed{false};
    in_threads(3, [&](int t) {
      if (t == 0) {
        while (bought.load() < 20) std::this_thread::yield();
        if (!engine.close()) other.fetch_add(1);
        closed.store(true);
        return;
      }
      for (int i = 0; !closed.load(); ++i) {
        const auto result = buy(engine, name("u", t), name("k", i));
        if (result.status == OrderStatus::accepted) {
          bought.fetch_add(1);
        } else if (result.status != OrderStatus::draining) {
          other.fetch_add(1);
        }
      }
    });
    REQUIRE(other == 0);
    REQUIRE(engine.stats().orders_total == bought);
  }
}
