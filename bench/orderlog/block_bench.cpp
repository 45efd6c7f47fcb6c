#include "orderlog/block.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "log_workload.hpp"

namespace fluxgate::orderlog {
namespace {

void BM_Block_encode(benchmark::State& state) {
  const auto orders = static_cast<std::size_t>(state.range(0));
  BlockBuilder builder;
  for (auto _ : state) {
    builder.start({1, 1, 1});
    gather(builder, orders);
    benchmark::DoNotOptimize(builder.finish(std::chrono::milliseconds{1}).block.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Block_encode)->Arg(1)->Arg(16)->Arg(256)->Arg(4096);

void BM_Block_decode(benchmark::State& state) {
  BlockBuilder builder;
  builder.start({1, 1, 1});
  gather(builder, static_cast<std::size_t>(state.range(0)));
  const auto finished = builder.finish(std::chrono::milliseconds{1});
  const std::string block(finished.block);
  for (auto _ : state) {
    const auto view = open_block(finished.key, block);
    RecordReader reader((*view).records);
    while (reader.next()) benchmark::DoNotOptimize(reader.order().key.data());
    if (!reader.status()) state.SkipWithError("a record was refused");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Block_decode)->Arg(1)->Arg(16)->Arg(256)->Arg(4096);

}  // namespace
}  // namespace fluxgate::orderlog
