#include "idempotency/idempotency_index.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/sip_hash.hpp"
#include "idempotency/index_loader.hpp"

using namespace fluxgate;
using namespace std::chrono_literals;
using idempotency::IdempotencyIndex;
using idempotency::IndexLoader;
using idempotency::KeyState;

namespace {

class NoSink : public CompletionSink {
  void deliver(Operation*) noexcept override {}
};

NoSink sink;

base::Hash128 product_hash(std::string_view id) {
  return base::keyed_hash({5, 6}, id);
}

/// An operation with strings of its own, already identified.
struct Order {
  Order(IdempotencyIndex& index, std::string user_id, std::string key_text, Units quantity = 1,
        std::string product_id = "p")
      : user(std::move(user_id)),
        key(std::move(key_text)),
        product(std::move(product_id)),
        operation(sink) {
    operation.request = {product, user, key, quantity, {}};
    index.identify(operation, product_hash(product));
  }

  std::string user, key, product;
  OrderOperation operation;
};

std::size_t count(const OrderOperation* waiter) {
  std::size_t waiters = 0;
  for (; waiter != nullptr; waiter = IdempotencyIndex::next_waiter(*waiter)) ++waiters;
  return waiters;
}

}  // namespace

TEST_CASE("IdempotencyIndex: settled key → replay, other order → reused", "[idempotency][unit]") {
  IdempotencyIndex index({1, 2}, 0s);
  Order first(index, "ann", "k");
  CHECK(index.find(first.operation).state == KeyState::absent);
  CHECK(index.claim(first.operation).state == KeyState::absent);
  CHECK(index.find(first.operation).state == KeyState::in_flight);
  CHECK(index.settle(first.operation, 42) == nullptr);

  Order copy(index, "ann", "k");
  CHECK(index.find(copy.operation).state == KeyState::accepted);
  CHECK(index.find(copy.operation).sequence == 42);
  CHECK(index.claim(copy.operation).sequence == 42);
  Order more(index, "ann", "k", 2);
  CHECK(index.claim(more.operation).state == KeyState::reused);
  Order other(index, "ann", "k", 1, "q");
  CHECK(index.find(other.operation).state == KeyState::reused);
}

TEST_CASE("IdempotencyIndex: the same key of two users → two entries", "[idempotency][unit]") {
  IdempotencyIndex index({1, 2}, 0s);
  // The lengths keep these apart though the joined text is the same.
  Order one(index, "ab", "c");
  Order two(index, "a", "bc");
  CHECK(index.claim(one.operation).state == KeyState::absent);
  CHECK(index.claim(two.operation).state == KeyState::absent);
  CHECK(index.size() == 2);
  CHECK(index.abandon(one.operation) == nullptr);
  CHECK(index.abandon(two.operation) == nullptr);
  CHECK(index.size() == 0);
}

TEST_CASE("IdempotencyIndex: copies in flight → all handed back, once", "[idempotency][unit]") {
  IdempotencyIndex index({1, 2}, 0s);
  Order owner(index, "ann", "k");
  Order copy(index, "ann", "k");
  Order different(index, "ann", "k", 3);
  REQUIRE(index.claim(owner.operation).state == KeyState::absent);
  CHECK(index.claim(copy.operation).state == KeyState::in_flight);
  CHECK(index.claim(different.operation).state == KeyState::in_flight);
  CHECK(IdempotencyIndex::is_copy(owner.operation, copy.operation));
  CHECK_FALSE(IdempotencyIndex::is_copy(owner.operation, different.operation));

  SECTION("settle") {
    CHECK(count(index.settle(owner.operation, 1)) == 2);
  }
  SECTION("abandon → the key is free") {
    CHECK(count(index.abandon(owner.operation)) == 2);
    CHECK(index.find(owner.operation).state == KeyState::absent);
  }
  SECTION("forget_outcome → the key stays unknown") {
    CHECK(count(index.forget_outcome(owner.operation)) == 2);
    CHECK(index.find(owner.operation).state == KeyState::unknown);
    Order late(index, "ann", "k");
    CHECK(index.claim(late.operation).state == KeyState::unknown);
  }
}

