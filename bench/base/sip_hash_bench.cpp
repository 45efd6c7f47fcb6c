#include "base/sip_hash.hpp"

#include <benchmark/benchmark.h>

#include <string>

namespace fluxgate::base {
namespace {

// 36 bytes are a UUID; 73 are a user id and a key of 36 each and the length between them.
void lengths(benchmark::internal::Benchmark* bench) {
  for (const int bytes : {8, 36, 73, 384}) bench->Arg(bytes);
}

template <Hash128 (*Hash)(HashKey, std::string_view)>
void hash_text(benchmark::State& state) {
  const HashKey key{1, 2};
  const std::string text(static_cast<std::size_t>(state.range(0)), 'a');
  for (auto _ : state) {
    std::string_view view = text;
    benchmark::DoNotOptimize(view);
    benchmark::DoNotOptimize(Hash(key, view));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void BM_KeyedHash(benchmark::State& state) {
  hash_text<keyed_hash>(state);
}
void BM_MacHash(benchmark::State& state) {
  hash_text<mac_hash>(state);
}

BENCHMARK(BM_KeyedHash)->Apply(lengths);
BENCHMARK(BM_MacHash)->Apply(lengths);

}  // namespace
}  // namespace fluxgate::base
