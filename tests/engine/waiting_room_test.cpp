#include "engine/waiting_room.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <string>
#include <vector>

#include "base/run_together.hpp"
#include "engine/fixture.hpp"

namespace fluxgate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::buy;
using testing::Life;
using testing::run_together;

struct Room : Life {
  explicit Room(std::uint64_t rate, Units stock = 1000) {
    options.rate_limit = rate;
    open();
    REQUIRE(engine->init({.product_id = "p", .quantity = stock}).status == InitStatus::ok);
  }

  JoinResult join(const std::string& user, std::string_view product = "p") {
    return engine->join({.product_id = product, .user_id = user});
  }
  std::string ticket(const std::string& user) { return join(user).ticket; }

  Place look(const std::string& ticket) {
    const auto place = engine->look(ticket);
    REQUIRE(place);
    return *place;
  }

  // Time goes on in points of 5 ms, and the host steps.
  void run(milliseconds time) {
    for (milliseconds passed{0}; passed < time; passed += milliseconds(5)) {
      clock.advance(milliseconds(5));
      while (engine->step()) {
      }
    }
  }

  OrderResult order(std::string_view user, std::string_view key, std::string_view pass,
                    Units quantity = 1) {
    return engine->order({"p", user, key, quantity, pass});
  }
};

}  // namespace

TEST_CASE("WaitingRoom: without a rate → position 0, admitted at the first look",
          "[engine][unit]") {
  Room room(0);
  const JoinResult joined = room.join("a");
  CHECK(joined.status == JoinStatus::joined);
  CHECK(joined.place.position == 0);
  CHECK(joined.place.ahead == 0);
  const Place place = room.look(joined.ticket);
  CHECK(place.state == PlaceState::admitted);
  CHECK_FALSE(place.pass.empty());
  CHECK(room.order("a", "k", place.pass).status == OrderStatus::accepted);
}

TEST_CASE("WaitingRoom: the same person again → his place and ticket", "[engine][unit]") {
  Room room(1);
  room.join("first");
  const JoinResult joined = room.join("a");
  const JoinResult again = room.join("a");
  CHECK(joined.status == JoinStatus::joined);
  CHECK(again.status == JoinStatus::kept);
  CHECK(again.ticket == joined.ticket);
  CHECK(again.place.position <= joined.place.position);  // the first may have been called
  CHECK(room.join("a", "q").status == JoinStatus::unknown_product);
  CHECK(room.join("").status == JoinStatus::invalid_argument);
  const auto holder = room.engine->ticket_holder(joined.ticket);
  REQUIRE(holder);
  CHECK(holder->product_id == "p");
  CHECK(holder->user_id == "a");
  CHECK_FALSE(room.engine->look("nonsense"));
  CHECK_FALSE(room.engine->ticket_holder("nonsense"));
}

TEST_CASE("WaitingRoom: people wait → the rate in every second, in order, orders behind them",
          "[engine][unit]") {
  Room room(20);
  std::vector<std::string> tickets;
  for (int i = 0; i < 100; ++i) tickets.push_back(room.ticket("u" + std::to_string(i)));
  CHECK(buy(*room.engine, "z", "k").status == OrderStatus::waiting);
  std::size_t admitted = 0;
  std::deque<std::size_t> by_step;
  for (int step = 0; step < 4 * 200; ++step) {
    std::size_t now_admitted = 0;
    bool is_prefix = true;
    for (const std::string& ticket : tickets) {
      const bool is_in = room.look(ticket).state == PlaceState::admitted;
      if (is_in && !is_prefix) FAIL("overtaken");
      is_prefix = is_prefix && is_in;
      now_admitted += is_in ? 1 : 0;
    }
    by_step.push_back(now_admitted - admitted);
    admitted = now_admitted;
    if (by_step.size() > 200) by_step.pop_front();
    std::size_t in_second = 0;
    for (const std::size_t count : by_step) in_second += count;
    REQUIRE(in_second <= 20);
    if (step >= 200) REQUIRE(in_second == 20);
    room.run(milliseconds(5));
  }
  CHECK(admitted >= 79);
  CHECK(buy(*room.engine, "z", "k").status == OrderStatus::waiting);
}

