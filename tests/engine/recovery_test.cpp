#include "engine/recovery.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <string>

#include "engine/fixture.hpp"
#include "orderlog/log_writer.hpp"
#include "orderlog/walk.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;
using orderlog::BlockBuilder;

namespace {

/// Opens an engine over a log of one hand-made block, or two, behind a good beginning (product "p"
/// with 2 units) and returns the error, or what the engine is.
std::string open_after(const std::function<void(BlockBuilder&)>& records,
                       const std::function<void(BlockBuilder&)>& more_records = nullptr) {
  Life life;
  orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
  REQUIRE(life.storage.start_writing({}).has_value());
  log.block().add(orderlog::SettingRecord{"order_id_key", "0123456789abcdef"});
  log.block().add(orderlog::ProductRecord{0, "p"});
  log.block().add(orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 2});
  REQUIRE(log.write().has_value());
  records(log.block());
  REQUIRE(log.write().has_value());
  if (more_records) {
    more_records(log.block());
    REQUIRE(log.write().has_value());
  }
  auto opened = Engine::open(life.options);
  if (opened) return "fine";
  CHECK(opened.error().code == ErrorCode::damaged);
  return opened.error().message;
}

orderlog::OrderEntry order_of(std::uint64_t product, RoundNumber round, Units quantity,
                              std::string_view key = "k") {
  return {.product = product, .round = round, .quantity = quantity, .user_id = "u", .key = key};
}

}  // namespace

TEST_CASE("Recovery: everything is there again, ids included", "[engine][unit]") {
  Life life;
  Engine* engine = &life.open();
  REQUIRE(engine->init({.product_id = "p", .quantity = 5, .max_per_user = 2}).status ==
          InitStatus::ok);
  REQUIRE(engine->init({.product_id = "q", .quantity = 1}).status == InitStatus::ok);
  const auto first = buy(*engine, "ann", "k1", 2);
  const auto last = buy(*engine, "bob", "k1", 1, "q");
  REQUIRE(engine->init({.product_id = "q", .quantity = 7}).round == 2);

  engine = &life.open();
  CHECK(buy(*engine, "ann", "k1", 2).order_id == first.order_id);
  CHECK(buy(*engine, "bob", "k1", 1, "q").order_id == last.order_id);
  CHECK(buy(*engine, "ann", "k2").status == OrderStatus::over_limit);
  CHECK(buy(*engine, "ann", "k1").status == OrderStatus::key_reused);
  CHECK(engine->product("p")->stock == 3);
  CHECK(engine->product("p")->accepted == 2);
  CHECK(engine->product("q")->round == 2);
  CHECK(engine->product("q")->stock == 7);
  CHECK(engine->stats().orders_total == 2);
  CHECK(engine->stats().units_total == 3);
  CHECK(buy(*engine, "cyd", "k").sequence == 3);
}

TEST_CASE("Recovery: a good block → fine", "[engine][unit]") {
  CHECK(open_after([](BlockBuilder& block) { block.add(order_of(0, 1, 2)); }) == "fine");
}

TEST_CASE("Recovery: a record that contradicts an earlier one → damaged, and says where",
          "[engine][unit]") {
  CHECK(open_after([](BlockBuilder& block) {
          block.add(order_of(0, 1, 1, "k1"));
          block.add(order_of(0, 1, 2, "k2"));
        }) == "block 2 (first order 1): order 2 oversells round 1 of \"p\"");
  CHECK(open_after([](BlockBuilder& block) { block.add(order_of(1, 1, 1)); }) ==
        "block 2 (first order 1): order 1 is of no round");
  CHECK(open_after([](BlockBuilder& block) { block.add(order_of(0, 2, 1)); }) ==
        "block 2 (first order 1): order 1 is of no round");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(orderlog::RoundRecord{.product = 0, .round = 3, .quantity = 1});
        }) == "block 2 (first order 1): product \"p\" skips to round 3");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(orderlog::RoundRecord{.product = 4, .round = 1, .quantity = 1});
        }) == "block 2 (first order 1): a round of an unknown product");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(orderlog::ProductRecord{2, "q"});
        }) == "block 2 (first order 1): a product number is skipped");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(orderlog::ProductRecord{1, "q"});
        }) == "block 2 (first order 1): product \"q\" has no round");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(orderlog::ProductRecord{1, "p"});
          block.add(orderlog::RoundRecord{.product = 1, .round = 1, .quantity = 1});
        }) == "block 2 (first order 1): product \"p\" is created twice");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(orderlog::SettingRecord{"order_id_key", "another one"});
        }) == "block 2 (first order 1): the order id key is set twice");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(orderlog::CheckpointRecord{.orders = 0, .units = 1, .rounds = {}});
        }) ==
        "block 2 (first order 1): the totals of a checkpoint differ from the orders before it");
  CHECK(
      open_after([](BlockBuilder& block) {
        block.add(order_of(0, 1, 1));
        block.add(orderlog::CheckpointRecord{.orders = 1, .units = 1, .rounds = {}});
      }) ==
      "block 2 (first order 1): a checkpoint does not name the rounds that took orders before it");
  CHECK(open_after([](BlockBuilder& block) {
          block.add(order_of(0, 1, 1));
          block.add(orderlog::CheckpointRecord{
              .orders = 1, .units = 1, .rounds = {{.product = 0, .round = 2, .orders = 1}}});
        }) ==
        "block 2 (first order 1): a checkpoint differs from the orders of round 2 of product "
        "number 0");
}

