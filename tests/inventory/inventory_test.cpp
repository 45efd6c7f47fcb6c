#include "inventory/inventory.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/aborts.hpp"
#include "base/run_together.hpp"
#include "base/sip_hash.hpp"
#include "support/seed.hpp"

namespace fluxgate::inventory {
namespace {

constexpr base::HashKey key{11, 22};

std::vector<std::string> ids(const std::vector<Product*>& products) {
  std::vector<std::string> result;
  for (const Product* product : products) result.push_back(product->id);
  return result;
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("Inventory: new → empty", "[inventory][unit]") {
  const Inventory inventory(key);
  REQUIRE(inventory.size() == 0);
  REQUIRE(inventory.find("tea") == nullptr);
  REQUIRE(inventory.by_number(0) == nullptr);
  REQUIRE(inventory.list("", 10).empty());
}

TEST_CASE("Inventory: hash → the keyed hash of the id", "[inventory][unit]") {
  const Inventory inventory(key);
  REQUIRE(inventory.hash("tea") == base::keyed_hash(key, "tea"));
  REQUIRE_FALSE(inventory.hash("tea") == Inventory({1, 2}).hash("tea"));
}

TEST_CASE("Inventory: created → found by id and number, with its first round open",
          "[inventory][unit]") {
  Inventory inventory(key);
  Product& tea = inventory.create("tea", {.quantity = 5, .max_per_order = 2});
  Product& rum = inventory.create("rum", {.quantity = 6});
  REQUIRE(inventory.size() == 2);
  REQUIRE(tea.id == "tea");
  REQUIRE(tea.number == 0);
  REQUIRE(tea.id_hash == inventory.hash("tea"));
  REQUIRE(tea.round()->number == 1);
  REQUIRE(tea.round()->quantity == 5);
  REQUIRE(tea.round()->max_per_order == 2);
  REQUIRE(rum.number == 1);
  REQUIRE(inventory.find("tea") == &tea);
  REQUIRE(inventory.find("rum") == &rum);
  REQUIRE(inventory.find("te") == nullptr);
  REQUIRE(inventory.find("teas") == nullptr);
  REQUIRE(inventory.find("TEA") == nullptr);
  REQUIRE(inventory.by_number(0) == &tea);
  REQUIRE(inventory.by_number(1) == &rum);
  REQUIRE(inventory.by_number(2) == nullptr);
  REQUIRE(inventory.by_number(~std::uint64_t{0}) == nullptr);
}

TEST_CASE("Inventory: an id created twice → a defect, aborts", "[inventory][unit]") {
  Inventory inventory(key);
  inventory.create("tea", {});
  REQUIRE(testing::aborts([&] { inventory.create("tea", {}); }));
}

TEST_CASE("Inventory: many products, so that some share a slot → told apart", "[inventory][unit]") {
  // 5,000 ids in 262,144 slots: about 48 pairs want the same one.
  constexpr std::size_t count = 5'000;
  Inventory inventory(key);
  std::vector<Product*> products;
  for (std::size_t i = 0; i < count; ++i) {
    products.push_back(&inventory.create("product-" + std::to_string(i), {}));
  }
  for (std::size_t i = 0; i < count; ++i) {
    REQUIRE(inventory.find("product-" + std::to_string(i)) == products[i]);
    REQUIRE(inventory.find("product-" + std::to_string(i + count)) == nullptr);
  }
}

TEST_CASE("Inventory: ids of any bytes → listed in byte order, in pages", "[inventory][unit]") {
  Inventory inventory(key);
  for (const char* id : {"b", "a", "ab", "B", "\xc3\xa4", "z", " "}) inventory.create(id, {});
  const Ids all{" ", "B", "a", "ab", "b", "z", "\xc3\xa4"};
  REQUIRE(ids(inventory.list("", 100)) == all);
  REQUIRE(ids(inventory.list("", 3)) == Ids{" ", "B", "a"});
  REQUIRE(ids(inventory.list("a", 3)) == Ids{"ab", "b", "z"});
  REQUIRE(ids(inventory.list("aa", 1)) == Ids{"ab"});
  REQUIRE(ids(inventory.list("z", 100)) == Ids{"\xc3\xa4"});
  REQUIRE(inventory.list("\xc3\xa4", 100).empty());
  REQUIRE(inventory.list("", 0).empty());
}

TEST_CASE("Inventory: products_max products → all found, by id, number and in order",
          "[inventory][unit]") {
  Inventory inventory(key);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < products_max; ++i) {
    names.push_back("product-" + std::to_string(i));
    inventory.create(names.back(), {.quantity = i});
  }
  REQUIRE(inventory.size() == products_max);
  for (std::size_t i = 0; i < products_max; ++i) {
    const Product* product = inventory.find(names[i]);
    if (product == nullptr || product != inventory.by_number(i) ||
        product->round()->quantity != i) {
      FAIL("lost " << names[i]);
    }
    if (inventory.find("other-" + std::to_string(i)) != nullptr) FAIL("invented " << i);
  }
  REQUIRE(inventory.by_number(products_max) == nullptr);
  REQUIRE(testing::aborts([&] { inventory.create("one more", {}); }));
  std::sort(names.begin(), names.end());
  Ids listed;
  for (;;) {
    const auto page = ids(inventory.list(listed.empty() ? "" : listed.back(), 777));
    if (page.empty()) break;
    listed.insert(listed.end(), page.begin(), page.end());
  }
  REQUIRE(listed == names);
}

TEST_CASE("Inventory: products are created while others look → found whole or not at all",
          "[inventory][race]") {
  constexpr std::size_t count = 5'000;
  Inventory inventory(key);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("product-" + std::to_string(i));
  std::atomic<std::size_t> created{0};
  std::atomic<int> wrong{0};
  std::atomic<int> missed{0};
  const std::uint64_t seed = testing::make_seed("inventory_race");
  testing::run_together(3, [&](int thread) {
    if (thread == 0) {
      for (std::size_t i = 0; i < count; ++i) {
        inventory.create(names[i], {.quantity = i});
        created.store(i + 1, std::memory_order_release);
      }
      return;
    }
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(thread));
    for (std::size_t done = 0; done < count;) {
      done = created.load(std::memory_order_acquire);
      const std::size_t i = random() % std::min(count, done + 2);
      const Product* product = inventory.find(names[i]);
      if (product == nullptr && i < done) ++missed;
      if (product != nullptr &&
          (product->id != names[i] || product->number != i || product->round()->quantity != i)) {
        ++wrong;
      }
      const std::size_t size = inventory.size();
      if (size > 0 && inventory.by_number(size - 1) == nullptr) ++missed;
      if (random() % 64 == 0) {
        const auto page = inventory.list(names[i], 20);
        if (!std::is_sorted(page.begin(), page.end(),
                            [](const auto* a, const auto* b) { return a->id < b->id; })) {
          ++wrong;
        }
      }
    }
  });
  REQUIRE(wrong == 0);
  REQUIRE(missed == 0);
}

}  // namespace fluxgate::inventory
