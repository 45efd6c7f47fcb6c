#include "admission/rate_limiter.hpp"

#include <benchmark/benchmark.h>

namespace fluxgate::admission {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

void BM_RateLimiter_off(benchmark::State& state) {
  static RateLimiter limiter(0, 0, nanoseconds(0), true);
  for (auto _ : state) benchmark::DoNotOptimize(limiter.try_admit(seconds(1)));
}

// Each order a microsecond after the last, at a rate that admits them all.
void BM_RateLimiter_admit(benchmark::State& state) {
  static RateLimiter limiter(RateLimiter::rate_max, RateLimiter::rate_max, nanoseconds(0), true);
  nanoseconds now(0);
  for (auto _ : state) {
    now += nanoseconds(1'000);
    benchmark::DoNotOptimize(limiter.try_admit(now));
  }
}

// The burst is gone: refused without writing.
void BM_RateLimiter_refuse(benchmark::State& state) {
  static RateLimiter limiter(1, 1, nanoseconds(0), false);
  nanoseconds now(0);
  for (auto _ : state) {
    benchmark::DoNotOptimize(now);
    benchmark::DoNotOptimize(limiter.try_admit(now));
  }
}

BENCHMARK(BM_RateLimiter_off);
BENCHMARK(BM_RateLimiter_admit)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(BM_RateLimiter_refuse)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace fluxgate::admission
