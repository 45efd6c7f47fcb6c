#include "engine/sale_control.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "engine/waiting_room_fixture.hpp"
#include "orderlog/log_writer.hpp"
#include "support/faulty_storage.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

namespace {

void change(Room& room, const SettingsChange& wanted) {
  REQUIRE(room.engine->change(wanted).status == SettingsStatus::ok);
}

// Passes issued in so long.
std::uint64_t issued_in(Room& room, std::chrono::milliseconds time) {
  const std::uint64_t before = room.admissions();
  room.run(time);
  return room.admissions() - before;
}

}  // namespace

TEST_CASE("SaleControl: nothing changed → what the options say", "[engine][unit]") {
  Room room(7);
  CHECK(room.engine->settings() == SaleSettings{.rate_limit = 7});
  const SettingsResult result = room.engine->change({});
  CHECK(result.status == SettingsStatus::ok);
  CHECK(result.settings == SaleSettings{.rate_limit = 7});
  CHECK(result.ticket_key == 1);
  CHECK(room.engine->stats().blocks_total == 2);
}

TEST_CASE("SaleControl: values out of range → invalid_argument, nothing is changed",
          "[engine][unit]") {
  Room room(7);
  const std::uint64_t blocks = room.engine->stats().blocks_total;
  CHECK(room.engine->change({.rate_limit = 1'000'000'001}).status ==
        SettingsStatus::invalid_argument);
  CHECK(room.engine->change({.rate_burst = 1'000'000'001, .sale_paused = true}).status ==
        SettingsStatus::invalid_argument);
  CHECK(room.engine->settings() == SaleSettings{.rate_limit = 7});
  CHECK(room.engine->stats().blocks_total == blocks);
  CHECK(room.engine->change({.rate_limit = 1'000'000'000, .rate_burst = 1'000'000'000}).status ==
        SettingsStatus::ok);
}

TEST_CASE("SaleControl: another rate while people wait → the line moves at it", "[engine][unit]") {
  Room room(10);
  (void)room.join_many(500);
  room.run(500ms);
  CHECK(issued_in(room, 1s) == 10);
  change(room, {.rate_limit = 100});
  CHECK(issued_in(room, 1s) == 100);
  CHECK(issued_in(room, 1s) == 100);
  change(room, {.rate_limit = 5});
  // Until its end the window holds more than 5 of the 100 of the second before.
  CHECK(issued_in(room, 1s) == 2);
  CHECK(issued_in(room, 1s) == 5);
}

TEST_CASE("SaleControl: another rate and burst → count for orders without a line",
          "[engine][unit]") {
  Room room(1);
  CHECK(buy(*room.engine, "a", "k1").status == OrderStatus::accepted);
  CHECK(buy(*room.engine, "a", "k2").status == OrderStatus::waiting);
  change(room, {.rate_limit = 10, .rate_burst = 3});
  room.life.clock.advance(1s);
  int accepted = 0;
  for (int i = 0; i < 20; ++i) {
    const OrderResult result = buy(*room.engine, "b", "k" + std::to_string(i));
    accepted += result.status == OrderStatus::accepted ? 1 : 0;
  }
  CHECK(accepted == 3);
}

TEST_CASE("SaleControl: changes across a restart → they count, not the options, and it is told",
          "[engine][unit]") {
  Room room(10);
  const SaleSettings wanted{.rate_limit = 50,
                            .rate_burst = 60,
                            .line_closed = true,
                            .admit_all = true,
                            .sale_paused = true};
  change(room, {.rate_limit = 40, .sale_paused = true});
  change(room, {.rate_limit = 50, .rate_burst = 60, .line_closed = true, .admit_all = true});
  CHECK(room.engine->settings() == wanted);
  std::vector<std::string> lines;
  room.life.options.log = [&](LogLevel, std::string_view line) { lines.emplace_back(line); };
  room.restart();
  CHECK(room.engine->settings() == wanted);
  CHECK(lines == std::vector<std::string>{
                     "rate_limit is 50, as it was changed to; the option says 10",
                     "rate_burst is 60, as it was changed to; the option says 0",
                     "the line is closed: nobody joins",
                     "everybody is admitted: no rate counts",
                     "the sale is paused: orders wait",
                 });
  CHECK(buy(*room.engine, "a", "k").status == OrderStatus::waiting);
  CHECK(room.engine->join({.product_id = "p", .user_id = "a"}).status == JoinStatus::line_closed);

  lines.clear();
  room.life.options.rate_limit = 50;
  room.life.options.rate_burst = 60;
  change(room, {.line_closed = false, .admit_all = false, .sale_paused = false});
  room.restart();
  CHECK(room.engine->settings() == SaleSettings{.rate_limit = 50, .rate_burst = 60});
  CHECK(lines.empty());
}

TEST_CASE("SaleControl: a closed line → nobody joins, who is in it stays and is let in",
          "[engine][unit]") {
  Room room(1);
  (void)room.join("first");
  const std::string ann = room.join("ann");
  change(room, {.line_closed = true});
  CHECK(room.engine->join({.product_id = "p", .user_id = "bob"}).status == JoinStatus::line_closed);
  const JoinResult again = room.engine->join({.product_id = "p", .user_id = "ann"});
  CHECK(again.status == JoinStatus::kept);
  CHECK(again.ticket == ann);
  room.run(2s);
  CHECK(room.look(ann).state == PlaceState::admitted);
  change(room, {.line_closed = false});
  (void)room.join("bob");
}

TEST_CASE("SaleControl: everybody admitted → no rate, no line; then both again", "[engine][unit]") {
  Room room(2);
  const auto tickets = room.join_many(5'000);
  change(room, {.admit_all = true});
  room.settle();
  CHECK(room.admissions() == 5'000);
  CHECK(room.look(tickets.back()).state == PlaceState::admitted);
  for (int i = 0; i < 50; ++i) {
    CHECK(buy(*room.engine, "x", "k" + std::to_string(i)).status == OrderStatus::accepted);
  }
  const Place late = room.look(room.join("late"));
  CHECK(late.state == PlaceState::admitted);
  CHECK(late.position == 0);

  change(room, {.admit_all = false});
  CHECK(room.engine->settings().rate_limit == 2);
  (void)room.join("next");
  CHECK(buy(*room.engine, "x", "k").status == OrderStatus::waiting);
}

TEST_CASE("SaleControl: everybody admitted, and at once no more → they count in that second",
          "[engine][unit]") {
  Room room(10);
  (void)room.join_many(20);
  change(room, {.admit_all = true});
  room.settle();
  REQUIRE(room.admissions() == 20);
  change(room, {.admit_all = false});
  for (int i = 0; i < 20; ++i) (void)room.join("late" + std::to_string(i));
  CHECK(issued_in(room, 995ms) == 0);
  CHECK(issued_in(room, 1s) == 10);
}

TEST_CASE(
    "SaleControl: paused with a long line and no rate → asked again the later, the further back",
    "[engine][unit]") {
  Room room(0);
  change(room, {.sale_paused = true});
  std::string last;
  for (int i = 0; i < 100'000; ++i) last = room.join("u" + std::to_string(i));
  const Place place = room.look(last);
  CHECK(place.state == PlaceState::waiting);
  CHECK(place.wait == 0ms);
  CHECK(place.refresh > 2s);
  CHECK(place.refresh <= 4s);
}

TEST_CASE("SaleControl: a paused sale → everybody waits, nobody is let in, replays go on",
          "[engine][unit]") {
  Room room(2);
  const std::string ann = room.join("ann");
  room.run(1s);
  const std::string pass = room.pass(ann);
  const std::string bob = room.join("bob");
  REQUIRE(room.engine->init({.product_id = "gone", .quantity = 0}).status == InitStatus::ok);
  const std::string cay = room.join("cay");
  room.run(1s);
  REQUIRE(room.buy_with(room.pass(cay), "cay", "k").status == OrderStatus::accepted);

  change(room, {.sale_paused = true});
  CHECK(room.buy_with(pass, "ann", "k").status == OrderStatus::waiting);
  CHECK(buy(*room.engine, "eve", "k").status == OrderStatus::waiting);
  CHECK(buy(*room.engine, "eve", "k", 1, "gone").status == OrderStatus::sold_out);
  const OrderResult replay = buy(*room.engine, "cay", "k");
  CHECK(replay.status == OrderStatus::accepted);
  CHECK(replay.replayed);
  const std::string dan = room.join("dan");
  CHECK(issued_in(room, 5s) == 0);
  CHECK(room.look(dan).state == PlaceState::waiting);
  // Nothing of the line is due but the look for who has left.
  CHECK(*room.engine->next_step() > room.life.clock.monotonic());

  change(room, {.sale_paused = false});
  CHECK(room.buy_with(pass, "ann", "k").status == OrderStatus::accepted);
  (void)room.look(bob);
  (void)room.look(dan);
  room.run(1s);
  CHECK(room.look(dan).state == PlaceState::admitted);
}

TEST_CASE("SaleControl: paused without a rate → a place in line, let in afterwards",
          "[engine][unit]") {
  Room room(0);
  change(room, {.sale_paused = true});
  CHECK(buy(*room.engine, "ann", "k").status == OrderStatus::waiting);
  const std::string ann = room.join("ann");
  room.run(1s);
  CHECK(room.look(ann).state == PlaceState::waiting);
  change(room, {.sale_paused = false});
  room.settle();
  CHECK(room.look(ann).state == PlaceState::admitted);
}

TEST_CASE("SaleControl: two changes in one block → both, in order", "[engine][unit]") {
  Room room(1);
  Inbox inbox;
  SettingsOperation first(inbox);
  SettingsOperation second(inbox);
  first.request = {.rate_limit = 2, .line_closed = true, .renew_ticket_key = true};
  second.request = {.rate_limit = 3, .renew_ticket_key = true};
  const std::uint64_t blocks = room.engine->stats().blocks_total;
  REQUIRE(room.engine->submit(first) == Submission::pending);
  REQUIRE(room.engine->submit(second) == Submission::pending);
  room.settle();
  CHECK(inbox.operations == 2);
  CHECK(room.engine->stats().blocks_total == blocks + 1);
  CHECK(first.result.settings == SaleSettings{.rate_limit = 2, .line_closed = true});
  CHECK(second.result.settings == SaleSettings{.rate_limit = 3, .line_closed = true});
  CHECK(first.result.ticket_key == 2);
  CHECK(second.result.ticket_key == 3);
  room.restart();
  CHECK(room.engine->settings() == second.result.settings);
}

TEST_CASE("SaleControl: a new ticket key → no place and no pass is lost, also after a restart",
          "[engine][unit]") {
  Room room(1);
  const std::string ann = room.join("ann");
  const std::string bob = room.join("bob");
  room.run(500ms);
  const std::string pass = room.pass(ann);
  const SettingsResult renewed = room.engine->change({.renew_ticket_key = true});
  CHECK(renewed.status == SettingsStatus::ok);
  CHECK(renewed.ticket_key == 2);
  CHECK(room.look(bob).position == 1);
  CHECK(room.pass(ann) == pass);
  const JoinResult again = room.engine->join({.product_id = "p", .user_id = "bob"});
  CHECK(again.status == JoinStatus::kept);
  CHECK(again.ticket != bob);
  room.restart();
  CHECK(room.look(bob).position == 1);
  CHECK(room.look(again.ticket).position == 1);
  CHECK(room.pass(ann) == pass);
  CHECK(room.buy_with(pass, "ann", "k").status == OrderStatus::accepted);
}

TEST_CASE("SaleControl: 255 ticket keys → no more, the last one signs on", "[engine][unit]") {
  Room room(1);
  for (int key = 2; key <= 255; ++key) {
    REQUIRE(room.engine->change({.renew_ticket_key = true}).ticket_key == key);
  }
  const std::uint64_t blocks = room.engine->stats().blocks_total;
  CHECK(room.engine->change({.rate_limit = 2, .renew_ticket_key = true}).status ==
        SettingsStatus::too_many_keys);
  CHECK(room.engine->settings().rate_limit == 1);
  CHECK(room.engine->stats().blocks_total == blocks);
  const std::string ann = room.join("ann");
  room.restart();
  CHECK(room.look(ann).position == 1);
}

TEST_CASE("SaleControl: a write that fails → storage_unavailable, nothing is in force",
          "[engine][unit]") {
  Life life;
  FaultyStorage faulty(life.storage);
  life.options.storage = &faulty;
  Engine& engine = life.open();
  faulty.fail_append({});
  CHECK(engine.change({.sale_paused = true}).status == SettingsStatus::storage_unavailable);
  CHECK_FALSE(engine.settings().sale_paused);
  CHECK(engine.change({.sale_paused = true}).status == SettingsStatus::storage_unavailable);
}

TEST_CASE("SaleControl: shut or crowded → says why, nothing happened", "[engine][unit]") {
  Life life;
  FaultyStorage faulty(life.storage);
  life.options.storage = &faulty;
  life.options.pending_orders_max = 1;
  Engine& engine = life.open();
  Inbox inbox;
  SettingsOperation waiting(inbox);
  REQUIRE(engine.submit(waiting) == Submission::pending);
  CHECK(engine.change({.rate_limit = 5}).status == SettingsStatus::overloaded);
  while (engine.step()) {
  }
  engine.drain();
  CHECK(engine.change({.rate_limit = 5}).status == SettingsStatus::draining);
  CHECK(engine.settings() == SaleSettings{});
}

TEST_CASE("SaleControl: settings of the log that cannot be → damaged", "[engine][unit]") {
  const auto open_with = [](std::string_view name, std::string_view value) -> std::string {
    Life life;
    orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
    REQUIRE(life.storage.start_writing({}).has_value());
    log.block().add(orderlog::SettingRecord{"order_id_key", "0123456789abcdef"});
    log.block().add(orderlog::SettingRecord{name, value});
    REQUIRE(log.write().has_value());
    auto opened = Engine::open(life.options);
    return opened ? "fine" : opened.error().message;
  };
  CHECK(open_with("rate_limit", "1000000000") == "fine");
  CHECK(open_with("of_a_later_release", "?") == "fine");
  for (const char* bad : {"", "1000000001", "-1", "1 ", "0x1", "99999999999999999999999"}) {
    CAPTURE(bad);
    CHECK(open_with("rate_limit", bad) ==
          "block 1 (first order 1): the setting rate_limit has no valid value");
  }
  CHECK(open_with("sale_paused", "2") ==
        "block 1 (first order 1): the setting sale_paused has no valid value");
}

TEST_CASE("SaleControl: the log of a release without tickets → gets its first key",
          "[engine][unit]") {
  Life life;
  {
    orderlog::LogWriter log(life.storage, life.clock, Durability::sync, {}, 0ms, {});
    REQUIRE(life.storage.start_writing({}).has_value());
    log.block().add(orderlog::SettingRecord{"order_id_key", "0123456789abcdef"});
    log.block().add(orderlog::ProductRecord{0, "p"});
    log.block().add(orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 2});
    REQUIRE(log.write().has_value());
  }
  life.options.rate_limit = 1;
  Engine* engine = &life.open();
  const JoinResult joined = engine->join({.product_id = "p", .user_id = "ann"});
  REQUIRE(joined.status == JoinStatus::joined);
  engine = &life.open();
  const auto place = engine->look(joined.ticket);
  REQUIRE(place.has_value());
  CHECK(place->position == 1);
}

TEST_CASE("Race: settings that change under orders, looks and joins → stock and answers hold",
          "[engine][race]") {
  constexpr int changes = 300;
  constexpr int buyers = 3;
  Life life(1);
  life.options.rate_limit = 1'000;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 500}).status == InitStatus::ok);
  std::atomic<bool> is_over{false};
  std::atomic<int> accepted{0};
  std::atomic<int> strange{0};
  std::vector<std::thread> threads;
  for (int buyer = 0; buyer < buyers; ++buyer) {
    threads.emplace_back([&, buyer] {
      for (int i = 0; !is_over.load(); ++i) {
        const std::string user = "u" + std::to_string(buyer) + "-" + std::to_string(i);
        const OrderResult result = buy(engine, user, "k");
        if (result.status == OrderStatus::accepted) {
          ++accepted;
        } else if (result.status == OrderStatus::waiting) {
          const JoinResult joined = engine.join({.product_id = "p", .user_id = user});
          const bool has_place = joined.status == JoinStatus::joined;
          if (has_place && !engine.look(joined.ticket)) ++strange;
        } else if (result.status != OrderStatus::sold_out) {
          ++strange;
        }
      }
    });
  }
  for (int i = 0; i < changes; ++i) {
    const SettingsChange wanted{.rate_limit = static_cast<std::uint64_t>(i % 5 * 500),
                                .line_closed = i % 3 == 0,
                                .admit_all = i % 7 == 0,
                                .sale_paused = i % 2 == 0,
                                .renew_ticket_key = i % 2 == 0};
    const SettingsResult result = engine.change(wanted);
    if (result.status != SettingsStatus::ok || engine.settings() != result.settings) ++strange;
  }
  is_over = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(strange == 0);
  const auto product = engine.product("p");
  CHECK(product->accepted == static_cast<Units>(accepted.load()));
  CHECK(product->stock + product->accepted == 500);
}
