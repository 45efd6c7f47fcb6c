#include "admission/line.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/seed.hpp"

namespace fluxgate::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// A line and which of its products are sold out.
struct Shop {
  std::set<std::uint64_t> sold_out;
  Line line{[this](std::uint64_t product) { return !sold_out.contains(product); }};
  nanoseconds now = seconds(1000);
  milliseconds utc = seconds(1'767'000'000);

  void pass(nanoseconds time) {
    now += time;
    utc += std::chrono::duration_cast<milliseconds>(time);
  }

  TicketNumber join(std::uint64_t person, std::uint64_t product = 0) {
    const TicketNumber ticket = line.reserve(person, product);
    line.enter(ticket, now + seconds(6));
    return ticket;
  }

  // Calls the next one; 0: nobody.
  TicketNumber admit_next() {
    const auto ticket = line.next(now);
    if (!ticket) return 0;
    line.call(*ticket);
    line.admit(*ticket, utc);
    return *ticket;
  }

  // Looks at everybody, and ends the places nobody came back for.
  std::vector<TicketNumber> sweep() {
    std::vector<TicketNumber> lost;
    line.sweep(now, utc, 1, lost);  // to the end of the lap under way, wherever that is
    line.sweep(now, utc, 100'000, lost);
    line.sweep(now, utc, 100'000, lost);
    for (const TicketNumber ticket : lost) line.leave(ticket);
    return lost;
  }
};

}  // namespace

TEST_CASE("Line: people join and are called → in their order, each once", "[admission][unit]") {
  Shop shop;
  CHECK(shop.join(11) == 1);
  CHECK(shop.join(12) == 2);
  CHECK(shop.join(13) == 3);
  CHECK(shop.line.standing(3).ahead == 2);
  CHECK(shop.line.find(12, shop.utc) == TicketNumber{2});
  CHECK_FALSE(shop.line.find(14, shop.utc));
  CHECK(shop.admit_next() == 1);
  CHECK(shop.line.standing(3).ahead == 1);
  CHECK(shop.admit_next() == 2);
  CHECK(shop.admit_next() == 3);
  CHECK(shop.admit_next() == 0);
  CHECK(shop.line.standing(1).state == Line::State::admitted);
  CHECK(shop.line.standing(4).state == Line::State::gone);
}

TEST_CASE("Line: a reserved place → nobody sees it before it is entered", "[admission][unit]") {
  Shop shop;
  const TicketNumber ticket = shop.line.reserve(11, 0);
  CHECK_FALSE(shop.line.next(shop.now));
  CHECK(shop.line.waiting() == 0);
  CHECK(shop.line.find(11, shop.utc) == ticket);
  shop.line.enter(ticket, shop.now);
  CHECK(shop.line.next(shop.now) == ticket);
}

TEST_CASE("Line: somebody is absent → skipped, next on return, lost after 300 s",
          "[admission][unit]") {
  Shop shop;
  shop.join(11);
  shop.join(12);
  shop.join(13);
  shop.pass(seconds(5));
  CHECK_FALSE(shop.line.touch(2, shop.now + seconds(600)));
  CHECK_FALSE(shop.line.touch(3, shop.now + seconds(600)));
  shop.pass(seconds(2));
  CHECK(shop.line.next(shop.now) == TicketNumber{2});
  CHECK(shop.line.standing(2).ahead == 1);  // his place is kept
  CHECK(shop.line.touch(1, shop.now + seconds(6)));
  CHECK(shop.line.next(shop.now) == TicketNumber{1});
  shop.pass(seconds(7));
  CHECK(shop.sweep().empty());
  shop.pass(seconds(292));
  CHECK(shop.sweep().empty());
  shop.pass(seconds(9));
  CHECK(shop.sweep() == std::vector<TicketNumber>{1});
  CHECK(shop.line.standing(1).state == Line::State::gone);
  CHECK(shop.line.standing(2).ahead == 0);
  CHECK_FALSE(shop.line.find(11, shop.utc));
  CHECK(shop.join(11) == 4);
}

TEST_CASE("Line: a product is sold out → skipped, kept, and back with the next round",
          "[admission][unit]") {
  Shop shop;
  shop.join(11, 0);
  shop.join(12, 1);
  shop.sold_out = {0};
  CHECK(shop.line.next(shop.now) == TicketNumber{2});
  shop.pass(seconds(10'000));
  CHECK(shop.sweep() == std::vector<TicketNumber>{2});
  CHECK(shop.line.standing(1).is_in_line);
  shop.sold_out = {};
  shop.line.reopen(0, shop.now);
  // Absent as of now: he has his 300 s.
  CHECK_FALSE(shop.line.next(shop.now));
  shop.pass(seconds(290));
  CHECK(shop.sweep().empty());
  CHECK(shop.line.touch(1, shop.now + seconds(6)));
  CHECK(shop.line.next(shop.now) == TicketNumber{1});
}

TEST_CASE("Line: a pass → used once, given back, over after 300 s", "[admission][unit]") {
  Shop shop;
  shop.join(11);
  shop.join(12);
  CHECK_FALSE(shop.line.try_use(1));
  shop.admit_next();
  shop.admit_next();
  CHECK(shop.line.find(11, shop.utc) == TicketNumber{1});
  CHECK(shop.line.try_use(1));
  CHECK_FALSE(shop.line.try_use(1));
  CHECK_FALSE(shop.line.find(11, shop.utc));
  shop.line.give_back(1);
  CHECK(shop.line.try_use(1));
  shop.pass(seconds(299));
  CHECK(shop.sweep().empty());
  CHECK(shop.line.find(12, shop.utc) == TicketNumber{2});
  CHECK(shop.line.places() == 2);
  shop.pass(seconds(1));
  CHECK_FALSE(shop.line.find(12, shop.utc));
  CHECK(shop.sweep().empty());
  CHECK(shop.line.places() == 0);
  CHECK_FALSE(shop.line.try_use(2));
}

namespace {

// A shop in which anything happens, beside a plain list of who is in line, and a line that is
// restored from what would be in the log.
struct AnyLife : Shop {
  explicit AnyLife(std::mt19937_64& source) : random(source) {}

  void join_somebody() {
    const std::uint64_t product = random() % 3;
    const std::uint64_t person = ++people;
    const TicketNumber ticket = join(person, product);
    waiting[ticket] = now + seconds(6);
    product_of[ticket] = product;
    REQUIRE(restored.restore(ticket, person, product));
  }

  void some_look() {
    for (auto& [ticket, until] : waiting) {
      if (random() % 3 != 0) continue;
      until = std::max(until, now + seconds(6));
      line.touch(ticket, now + seconds(6));
    }
  }

  void admit_one() {
    TicketNumber expected = 0;
    for (const auto& [ticket, until] : waiting) {
      if (until < now || sold_out.contains(product_of[ticket])) continue;
      expected = ticket;
      break;
    }
    REQUIRE(admit_next() == expected);
    if (expected == 0) return;
    waiting.erase(expected);
    REQUIRE(restored.restore_admitted(expected, utc, utc));
  }

  void end_lost_places() {
    for (const TicketNumber ticket : sweep()) {
      REQUIRE(waiting.at(ticket) + Line::kept_absent <= now);
      waiting.erase(ticket);
      REQUIRE(restored.restore_left(ticket));
    }
  }

  void sell_out_or_reopen() {
    const std::uint64_t product = random() % 3;
    if (random() % 2 == 0) {
      sold_out.insert(product);
    } else if (sold_out.erase(product) != 0) {
      line.reopen(product, now);
      for (auto& [ticket, until] : waiting) {
        if (product_of[ticket] == product) until = std::max(until, now - milliseconds(100));
      }
    }
  }

  void check_places() {
    REQUIRE(line.waiting() == waiting.size());
    REQUIRE(restored.waiting() == waiting.size());
    std::uint64_t before = 0;
    for (const auto& [ticket, until] : waiting) {
      REQUIRE(line.standing(ticket).ahead == before);
      REQUIRE(restored.standing(ticket).ahead == before);
      const auto seen = ahead.emplace(ticket, before).first;
      REQUIRE(before <= seen->second);
      seen->second = before++;
    }
  }

  std::mt19937_64& random;
  Line restored{[](std::uint64_t) { return true; }};
  std::uint64_t people = 0;
  std::map<TicketNumber, nanoseconds> waiting;  // until when each is present
  std::map<TicketNumber, std::uint64_t> product_of;
  std::map<TicketNumber, std::uint64_t> ahead;  // as last seen
};

}  // namespace

TEST_CASE("Line: any life → nobody present is passed over, and a restart has the same places",
          "[admission][random]") {
  std::mt19937_64 random(testing::make_seed("line_test"));
  for (int round = 0; round < 20; ++round) {
    AnyLife life(random);
    for (int step = 0; step < 1500; ++step) {
      life.pass(milliseconds(100 * (random() % 20)));
      const std::uint64_t event = random() % 6;
      if (event < 2) life.join_somebody();
      if (event == 2 || event == 3) life.some_look();
      if (event == 4) life.admit_one();
      if (event == 5) {
        life.end_lost_places();
        life.sell_out_or_reopen();
      }
      if (step % 50 == 0) life.check_places();
    }
    life.check_places();
  }
}

TEST_CASE("Line: a million people → at most 64 bytes each", "[admission][unit]") {
  Shop shop;
  constexpr std::uint64_t people = 1'000'000;
  std::uint64_t person = 1;
  for (std::uint64_t i = 0; i < people; ++i) {
    person = person * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX generator
    shop.join(person);
  }
  CHECK(shop.line.waiting() == people);
  CHECK(shop.line.standing(people).ahead == people - 1);
  CHECK(shop.line.bytes() <= 64 * people);
}

}  // namespace fluxgate::admission
