#include "inventory/round.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "base/aborts.hpp"
#include "base/held_thread.hpp"
#include "base/mpsc_list.hpp"
#include "base/run_together.hpp"
#include "support/seed.hpp"

namespace fluxgate::inventory {
namespace {

base::Hash128 user(std::uint64_t number) {
  return {.high = number * 0x9E3779B97F4A7C15, .low = number};
}

}  // namespace

TEST_CASE("Round: new → what its spec says", "[inventory][unit]") {
  const Round round(3, {.quantity = 100,
                        .max_per_order = 4,
                        .max_per_user = 6,
                        .opened_at = {.first_sequence = 17, .block = 5}});
  REQUIRE(round.number == 3);
  REQUIRE(round.quantity == 100);
  REQUIRE(round.max_per_order == 4);
  REQUIRE(round.max_per_user == 6);
  REQUIRE(round.opened_at == BlockKey{.first_sequence = 17, .block = 5});
  REQUIRE(round.snapshot() == RoundSnapshot{.quantity = 100, .stock = 100});
  REQUIRE(round.orders() == 0);
}

TEST_CASE("Round: taken, accepted, given back → the snapshot follows", "[inventory][unit]") {
  Round round(1, {.quantity = 10});
  REQUIRE(round.stock().try_take(3));
  REQUIRE(round.stock().try_take(2));
  REQUIRE(round.snapshot() == RoundSnapshot{10, 5, 0, 5});
  round.accept(3);
  REQUIRE(round.snapshot() == RoundSnapshot{10, 5, 3, 2});
  REQUIRE(round.orders() == 1);
  round.stock().give_back(2);
  REQUIRE(round.snapshot() == RoundSnapshot{10, 7, 3, 0});
  REQUIRE(round.accepted() == 3);
}

TEST_CASE("Round: max_per_user → reserved up to it, exactly", "[inventory][unit]") {
  Round round(1, {.quantity = 100, .max_per_user = 5});
  REQUIRE(round.user_units(user(1)) == 0);
  REQUIRE(round.try_reserve_user(user(1), 3));
  REQUIRE_FALSE(round.try_reserve_user(user(1), 3));
  REQUIRE(round.user_units(user(1)) == 3);
  REQUIRE(round.try_reserve_user(user(1), 2));
  REQUIRE_FALSE(round.try_reserve_user(user(1), 1));
  REQUIRE(round.user_units(user(1)) == 5);
  REQUIRE(round.user_units(user(2)) == 0);
  REQUIRE(round.try_reserve_user(user(2), 5));
  REQUIRE_FALSE(round.try_reserve_user(user(3), 6));
  REQUIRE(round.user_units(user(3)) == 0);
}

TEST_CASE("Round: released → can be reserved again", "[inventory][unit]") {
  Round round(1, {.quantity = 100, .max_per_user = 5});
  REQUIRE(round.try_reserve_user(user(1), 5));
  round.release_user(user(1), 2);
  REQUIRE(round.user_units(user(1)) == 3);
  round.release_user(user(1), 3);
  REQUIRE(round.user_units(user(1)) == 0);
  REQUIRE(round.try_reserve_user(user(1), 5));
}

TEST_CASE("Round: more released than reserved, more accepted than there is → a defect, aborts",
          "[inventory][unit]") {
  Round round(1, {.quantity = 3, .max_per_user = 5});
  REQUIRE(round.try_reserve_user(user(1), 2));
  REQUIRE(testing::aborts([&] { round.release_user(user(1), 3); }));
  REQUIRE(testing::aborts([&] { round.release_user(user(2), 1); }));
  REQUIRE(testing::aborts([&] { round.accept(4); }));
  REQUIRE(testing::aborts([&] { Round(0, {}); }));
}

TEST_CASE("Round: no max_per_user → everybody may, nobody is counted", "[inventory][unit]") {
  Round round(1, {.quantity = 100});
  REQUIRE(round.try_reserve_user(user(1), units_max));
  REQUIRE(round.user_units(user(1)) == 0);
  round.release_user(user(1), units_max);
  const base::Hash128 someone = user(1);
  REQUIRE(round.restore(1, &someone));
  REQUIRE(round.user_units(user(1)) == 0);
}

TEST_CASE("Round: the largest limit → no overflow", "[inventory][unit]") {
  Round round(1, {.quantity = units_max, .max_per_user = units_max});
  REQUIRE(round.try_reserve_user(user(1), units_max));
  REQUIRE_FALSE(round.try_reserve_user(user(1), units_max));
  REQUIRE_FALSE(round.try_reserve_user(user(1), 1));
  REQUIRE(round.user_units(user(1)) == units_max);
}

TEST_CASE("Round: orders of the log restored → taken, accepted and the user's",
          "[inventory][unit]") {
  Round round(1, {.quantity = 10, .max_per_user = 4});
  const base::Hash128 someone = user(1);
  REQUIRE(round.restore(3, &someone));
  REQUIRE(round.restore(1, &someone));
  REQUIRE(round.restore(2, nullptr));
  REQUIRE(round.snapshot() == RoundSnapshot{10, 4, 6, 0});
  REQUIRE(round.orders() == 3);
  REQUIRE(round.user_units(someone) == 4);
  REQUIRE_FALSE(round.try_reserve_user(someone, 1));
}

TEST_CASE("Round: the log sells more than there was → refused, nothing counted",
          "[inventory][unit]") {
  Round round(1, {.quantity = 3, .max_per_user = 4});
  const base::Hash128 someone = user(1);
  REQUIRE(round.restore(2, &someone));
  REQUIRE_FALSE(round.restore(2, &someone));
  REQUIRE(round.snapshot() == RoundSnapshot{3, 1, 2, 0});
  REQUIRE(round.orders() == 1);
  REQUIRE(round.user_units(someone) == 2);
}

namespace {

struct Taken {
  Units units = 0;
  Taken* next = nullptr;
};

struct NextTaken {
  static Taken*& next(Taken& taken) noexcept { return taken.next; }
};

bool is_consistent(const RoundSnapshot& s) {
  return s.stock <= s.quantity && s.accepted <= s.quantity && s.pending <= s.quantity &&
         s.stock + s.accepted + s.pending == s.quantity;
}

}  // namespace

TEST_CASE(
    "Round: takers, givers-back, a settling thread → every snapshot adds up, accepted "
    "only grows",
    "[inventory][race]") {
  const std::uint64_t seed = testing::make_seed("round_snapshot");
  constexpr Units quantity = 200'000;
  Round round(1, {.quantity = quantity});
  base::MpscList<Taken, NextTaken> list;
  std::atomic<int> takers{2};
  std::atomic<Units> taken_for_good{0};
  std::atomic<int> wrong{0};
  std::atomic<bool> settled{false};
  std::vector<std::vector<Taken>> orders(2, std::vector<Taken>(quantity));
  testing::run_together(4, [&](int thread) {
    if (thread < 2) {
      std::mt19937_64 random(seed + static_cast<std::uint64_t>(thread));
      for (auto& order : orders[static_cast<std::size_t>(thread)]) {
        order.units = 1 + random() % 3;
        if (!round.stock().try_take(order.units)) break;
        if (random() % 4 == 0) {
          round.stock().give_back(order.units);
        } else {
          taken_for_good += order.units;
          list.push(order);
        }
      }
      --takers;
    } else if (thread == 2) {
      for (bool last = false; !last;) {
        last = takers == 0;
        for (Taken* order = list.take_all().first; order != nullptr; order = order->next) {
          round.accept(order->units);
        }
      }
      settled = true;
    } else {
      Units accepted = 0;
      while (!settled) {
        const RoundSnapshot snapshot = round.snapshot();
        if (!is_consistent(snapshot) || snapshot.accepted < accepted) ++wrong;
        accepted = snapshot.accepted;
      }
    }
  });
  REQUIRE(wrong == 0);
  REQUIRE(round.snapshot().pending == 0);
  REQUIRE(round.snapshot().accepted == taken_for_good);
  REQUIRE(round.orders() > 0);
}

TEST_CASE("Round: units are sold while a reader stands still → its snapshot adds up",
          "[inventory][race]") {
  constexpr int repeats = 500;
  Round round(1, {.quantity = 10 * repeats});
  std::uint64_t wrong = 0;  // of the reader
  testing::HeldThread reader([&] {
    for (int i = 0; i < 64; ++i) wrong += is_consistent(round.snapshot()) ? 0 : 1;
  });
  Units sold = 0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    reader.hold_up([&] {
      if (!round.stock().try_take(7)) return;
      round.accept(7);
      sold += 7;
    });
  }
  reader.stop();
  REQUIRE(wrong == 0);
  REQUIRE(round.snapshot().accepted == sold);
}

