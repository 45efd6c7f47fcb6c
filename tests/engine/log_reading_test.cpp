#include "engine/log_reading.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>

#include "engine/fixture.hpp"
#include "engine/order_id.hpp"
#include "orderlog/log_writer.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view order_id_key = "0123456789abcdef";

/// Writes product "p", and "q" if it is wanted.
void write_products(orderlog::LogWriter& log, bool has_q = true) {
  log.block().add(orderlog::SettingRecord{"order_id_key", order_id_key});
  log.block().add(orderlog::ProductRecord{0, "p"});
  log.block().add(orderlog::RoundRecord{.product = 0, .round = 1, .quantity = units_max});
  if (has_q) {
    log.block().add(orderlog::ProductRecord{1, "q"});
    log.block().add(orderlog::RoundRecord{.product = 1, .round = 1, .quantity = units_max});
  }
  REQUIRE(log.write().has_value());
}

/// Keeps the log in memory until a test says what is there instead.
class ChangedStorage final : public LogStorage {
 public:
  /// From now on this is what is there.
  void change_to(const LogStorage& other) { read_ = &other; }
  /// From now on nothing can be read.
  void fail(const Error& error) { failure_ = error; }

  Result<LogPosition> mark() override { return inner_.mark(); }
  Result<void> start_writing(const LogPosition& tail) override {
    return inner_.start_writing(tail);
  }
  Result<void> append(const BlockKey& key, std::string_view block, bool sync) override {
    return inner_.append(key, block, sync);
  }
  Result<void> set_mark(const LogPosition& position) override { return inner_.set_mark(position); }
  Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override {
    if (failure_) return *failure_;
    return read_->scan(from);
  }

 private:
  orderlog::MemoryStorage inner_;
  const LogStorage* read_ = &inner_;
  std::optional<Error> failure_;
};

}  // namespace

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

TEST_CASE("find_order: an id that is well made, but of no order → not_found", "[engine][unit]") {
  Life life;
  orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
  write_products(log, false);
  log.block().add(orderlog::OrderEntry{0, 1, 1, "ann", "k", 0});
  REQUIRE(log.write().has_value());
  const Engine& engine = life.open();
  const auto ids = engine::OrderIdCodec::from_key(order_id_key);
  REQUIRE(ids.has_value());
  CHECK(engine.find_order(ids->encode(1).view())->user_id == "ann");
  CHECK(engine.find_order(ids->encode(0).view()).error().code == ErrorCode::not_found);
  CHECK(engine.find_order(ids->encode(2).view()).error().code == ErrorCode::not_found);
}

TEST_CASE("find_order: a log that changed below the engine → what it says now, or the error",
          "[engine][unit]") {
  ChangedStorage storage;
  Life life;
  life.options.storage = &storage;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 9}).status == InitStatus::ok);
  const auto bought = buy(engine, "ann", "k");
  REQUIRE(bought.status == OrderStatus::accepted);

  const orderlog::MemoryStorage empty;
  storage.change_to(empty);
  CHECK(engine.find_order(bought.order_id.view()).error().code == ErrorCode::not_found);

  orderlog::MemoryStorage other;
  orderlog::LogWriter log(other, life.clock, Durability::sync, {}, 0ms, {});
  write_products(log);
  log.block().add(orderlog::OrderEntry{1, 1, 1, "bob", "k", 0});
  REQUIRE(log.write().has_value());
  storage.change_to(other);
  const auto found = engine.find_order(bought.order_id.view());
  REQUIRE(found.has_value());
  CHECK(found->user_id == "bob");
  CHECK(found->product_id.empty());  // the engine knows no product of that number

  storage.fail({ErrorCode::unavailable, "the disk is gone"});
  const auto gone = engine.find_order(bought.order_id.view());
  REQUIRE_FALSE(gone.has_value());
  CHECK(gone.error().code == ErrorCode::unavailable);
  CHECK(gone.error().message == "the disk is gone");
  CHECK(engine.orders({}).error().message == "the disk is gone");
  CHECK(engine.audit("p", 1).error().message == "the disk is gone");
}

TEST_CASE("orders: a product that is rare → a page ends empty, and says where the next begins",
          "[engine][unit]") {
  Life life;
  orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
  write_products(log);
  for (Sequence i = 1; i <= engine::orders_per_page_max + 1; ++i) {
    const std::string key = "k" + std::to_string(i);
    const std::uint64_t product = i > engine::orders_per_page_max ? 1 : 0;
    log.block().add(orderlog::OrderEntry{product, 1, 1, "u", key, 0});
    if (log.block().full()) REQUIRE(log.write().has_value());
  }
  REQUIRE(log.write().has_value());
  const Engine& engine = life.open();
  const auto first = engine.orders({.product_id = "q"});
  REQUIRE(first.has_value());
  CHECK(first->orders.empty());
  CHECK(first->next == engine::orders_per_page_max);
  const auto second = engine.orders({.product_id = "q", .after = *first->next});
  REQUIRE(second.has_value());
  REQUIRE(second->orders.size() == 1);
  CHECK(second->orders[0].sequence == engine::orders_per_page_max + 1);
  CHECK_FALSE(second->next.has_value());
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