TEST_CASE("Recovery: a new product that is not one → damaged, and says where", "[engine][unit]") {
  const std::string where = "block 2 (first order 1): ";
  const orderlog::ProductRecord q{1, "q"};
  const auto open_with = [](auto... records) {
    return open_after([&](BlockBuilder& block) { (block.add(records), ...); });
  };
  CHECK(open_with(q, orderlog::RoundRecord{.product = 1, .round = 1, .quantity = 1}) == "fine");
  CHECK(open_with(orderlog::ProductRecord{1, "\x01"}) == where + "a product id is not valid");
  const std::string no_round = where + "product \"q\" has no round";
  CHECK(open_with(q, orderlog::ProductRecord{2, "r"}) == no_round);
  CHECK(open_after([&](BlockBuilder& block) { block.add(q); },
                   [&](BlockBuilder& block) {
                     block.add(orderlog::RoundRecord{.product = 1, .round = 1, .quantity = 1});
                   }) == no_round);
  const std::string not_first = where + "product \"q\" does not begin with round 1";
  CHECK(open_with(q, orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 1}) == not_first);
  CHECK(open_with(q, orderlog::RoundRecord{.product = 1, .round = 2, .quantity = 1}) == not_first);
}

TEST_CASE("Recovery: a checkpoint's total of a round that is not its own → damaged",
          "[engine][unit]") {
  // Both products sold one unit in one order.
  const auto open_with = [](const orderlog::RoundTotal& first, const orderlog::RoundTotal& second) {
    return open_after([&](BlockBuilder& block) {
      block.add(orderlog::ProductRecord{1, "q"});
      block.add(orderlog::RoundRecord{.product = 1, .round = 1, .quantity = 1});
      block.add(order_of(0, 1, 1));
      block.add(order_of(1, 1, 1));
      block.add(orderlog::CheckpointRecord{.orders = 2, .units = 2, .rounds = {first, second}});
    });
  };
  const orderlog::RoundTotal p{.product = 0, .round = 1, .orders = 1, .units = 1};
  const orderlog::RoundTotal q{.product = 1, .round = 1, .orders = 1, .units = 1};
  const std::string differs =
      "block 2 (first order 1): a checkpoint differs from the orders of round 1 of product number ";
  CHECK(open_with(p, q) == "fine");
  CHECK(open_with(p, p) == differs + "0");  // named twice
  CHECK(open_with(p, {.product = 2, .round = 1, .orders = 1, .units = 1}) == differs + "2");
  CHECK(open_with(p, {.product = 1, .round = 1, .orders = 2, .units = 1}) == differs + "1");
  CHECK(open_with(p, {.product = 1, .round = 1, .orders = 1, .units = 2}) == differs + "1");
}

TEST_CASE("Recovery: a line that contradicts itself → damaged, and says where", "[engine][unit]") {
  using orderlog::AdmissionRecord;
  using orderlog::LineExit;
  using orderlog::TicketRecord;
  const TicketRecord first{.ticket = 1, .product = 0, .user_id = "u"};
  const AdmissionRecord admitted{.ticket = 1, .exit = LineExit::admitted};
  const AdmissionRecord left{.ticket = 1, .exit = LineExit::left};
  const auto open_line = [](auto... records) {
    return open_after([&](BlockBuilder& block) { (block.add(records), ...); });
  };
  const std::string where = "block 2 (first order 1): ";
  CHECK(open_line(first, admitted) == "fine");
  CHECK(open_line(first, left) == "fine");
  CHECK(open_line(TicketRecord{.ticket = 2, .product = 0, .user_id = "u"}) ==
        where + "ticket 2 does not follow the one before");
  CHECK(open_line(first, first) == where + "ticket 1 does not follow the one before");
  CHECK(open_line(TicketRecord{.ticket = 1, .product = 1, .user_id = "u"}) ==
        where + "a ticket for an unknown product");
  const std::string not_in_line = where + "ticket 1 leaves a line it is not in";
  CHECK(open_line(admitted) == not_in_line);
  CHECK(open_line(left) == not_in_line);
  CHECK(open_line(first, admitted, admitted) == not_in_line);
  CHECK(open_line(first, admitted, left) == not_in_line);
  CHECK(open_line(first, left, admitted) == not_in_line);
  CHECK(open_line(orderlog::SettingRecord{"ticket_key.7", "k"}) ==
        where + "a ticket key is out of order");
  CHECK(open_line(orderlog::SettingRecord{"ticket_key.1", "k"}) ==
        where + "a ticket key has a wrong length");
}