TEST_CASE("WaitingRoom: only absent people in line → others order freely; back, they are next",
          "[engine][unit]") {
  Room room(1);
  room.join("first");
  const std::string ticket = room.ticket("a");
  room.run(milliseconds(500));
  CHECK(buy(*room.engine, "z", "k").status == OrderStatus::waiting);
  room.clock.advance(seconds(30));
  while (room.engine->step()) {
  }
  CHECK(buy(*room.engine, "z", "k").status == OrderStatus::accepted);
  room.clock.advance(seconds(30));
  CHECK(room.look(ticket).state == PlaceState::waiting);  // he is back
  CHECK(buy(*room.engine, "y", "k").status == OrderStatus::waiting);
  room.run(milliseconds(100));
  CHECK(room.look(ticket).state == PlaceState::admitted);
  // Nobody is in line any more; but his pass was the admission of this second.
  CHECK(buy(*room.engine, "y", "k").status == OrderStatus::waiting);
  room.run(seconds(1));
  CHECK(buy(*room.engine, "y", "k").status == OrderStatus::accepted);
}

TEST_CASE("WaitingRoom: passes → bound, used by accepted orders only, lapsed after 300 s",
          "[engine][unit]") {
  Room room(0, 5);
  REQUIRE(
      room.engine->init({.product_id = "p", .quantity = 5, .max_per_order = 2, .max_per_user = 3})
          .status == InitStatus::ok);
  REQUIRE(room.engine->init({.product_id = "q", .quantity = 5}).status == InitStatus::ok);
  const std::string pass = room.look(room.ticket("a")).pass;
  CHECK(room.order("b", "k", pass).status == OrderStatus::invalid_pass);
  CHECK(room.engine->order({"q", "a", "k", 1, pass}).status == OrderStatus::invalid_pass);
  CHECK(room.order("a", "k", pass, 3).status == OrderStatus::over_limit);
  CHECK(room.order("a", "k", pass, 2).status == OrderStatus::accepted);
  CHECK(room.order("a", "k2", pass).status == OrderStatus::used_pass);
  CHECK(room.order("a", "k", "", 2).replayed);
  CHECK(room.order("a", "k", "nonsense", 2).replayed);

  const std::string other = room.look(room.ticket("c")).pass;
  room.clock.advance(seconds(300));
  CHECK(room.order("c", "k", other).status == OrderStatus::expired_pass);
  room.run(seconds(3));  // forgotten by now
  CHECK(room.order("c", "k", other).status == OrderStatus::expired_pass);
  CHECK(room.engine->stats().line_waiting == 0);
}

TEST_CASE("WaitingRoom: a restart → the same places, tickets, passes and used passes",
          "[engine][unit]") {
  Room room(2);
  const std::string used = room.ticket("used");
  const std::string holds = room.ticket("holds");
  room.run(milliseconds(600));
  const std::string used_pass = room.look(used).pass;
  const std::string held_pass = room.look(holds).pass;
  REQUIRE_FALSE(held_pass.empty());
  REQUIRE(room.order("used", "k", used_pass).status == OrderStatus::accepted);
  std::vector<std::string> tickets;
  std::vector<std::uint64_t> ahead;
  for (int i = 0; i < 20; ++i) tickets.push_back(room.ticket("u" + std::to_string(i)));
  for (const std::string& ticket : tickets) ahead.push_back(room.look(ticket).ahead);
  room.open();
  for (std::size_t i = 0; i < tickets.size(); ++i) CHECK(room.look(tickets[i]).ahead <= ahead[i]);
  CHECK(room.look(tickets.back()).ahead == ahead.back());
  CHECK(room.join("u7").ticket == tickets[7]);
  CHECK(room.look(holds).pass == held_pass);
  CHECK(room.look(used).state == PlaceState::expired);
  CHECK(room.order("used", "k2", used_pass).status == OrderStatus::used_pass);
  CHECK(room.order("holds", "k", held_pass).status == OrderStatus::accepted);
  const std::uint64_t new_ahead = room.join("new").place.ahead;
  CHECK(new_ahead == room.look(tickets.back()).ahead + 1);
}

