#include "orderlog/walk.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>

#include "fluxgate/clock.hpp"
#include "log_workload.hpp"
#include "orderlog/log_writer.hpp"
#include "orderlog/rocksdb_storage.hpp"

namespace fluxgate::orderlog {
namespace {

constexpr std::int64_t block_orders = 100;

class Counter final : public LogVisitor {
 public:
  bool on_order(Sequence, std::chrono::milliseconds, const OrderEntry& order) override {
    units += order.quantity;
    return true;
  }
  Units units = 0;
};

bool fill(const std::string& directory, std::int64_t orders) {
  auto storage = RocksdbStorage::open(directory, {});
  if (!storage || !(*storage)->start_writing({})) return false;
  LogWriter writer(**storage, system_clock(), Durability::os, {}, std::chrono::milliseconds{0}, {});
  for (std::int64_t done = 0; done < orders; done += block_orders) {
    gather(writer.block(), block_orders);
    if (!writer.write()) return false;
  }
  return writer.close().has_value();
}

/// Opens a closed log and walks all of it, as each start does.
void BM_Walk_open_and_walk(benchmark::State& state) {
  const BenchDirectory directory;
  if (!fill(directory.path(), state.range(0))) {
    state.SkipWithError("the log cannot be filled");
    return;
  }
  for (auto _ : state) {
    auto storage = RocksdbStorage::open(directory.path(), {});
    if (!storage) {
      state.SkipWithError("the log cannot be opened");
      break;
    }
    Counter counter;
    const auto mark = (*storage)->mark();
    const auto end = walk(**storage, 0, counter, &*mark);
    if (!end || counter.units != static_cast<Units>(state.range(0))) {
      state.SkipWithError("the walk failed");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// One order in the middle of the log, as GET /orders/{orderId} looks for it.
void BM_Walk_find_order(benchmark::State& state) {
  class First final : public LogVisitor {
   public:
    bool on_order(Sequence sequence, std::chrono::milliseconds, const OrderEntry&) override {
      found = sequence;
      return false;
    }
    Sequence found = 0;
  };
  const BenchDirectory directory;
  if (!fill(directory.path(), state.range(0))) {
    state.SkipWithError("the log cannot be filled");
    return;
  }
  auto storage = RocksdbStorage::open(directory.path(), {});
  Sequence wanted = 0;
  for (auto _ : state) {
    wanted = wanted * 48'271 % static_cast<Sequence>(state.range(0)) + 1;
    First first;
    if (!walk(**storage, wanted, first) || first.found != wanted) {
      state.SkipWithError("the order was not found");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

/// Not the log of 10^7 orders (0.8 GB on disk) with FLUXGATE_BENCH_TINY=1, as in ctest.
void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(100'000);
  if (std::getenv("FLUXGATE_BENCH_TINY") == nullptr) bench->Arg(10'000'000);
}
BENCHMARK(BM_Walk_open_and_walk)->Apply(sizes)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Walk_find_order)->Apply(sizes)->UseRealTime();

}  // namespace
}  // namespace fluxgate::orderlog
