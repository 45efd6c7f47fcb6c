#include "engine/purchase.hpp"

#include <catch2/catch.hpp>

#include "engine/fixture.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

namespace {

OrderOperation& request(OrderOperation& operation, std::string_view user, std::string_view key,
                        Units quantity = 1, std::string_view product = "p") {
  operation.request = {product, user, key, quantity, {}};
  return operation;
}

}  // namespace

TEST_CASE("Purchase: accepted once; a retry → the same order", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 2}).status == InitStatus::ok);
  const auto first = buy(engine, "ann", "k1");
  CHECK(first.status == OrderStatus::accepted);
  CHECK_FALSE(first.replayed);
  CHECK(first.sequence == 1);
  const auto retry = buy(engine, "ann", "k1");
  CHECK(retry.status == OrderStatus::accepted);
  CHECK(retry.replayed);
  CHECK(retry.sequence == 1);
  CHECK(retry.order_id == first.order_id);
  CHECK(buy(engine, "bob", "k1").sequence == 2);
  CHECK(buy(engine, "cyd", "k1").status == OrderStatus::sold_out);
  CHECK(buy(engine, "ann", "k1").sequence == 1);
}

TEST_CASE("Purchase: fewer units left than asked for → sold_out, and a smaller order goes through",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
  CHECK(buy(engine, "ann", "k1", 6).status == OrderStatus::sold_out);
  CHECK(buy(engine, "ann", "k1", 4).status == OrderStatus::accepted);  // a refusal left no trace
  CHECK(buy(engine, "bob", "k1", 2).status == OrderStatus::sold_out);
  CHECK(buy(engine, "bob", "k1", 1).status == OrderStatus::accepted);
  const auto product = engine.product("p");
  CHECK(product->stock == 0);
  CHECK(product->accepted == 5);
  CHECK(product->pending == 0);
}

TEST_CASE("Purchase: a key accepted for another order → key_reused, before all else",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 9, .max_per_order = 2}).status ==
          InitStatus::ok);
  REQUIRE(engine.init({.product_id = "q", .quantity = 0}).status == InitStatus::ok);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  CHECK(buy(engine, "ann", "k", 2).status == OrderStatus::key_reused);
  CHECK(buy(engine, "ann", "k", 3).status == OrderStatus::key_reused);          // not over_limit
  CHECK(buy(engine, "ann", "k", 1, "q").status == OrderStatus::key_reused);     // not sold_out
  CHECK(buy(engine, "ann", "k", 1, "nope").status == OrderStatus::key_reused);  // not unknown
  CHECK(buy(engine, "ann", "k2", 1, "nope").status == OrderStatus::unknown_product);
}

TEST_CASE("Purchase: arguments out of range → invalid_argument", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 9}).status == InitStatus::ok);
  CHECK(buy(engine, "ann", "k", 0).status == OrderStatus::invalid_argument);
  CHECK(buy(engine, "ann", "k", units_max + 1).status == OrderStatus::invalid_argument);
  CHECK(buy(engine, "", "k").status == OrderStatus::invalid_argument);
  CHECK(buy(engine, "ann", "").status == OrderStatus::invalid_argument);
  CHECK(buy(engine, "ann", "a b").status == OrderStatus::invalid_argument);
  CHECK(buy(engine, "a\nb", "k").status == OrderStatus::invalid_argument);
  CHECK(buy(engine, "ann", "k", 1, std::string(129, 'p')).status == OrderStatus::invalid_argument);
  CHECK(engine.init({.product_id = "", .quantity = 1}).status == InitStatus::invalid_argument);
  const Units much = units_max + 1;
  CHECK(engine.init({.product_id = "p", .quantity = much}).status == InitStatus::invalid_argument);
  CHECK(engine.init({.product_id = "p", .quantity = 1, .max_per_order = much}).status ==
        InitStatus::invalid_argument);
  CHECK(engine.init({.product_id = "p", .quantity = 1, .max_per_user = much}).status ==
        InitStatus::invalid_argument);
  CHECK(engine.init({.product_id = "p", .quantity = 1, .round = much}).status ==
        InitStatus::invalid_argument);
}

