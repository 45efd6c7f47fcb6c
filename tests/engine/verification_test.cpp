#include "engine/verification.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "engine/fixture.hpp"
#include "orderlog/log_writer.hpp"
#include "orderlog/rocksdb_fixture.hpp"
#include "orderlog/walk.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;
using engine::LogVerifier;
using engine::Verification;
using orderlog::BlockBuilder;

namespace {

/// "ok", or "BLOCK/FIRST/ORDER: what".
std::string text_of(const Result<Verification>& verified) {
  if (!verified) return orderlog::outcome(verified);
  if (!verified->fault) return "ok";
  const auto& place = verified->fault->place;
  std::string text = "-";
  if (place) {
    text = std::to_string(place->block.block) + "/" + std::to_string(place->block.first_sequence) +
           "/" + std::to_string(place->order);
  }
  return text + ": " + verified->fault->what;
}

Result<Verification> verify(const LogStorage& storage, const LogPosition* mark = nullptr) {
  ManualClock clock;
  LogVerifier verifier(clock);
  return verifier.conclude(orderlog::walk(storage, 0, verifier, mark));
}

/// A log written record by record: product "p" with `quantity` units, whose keys live 100 s.
class HandMade {
 public:
  explicit HandMade(const orderlog::RoundRecord& round = {
                        .product = 0, .round = 1, .quantity = 100}) {
    block().add(orderlog::SettingRecord{"order_id_key", "0123456789abcdef"});
    block().add(orderlog::SettingRecord{"idempotency_ttl", "100"});
    block().add(orderlog::ProductRecord{0, "p"});
    block().add(round);
    write();
  }

  BlockBuilder& block() { return log_.block(); }
  void write() { REQUIRE(log_.write().has_value()); }
  void order(std::string_view key, Units quantity = 1, std::uint64_t pass = 0,
             std::string_view user = "u") {
    block().add(orderlog::OrderEntry{0, 1, quantity, user, key, pass});
  }
  void life(const char* seconds) {
    block().add(orderlog::SettingRecord{"idempotency_ttl", seconds});
  }

  std::string verified() {
    write();
    return text_of(verify(life_.storage));
  }
  /// Orders before the fault, up to which a backup can be made.
  Sequence good_orders() { return verify(life_.storage)->read.orders; }
  /// What the engine says of the same log at its start.
  std::string opened(std::chrono::seconds ttl = 100s) {
    life_.options.idempotency_ttl = ttl;
    auto opened = Engine::open(life_.options);
    return opened ? "ok" : opened.error().message;
  }
  ManualClock& clock() { return life_.clock; }

 private:
  Life life_;
  orderlog::LogWriter log_{life_.storage, life_.clock, Durability::sync, {}, 0ms, {}};
};

}  // namespace

TEST_CASE("Verification: a sale with a line, resets and restarts → ok, and counted",
          "[engine][unit]") {
  Life life;
  life.options.rate_limit = 1;
  Engine* engine = &life.open();
  REQUIRE(engine->init({.product_id = "p", .quantity = 5, .max_per_user = 2}).status ==
          InitStatus::ok);
  REQUIRE(buy(*engine, "ann", "k1", 2).status == OrderStatus::accepted);
  REQUIRE(engine->init({.product_id = "p", .quantity = 7}).round == 2);
  engine = &life.open();
  life.clock.advance(5s);
  REQUIRE(buy(*engine, "bob", "k1", 1).status == OrderStatus::accepted);
  const Result<Verification> verified = verify(life.storage);
  REQUIRE(text_of(verified) == "ok");
  CHECK(verified->read.orders == 2);
  CHECK(verified->read.units == 3);
  CHECK(verified->read.products == 1);
  CHECK(verified->read.rounds == 2);
  CHECK(verified->read.knows_key_life);
}

TEST_CASE("Verification: a key sold twice → the second order, within its life only",
          "[engine][unit]") {
  const std::string fault =
      "block 3 (first order 2): order 3 has the user and the key of order 1, within its life";
  const auto twice = [](HandMade& log, std::chrono::milliseconds later) {
    log.order("k");
    log.write();
    log.clock().advance(later);
    log.order("other");
    log.order("k");
    // More than the index takes ahead: the place is still the order's own.
    for (int i = 0; i < 40; ++i) {
      log.write();
      log.order("k" + std::to_string(i));
    }
  };
  {
    HandMade log;
    twice(log, 99s);
    CHECK(log.verified() == "3/2/3: " + fault);
    CHECK(log.good_orders() == 2);
    CHECK(log.opened() == fault);
    CHECK(log.opened(0s) == "ok");  // told to keep keys for ever, it keeps no times to compare
    log.clock().advance(1h);        // nobody can use the key any more: of no matter for a sale
    CHECK(log.opened() == "ok");
    CHECK(log.verified() == "3/2/3: " + fault);
  }
  {
    HandMade log;
    twice(log, 101s);
    CHECK(log.verified() == "ok");
    CHECK(log.opened() == "ok");
    CHECK(log.opened(1h) == "ok");  // keys live longer now: those of then did not
  }
  {
    HandMade log;
    log.life("0");
    twice(log, 24h * 365);
    CHECK(log.verified() == "3/2/3: " + fault);
    CHECK(log.opened(0s) == fault);
  }
}

TEST_CASE("Verification: another user's or another life's key → ok", "[engine][unit]") {
  HandMade log;
  log.order("k");
  log.order("k", 1, 0, "v");
  log.life("10");
  log.write();
  log.clock().advance(20s);
  log.order("k");
  log.life("0");
  log.order("for ever");
  log.life("1");
  log.write();
  log.clock().advance(2s);
  log.order("for ever");
  CHECK(log.verified() == "ok");
  log.order("for ever");
  CHECK(log.verified() ==
        "5/6/6: block 5 (first order 6): order 6 has the user and the key of order 5, within its "
        "life");
}

