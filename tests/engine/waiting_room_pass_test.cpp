// Passes: what they are good for, how long, and what a restart leaves of them.

#include <string>
#include <vector>

#include "engine/waiting_room_fixture.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

TEST_CASE("Pass: another's, another product's, altered or malformed → invalid_pass",
          "[engine][unit]") {
  Room room(0);
  REQUIRE(room.engine->init({.product_id = "q", .quantity = 5}).status == InitStatus::ok);
  const std::string ticket = room.join("ann");
  const std::string pass = room.pass(ticket);
  CHECK(room.buy_with(pass, "bob", "k").status == OrderStatus::invalid_pass);
  CHECK(room.buy_with(pass, "ann", "k", "q").status == OrderStatus::invalid_pass);
  CHECK(room.buy_with(ticket, "ann", "k").status == OrderStatus::invalid_pass);
  CHECK(room.buy_with("x", "ann", "k").status == OrderStatus::invalid_pass);
  CHECK(room.buy_with(pass + "A", "ann", "k").status == OrderStatus::invalid_pass);
  for (std::size_t at = 0; at < pass.size(); ++at) {
    for (const char letter : std::string_view("ABCDEFGHIJKLMNOPabcdefgh0189-_+=")) {
      if (letter == pass[at]) continue;
      std::string altered = pass;
      altered[at] = letter;
      const OrderStatus status = room.buy_with(altered, "ann", "k").status;
      if (status != OrderStatus::invalid_pass) FAIL_CHECK(altered << ": " << to_string(status));
    }
  }
  CHECK(room.engine->stats().orders_total == 0);
  CHECK(room.buy_with(pass, "ann", "k").status == OrderStatus::accepted);
}

TEST_CASE("Pass: 300 s after admission → expired_pass, and a new place at the end",
          "[engine][unit]") {
  Room room(0);
  const std::string ann = room.join("ann");
  const std::string bob = room.join("bob");
  const std::string ann_pass = room.pass(ann);
  const std::string bob_pass = room.pass(bob);
  room.life.clock.advance(300s - 1ms);
  CHECK(room.look(ann).state == PlaceState::admitted);
  CHECK(room.buy_with(ann_pass, "ann", "k").status == OrderStatus::accepted);
  room.life.clock.advance(1ms);
  CHECK(room.look(bob).state == PlaceState::expired);
  CHECK(room.look(bob).pass.empty());
  CHECK(room.buy_with(bob_pass, "bob", "k").status == OrderStatus::expired_pass);
  room.settle();
  CHECK(room.buy_with(bob_pass, "bob", "k").status == OrderStatus::expired_pass);
  const std::string again = room.join("bob");
  CHECK(again != bob);
  CHECK(room.look(bob).state == PlaceState::expired);
  CHECK(room.buy_with(bob_pass, "bob", "k").status == OrderStatus::expired_pass);
  CHECK(room.buy_with(room.pass(again), "bob", "k").status == OrderStatus::accepted);
  room.run(10s);
  CHECK(room.buy_with(room.pass(room.join("ann")), "ann", "k2").status == OrderStatus::accepted);
}

TEST_CASE("Pass: it bought something → used_pass, the place is expired, a replay needs none",
          "[engine][unit]") {
  Room room(1);
  const std::string ann = room.join("ann");
  (void)room.join("bob");
  (void)room.join("cyd");
  const std::string pass = room.pass(ann);
  CHECK(room.pass(ann) == pass);
  const OrderResult bought = room.buy_with(pass, "ann", "k");
  REQUIRE(bought.status == OrderStatus::accepted);
  CHECK(room.buy_with(pass, "ann", "k2").status == OrderStatus::used_pass);
  CHECK(room.look(ann).state == PlaceState::expired);
  for (const std::string& with : {std::string(), pass, std::string("rubbish")}) {
    const OrderResult replay = room.buy_with(with, "ann", "k");
    CHECK(replay.status == OrderStatus::accepted);
    CHECK(replay.replayed);
    CHECK(replay.order_id == bought.order_id);
  }
  CHECK(buy(*room.engine, "ann", "k2").status == OrderStatus::waiting);
  CHECK(room.join("ann") != ann);
}

