#include <atomic>
#include <catch2/catch.hpp>
#include <coroutine>
#include <deque>
#include <future>
#include <thread>
#include <vector>

#include "base/aborts.hpp"
#include "engine/fixture.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;

namespace {

struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached order_in_coroutine(Engine& engine, OrderRequest request, OrderResult& result,
                            std::thread::id& resumed_on, Executor executor = nullptr) {
  const OrderResult answer = co_await engine.order_async(request, std::move(executor));
  resumed_on = std::this_thread::get_id();
  result = answer;
}

}  // namespace

TEST_CASE("Calls: every way of calling → an order", "[engine][unit]") {
  Life life(1);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 4}).status == InitStatus::ok);
  CHECK(buy(engine, "ann", "k").status == OrderStatus::accepted);

  std::promise<OrderResult> called;
  engine.order({.product_id = "p", .user_id = "bob", .key = "k"},
               [&](const OrderResult& result) { called.set_value(result); });
  CHECK(called.get_future().get().status == OrderStatus::accepted);

  CHECK(engine.order_future({.product_id = "p", .user_id = "cyd", .key = "k"}).get().status ==
        OrderStatus::accepted);

  std::promise<void> ran;
  OrderResult result;
  std::thread::id resumed_on;
  order_in_coroutine(engine, {.product_id = "p", .user_id = "dora", .key = "k"}, result, resumed_on,
                     [&](std::function<void()> work) {
                       work();
                       ran.set_value();
                     });
  ran.get_future().get();
  CHECK(result.status == OrderStatus::accepted);
  CHECK(resumed_on != std::this_thread::get_id());
  CHECK(engine.product("p")->accepted == 4);
}

TEST_CASE("Calls: a refusal → the callback runs before the call returns", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  int calls = 0;
  engine.order({.product_id = "p", .user_id = "bob", .key = "k"}, [&](const OrderResult& result) {
    ++calls;
    CHECK(result.status == OrderStatus::unknown_product);
  });
  CHECK(calls == 1);
  OrderResult result;
  std::thread::id resumed_on;
  order_in_coroutine(engine, {.product_id = "p", .user_id = "bob", .key = "k"}, result, resumed_on);
  CHECK(result.status == OrderStatus::unknown_product);
  CHECK(resumed_on == std::this_thread::get_id());
}

TEST_CASE("Calls: completions run on the settling thread, or go through the executor",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 9}).status == InitStatus::ok);
  std::thread::id ran_on;
  int calls = 0;
  const auto note = [&](const OrderResult& result) {
    CHECK(result.status == OrderStatus::accepted);
    ran_on = std::this_thread::get_id();
    ++calls;
  };
  std::deque<std::function<void()>> queue;
  const Executor executor = [&](std::function<void()> work) { queue.push_back(std::move(work)); };

  engine.order({.product_id = "p", .user_id = "ann", .key = "k"}, note);
  engine.order({.product_id = "p", .user_id = "bob", .key = "k"}, note, executor);
  OrderResult result;
  std::thread::id resumed_on;
  order_in_coroutine(engine, {.product_id = "p", .user_id = "cyd", .key = "k"}, result, resumed_on,
                     executor);
  OrderResult result_at_once;
  std::thread::id resumed_at_once_on;
  order_in_coroutine(engine, {.product_id = "p", .user_id = "dora", .key = "k"}, result_at_once,
                     resumed_at_once_on);
  CHECK(calls == 0);
  CHECK(resumed_at_once_on == std::thread::id());
  while (engine.step()) {
  }
  CHECK(result_at_once.status == OrderStatus::accepted);
  CHECK(resumed_at_once_on == std::this_thread::get_id());
  CHECK(calls == 1);
  CHECK(ran_on == std::this_thread::get_id());
  REQUIRE(queue.size() == 2);
  for (auto& work : queue) work();
  CHECK(calls == 2);
  CHECK(result.status == OrderStatus::accepted);
}

TEST_CASE("Calls: many threads block on an engine without a thread of its own → all answered",
          "[engine][race]") {
  Life life(0);
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 150}).status == InitStatus::ok);
  std::atomic<int> accepted{0};
  std::atomic<int> sold_out{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const auto result = buy(engine, "u" + std::to_string(t), "k" + std::to_string(i));
        if (result.status == OrderStatus::accepted) accepted.fetch_add(1);
        if (result.status == OrderStatus::sold_out) sold_out.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(accepted == 150);
  CHECK(sold_out == 50);
}

TEST_CASE("Calls: several engines in one process → separate stocks and ids", "[engine][unit]") {
  Life one(1), two(1);
  Engine& first = one.open();
  Engine& second = two.open();
  REQUIRE(first.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  REQUIRE(second.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  CHECK(buy(first, "ann", "k").status == OrderStatus::accepted);
  CHECK(buy(second, "ann", "k").status == OrderStatus::accepted);
  CHECK(buy(first, "bob", "k").status == OrderStatus::sold_out);
}

TEST_CASE("Engine: options out of range → invalid_argument", "[engine][unit]") {
  const auto code_of = [](auto change) {
    Life life;
    change(life.options);
    auto opened = Engine::open(life.options);
    return opened ? ErrorCode::internal : opened.error().code;
  };
  CHECK(code_of([](EngineOptions& o) { o.commit_threads = 2; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.storage_threads = 0; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.storage_threads = 17; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.rate_limit = 1'000'000'001; }) ==
        ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.rate_burst = 1'000'000'001; }) ==
        ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.idempotency_ttl = std::chrono::seconds(-1); }) ==
        ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.idempotency_ttl = idempotency_ttl_max; }) ==
        ErrorCode::internal);  // fine
  CHECK(code_of([](EngineOptions& o) {
          o.idempotency_ttl = idempotency_ttl_max + std::chrono::seconds(1);
        }) == ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.commit_delay_max = std::chrono::microseconds(-1); }) ==
        ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.commit_delay_max = std::chrono::seconds(1); }) ==
        ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.pending_orders_max = 0; }) == ErrorCode::invalid_argument);
  CHECK(code_of([](EngineOptions& o) { o.pending_orders_max = 1'000'001; }) ==
        ErrorCode::invalid_argument);
}

TEST_CASE("Calls: a completion that waits for its own engine → aborts instead of hanging",
          "[engine][unit]") {
  const auto from_completion = [](const auto& misuse) {
    Life life;
    Engine& engine = life.open();
    REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
    return aborts([&] {
      engine.order({.product_id = "p", .user_id = "ann", .key = "k"},
                   [&](const OrderResult&) { misuse(engine); });
      engine.step();
    });
  };
  CHECK(from_completion([](Engine& engine) { static_cast<void>(buy(engine, "bob", "k")); }));
  CHECK(from_completion([](Engine& engine) { static_cast<void>(engine.step()); }));
  CHECK(from_completion([](Engine& engine) { static_cast<void>(engine.next_step()); }));
  CHECK(from_completion([](Engine& engine) { static_cast<void>(engine.close()); }));
  CHECK_FALSE(from_completion([](Engine& engine) {
    engine.order({.product_id = "p", .user_id = "bob", .key = "k"}, [](const OrderResult&) {});
  }));
}
