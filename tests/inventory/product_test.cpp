#include "inventory/product.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <vector>

#include "base/run_together.hpp"

namespace fluxgate::inventory {

TEST_CASE("Product: new → no round", "[inventory][unit]") {
  Product product("tea", {1, 2}, 7);
  REQUIRE(product.id == "tea");
  REQUIRE(product.id_hash == base::Hash128{1, 2});
  REQUIRE(product.number == 7);
  REQUIRE(product.round() == nullptr);
  REQUIRE(product.round(0) == nullptr);
  REQUIRE(product.round(1) == nullptr);
}

TEST_CASE("Product: rounds opened → numbered from 1, the last is present, all are kept",
          "[inventory][unit]") {
  Product product("tea", {}, 0);
  Round& first = product.open({.quantity = 10});
  REQUIRE(first.number == 1);
  REQUIRE(product.round() == &first);
  REQUIRE(first.stock().try_take(4));

  Round& second = product.open({.quantity = 20, .max_per_order = 2});
  REQUIRE(second.number == 2);
  REQUIRE(product.round() == &second);
  REQUIRE(product.round(1) == &first);
  REQUIRE(product.round(2) == &second);
  REQUIRE(product.round(3) == nullptr);
  REQUIRE(product.round(0) == nullptr);
  REQUIRE(product.round(~RoundNumber{0}) == nullptr);
  // Units of the old round stay there.
  REQUIRE(first.stock().left() == 6);
  REQUIRE(second.stock().left() == 20);
}

TEST_CASE("Product: rounds are opened while takers run → none sells more than it has",
          "[inventory][race]") {
  constexpr RoundNumber rounds = 1'000;
  constexpr Units quantity = 20;
  Product product("tea", {}, 0);
  product.open({.quantity = quantity});
  std::vector<std::atomic<Units>> sold(rounds + 1);
  std::atomic<bool> closed{false};
  std::atomic<int> wrong{0};
  testing::run_together(3, [&](int thread) {
    if (thread == 0) {
      for (RoundNumber number = 2; number <= rounds; ++number) {
        // Some rounds sell out before the next, some do not.
        while (number % 2 == 0 && product.round()->stock().has(1)) std::this_thread::yield();
        product.open({.quantity = quantity});
      }
      closed = true;
      return;
    }
    RoundNumber seen = 0;
    for (;;) {
      const bool last = closed;
      Round* round = product.round();
      if (round->number < seen || round->quantity != quantity) ++wrong;
      seen = round->number;
      if (round->stock().try_take(1)) {
        if (product.round(seen) != round) ++wrong;
        sold[seen].fetch_add(1);
      } else if (last) {
        return;
      } else {
        std::this_thread::yield();  // sold out until the next round
      }
    }
  });
  REQUIRE(wrong == 0);
  REQUIRE(product.round()->number == rounds);
  for (RoundNumber number = 1; number <= rounds; ++number) {
    const StockCounter& stock = product.round(number)->stock();
    if (sold[number] + stock.left() != quantity) FAIL("round " << number);
  }
  REQUIRE(sold[rounds] == quantity);
}

}  // namespace fluxgate::inventory
