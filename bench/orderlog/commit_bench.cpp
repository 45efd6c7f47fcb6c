#include <benchmark/benchmark.h>

#include <chrono>

#include "fluxgate/clock.hpp"
#include "log_workload.hpp"
#include "orderlog/log_writer.hpp"
#include "orderlog/rocksdb_storage.hpp"

namespace fluxgate::orderlog {
namespace {

/// Orders made durable per second, that many at once; one sync each with Durability::sync.
void commit(benchmark::State& state, Durability durability, bool prezeroed) {
  const BenchDirectory directory;
  auto storage = RocksdbStorage::open(directory.path(), {.syncs_each_append = prezeroed});
  if (!storage || !(*storage)->start_writing({})) {
    state.SkipWithError("the log cannot be opened");
    return;
  }
  LogWriter writer(**storage, system_clock(), durability, {}, std::chrono::milliseconds{0}, {});
  for (auto _ : state) {
    gather(writer.block(), static_cast<std::size_t>(state.range(0)));
    if (!writer.write() || !writer.tend()) {
      state.SkipWithError("a write failed");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void BM_Commit_sync(benchmark::State& state) {
  commit(state, Durability::sync, true);
}
/// The same into a file that grows with each write: what prezeroed_files.hpp saves.
void BM_Commit_sync_growing(benchmark::State& state) {
  commit(state, Durability::sync, false);
}
void BM_Commit_os(benchmark::State& state) {
  commit(state, Durability::os, false);
}
BENCHMARK(BM_Commit_sync)->Arg(1)->Arg(16)->Arg(256)->Arg(4096)->UseRealTime();
BENCHMARK(BM_Commit_sync_growing)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(BM_Commit_os)->Arg(1)->Arg(16)->Arg(256)->Arg(4096)->UseRealTime();

}  // namespace
}  // namespace fluxgate::orderlog
