#include "engine/log_reading.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "engine/fixture.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

TEST_CASE("find_order: an accepted order → its record; anything else → not_found",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 9}).status == InitStatus::ok);
  life.clock.advance(5s);
  const auto bought = buy(engine, "ann", "k", 3);
  const auto found = engine.find_order(bought.order_id.view());
  REQUIRE(found.has_value());
  CHECK(found->sequence == 1);
  CHECK(found->product_id == "p");
  CHECK(found->round == 1);
  CHECK(found->user_id == "ann");
  CHECK(found->key == "k");
  CHECK(found->quantity == 3);
  CHECK(found->accepted_at == life.clock.utc());
  CHECK(found->order_id == bought.order_id);

  std::string other = bought.order_id.str();
  other.back() = other.back() == '0' ? '1' : '0';
  CHECK(engine.find_order(other).error().code == ErrorCode::not_found);
  CHECK(engine.find_order("").error().code == ErrorCode::not_found);
}

TEST_CASE("orders: pages → every order once, in order, with a last page without next",
          "[engine][unit]") {
  Life life;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 100}).status == InitStatus::ok);
  REQUIRE(engine.init({.product_id = "q", .quantity = 100}).status == InitStatus::ok);
  for (int i = 0; i < 25; ++i) {
    const std::string key = "k" + std::to_string(i);
    REQUIRE(buy(engine, "u", key, 1, i % 5 == 0 ? "q" : "p").status == OrderStatus::accepted);
  }
  Sequence expected = 0;
  Sequence after = 0;
  for (bool more = true; more;) {
    const auto page = engine.orders({.product_id = {}, .round = 0, .after = after, .limit = 7});
    REQUIRE(page.has_value());
    for (const OrderRecord& order : page->orders) REQUIRE(order.sequence == ++expected);
    more = page->next.has_value();
    if (more) after = *page->next;
  }
  CHECK(expected == 25);
  // A reader that got none goes on later from its last sequence.
  CHECK(engine.orders({.after = 25})->orders.empty());
  REQUIRE(buy(engine, "u", "later").status == OrderStatus::accepted);
  CHECK(engine.orders({.after = 25})->orders.size() == 1);

  CHECK(engine.orders({.product_id = "q"})->orders.size() == 5);
  CHECK(engine.orders({.product_id = "q", .round = 2})->orders.empty());
  CHECK(engine.orders({.product_id = "nope"}).error().code == ErrorCode::not_found);
  CHECK(engine.orders({.round = 1}).error().code == ErrorCode::invalid_argument);
  CHECK(engine.orders({.limit = 0}).error().code == ErrorCode::invalid_argument);
  CHECK(engine.orders({.limit = 1001}).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("audit: counts each round from the log, also after a restart", "[engine][unit]") {
  Life life;
  Engine* engine = &life.open();
  REQUIRE(engine->init({.product_id = "p", .quantity = 3}).round == 1);
  REQUIRE(buy(*engine, "ann", "k1", 2).status == OrderStatus::accepted);
  REQUIRE(engine->init({.product_id = "p", .quantity = 10}).round == 2);
  REQUIRE(buy(*engine, "ann", "k2", 4).status == OrderStatus::accepted);
  REQUIRE(buy(*engine, "ann", "k3", 6).status == OrderStatus::accepted);
  for (int lives = 0; lives < 2; ++lives) {
    const auto first = engine->audit("p", 1);
    REQUIRE(first.has_value());
    CHECK(first->quantity == 3);
    CHECK(first->orders_in_log == 1);
    CHECK(first->units_in_log == 2);
    CHECK_FALSE(first->oversold());
    const auto present = engine->audit("p", 0);
    REQUIRE(present.has_value());
    CHECK(present->round == 2);
    CHECK(present->orders_in_log == 2);
    CHECK(present->units_in_log == 10);
    CHECK(engine->audit("p", 3).error().code == ErrorCode::not_found);
    CHECK(engine->audit("q", 1).error().code == ErrorCode::not_found);
    engine = &life.open();
  }
}
