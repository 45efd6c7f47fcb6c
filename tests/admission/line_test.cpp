#include "admission/line.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "base/aborts.hpp"
#include "base/mix_hash.hpp"

namespace fluxgate::admission {
namespace {

using State = Line::State;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr milliseconds utc_start{1'790'000'000'000};

// Persons are known by hashes: small numbers would crowd in the index.
std::uint64_t hash_of(std::uint64_t number) {
  return base::mix_hash({number, 0x9E3779B97F4A7C15}, {});
}

// A line whose sold-out products are `closed`, and short forms.
struct Hall {
  std::set<std::uint64_t> closed;
  Line line{[this](std::uint64_t product) { return !closed.contains(product); }};

  TicketNumber join(std::uint64_t person, std::uint64_t product, nanoseconds present_until) {
    const TicketNumber ticket = line.reserve(person, product);
    line.enter(ticket, present_until);
    return ticket;
  }
  void let_in(TicketNumber ticket, milliseconds utc) {
    line.call(ticket);
    line.admit(ticket, utc);
  }
  std::vector<TicketNumber> sweep(nanoseconds now, milliseconds utc) {
    std::vector<TicketNumber> lost;
    // Once to the end, once from the beginning.
    line.sweep(now, utc, line.last() + 2, lost);
    line.sweep(now, utc, line.last() + 2, lost);
    return lost;
  }
};

}  // namespace

TEST_CASE("Line: people join → numbers and places in their order", "[admission][unit]") {
  Hall hall;
  for (std::uint64_t i = 1; i <= 1'500; ++i) {
    REQUIRE(hall.line.reserve(i * 7, 0) == i);
    REQUIRE_FALSE(hall.line.standing(i).is_in_line);
    hall.line.enter(i, seconds(30));
    const Line::Standing standing = hall.line.standing(i);
    REQUIRE(standing.state == State::waiting);
    REQUIRE(standing.ahead == i - 1);
    REQUIRE(standing.present_ahead == i - 1);
    REQUIRE(hall.line.find(i * 7, utc_start) == i);
  }
  REQUIRE(hall.line.waiting() == 1'500);
  REQUIRE(hall.line.last() == 1'500);
  REQUIRE(hall.line.standing(0).state == State::gone);
  REQUIRE(hall.line.standing(1'501).state == State::gone);
}

TEST_CASE("Line: called → still counted until it is admitted", "[admission][unit]") {
  Hall hall;
  hall.join(1, 0, seconds(30));
  hall.join(2, 0, seconds(30));
  REQUIRE(hall.line.next(seconds(1)).ticket == 1U);
  hall.line.call(1);
  REQUIRE(hall.line.next(seconds(1)).ticket == 2U);
  REQUIRE(hall.line.standing(2).ahead == 1);
  REQUIRE(hall.line.standing(2).present_ahead == 0);
  hall.line.admit(1, utc_start);
  REQUIRE(hall.line.standing(2).ahead == 0);
  REQUIRE(hall.line.standing(1).state == State::admitted);
  REQUIRE(hall.line.standing(1).admitted_at == utc_start);
}

TEST_CASE("Line: called before it was entered → never in line", "[admission][unit]") {
  Hall hall;
  REQUIRE(hall.line.reserve(1, 0) == 1);
  hall.line.call(1);
  hall.line.enter(1, seconds(30));
  REQUIRE_FALSE(hall.line.standing(1).is_in_line);
  hall.line.admit(1, utc_start);
  REQUIRE(hall.line.waiting() == 0);
  REQUIRE(hall.line.standing(1).state == State::admitted);
}

TEST_CASE("Line: absent → skipped, keeps his place, and is next when he returns",
          "[admission][unit]") {
  Hall hall;
  hall.join(1, 0, seconds(10));
  hall.join(2, 0, seconds(100));
  hall.join(3, 0, seconds(100));
  REQUIRE(hall.line.next(seconds(10)).ticket == 1U);
  REQUIRE(hall.line.next(seconds(11)).ticket == 2U);
  REQUIRE(hall.line.standing(2).ahead == 1);
  REQUIRE(hall.line.standing(2).present_ahead == 0);
  hall.let_in(2, utc_start);
  REQUIRE(hall.line.touch(1, seconds(40)));
  REQUIRE_FALSE(hall.line.touch(1, seconds(41)));
  REQUIRE(hall.line.next(seconds(12)).ticket == 1U);
}

TEST_CASE("Line: away for longer than kept_absent → lost, once", "[admission][unit]") {
  Hall hall;
  hall.join(1, 0, seconds(10));
  hall.join(2, 0, seconds(1'000));
  const seconds last_kept = seconds(10) + Line::kept_absent;
  REQUIRE(hall.sweep(last_kept, utc_start).empty());
  REQUIRE(hall.line.standing(2).ahead == 1);
  REQUIRE(hall.sweep(last_kept + milliseconds(200), utc_start) == std::vector<TicketNumber>{1});
  REQUIRE(hall.line.standing(1).state == State::leaving);
  REQUIRE(hall.line.standing(2).ahead == 1);
  REQUIRE_FALSE(hall.line.find(1, utc_start));
  REQUIRE_FALSE(hall.line.touch(1, seconds(900)));
  hall.line.leave(1);
  REQUIRE(hall.line.standing(1).state == State::gone);
  REQUIRE(hall.line.standing(2).ahead == 0);
  REQUIRE(hall.line.places() == 1);
}

TEST_CASE("Line: a new ticket while the old one leaves → the new one is found",
          "[admission][unit]") {
  Hall hall;
  hall.join(1, 0, seconds(0));
  REQUIRE(hall.sweep(seconds(400), utc_start).size() == 1);
  REQUIRE(hall.join(1, 0, seconds(500)) == 2);
  hall.line.leave(1);
  REQUIRE(hall.line.find(1, utc_start) == 2U);
}

TEST_CASE("Line: sold out → skipped and kept, and back after reopen", "[admission][unit]") {
  Hall hall;
  hall.join(1, 5, seconds(10));
  hall.join(2, 5, seconds(50'000));
  hall.join(3, 6, seconds(50'000));
  hall.closed.insert(5);
  REQUIRE(hall.line.next(seconds(1)).ticket == 3U);
  REQUIRE(hall.sweep(seconds(10'000), utc_start).empty());
  REQUIRE(hall.line.waiting() == 3);
  REQUIRE_FALSE(hall.line.touch(2, seconds(50'000)));

  hall.closed.clear();
  hall.line.reopen(5, seconds(10'000));
  REQUIRE(hall.line.next(seconds(10'000)).ticket == 2U);
  // Absent from now on, not since long.
  REQUIRE(hall.sweep(seconds(10'000) + Line::kept_absent - seconds(1), utc_start).empty());
  REQUIRE(hall.line.touch(1, seconds(20'000)));
  REQUIRE(hall.line.next(seconds(10'301)).ticket == 1U);
}

TEST_CASE("Line: sold out and not seen for a day → leaves; sooner if the line is crowded",
          "[admission][unit]") {
  Hall hall;
  hall.join(1, 5, seconds(10));
  hall.join(2, 5, seconds(1'000));
  hall.closed.insert(5);
  const nanoseconds day = seconds(10) + Line::kept_sold_out;
  REQUIRE(hall.sweep(day, utc_start).empty());
  REQUIRE(hall.sweep(day + seconds(1), utc_start) == std::vector<TicketNumber>{1});

  Line crowded([](std::uint64_t) { return false; }, 1);
  for (std::uint64_t person = 1; person <= 2; ++person) {
    static_cast<void>(crowded.reserve(person, 5));
    crowded.enter(person, seconds(10));
  }
  std::vector<TicketNumber> lost;
  crowded.sweep(seconds(10) + Line::kept_absent, utc_start, 3, lost);
  REQUIRE(lost.empty());
  crowded.sweep(seconds(11) + Line::kept_absent, utc_start, 3, lost);
  REQUIRE(lost == std::vector<TicketNumber>{1, 2});
}

TEST_CASE("Line: many who wait for what is gone → passed over in parts, then the next is known",
          "[admission][unit]") {
  Hall hall;
  for (std::uint64_t i = 1; i <= 10'000; ++i) hall.join(hash_of(i), 5, seconds(10));
  hall.closed.insert(5);
  const TicketNumber last = hall.join(10'001, 6, seconds(10));
  int asked = 1;
  Line::Next next = hall.line.next(seconds(1));
  for (; !next.ticket; next = hall.line.next(seconds(1)), ++asked) REQUIRE_FALSE(next.is_known);
  REQUIRE(next.ticket == last);
  REQUIRE(asked == 3);
}

TEST_CASE("Line: a place that stays in front of many that are gone → the sweep skips those",
          "[admission][unit]") {
  Hall hall;
  hall.join(1, 5, seconds(1'000'000));
  hall.closed.insert(5);
  for (std::uint64_t i = 2; i <= 100'000; ++i) {
    hall.join(hash_of(i), 6, seconds(10));
    hall.let_in(i, utc_start);
  }
  REQUIRE(hall.sweep(seconds(10), utc_start + Line::pass_life).empty());
  REQUIRE(hall.line.places() == 1);
  const TicketNumber last = hall.join(100'001, 6, seconds(10));
  std::vector<TicketNumber> lost;
  // What is left of two chunks of 512, what is between them, and the end.
  hall.line.sweep(seconds(1'000), utc_start, 2 * 512 + 3, lost);
  REQUIRE(lost == std::vector<TicketNumber>{last});
}

TEST_CASE("Line: a pass → used once, again after it was given back, over after pass_life",
          "[admission][unit]") {
  Hall hall;
  hall.join(1, 0, seconds(10));
  REQUIRE(hall.line.try_use(1) != Line::State::admitted);
  hall.let_in(1, utc_start);
  REQUIRE(hall.line.find(1, utc_start + Line::pass_life - milliseconds(1)) == 1U);
  REQUIRE_FALSE(hall.line.find(1, utc_start + Line::pass_life));
  REQUIRE(hall.line.try_use(1) == Line::State::admitted);
  REQUIRE(hall.line.try_use(1) != Line::State::admitted);
  REQUIRE_FALSE(hall.line.find(1, utc_start));
  hall.line.give_back(1);
  REQUIRE(hall.line.find(1, utc_start) == 1U);
  REQUIRE(hall.line.try_use(1) == Line::State::admitted);
  hall.sweep(seconds(20), utc_start + Line::pass_life - milliseconds(1));
  REQUIRE(hall.line.standing(1).state == State::used);
  hall.sweep(seconds(20), utc_start + Line::pass_life);
  REQUIRE(hall.line.standing(1).state == State::gone);
  hall.line.give_back(1);
  REQUIRE(hall.line.try_use(1) != Line::State::admitted);
  REQUIRE(hall.line.places() == 0);
}

TEST_CASE("Line: restored records that contradict earlier ones → false", "[admission][unit]") {
  Hall hall;
  REQUIRE_FALSE(hall.line.restore(2, 1, 0));
  REQUIRE(hall.line.restore(1, 1, 0));
  REQUIRE_FALSE(hall.line.restore(1, 1, 0));
  REQUIRE_FALSE(hall.line.restore_used(1));
  REQUIRE_FALSE(hall.line.restore_used(2));
  REQUIRE_FALSE(hall.line.restore_admitted(2, utc_start, utc_start));
  REQUIRE(hall.line.restore_admitted(1, utc_start, utc_start));
  REQUIRE_FALSE(hall.line.restore_admitted(1, utc_start, utc_start));
  REQUIRE_FALSE(hall.line.restore_left(1));
  REQUIRE(hall.line.restore_used(1));
  REQUIRE_FALSE(hall.line.restore_used(1));
  REQUIRE(hall.line.restore(2, 2, 0));
  REQUIRE(hall.line.restore_left(2));
  REQUIRE_FALSE(hall.line.restore_left(2));
}

TEST_CASE("Line: a restored pass that is over → takes no memory, and its use is no contradiction",
          "[admission][unit]") {
  Hall hall;
  REQUIRE(hall.line.restore(1, 1, 0));
  REQUIRE(hall.line.restore_admitted(1, utc_start, utc_start + Line::pass_life));
  REQUIRE(hall.line.places() == 0);
  REQUIRE(hall.line.restore_used(1));
  REQUIRE_FALSE(hall.line.find(1, utc_start));
}

TEST_CASE("Line: a step out of its state → a defect, aborts", "[admission][unit]") {
  Hall hall;
  hall.join(1, 0, seconds(10));
  REQUIRE(testing::aborts([&] { hall.line.enter(1, seconds(1)); }));
  REQUIRE(testing::aborts([&] { hall.line.admit(1, utc_start); }));
  REQUIRE(testing::aborts([&] { hall.line.leave(1); }));
  REQUIRE(testing::aborts([&] { hall.line.call(2); }));
}

TEST_CASE("Line: a million people → at most 64 bytes each, and nearly none when they are gone",
          "[admission][unit]") {
  constexpr std::uint64_t people = 1'000'000;
  constexpr std::uint64_t spread = 0x9E3779B97F4A7C15;  // 2^64 by the golden ratio
  Hall hall;
  for (std::uint64_t i = 1; i <= people; ++i) hall.join(i * spread, i % 3, seconds(10));
  REQUIRE(hall.line.places() == people);
  REQUIRE(hall.line.waiting() == people);
  REQUIRE(hall.line.standing(people).ahead == people - 1);
  REQUIRE(hall.line.bytes() >= 24 * people);
  REQUIRE(hall.line.bytes() <= 64 * people);

  const std::size_t before = hall.line.bytes();
  for (const TicketNumber ticket : hall.sweep(seconds(400), utc_start)) hall.line.leave(ticket);
  REQUIRE(hall.line.places() == 0);
  REQUIRE(hall.line.bytes() <= before - 23 * people);
}

}  // namespace fluxgate::admission
