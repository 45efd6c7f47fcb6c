// What a start costs. With FLUXGATE_BENCH_TINY=1, as in ctest, not with ten million orders, which
// take about 1 GB of disk.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fluxgate/engine.hpp"

namespace {

using namespace fluxgate;

class NoSink : public CompletionSink {
  void deliver(Operation*) noexcept override {}
};

std::unique_ptr<Engine> open(const std::string& directory, unsigned commit_threads) {
  // Without a sync per block: 10^7 orders in blocks of 100 would cost minutes of them.
  auto engine = Engine::open(
      {.data_dir = directory, .durability = Durability::os, .commit_threads = commit_threads});
  if (!engine) std::abort();
  return std::move(*engine);
}

/// Fills a directory with orders in blocks of 100, as a hundred connections make them.
void fill(const std::string& directory, std::int64_t orders) {
  constexpr std::size_t orders_per_block = 100;
  auto engine = open(directory, 0);
  if (engine->init({.product_id = "p", .quantity = units_max}).status != InitStatus::ok) {
    std::abort();
  }
  NoSink sink;
  std::vector<std::unique_ptr<OrderOperation>> operations;
  std::vector<std::string> names(orders_per_block);
  for (std::size_t i = 0; i < orders_per_block; ++i) {
    operations.push_back(std::make_unique<OrderOperation>(sink));
  }
  for (std::int64_t sold = 0; sold < orders;) {
    for (std::size_t i = 0; i < orders_per_block; ++i, ++sold) {
      names[i] = std::to_string(sold);
      names[i].insert(0, 36 - names[i].size(), 'u');
      operations[i]->request = {"p", names[i], names[i], 1, {}};
      if (engine->submit(*operations[i]) != Submission::pending) std::abort();
    }
    while (engine->step()) {
    }
  }
  if (!engine->close()) std::abort();
}

void BM_Recovery(benchmark::State& state) {
  std::string directory = (std::filesystem::temp_directory_path() / "fluxgate-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) std::abort();
  fill(directory, state.range(0));
  for (auto _ : state) {
    auto engine = open(directory, 1);
    state.PauseTiming();
    if (engine->stats().orders_total != static_cast<std::uint64_t>(state.range(0))) std::abort();
    state.counters["key_bytes_per_order"] =
        static_cast<double>(engine->stats().key_bytes) / static_cast<double>(state.range(0));
    engine.reset();
    state.ResumeTiming();
  }
  std::filesystem::remove_all(directory);
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(1000);
  if (std::getenv("FLUXGATE_BENCH_TINY") == nullptr) bench->Arg(100'000)->Arg(10'000'000);
}
BENCHMARK(BM_Recovery)->Apply(sizes)->Unit(benchmark::kMillisecond);

}  // namespace
