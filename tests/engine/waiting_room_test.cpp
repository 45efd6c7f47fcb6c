#include "engine/waiting_room.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/waiting_room_fixture.hpp"
#include "support/faulty_storage.hpp"
#include "support/seed.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

TEST_CASE("WaitingRoom: no rate → position 0, and the first look is admitted", "[engine][unit]") {
  Room room(0);
  const JoinResult joined = room.engine->join({.product_id = "p", .user_id = "ann"});
  CHECK(joined.status == JoinStatus::joined);
  CHECK(joined.place.position == 0);
  CHECK(joined.place.ahead == 0);
  CHECK(joined.place.wait == 0ms);
  const Place place = room.look(joined.ticket);
  CHECK(place.state == PlaceState::admitted);
  CHECK(place.position == 0);
  CHECK(place.units_left == 100'000);
  CHECK(room.buy_with(place.pass, "ann", "k").status == OrderStatus::accepted);
  CHECK(buy(*room.engine, "bob", "k").status == OrderStatus::accepted);
}

TEST_CASE("WaitingRoom: the same person again → the same ticket and place", "[engine][unit]") {
  Room room(1);
  (void)room.join("first");
  const std::string ann = room.join("ann");
  const std::string bob = room.join("bob");
  const JoinResult again = room.engine->join({.product_id = "p", .user_id = "ann"});
  CHECK(again.status == JoinStatus::kept);
  CHECK(again.ticket == ann);
  CHECK(again.place.position == room.look(ann).position);
  CHECK(room.look(bob).ahead == room.look(ann).ahead + 1);
  CHECK(room.engine->stats().tickets_total == 3);
  const auto holder = room.engine->ticket_holder(ann);
  REQUIRE(holder.has_value());
  CHECK(holder->product_id == "p");
  CHECK(holder->user_id == "ann");
}

TEST_CASE("WaitingRoom: who may not join → says why, and gives no ticket", "[engine][unit]") {
  Room room(1, 1);
  const auto refused = [&](std::string_view product, std::string_view user) {
    const JoinResult result = room.engine->join({.product_id = product, .user_id = user});
    CHECK(result.ticket.empty());
    return result.status;
  };
  CHECK(refused("nothing", "ann") == JoinStatus::unknown_product);
  CHECK(refused("p", "") == JoinStatus::invalid_argument);
  CHECK(refused("", "ann") == JoinStatus::invalid_argument);
  REQUIRE(buy(*room.engine, "bob", "k").status == OrderStatus::accepted);
  CHECK(refused("p", "ann") == JoinStatus::sold_out);
  REQUIRE(room.engine->init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  room.engine->drain();
  CHECK(refused("p", "ann") == JoinStatus::draining);
  CHECK(room.engine->stats().tickets_total == 0);
}

TEST_CASE("WaitingRoom: people wait → as many passes as the rate in every second, in order",
          "[engine][unit]") {
  const std::uint64_t rate = GENERATE(1U, 3U, 7U, 200U, 333U);
  CAPTURE(rate);
  constexpr std::size_t second = 1s / pace_point;
  Room room(rate);
  const std::vector<std::string> tickets = room.join_many(5 * rate);
  // Passes issued by each point of the pace.
  std::vector<std::uint64_t> issued{0, room.admissions()};
  while (room.admissions() < tickets.size()) {
    REQUIRE(issued.size() < 6 * second);
    room.run(pace_point);
    issued.push_back(room.admissions());
    const std::uint64_t now = issued.back();
    if (now != 0) CHECK(room.look(tickets[now - 1]).state == PlaceState::admitted);
    if (now < tickets.size()) {
      const Place next = room.look(tickets[now]);
      CHECK(next.state == PlaceState::waiting);
      CHECK(next.position == 1);
      CHECK(next.pass.empty());
    }
  }
  std::size_t windows = 0;
  for (std::size_t end = second; end + 1 < issued.size(); ++end, ++windows) {
    if (issued[end] - issued[end - second] != rate) {
      FAIL_CHECK("window ending at point " << end << ": " << issued[end] - issued[end - second]);
    }
  }
  CHECK(windows >= 3 * second);
}

TEST_CASE("WaitingRoom: stepped when next_step() says → the line moves at its rate",
          "[engine][unit]") {
  Room room(10);
  const std::vector<std::string> tickets = room.join_many(40);
  const auto began = room.life.clock.monotonic();
  int steps = 0;
  while (room.admissions() < tickets.size()) {
    REQUIRE(++steps < 1'000);
    const auto due = room.engine->next_step();
    REQUIRE(due.has_value());
    const auto now = room.life.clock.monotonic();
    if (*due > now) room.life.clock.advance(*due - now);
    (void)room.engine->step();
  }
  CHECK(room.life.clock.monotonic() - began <= 4s);
  CHECK(room.life.clock.monotonic() - began > 3800ms);
}

TEST_CASE("WaitingRoom: a pause of the process → no burst behind it", "[engine][unit]") {
  Room room(100);
  (void)room.join_many(400);
  room.run(500ms);
  const std::uint64_t before = room.admissions();
  room.life.clock.advance(5s);
  room.settle();
  CHECK(room.admissions() - before <= 51);  // half a second is made up for
}

TEST_CASE("WaitingRoom: the line moves → nobody's ahead ever grows", "[engine][unit]") {
  Room room(5);
  const std::vector<std::string> tickets = room.join_many(20);
  std::vector<std::uint64_t> ahead(tickets.size(), 100);
  for (int i = 0; i < 30; ++i) {
    for (std::size_t t = 0; t < tickets.size(); ++t) {
      const Place place = room.look(tickets[t]);
      CHECK(place.ahead <= ahead[t]);
      CHECK(place.refresh <= 2s);
      CHECK(place.refresh > 0ms);
      ahead[t] = place.ahead;
    }
    (void)room.join("late" + std::to_string(i));
    room.run(100ms);
  }
}

TEST_CASE("WaitingRoom: one line for all products → those sold out are passed over",
          "[engine][unit]") {
  Room room(1, 1);
  REQUIRE(room.engine->init({.product_id = "q", .quantity = 5}).status == InitStatus::ok);
  const std::string first = room.join("first");
  const std::string ann = room.join("ann");
  const std::string bob = room.join("bob", "q");
  room.settle();
  REQUIRE(room.buy_with(room.pass(first), "first", "k").status == OrderStatus::accepted);
  room.run(1s);
  CHECK(room.look(ann).state == PlaceState::sold_out);
  CHECK(room.look(ann).position == 1);
  CHECK(room.look(bob).state == PlaceState::admitted);
}

TEST_CASE("WaitingRoom: a foreign, altered or malformed ticket → none", "[engine][unit]") {
  Room room(1);
  const std::string ticket = room.join("ann");
  room.settle();
  Life other;
  std::array<std::byte, 7> skipped;
  other.entropy.fill(skipped);  // other keys
  other.options.rate_limit = 1;
  REQUIRE(other.open().init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  const JoinResult foreign = other.engine->join({.product_id = "p", .user_id = "ann"});
  REQUIRE(foreign.status == JoinStatus::joined);

  const auto is_unknown = [&](const std::string& text) {
    return !room.engine->look(text) && !room.engine->ticket_holder(text);
  };
  CHECK(is_unknown(foreign.ticket));
  CHECK(is_unknown(""));
  CHECK(is_unknown(ticket + "A"));
  CHECK(is_unknown(ticket + "="));
  CHECK(is_unknown(ticket.substr(0, ticket.size() - 1)));
  CHECK(is_unknown(std::string(100'000, 'A')));
  CHECK(is_unknown(room.pass(ticket)));
  // Every other character of the alphabet, and some that are not of it, in every place.
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ";
  for (std::size_t at = 0; at < ticket.size(); ++at) {
    for (const char letter : letters) {
      if (letter == ticket[at]) continue;
      std::string altered = ticket;
      altered[at] = letter;
      if (!is_unknown(altered)) FAIL_CHECK("accepted " << altered);
    }
  }
  CHECK_FALSE(is_unknown(ticket));
}

TEST_CASE("WaitingRoom: an order without a pass → waits for those present only", "[engine][unit]") {
  Room room(1);
  const std::vector<std::string> tickets = room.join_many(12);
  room.settle();
  CHECK(buy(*room.engine, "zoe", "k").status == OrderStatus::waiting);
  // Nobody asks again: each is present for three refreshes of two seconds.
  room.run(5s);
  CHECK(buy(*room.engine, "zoe", "k").status == OrderStatus::waiting);
  room.run(10s);
  CHECK(room.admissions() < 8);
  CHECK(room.engine->stats().line_waiting == 12 - room.admissions());
  CHECK(buy(*room.engine, "zoe", "k").status == OrderStatus::accepted);
  room.run(5s);
  CHECK(room.look(tickets[11]).state == PlaceState::waiting);
  CHECK(buy(*room.engine, "yan", "k").status == OrderStatus::waiting);
}

TEST_CASE("WaitingRoom: absent → passed over, place kept 300 s, served next on return",
          "[engine][unit]") {
  Room room(1);
  const std::vector<std::string> tickets = room.join_many(12);
  room.run(15s);
  const std::uint64_t served = room.admissions();
  REQUIRE(served < 9);
  room.run(100s);
  CHECK(room.admissions() == served);
  (void)room.join("new0");
  const std::string newcomer = room.join("new1");
  room.settle();
  const Place back = room.look(tickets[10]);
  CHECK(back.state == PlaceState::waiting);
  CHECK(back.ahead == 10 - served);
  room.run(1s);
  CHECK(room.look(tickets[10]).state == PlaceState::admitted);
  CHECK(room.look(newcomer).state == PlaceState::waiting);
  // Present until 6 s after they came.
  room.run(304s - 116s);
  CHECK(room.look(tickets[9]).state != PlaceState::expired);
  room.run(4s);
  CHECK(room.look(tickets[11]).state == PlaceState::expired);
  CHECK(room.look(tickets[9]).state == PlaceState::admitted);
  const JoinResult again = room.engine->join({.product_id = "p", .user_id = "u11"});
  CHECK(again.status == JoinStatus::joined);
  CHECK(again.ticket != tickets[11]);
}

TEST_CASE("WaitingRoom: nine in ten leave at once → at most six seconds of passes are lost",
          "[engine][unit]") {
  constexpr std::uint64_t rate = 50;
  constexpr std::size_t people = 5'000;
  struct Person {
    std::string ticket;
    std::chrono::nanoseconds next;
    bool is_admitted = false;
  };
  Room room(rate);
  std::mt19937_64 random(make_seed("nine in ten leave"));
  std::vector<Person> present;
  for (std::size_t i = 0; i < people; ++i) {
    const JoinResult joined =
        room.engine->join({.product_id = "p", .user_id = "u" + std::to_string(i)});
    REQUIRE(joined.status == JoinStatus::joined);
    if (random() % 10 != 0) continue;
    present.push_back({joined.ticket, room.life.clock.monotonic() + joined.place.refresh});
  }
  const auto began = room.life.clock.monotonic();
  std::size_t admitted = 0;
  while (admitted < present.size()) {
    room.run(pace_point);
    const auto now = room.life.clock.monotonic();
    REQUIRE(now - began < 60s);
    for (Person& person : present) {
      if (person.is_admitted || now < person.next) continue;
      const Place place = room.look(person.ticket);
      person.next = now + place.refresh;
      person.is_admitted = place.state == PlaceState::admitted;
      admitted += person.is_admitted ? 1 : 0;
    }
  }
  CHECK(room.admissions() - present.size() <= 6 * rate);
}

TEST_CASE("WaitingRoom: sold out → places are kept, and a new round moves the line on",
          "[engine][unit]") {
  Room room(1, 1);
  const std::string ann = room.join("ann");
  const std::string bob = room.join("bob");
  const std::string cyd = room.join("cyd");
  room.settle();
  REQUIRE(room.buy_with(room.pass(ann), "ann", "k").status == OrderStatus::accepted);
  CHECK(room.look(ann).state == PlaceState::expired);
  room.run(10s);
  const Place kept = room.look(bob);
  CHECK(kept.state == PlaceState::sold_out);
  CHECK(kept.position == 1);
  CHECK(kept.units_left == 0);
  CHECK(kept.pass.empty());
  CHECK(room.admissions() == 1);
  // Longer than an absent place is kept while there is something to wait for.
  room.run(400s);
  CHECK(room.look(bob).state == PlaceState::sold_out);
  REQUIRE(room.engine->init({.product_id = "p", .quantity = 2}).status == InitStatus::ok);
  room.run(1s);
  CHECK(room.look(bob).state == PlaceState::admitted);
  room.run(200s);
  CHECK(room.look(cyd).state == PlaceState::waiting);
  room.run(1s);
  CHECK(room.look(cyd).state == PlaceState::admitted);
}

TEST_CASE("WaitingRoom: the write of a join fails → storage_unavailable, and no ticket",
          "[engine][unit]") {
  const bool reaches_storage = GENERATE(false, true);
  Life life;
  FaultyStorage faulty(life.storage);
  life.options.storage = &faulty;
  life.options.rate_limit = 1;
  Engine* engine = &life.open();
  REQUIRE(engine->init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  faulty.fail_append({.reaches_storage = reaches_storage});
  for (int i = 0; i < 2; ++i) {
    const JoinResult failed = engine->join({.product_id = "p", .user_id = "ann"});
    CHECK(failed.status == JoinStatus::storage_unavailable);
    CHECK(failed.ticket.empty());
  }
  CHECK(engine->state() == EngineState::failed);
  life.options.storage = &life.storage;
  engine = &life.open();
  CHECK(engine->join({.product_id = "p", .user_id = "ann"}).status ==
        (reaches_storage ? JoinStatus::kept : JoinStatus::joined));
  CHECK(engine->stats().tickets_total == 1);
}

TEST_CASE("WaitingRoom: the write of an admission fails → nobody sees a pass", "[engine][unit]") {
  Life life;
  FaultyStorage faulty(life.storage);
  life.options.storage = &faulty;
  life.options.rate_limit = 1;
  Engine& engine = life.open();
  REQUIRE(engine.init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  const JoinResult joined = engine.join({.product_id = "p", .user_id = "ann"});
  REQUIRE(joined.status == JoinStatus::joined);
  faulty.fail_append({});
  while (engine.step()) {
  }
  CHECK(engine.state() == EngineState::failed);
  const auto place = engine.look(joined.ticket);
  REQUIRE(place.has_value());
  CHECK(place->state == PlaceState::waiting);
  CHECK(place->pass.empty());
  CHECK(engine.stats().admissions_total == 0);
}

TEST_CASE("WaitingRoom: a restart → no more than the rate in the second around it",
          "[engine][unit]") {
  Room room(10);
  const std::vector<std::string> tickets = room.join_many(60);
  room.run(2s);
  const std::uint64_t first_life = room.admissions();
  // Half of the last second was in the life before; all of it counts.
  room.life.clock.advance(500ms);
  room.restart();
  for (const std::string& ticket : tickets) (void)room.look(ticket);
  room.run(995ms);
  CHECK(room.admissions() <= 5);
  room.run(1s);
  CHECK(room.admissions() >= 9);
  CHECK(room.admissions() <= 15);
  CHECK(first_life == 21);
}

TEST_CASE("WaitingRoom: a restart with many who left → present for one refresh more, not three",
          "[engine][unit]") {
  constexpr std::uint64_t rate = 10;
  Room room(rate);
  (void)room.join_many(3'000);
  room.run(120s);  // nobody came back: absent
  std::vector<std::string> real;
  for (int i = 0; i < 20; ++i) real.push_back(room.join("real" + std::to_string(i)));
  const std::uint64_t before = room.engine->stats().tickets_total;
  REQUIRE(before == 3'020);
  room.restart();
  // The last of them was told to come back in 10 s, and 4 are added.
  for (std::chrono::seconds waited{0}; waited < 17s; waited += 1s) {
    for (const std::string& ticket : real) (void)room.look(ticket);
    room.run(1s);
  }
  for (const std::string& ticket : real) CHECK(room.look(ticket).state == PlaceState::admitted);
}

TEST_CASE("WaitingRoom: a ticket whose number another has now → expired, and touches nobody",
          "[engine][unit]") {
  // Both engines have the same keys, as the same log has that lost its end in a power cut.
  Room lost(1);
  Room kept(1);
  const std::string ticket = lost.join("ann");
  (void)kept.join("bob");
  kept.settle();
  const Place place = kept.look(ticket);
  CHECK(place.state == PlaceState::expired);
  CHECK(place.position == 0);
  CHECK(place.pass.empty());
  lost.settle();
  const std::string pass = lost.pass(ticket);
  CHECK(kept.buy_with(pass, "ann", "k").status == OrderStatus::expired_pass);
  const JoinResult again = kept.engine->join({.product_id = "p", .user_id = "bob"});
  CHECK(kept.buy_with(kept.pass(again.ticket), "bob", "k").status == OrderStatus::accepted);
}

TEST_CASE("WaitingRoom: a ticket for a product that the log has lost → none", "[engine][unit]") {
  // As above.
  Room lost(1);
  Room kept(1);
  REQUIRE(lost.engine->init({.product_id = "q", .quantity = 1}).status == InitStatus::ok);
  const std::string ticket = lost.join("ann", "q");
  CHECK(lost.engine->look(ticket).has_value());
  CHECK_FALSE(kept.engine->look(ticket).has_value());
  REQUIRE(kept.engine->init({.product_id = "q", .quantity = 1}).status == InitStatus::ok);
  CHECK(kept.look(ticket).state == PlaceState::expired);
}

TEST_CASE("WaitingRoom: the rate switched off while many wait → who joins then comes behind them",
          "[engine][unit]") {
  Room room(1);
  const std::vector<std::string> tickets = room.join_many(5'000);
  Inbox inbox;
  SettingsOperation change(inbox);
  change.request.admit_all = true;
  JoinOperation join(inbox);
  join.request = {.product_id = "p", .user_id = "late"};
  REQUIRE(room.engine->submit(change) == Submission::pending);
  REQUIRE(room.engine->step());
  REQUIRE(room.engine->submit(join) == Submission::pending);
  REQUIRE(room.engine->step());
  CHECK(room.look(tickets.back()).state == PlaceState::waiting);
  CHECK(room.look(join.result.ticket).state == PlaceState::waiting);
  room.settle();
  CHECK(room.look(tickets.back()).state == PlaceState::admitted);
  CHECK(room.look(join.result.ticket).state == PlaceState::admitted);
}
