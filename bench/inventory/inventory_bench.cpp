#include "inventory/inventory.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace fluxgate::inventory {
namespace {

// Look up, as each order does: one product of few, or any of a large catalogue.
void BM_Inventory_find(benchmark::State& state) {
  Inventory inventory({1, 2});
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    ids.push_back("product-" + std::to_string(i));
    inventory.create(ids.back(), {.quantity = 1});
  }
  std::size_t at = 0;
  for (auto _ : state) {
    const std::string& id = ids[at];
    benchmark::DoNotOptimize(inventory.find(id));
    at = (at + 7'919) % ids.size();
  }
}

// An order of a round with max_per_user, by one of 4096 users.
void BM_Round_reserve_user(benchmark::State& state) {
  static Round round(1, {.quantity = 100, .max_per_user = units_max});
  auto number = static_cast<std::uint64_t>(state.thread_index());
  for (auto _ : state) {
    number = (number + 2) % 4096;
    // Odd multipliers spread the users over the whole words, as a hash does.
    const base::Hash128 user{.high = number * 0x9e3779b97f4a7c15,
                             .low = number * 0xbf58476d1ce4e5b9};
    benchmark::DoNotOptimize(round.try_reserve_user(user, 1));
  }
}

BENCHMARK(BM_Inventory_find)->Arg(10)->Arg(10'000);
BENCHMARK(BM_Round_reserve_user)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace fluxgate::inventory
