#include "base/segmented_table.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

// Ten million entries take seconds to fill: not with FLUXGATE_BENCH_TINY=1, as in ctest.

namespace fluxgate::base {
namespace {

using Cell = SegmentedTable::Cell;

// The i-th of a fixed sequence of hashes (splitmix64); as even as a keyed hash, and cheaper, so
// that the table is measured and not the hash.
std::uint64_t mix(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

Hash128 hash_of(std::uint64_t number) {
  return {.high = mix(2 * number * 0x9e3779b97f4a7c15),
          .low = mix((2 * number + 1) * 0x9e3779b97f4a7c15)};
}

void insert(SegmentedTable& table, std::uint64_t number) {
  table.update(hash_of(number), [&](Cell& cell) { cell.assign({1, number}); });
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(1'000);
  if (std::getenv("FLUXGATE_BENCH_TINY") == nullptr) bench->Arg(1'000'000)->Arg(10'000'000);
}

// Filled once for each size, by the first benchmark that needs it.
const SegmentedTable& filled(std::uint64_t entries) {
  static std::uint64_t entries_now = 0;
  static std::unique_ptr<SegmentedTable> table;
  if (entries_now != entries) {
    table = std::make_unique<SegmentedTable>();
    for (std::uint64_t i = 0; i < entries; ++i) insert(*table, i);
    entries_now = entries;
  }
  return *table;
}

// A key that is there, another each time: cold beyond the caches' size.
void BM_SegmentedTable_find_present(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  const SegmentedTable& table = filled(entries);
  std::uint64_t number = 0;
  for (auto _ : state) {
    number = (number + 7'919) % entries;
    benchmark::DoNotOptimize(table.find(hash_of(number)));
  }
  state.counters["bytes_each"] = static_cast<double>(table.bytes()) / static_cast<double>(entries);
}

// A key that is not there: what each new order does first.
void BM_SegmentedTable_find_absent(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  const SegmentedTable& table = filled(entries);
  std::uint64_t number = entries;
  for (auto _ : state) benchmark::DoNotOptimize(table.find(hash_of(number++)));
}

// The same key again, so that only the work is measured, not the memory.
void BM_SegmentedTable_find_hot(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  const SegmentedTable& table = filled(entries);
  const Hash128 hash = hash_of(entries / 2);
  for (auto _ : state) benchmark::DoNotOptimize(table.find(hash));
}

// From empty to the given size; the time is of one insert, all splits included.
void BM_SegmentedTable_insert(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    SegmentedTable table;
    for (std::uint64_t i = 0; i < entries; ++i) insert(table, i);
    state.PauseTiming();
    state.counters["bytes_each"] =
        static_cast<double>(table.bytes()) / static_cast<double>(entries);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Claim and settle: an insert, and a second write to the same cell.
void BM_SegmentedTable_overwrite(benchmark::State& state) {
  SegmentedTable table;
  for (std::uint64_t i = 0; i < 1000; ++i) insert(table, i);
  std::uint64_t number = 0;
  for (auto _ : state) {
    number = (number + 1) % 1000;
    insert(table, number);
  }
}

BENCHMARK(BM_SegmentedTable_find_present)->Apply(sizes);
BENCHMARK(BM_SegmentedTable_find_absent)->Apply(sizes);
BENCHMARK(BM_SegmentedTable_find_hot)->Apply(sizes);
BENCHMARK(BM_SegmentedTable_insert)->Apply(sizes)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_SegmentedTable_overwrite);

}  // namespace
}  // namespace fluxgate::base