TEST_CASE("Purchase: limits → over_limit, before sold out, per round", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  const InitRequest limited{
      .product_id = "p", .quantity = 4, .max_per_order = 2, .max_per_user = 3};
  REQUIRE(engine.init(limited).status == InitStatus::ok);
  CHECK(buy(engine, "ann", "k1", 3).status == OrderStatus::over_limit);
  CHECK(buy(engine, "ann", "k1", 2).status == OrderStatus::accepted);
  CHECK(buy(engine, "ann", "k2", 2).status == OrderStatus::over_limit);
  CHECK(buy(engine, "ann", "k2", 1).status == OrderStatus::accepted);
  CHECK(buy(engine, "bob", "k1", 1).status == OrderStatus::accepted);
  CHECK(buy(engine, "cyd", "k1", 1).status == OrderStatus::sold_out);
  CHECK(buy(engine, "ann", "k3", 1).status == OrderStatus::over_limit);
  REQUIRE(engine.init(limited).round == 2);
  CHECK(buy(engine, "ann", "k3", 1).status == OrderStatus::accepted);
}

TEST_CASE("Purchase: over the rate → waiting; replays and sold out need no token",
          "[engine][unit]") {
  Life life;
  life.options.rate_limit = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 2}).status == InitStatus::ok);
  CHECK(buy(engine, "ann", "k").status == OrderStatus::accepted);
  CHECK(buy(engine, "bob", "k").status == OrderStatus::waiting);
  CHECK(buy(engine, "ann", "k").replayed);
  life.clock.advance(1s);
  CHECK(buy(engine, "bob", "k").status == OrderStatus::accepted);
  CHECK(buy(engine, "cyd", "k").status == OrderStatus::sold_out);  // nobody waits for what is gone

  // A restart grants no second burst.
  Engine& again = life.open();
  REQUIRE(again.init({.product_id = "p", .quantity = 2}).status == InitStatus::ok);
  CHECK(buy(again, "cyd", "k").status == OrderStatus::waiting);
  life.clock.advance(1s);
  CHECK(buy(again, "cyd", "k").status == OrderStatus::accepted);
}

TEST_CASE("Purchase: an order that says when it came → is judged by that time", "[engine][unit]") {
  Life life;
  life.options.rate_limit = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 3}).status == InitStatus::ok);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  Inbox inbox;
  OrderOperation order(inbox);
  order.now = life.clock.monotonic() + 999ms;
  CHECK(engine.submit(request(order, "bob", "k")) == Submission::completed);
  CHECK(order.result.status == OrderStatus::waiting);
  order.now = life.clock.monotonic() + 1s;
  CHECK(engine.submit(request(order, "bob", "k")) == Submission::pending);
  while (engine.step()) {
  }
  CHECK(order.result.status == OrderStatus::accepted);
}

TEST_CASE("Purchase: copies in flight → one order; a different one under the key → key_reused",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  Inbox inbox;
  OrderOperation owner(inbox), copy(inbox), different(inbox);
  REQUIRE(engine.submit(request(owner, "ann", "k")) == Submission::pending);
  // The last unit is taken, yet neither is told "sold out".
  REQUIRE(engine.submit(request(copy, "ann", "k")) == Submission::pending);
  REQUIRE(engine.submit(request(different, "ann", "k", 2)) == Submission::pending);
  CHECK(engine.product("p")->pending == 1);
  while (engine.step()) {
  }
  CHECK(inbox.deliveries == 1);
  CHECK(inbox.operations == 3);
  CHECK(owner.result.status == OrderStatus::accepted);
  CHECK_FALSE(owner.result.replayed);
  CHECK(copy.result.status == OrderStatus::accepted);
  CHECK(copy.result.replayed);
  CHECK(copy.result.order_id == owner.result.order_id);
  CHECK(different.result.status == OrderStatus::key_reused);
  CHECK(engine.product("p")->accepted == 1);
}