TEST_CASE("Verification: a malformed life of keys → the setting's block", "[engine][unit]") {
  for (const char* value : {"", "x", "1x", "-1", "3153600001"}) {
    HandMade log;
    log.life(value);
    CHECK(log.verified() ==
          "2/1/0: block 2 (first order 1): the setting idempotency_ttl has no valid value");
  }
}

TEST_CASE("Verification: a clock set forth and back → no key is sold twice by the log's time",
          "[engine][unit]") {
  const auto sell_again = [](bool restarts) {
    Life life;
    life.options.idempotency_ttl = 10s;
    Engine* engine = &life.open();
    REQUIRE(engine->init({.product_id = "p", .quantity = 5}).status == InitStatus::ok);
    REQUIRE(buy(*engine, "ann", "k").sequence == 1);
    const auto now = life.clock.utc();
    life.clock.jump_to(now + 24h);
    if (restarts) {
      engine = &life.open();
    } else {
      while (engine->step()) {
      }
    }
    life.clock.jump_to(now);
    REQUIRE(buy(*engine, "ann", "k").sequence == 2);  // it was forgotten
    return text_of(verify(life.storage));
  };
  CHECK(sell_again(false) == "ok");
  CHECK(sell_again(true) == "ok");
}

TEST_CASE("Verification: limits and passes that a start does not look at → the order's place",
          "[engine][unit]") {
  const orderlog::RoundRecord limited{
      .product = 0, .round = 1, .quantity = 100, .max_per_order = 3, .max_per_user = 4};
  {
    HandMade log(limited);
    log.order("k1", 3);
    log.order("k2", 1);
    CHECK(log.verified() == "ok");
    log.order("k3", 1);
    CHECK(log.verified() ==
          "3/3/3: block 3 (first order 3): order 3 gives its user more units than its round "
          "allows");
  }
  {
    HandMade log(limited);
    log.order("k1", 4);
    CHECK(log.verified() ==
          "2/1/1: block 2 (first order 1): order 1 has more units than its round allows in one");
  }
  const auto with_tickets = [](HandMade& log) {
    log.block().add(orderlog::TicketRecord{.ticket = 1, .product = 0, .user_id = "u"});
    log.block().add(orderlog::TicketRecord{.ticket = 2, .product = 0, .user_id = "v"});
    log.block().add(orderlog::AdmissionRecord{.ticket = 1, .exit = orderlog::LineExit::admitted});
    log.block().add(orderlog::AdmissionRecord{.ticket = 2, .exit = orderlog::LineExit::left});
  };
  const std::string place = "2/1/1: block 2 (first order 1): order 1";
  {
    HandMade log;
    with_tickets(log);
    log.order("k1", 1, 1);
    CHECK(log.verified() == "ok");
    log.clock().advance(1h);  // the pass is forgotten by a server that starts now
    log.order("k2", 1, 1);
    CHECK(log.verified() ==
          "3/2/2: block 3 (first order 2): order 2 has a pass that was used or never issued");
  }
  {
    HandMade log;
    with_tickets(log);
    log.order("k1", 1, 2, "v");
    CHECK(log.verified() == place + " has a pass that was used or never issued");
  }
  {
    HandMade log;
    with_tickets(log);
    log.order("k1", 1, 1, "v");
    CHECK(log.verified() == place + " has a pass of another user or product");
  }
}

TEST_CASE("Verification: a line that contradicts itself → the record's block", "[engine][unit]") {
  {
    HandMade log;
    log.block().add(orderlog::TicketRecord{.ticket = 2, .product = 0, .user_id = "u"});
    CHECK(log.verified() ==
          "2/1/0: block 2 (first order 1): ticket 2 does not follow the one before");
  }
  {
    HandMade log;
    log.block().add(orderlog::AdmissionRecord{.ticket = 1, .exit = orderlog::LineExit::admitted});
    CHECK(log.verified() == "2/1/0: block 2 (first order 1): ticket 1 leaves a line it is not in");
  }
}

TEST_CASE("Verification: a log without its order id key → a fault of no block", "[engine][unit]") {
  Life life;
  CHECK(text_of(verify(life.storage)) == "ok");  // empty, it needs none
  orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
  log.block().add(orderlog::ProductRecord{0, "p"});
  log.block().add(orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 2});
  REQUIRE(log.write().has_value());
  CHECK(text_of(verify(life.storage)) == "-: the log has no order id key");
}

TEST_CASE("Verification: a log that does not say how long keys live → none is compared",
          "[engine][unit]") {
  Life life;
  orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
  log.block().add(orderlog::SettingRecord{"order_id_key", "0123456789abcdef"});
  log.block().add(orderlog::ProductRecord{0, "p"});
  log.block().add(orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 2});
  for (int i = 0; i < 2; ++i) log.block().add(orderlog::OrderEntry{0, 1, 1, "u", "k", 0});
  REQUIRE(log.write().has_value());
  const Result<Verification> verified = verify(life.storage);
  CHECK(text_of(verified) == "ok");
  CHECK(verified->read.orders == 2);
  CHECK_FALSE(verified->read.knows_key_life);
}

TEST_CASE("Verification: what contradicts itself → the first of two faults", "[engine][unit]") {
  HandMade log;
  log.order("k");
  log.order("k");
  log.order("too much", 1'000);
  CHECK(log.verified() ==
        "2/1/2: block 2 (first order 1): order 2 has the user and the key of order 1, within its "
        "life");
  CHECK(log.opened() ==
        "block 2 (first order 1): order 2 has the user and the key of order 1, within its life");
}
