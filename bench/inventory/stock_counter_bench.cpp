#include "inventory/stock_counter.hpp"

#include <benchmark/benchmark.h>

#include <atomic>

namespace fluxgate::inventory {
namespace {

// More than any run takes.
constexpr Units plenty = units_max;

void BM_StockCounter_take_open(benchmark::State& state) {
  static StockCounter stock(plenty);
  for (auto _ : state) benchmark::DoNotOptimize(stock.try_take(1));
}

void BM_StockCounter_take_sold_out(benchmark::State& state) {
  static StockCounter stock(0);
  for (auto _ : state) benchmark::DoNotOptimize(stock.try_take(1));
}

void BM_StockCounter_has_sold_out(benchmark::State& state) {
  static StockCounter stock(0);
  for (auto _ : state) benchmark::DoNotOptimize(stock.has(1));
}

// What StockCounter is not: take first, look after, give back if that was too much. For comparison.
class CompensatingCounter {
 public:
  explicit CompensatingCounter(std::int64_t quantity) : left_(quantity) {}

  bool try_take(std::int64_t units) {
    if (left_.fetch_sub(units, std::memory_order_acq_rel) >= units) return true;
    left_.fetch_add(units, std::memory_order_acq_rel);
    return false;
  }

 private:
  alignas(base::cache_line_bytes) std::atomic<std::int64_t> left_;
};

void BM_CompensatingCounter_take_open(benchmark::State& state) {
  static CompensatingCounter stock(static_cast<std::int64_t>(plenty));
  for (auto _ : state) benchmark::DoNotOptimize(stock.try_take(1));
}

void BM_CompensatingCounter_take_sold_out(benchmark::State& state) {
  static CompensatingCounter stock(0);
  for (auto _ : state) benchmark::DoNotOptimize(stock.try_take(1));
}

BENCHMARK(BM_StockCounter_take_open)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_StockCounter_take_sold_out)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_StockCounter_has_sold_out)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_CompensatingCounter_take_open)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_CompensatingCounter_take_sold_out)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace fluxgate::inventory
