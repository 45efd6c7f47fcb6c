#include "inventory/stock_counter.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <vector>

#include "base/aborts.hpp"
#include "base/held_thread.hpp"
#include "base/run_together.hpp"
#include "base/spin_wait.hpp"
#include "support/seed.hpp"

namespace fluxgate::inventory {

TEST_CASE("StockCounter: taken one by one → down to zero, then refused", "[inventory][unit]") {
  StockCounter stock(3);
  REQUIRE(stock.left() == 3);
  for (Units left = 3; left > 0; --left) {
    REQUIRE(stock.try_take(1));
    REQUIRE(stock.left() == left - 1);
  }
  REQUIRE_FALSE(stock.try_take(1));
  REQUIRE(stock.left() == 0);
}

TEST_CASE("StockCounter: more asked for than left → refused, nothing taken", "[inventory][unit]") {
  StockCounter stock(5);
  REQUIRE(stock.has(5));
  REQUIRE_FALSE(stock.has(6));
  REQUIRE_FALSE(stock.try_take(6));
  REQUIRE(stock.left() == 5);
  REQUIRE(stock.try_take(5));
  REQUIRE_FALSE(stock.has(1));
  REQUIRE(stock.has(0));
}

TEST_CASE("StockCounter: given back → can be taken again", "[inventory][unit]") {
  StockCounter stock(2);
  REQUIRE(stock.try_take(2));
  stock.give_back(1);
  REQUIRE(stock.left() == 1);
  REQUIRE(stock.try_take(1));
  REQUIRE_FALSE(stock.try_take(1));
}

TEST_CASE("StockCounter: more given back than taken → a defect, aborts", "[inventory][unit]") {
  StockCounter stock(5);
  REQUIRE(stock.try_take(2));
  REQUIRE(testing::aborts([&] { stock.give_back(3); }));
  REQUIRE(testing::aborts([&] { stock.give_back(~Units{0}); }));
  REQUIRE_FALSE(testing::aborts([&] { stock.give_back(2); }));
}

TEST_CASE("StockCounter: units_max units → counted to the last", "[inventory][unit]") {
  StockCounter stock(units_max);
  REQUIRE(stock.try_take(units_max - 1));
  REQUIRE_FALSE(stock.try_take(2));
  REQUIRE(stock.try_take(1));
  stock.give_back(units_max);
  REQUIRE(stock.left() == units_max);
}

TEST_CASE("StockCounter: a quantity of zero → sold out from the start", "[inventory][unit]") {
  StockCounter stock(0);
  REQUIRE(stock.left() == 0);
  REQUIRE_FALSE(stock.has(1));
  REQUIRE_FALSE(stock.try_take(1));
}

TEST_CASE("StockCounter: many takers, one unit left → exactly one succeeds", "[inventory][race]") {
  constexpr int sales = 20'000;
  const int takers = GENERATE(2, 4);
  int sold_once = 0;
  std::atomic<int> arrived{0};
  std::atomic<int> taken{0};
  StockCounter stock(1);
  // One sale after the other. The last taker to leave a sale checks it and opens the next, for
  // which the others wait.
  testing::run_together(takers, [&](int) {
    for (int sale = 0; sale < sales; ++sale) {
      if (stock.try_take(1)) ++taken;
      if (arrived.fetch_add(1) + 1 == takers * (2 * sale + 1)) {
        if (taken == 1 && stock.left() == 0) ++sold_once;
        taken = 0;
        stock.give_back(1);
        arrived.fetch_add(takers);
      }
      base::SpinWait spin;
      while (arrived.load() < takers * 2 * (sale + 1)) spin.wait();
    }
  });
  REQUIRE(sold_once == sales);
}

TEST_CASE("StockCounter: the last unit goes while a taker stands still → it is not taken again",
          "[inventory][race]") {
  constexpr int repeats = 1'000;
  StockCounter stock(1);
  std::atomic<int> wrong{0};
  testing::HeldThread taker([&] {
    for (int i = 0; i < 64; ++i) {
      if (stock.left() > 1) ++wrong;
      if (stock.try_take(1)) stock.give_back(1);
    }
  });
  bool mine = false;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    taker.hold_up([&] { mine = stock.try_take(1); });
    // Whatever the taker was at, and did since: it cannot have the unit while it is mine.
    if (mine) {
      if (stock.left() != 0) ++wrong;
      stock.give_back(1);
    }
  }
  taker.stop();
  REQUIRE(wrong == 0);
  REQUIRE(stock.left() == 1);
}

TEST_CASE(
    "StockCounter: takers of different sizes, and some give back → never more out than "
    "there were",
    "[inventory][race]") {
  const std::uint64_t seed = testing::make_seed("stock_counter_race");
  constexpr Units quantity = 50;
  constexpr int steps = 200'000;
  StockCounter stock(quantity);
  std::atomic<int> wrong{0};
  std::atomic<Units> out{0};  // a lower bound: counted after taking, uncounted before giving back
  testing::run_together(3, [&](int thread) {
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(thread));
    Units mine = 0;
    for (int step = 0; step < steps; ++step) {
      const Units units = 1 + random() % 7;
      if (stock.left() > quantity) ++wrong;  // below zero would be far above
      if (random() % 2 == 0) {
        if (stock.try_take(units)) {
          mine += units;
          if (out.fetch_add(units) + units > quantity) ++wrong;
        }
      } else if (mine >= units) {
        mine -= units;
        out.fetch_sub(units);
        stock.give_back(units);
      }
    }
    out.fetch_sub(mine);
    stock.give_back(mine);
  });
  REQUIRE(wrong == 0);
  REQUIRE(stock.left() == quantity);
}

TEST_CASE("StockCounter: sold out seen → what the taker did before is seen", "[inventory][race]") {
  constexpr int sales = 100'000;
  std::vector<int> claimed(sales, 0);  // plain, so that a sanitizer checks the order as well
  std::deque<StockCounter> stocks;
  for (int i = 0; i < sales; ++i) stocks.emplace_back(1);
  std::atomic<int> missed{0};
  std::atomic<int> not_taken{0};
  testing::run_together(2, [&](int thread) {
    for (std::size_t i = 0; i < sales; ++i) {
      if (thread == 0) {
        claimed[i] = 1;
        if (!stocks[i].try_take(1)) ++not_taken;
      } else {
        while (stocks[i].has(1)) std::this_thread::yield();
        if (claimed[i] != 1) ++missed;
      }
    }
  });
  REQUIRE(not_taken == 0);
  REQUIRE(missed == 0);
}

}  // namespace fluxgate::inventory
