// What a poll costs: a look at one place in a long line, and what a place takes in memory.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fluxgate/engine.hpp"

namespace {

using namespace fluxgate;

class NoSink : public CompletionSink {
  void deliver(Operation*) noexcept override {}
};

/// An engine in whose line so many people stand, and their tickets.
struct Crowd {
  explicit Crowd(std::size_t people) {
    // Nobody commits by himself: the line stands still while it is looked at.
    auto opened =
        Engine::open({.durability = Durability::memory, .rate_limit = 1, .commit_threads = 0});
    if (!opened) std::abort();
    engine = std::move(*opened);
    if (engine->init({.product_id = "iphone-15", .quantity = people}).status != InitStatus::ok) {
      std::abort();
    }
    constexpr std::size_t batch = 4'096;
    for (std::size_t first = 0; first < people; first += batch) {
      join(first, std::min(first + batch, people));
    }
  }

  void join(std::size_t first, std::size_t end) {
    std::vector<std::string> users;
    std::vector<std::unique_ptr<JoinOperation>> joins;
    for (std::size_t i = first; i < end; ++i) {
      std::string& user = users.emplace_back(37, '\0');
      user.resize(static_cast<std::size_t>(std::snprintf(user.data(), 37, "%036zx", i)));
    }
    for (const std::string& user : users) {
      auto& one = *joins.emplace_back(std::make_unique<JoinOperation>(sink));
      one.request = {.product_id = "iphone-15", .user_id = user};
      if (engine->submit(one) != Submission::pending) std::abort();
    }
    while (engine->step()) {
    }
    for (auto& one : joins) {
      if (one->result.status != JoinStatus::joined) std::abort();
      tickets.push_back(std::move(one->result.ticket));
    }
  }

  NoSink sink;
  std::unique_ptr<Engine> engine;
  std::vector<std::string> tickets;
};

/// Everybody asks, in any order: the signature is checked, the place found, presence noted.
void BM_Line_look(benchmark::State& state) {
  const Crowd crowd(static_cast<std::size_t>(state.range(0)));
  std::mt19937_64 random(1);
  // Copies, one behind the other: a ticket comes from the socket just read, not from cold memory.
  std::vector<std::string> asked;
  for (int i = 0; i < 1 << 16; ++i) {
    asked.push_back(crowd.tickets[random() % crowd.tickets.size()]);
  }
  std::size_t next = 0;
  for (auto _ : state) {
    auto place = crowd.engine->look(asked[next++ % asked.size()]);
    benchmark::DoNotOptimize(place);
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["bytes_per_place"] =
      static_cast<double>(crowd.engine->stats().line_bytes) / static_cast<double>(state.range(0));
}

void crowds(benchmark::internal::Benchmark* bench) {
  bench->Arg(1000);
  if (std::getenv("FLUXGATE_BENCH_TINY") == nullptr) bench->Arg(1'000'000);
}
BENCHMARK(BM_Line_look)->Apply(crowds);

}  // namespace