TEST_CASE("WaitingRoom: sold out → all hear so, nobody joins; the next round goes on",
          "[engine][unit]") {
  Room room(1, 1);
  const std::string first = room.ticket("first");
  const std::string second = room.ticket("second");
  room.run(milliseconds(100));
  REQUIRE(room.order("first", "k", room.look(first).pass).status == OrderStatus::accepted);
  CHECK(room.look(second).state == PlaceState::sold_out);
  CHECK(room.join("third").status == JoinStatus::sold_out);
  CHECK(buy(*room.engine, "z", "k").status == OrderStatus::sold_out);
  room.run(seconds(2));
  CHECK(room.look(second).state == PlaceState::sold_out);
  REQUIRE(room.engine->init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  CHECK(room.look(second).state == PlaceState::waiting);
  CHECK(room.look(second).position == 1);
  room.run(seconds(1));
  CHECK(room.look(second).state == PlaceState::admitted);
}

TEST_CASE("WaitingRoom: nine in ten leave at once → at most 6 s of admissions are lost",
          "[engine][unit]") {
  constexpr std::uint64_t rate = 50;
  constexpr std::size_t people = 5'000;
  Room room(rate, 1'000'000);
  struct Person {
    std::string ticket;
    milliseconds looks_at{0};
    bool stays = false;
    bool is_in = false;
  };
  std::vector<Person> line(people);
  const auto now = [&] { return std::chrono::duration_cast<milliseconds>(room.clock.monotonic()); };
  for (std::size_t i = 0; i < people; ++i) {
    const JoinResult joined = room.join("u" + std::to_string(i));
    line[i] = {joined.ticket, now() + joined.place.refresh, i % 10 == 0, false};
  }
  const std::uint64_t before = room.engine->stats().admissions_total;
  std::size_t stayed = 0;
  for (int step = 0; step < 100 * 200 && stayed < people / 10; ++step) {
    room.run(milliseconds(5));
    if (step % 20 != 0) continue;
    for (Person& person : line) {
      if (!person.stays || person.is_in || person.looks_at > now()) continue;
      const Place place = room.look(person.ticket);
      person.looks_at = now() + place.refresh;
      person.is_in = place.state == PlaceState::admitted;
      if (person.is_in) ++stayed;
    }
  }
  CHECK(stayed == people / 10);
  const std::uint64_t issued = room.engine->stats().admissions_total - before;
  CHECK(issued - stayed <= 6 * rate);
}

TEST_CASE("WaitingRoom: one pass, many orders at once → one is accepted", "[engine][race]") {
  for (int round = 0; round < 20; ++round) {
    Life life(1);
    Engine& engine = life.open();
    REQUIRE(engine.init({.product_id = "p", .quantity = 100}).status == InitStatus::ok);
    const JoinResult joined = engine.join({.product_id = "p", .user_id = "a"});
    const std::string pass = engine.look(joined.ticket)->pass;
    std::atomic<int> accepted{0};
    std::atomic<int> used{0};
    run_together(8, [&](int thread) {
      const std::string key = "k" + std::to_string(thread);
      for (int i = 0; i < 5; ++i) static_cast<void>(engine.look(joined.ticket));
      const OrderResult result = engine.order({"p", "a", key, 1, pass});
      if (result.status == OrderStatus::accepted) ++accepted;
      if (result.status == OrderStatus::used_pass) ++used;
    });
    REQUIRE(accepted == 1);
    REQUIRE(used == 7);
    REQUIRE(engine.product("p")->stock == 99);
  }
}

}  // namespace fluxgate