TEST_CASE("Engine: a key accepted or in flight → known; else not, and nothing is left",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  Inbox inbox;
  OrderOperation owner(inbox), asked(inbox);
  CHECK_FALSE(engine.knows_key(request(asked, "ann", "k")));
  REQUIRE(engine.submit(request(owner, "ann", "k")) == Submission::pending);
  CHECK(engine.knows_key(request(asked, "ann", "k")));
  CHECK_FALSE(engine.knows_key(request(asked, "bob", "k")));
  while (engine.step()) {
  }
  CHECK(engine.knows_key(request(asked, "ann", "k")));
  CHECK(engine.knows_key(request(asked, "ann", "k", 7, "q")));
  CHECK(engine.submit(asked) == Submission::completed);
  CHECK(asked.result.status == OrderStatus::key_reused);
  CHECK(buy(engine, "bob", "k").status == OrderStatus::sold_out);
  CHECK_FALSE(engine.knows_key(request(asked, "bob", "k")));
  CHECK_FALSE(engine.knows_key(request(asked, "", "")));
}

TEST_CASE("Purchase: too many in flight → overloaded, and nothing happened", "[engine][unit]") {
  Life life;
  life.options.pending_orders_max = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 2}).status == InitStatus::ok);
  Inbox inbox;
  OrderOperation first(inbox), second(inbox);
  REQUIRE(engine.submit(request(first, "ann", "k")) == Submission::pending);
  REQUIRE(engine.submit(request(second, "bob", "k")) == Submission::completed);
  CHECK(second.result.status == OrderStatus::overloaded);
  CHECK(engine.product("p")->stock == 1);
  CHECK(engine.stats().keys == 1);
  while (engine.step()) {
  }
  CHECK(buy(engine, "bob", "k").status == OrderStatus::accepted);
}

TEST_CASE("Purchase: draining → new orders refused, answers of the past go on", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 2}).status == InitStatus::ok);
  REQUIRE(engine.init({.product_id = "gone", .quantity = 0}).status == InitStatus::ok);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  engine.drain();
  CHECK(engine.state() == EngineState::draining);
  CHECK(buy(engine, "bob", "k").status == OrderStatus::draining);
  CHECK(buy(engine, "ann", "k").replayed);
  CHECK(buy(engine, "bob", "k", 1, "gone").status == OrderStatus::sold_out);
  CHECK(engine.init({.product_id = "p", .quantity = 2}).status == InitStatus::draining);
  CHECK(engine.close().has_value());
  CHECK(buy(engine, "ann", "k").replayed);
}

TEST_CASE("Purchase: any pass is invalid while none was issued, after sold out", "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  const OrderRequest with_pass{
      .product_id = "p", .user_id = "ann", .key = "k", .quantity = 1, .pass = "x"};
  CHECK(engine.order(with_pass).status == OrderStatus::invalid_pass);
  REQUIRE(buy(engine, "ann", "k").status == OrderStatus::accepted);
  CHECK(engine.order(with_pass).replayed);
  CHECK(engine.order({.product_id = "p", .user_id = "bob", .key = "k", .pass = "x"}).status ==
        OrderStatus::sold_out);
}

TEST_CASE("Purchase: a key is forgotten after its life, also across a restart", "[engine][unit]") {
  Life life;
  life.options.idempotency_ttl = 10s;
  Engine* engine = &life.open();
  REQUIRE(engine->init({.product_id = "p", .quantity = 9}).status == InitStatus::ok);
  REQUIRE(buy(*engine, "ann", "k").sequence == 1);
  life.clock.advance(9s);
  CHECK(buy(*engine, "ann", "k").replayed);
  engine = &life.open();
  CHECK(buy(*engine, "ann", "k").replayed);
  life.clock.advance(1200ms);
  while (engine->step()) {
  }
  const auto later = buy(*engine, "ann", "k");
  CHECK_FALSE(later.replayed);
  CHECK(later.sequence == 2);
  engine = &life.open();
  CHECK(buy(*engine, "ann", "k").sequence == 2);
  life.clock.advance(20s);
  engine = &life.open();
  CHECK(engine->stats().keys == 0);
}