TEST_CASE("Pass: a refused order → the pass is still good", "[engine][unit]") {
  Room room(0, 3);
  REQUIRE(
      room.engine
          ->init({.product_id = "limited", .quantity = 9, .max_per_order = 2, .max_per_user = 2})
          .status == InitStatus::ok);
  const std::string pass = room.pass(room.join("ann"));
  const auto order = [&](std::string_view product, Units quantity, std::string_view with) {
    return room.engine
        ->order({.product_id = product,
                 .user_id = "ann",
                 .key = "k",
                 .quantity = quantity,
                 .pass = with})
        .status;
  };
  CHECK(order("p", 4, pass) == OrderStatus::sold_out);
  CHECK(order("p", 3, pass) == OrderStatus::accepted);
  const std::string limited = room.pass(room.join("ann", "limited"));
  const auto limited_order = [&](std::string_view key, Units quantity) {
    return room.engine
        ->order({.product_id = "limited",
                 .user_id = "ann",
                 .key = key,
                 .quantity = quantity,
                 .pass = limited})
        .status;
  };
  REQUIRE(buy(*room.engine, "ann", "k0", 1, "limited").status == OrderStatus::accepted);
  CHECK(limited_order("k1", 3) == OrderStatus::over_limit);
  CHECK(limited_order("k1", 2) == OrderStatus::over_limit);
  CHECK(limited_order("k1", 1) == OrderStatus::accepted);
}

TEST_CASE("Pass: sold out meanwhile → told so, and good in the next round", "[engine][unit]") {
  Room room(0, 1);
  const std::string ann = room.join("ann");
  const std::string pass = room.pass(ann);
  REQUIRE(buy(*room.engine, "bob", "k").status == OrderStatus::accepted);
  CHECK(room.look(ann).state == PlaceState::sold_out);
  CHECK(room.look(ann).pass.empty());
  CHECK(room.buy_with(pass, "ann", "k").status == OrderStatus::sold_out);
  REQUIRE(room.engine->init({.product_id = "p", .quantity = 1}).status == InitStatus::ok);
  CHECK(room.pass(ann) == pass);
  CHECK(room.buy_with(pass, "ann", "k").status == OrderStatus::accepted);
}

TEST_CASE("Pass: a restart → places, passes and used passes are there again", "[engine][unit]") {
  Room room(1);
  const std::vector<std::string> tickets = room.join_many(6);
  room.run(1s);
  REQUIRE(room.admissions() == 2);
  const std::string used = room.pass(tickets[0]);
  const std::string good = room.pass(tickets[1]);
  REQUIRE(room.buy_with(used, "u0", "k").status == OrderStatus::accepted);
  std::vector<std::uint64_t> ahead;
  for (const std::string& ticket : tickets) ahead.push_back(room.look(ticket).ahead);

  room.restart();
  CHECK(room.engine->stats().tickets_total == 6);
  CHECK(room.engine->stats().line_waiting == 4);
  for (std::size_t i = 0; i < tickets.size(); ++i) CHECK(room.look(tickets[i]).ahead == ahead[i]);
  CHECK(room.look(tickets[0]).state == PlaceState::expired);
  CHECK(room.pass(tickets[1]) == good);
  CHECK(room.buy_with(used, "u0", "k2").status == OrderStatus::used_pass);
  CHECK(room.buy_with(used, "u0", "k").replayed);
  CHECK(buy(*room.engine, "zoe", "k").status == OrderStatus::waiting);
  const JoinResult kept = room.engine->join({.product_id = "p", .user_id = "u3"});
  CHECK(kept.status == JoinStatus::kept);
  CHECK(kept.ticket == tickets[3]);
  CHECK(room.buy_with(good, "u1", "k").status == OrderStatus::accepted);
  room.run(4s);
  CHECK(room.look(tickets[5]).state == PlaceState::admitted);
  const std::string last = room.pass(tickets[5]);

  room.life.engine.reset();
  room.life.clock.advance(300s);
  room.restart();
  CHECK(room.look(tickets[5]).state == PlaceState::expired);
  CHECK(room.buy_with(last, "u5", "k").status == OrderStatus::expired_pass);
  CHECK(room.engine->stats().line_waiting == 0);
  CHECK(room.join("u5") != tickets[5]);
}

TEST_CASE("Pass: nobody came back for a place before the restart → the place stays lost",
          "[engine][unit]") {
  Room room(1);
  const std::vector<std::string> tickets = room.join_many(12);
  room.run(310s);
  REQUIRE(room.look(tickets[11]).state == PlaceState::expired);
  room.restart();
  CHECK(room.look(tickets[11]).state == PlaceState::expired);
  CHECK(room.engine->stats().line_waiting == 0);
}

TEST_CASE("Pass: a restart without a rate → all who wait are let in", "[engine][unit]") {
  Room room(1);
  const std::vector<std::string> tickets = room.join_many(50);
  room.life.options.rate_limit = 0;
  room.restart();
  room.settle();
  for (const std::string& ticket : tickets) CHECK(room.look(ticket).state == PlaceState::admitted);
}
