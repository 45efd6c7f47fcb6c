// The waiting room by itself, between the phases of a commit.

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "engine/fixture.hpp"
#include "engine/waiting_room.hpp"

using namespace fluxgate;
using namespace fluxgate::engine;
using namespace fluxgate::testing;
using namespace std::chrono_literals;

namespace {

const std::string signing_key(admission::TokenSigner::key_bytes, 's');

/// A room, a block, and the product "p" for which people wait.
struct Phases {
  ManualClock clock;
  inventory::Inventory inventory{base::HashKey{}};
  admission::RateLimiter limiter{0, 1, 0ns, true};
  admission::TokenSigner signer;
  WaitingRoom room{{.inventory = inventory, .limiter = limiter, .clock = clock, .secret = {}},
                   {.line = std::make_unique<admission::Line>([](std::uint64_t) { return true; }),
                    .signer = std::make_unique<admission::TokenSigner>()},
                   {}};
  orderlog::BlockBuilder block;
  Inbox inbox;

  Phases() {
    room.add_key(signing_key);
    REQUIRE(signer.add_key(signing_key));
    inventory.create("p", {.quantity = 10});
    block.start({});
  }

  void gather(JoinOperation& join, std::string_view user) {
    join.request = {.product_id = "p", .user_id = user};
    room.gather(join, block, true);
  }
  void settle(JoinOperation& join) {
    room.settle(join);
    room.settle_plan(clock.utc());
    block.start({});
  }
};

}  // namespace

TEST_CASE("WaitingRoom: a pass that went between its check and its use → says how",
          "[engine][unit]") {
  Phases phases;
  JoinOperation join(phases.inbox);
  phases.gather(join, "ann");
  phases.settle(join);
  REQUIRE(join.result.place.state == PlaceState::waiting);
  CHECK(phases.room.try_use(1) == OrderStatus::accepted);
  CHECK(phases.room.try_use(1) == OrderStatus::used_pass);
  phases.room.give_back(1);
  CHECK(phases.room.try_use(1) == OrderStatus::accepted);
  // Its place is forgotten, and gives nothing back.
  phases.clock.advance(admission::Line::pass_life);
  phases.room.plan(phases.block);
  CHECK(phases.room.try_use(1) == OrderStatus::expired_pass);
  phases.room.give_back(1);
  CHECK(phases.room.try_use(1) == OrderStatus::expired_pass);
}

TEST_CASE("WaitingRoom: the last unit goes before a join is gathered → sold_out, and no ticket",
          "[engine][unit]") {
  Phases phases;
  JoinOperation join(phases.inbox);
  REQUIRE(phases.inventory.find("p")->round()->stock().try_take(10));
  phases.gather(join, "ann");
  CHECK(join.result.status == JoinStatus::sold_out);
  CHECK(phases.block.empty());
  phases.settle(join);
  CHECK(join.result.status == JoinStatus::sold_out);
  CHECK(join.result.ticket.empty());
}

TEST_CASE("WaitingRoom: a ticket that the log has lost, while its holder's join is written → waits",
          "[engine][unit]") {
  const std::uint64_t rate = GENERATE(0U, 1U);
  Phases phases;
  phases.room.apply({.rate = rate});
  const std::string lost =
      phases.signer.sign(admission::Ticket{.key = 1, .number = 1, .product = 0, .user_id = "ann"});
  JoinOperation join(phases.inbox);
  phases.gather(join, "ann");
  const auto look = phases.room.look(lost);
  REQUIRE(look.has_value());
  CHECK(look->place.state == PlaceState::waiting);
  CHECK(look->place.position == 0);
  CHECK(look->place.pass.empty());
  CHECK_FALSE(look->needs_step);
  phases.settle(join);
  CHECK(join.result.ticket == lost);
  CHECK(phases.room.look(lost)->place.state ==
        (rate == 0 ? PlaceState::admitted : PlaceState::waiting));
  CHECK(phases.room.look(lost)->place.position == rate);  // by himself: called at once, or first
}

TEST_CASE("WaitingRoom: a block that is more than half full → people are called in the next",
          "[engine][unit]") {
  Phases phases;
  phases.room.apply({.rate = 1'000});
  JoinOperation join(phases.inbox);
  phases.gather(join, "ann");
  phases.settle(join);
  phases.clock.advance(1s);
  const std::string value(1'000, 'v');
  while (phases.block.bytes() <= orderlog::block_full_bytes / 2) {
    phases.block.add(orderlog::SettingRecord{"name", value});
  }
  const std::size_t records = phases.block.records();
  phases.room.plan(phases.block);
  CHECK(phases.block.records() == records);
  phases.room.settle_plan(phases.clock.utc());
  phases.block.start({});
  CHECK(phases.room.look(join.result.ticket)->place.state == PlaceState::waiting);
  phases.room.plan(phases.block);
  CHECK(phases.block.records() == 1);
  phases.room.settle_plan(phases.clock.utc());
  CHECK(phases.room.look(join.result.ticket)->place.state == PlaceState::admitted);
}