TEST_CASE("Round: a user orders from many threads → never above the limit, and all of it",
          "[inventory][race]") {
  constexpr Units limit = 50;
  constexpr std::uint64_t users = 300;
  Round round(1, {.quantity = units_max, .max_per_user = limit});
  std::vector<std::atomic<Units>> held(users);
  std::atomic<int> wrong{0};
  testing::run_together(3, [&](int thread) {
    for (std::uint64_t number = 0; number < users; ++number) {
      const Units units = 1 + static_cast<Units>(thread);
      // The first thread gives one back now and then; the others must not notice but by room.
      for (Units tries = 0; tries < 2 * limit; ++tries) {
        if (!round.try_reserve_user(user(number), units)) continue;
        if (held[number].fetch_add(units) + units > limit) ++wrong;
        if (thread == 0 && tries % 3 == 0) {
          held[number].fetch_sub(units);
          round.release_user(user(number), units);
        }
      }
    }
  });
  REQUIRE(wrong == 0);
  for (std::uint64_t number = 0; number < users; ++number) {
    REQUIRE(round.user_units(user(number)) == held[number]);
    // Fills up to the last unit.
    while (round.try_reserve_user(user(number), 1)) ++held[number];
    REQUIRE(held[number] == limit);
  }
}

}  // namespace fluxgate::inventory