TEST_CASE("IdempotencyIndex: expired key → absent, and may be claimed anew",
          "[idempotency][unit]") {
  IdempotencyIndex index({1, 2}, 10s);
  Order first(index, "ann", "k");
  REQUIRE(index.claim(first.operation).state == KeyState::absent);
  CHECK(index.settle(first.operation, 1) == nullptr);
  index.lifetime().note(1, 1000ms);
  index.lifetime().expire(11'099ms);
  CHECK(index.find(first.operation).state == KeyState::accepted);
  index.lifetime().expire(11'100ms);
  CHECK(index.find(first.operation).state == KeyState::absent);
  Order again(index, "ann", "k", 5);
  CHECK(index.claim(again.operation).state == KeyState::absent);
  CHECK(index.settle(again.operation, 2) == nullptr);
  CHECK(index.find(again.operation).sequence == 2);
}

TEST_CASE("IndexLoader: orders of a log → replays; a later order under the key wins",
          "[idempotency][unit]") {
  IdempotencyIndex index({1, 2}, 0s);
  IndexLoader loader(index);
  loader.add({"ann", "k", product_hash("p"), 1, 7});
  Order copy(index, "ann", "k");
  CHECK(index.find(copy.operation).state == KeyState::absent);
  loader.finish();
  CHECK(index.find(copy.operation).sequence == 7);
  loader.add({"ann", "k", product_hash("p"), 2, 9});
  // More than it keeps back, so that both ways of entering are taken.
  for (Sequence sequence = 10; sequence < 60; ++sequence) {
    const std::string user = std::to_string(sequence);
    loader.add({user, "k", product_hash("p"), 1, sequence});
  }
  loader.finish();
  for (Sequence sequence = 10; sequence < 60; ++sequence) {
    Order each(index, std::to_string(sequence), "k");
    CHECK(index.find(each.operation).sequence == sequence);
  }
  CHECK(index.find(copy.operation).state == KeyState::reused);
  Order two(index, "ann", "k", 2);
  CHECK(index.find(two.operation).sequence == 9);
}

TEST_CASE("IndexLoader: a key twice → a repeat only within the life it had then",
          "[idempotency][unit]") {
  // Orders 1 and 2 under one key, at 10 s and at a later time.
  const auto repeat = [](std::optional<std::chrono::seconds> life,
                         std::chrono::milliseconds later) {
    IdempotencyIndex index({1, 2}, 100s);
    IndexLoader loader(index);
    if (life) loader.set_life(*life);
    index.lifetime().note(1, 10'050ms);
    loader.add({"ann", "k", product_hash("p"), 1, 1});
    index.lifetime().note(2, later);
    loader.add({"ann", "k", product_hash("p"), 1, 2});
    CHECK_FALSE(loader.repeat().has_value());  // not entered yet
    loader.finish();
    if (loader.repeat()) {
      CHECK(loader.repeat()->first == 1);
      CHECK(loader.repeat()->second == 2);
    }
    return loader.repeat().has_value();
  };
  CHECK(repeat(5s, 10'050ms));
  CHECK(repeat(5s, 15'099ms));  // a key lives to the end of its tenth
  CHECK_FALSE(repeat(5s, 15'100ms));
  CHECK(repeat(0s, 99'000ms));
  CHECK_FALSE(repeat(std::nullopt, 10'050ms));
}

TEST_CASE("IdempotencyIndex: many claim one key at once → one owner, the rest wait or replay",
          "[idempotency][race]") {
  constexpr int rounds = 300;
  constexpr int threads = 4;
  IdempotencyIndex index({1, 2}, 0s);
  std::atomic<int> owners{0};
  std::atomic<int> handed_back{0};
  std::atomic<int> replays{0};
  std::atomic<int> ready{0};
  std::deque<Order> orders;
  for (int i = 0; i < rounds * threads; ++i) {
    orders.emplace_back(index, "ann", "k" + std::to_string(i / threads));
  }
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int round = 0; round < rounds; ++round) {
        ready.fetch_add(1);
        while (ready.load() < (round + 1) * threads) std::this_thread::yield();
        OrderOperation& mine = orders[static_cast<std::size_t>(round * threads + t)].operation;
        const auto known = index.claim(mine);
        if (known.state == KeyState::absent) {
          owners.fetch_add(1);
          handed_back.fetch_add(
              static_cast<int>(count(index.settle(mine, static_cast<Sequence>(round) + 1))));
        } else if (known.state == KeyState::accepted &&
                   known.sequence == static_cast<Sequence>(round) + 1) {
          replays.fetch_add(1);
        }
      }
    });
  }
  for (auto& worker : workers) worker.join();
  CHECK(owners == rounds);
  CHECK(handed_back + replays == rounds * (threads - 1));
}