TEST_CASE("Recovery: an order with a pass that cannot buy → damaged", "[engine][unit]") {
  const orderlog::TicketRecord ticket{.ticket = 1, .product = 0, .user_id = "u"};
  const orderlog::AdmissionRecord admitted{.ticket = 1, .exit = orderlog::LineExit::admitted};
  auto order = order_of(0, 1, 1, "k1");
  order.pass = 1;
  auto second = order_of(0, 1, 1, "k2");
  second.pass = 1;
  const std::string refusal =
      "block 2 (first order 1): order 1 has a pass that was used or never issued";
  const auto open_line = [](auto... records) {
    return open_after([&](BlockBuilder& block) { (block.add(records), ...); });
  };
  CHECK(open_line(ticket, admitted, order) == "fine");
  CHECK(open_line(order) == refusal);
  CHECK(open_line(ticket, order) == refusal);
  CHECK(open_line(ticket, admitted, order, second) ==
        "block 2 (first order 1): order 2 has a pass that was used or never issued");
}

TEST_CASE("Recovery: an order id key of a wrong length → damaged", "[engine][unit]") {
  Life life;
  orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
  REQUIRE(life.storage.start_writing({}).has_value());
  log.block().add(orderlog::SettingRecord{"order_id_key", "short"});
  REQUIRE(log.write().has_value());
  auto opened = Engine::open(life.options);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::damaged);
  CHECK(opened.error().message == "block 1 (first order 1): the order id key has a wrong length");
}

TEST_CASE("Recovery: the mark cannot be read → its error", "[engine][unit]") {
  class NoMark final : public LogStorage {
   public:
    Result<LogPosition> mark() override { return Error{ErrorCode::permission, "no mark for you"}; }
    Result<void> start_writing(const LogPosition& tail) override {
      return inner_.start_writing(tail);
    }
    Result<void> append(const BlockKey& key, std::string_view block, bool sync) override {
      return inner_.append(key, block, sync);
    }
    Result<void> set_mark(const LogPosition& position) override {
      return inner_.set_mark(position);
    }
    Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override {
      return inner_.scan(from);
    }

   private:
    orderlog::MemoryStorage inner_;
  };
  Life life;
  NoMark storage;
  life.options.storage = &storage;
  auto opened = Engine::open(life.options);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::permission);
  CHECK(opened.error().message == "no mark for you");
}

TEST_CASE("Recovery: a log without its order id key → damaged", "[engine][unit]") {
  Life life;
  orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
  REQUIRE(life.storage.start_writing({}).has_value());
  log.block().add(orderlog::ProductRecord{0, "p"});
  log.block().add(orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 2});
  REQUIRE(log.write().has_value());
  auto opened = Engine::open(life.options);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == ErrorCode::damaged);
  CHECK(opened.error().message == "the log has no order id key");
}

TEST_CASE(
    "Recovery: checkpoints every 100,000 orders → written, checked, and go on after a restart",
    "[engine][unit]") {
  class Counter : public orderlog::LogVisitor {
   public:
    bool on_checkpoint(const orderlog::CheckpointRecord& checkpoint) override {
      totals.push_back(checkpoint);
      return true;
    }
    std::vector<orderlog::CheckpointRecord> totals;
  };
  Life life;
  life.options.pending_orders_max = 4096;
  Engine* engine = &life.open();
  REQUIRE(engine->init({.product_id = "p", .quantity = 1'000'000}).status == InitStatus::ok);
  REQUIRE(engine->init({.product_id = "idle", .quantity = 1}).status == InitStatus::ok);
  Inbox inbox;
  int number = 0;
  const auto sell = [&](int orders) {
    for (int sold = 0; sold < orders; sold += 4000) {
      std::vector<std::unique_ptr<OrderOperation>> operations;
      std::vector<std::string> keys;
      for (int i = 0; i < 4000; ++i) keys.push_back("k" + std::to_string(number++));
      for (const std::string& key : keys) {
        auto& order = *operations.emplace_back(std::make_unique<OrderOperation>(inbox));
        order.request = {"p", "u", key, 2, {}};
        REQUIRE(engine->submit(order) == Submission::pending);
      }
      while (engine->step()) {
      }
    }
  };
  sell(120'000);
  engine = &life.open();
  sell(120'000);
  engine = &life.open();
  CHECK(engine->stats().orders_total == 240'000);

  Counter counter;
  REQUIRE(orderlog::walk(life.storage, 0, counter).has_value());
  REQUIRE(counter.totals.size() == 2);
  CHECK(counter.totals[0].orders == 100'000);
  CHECK(counter.totals[0].units == 200'000);
  CHECK(counter.totals[1].orders == 200'000);
  CHECK(counter.totals[1].rounds ==
        std::vector<orderlog::RoundTotal>{
            {.product = 0, .round = 1, .orders = 200'000, .units = 400'000}});
}
