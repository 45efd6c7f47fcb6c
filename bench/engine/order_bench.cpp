// The whole order path inside one process: what a decision costs, and how many orders a second
// become durable.

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fluxgate/engine.hpp"

namespace {

using namespace fluxgate;

/// A directory under $TMPDIR that is gone afterwards.
struct ScratchDirectory {
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fluxgate-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path = pattern;
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};

std::unique_ptr<Engine> open_with_stock(const std::string& directory, Durability durability,
                                        Units stock) {
  auto engine = Engine::open({.data_dir = directory, .durability = durability});
  if (!engine) std::abort();
  if ((*engine)->init({.product_id = "iphone-15", .quantity = stock}).status != InitStatus::ok) {
    std::abort();
  }
  return std::move(*engine);
}

/// 36-byte user ids and keys, written into the same place over and over.
struct Buyer {
  explicit Buyer(std::uint64_t thread) : number(thread << 40) {}

  void next() {
    ++number;
    std::uint64_t rest = number;
    for (std::size_t i = text.size(); i-- > text.size() - 16; rest >>= 4) {
      text[i] = "0123456789abcdef"[rest & 15U];
    }
  }

  std::uint64_t number;
  std::string text = std::string(36, '0');
};

class NoSink : public CompletionSink {
  void deliver(Operation*) noexcept override {}
};

/// Users and keys of 36 bytes each, made beforehand: it is the decision that is measured.
std::vector<std::string> make_ids(std::uint64_t thread) {
  std::vector<std::string> ids;
  Buyer buyer(thread);
  for (int i = 0; i < 4096; ++i) {
    buyer.next();
    ids.push_back(buyer.text);
  }
  return ids;
}

// The index holds the orders of an earlier round, as it does in a real sale.
void BM_Order_sold_out(benchmark::State& state) {
  static std::unique_ptr<Engine> engine;
  NoSink sink;
  if (state.thread_index() == 0) {
    engine = open_with_stock("", Durability::memory, 10'000);
    for (const char* user : {"ann", "bob"}) {
      for (const std::string& key : make_ids(99)) {
        static_cast<void>(engine->order({"iphone-15", user, key, 1, {}}));
      }
    }
    static_cast<void>(engine->init({.product_id = "iphone-15", .quantity = 0}));
  }
  const auto thread = static_cast<std::uint64_t>(state.thread_index());
  const std::vector<std::string> users = make_ids(2 * thread + 1);
  const std::vector<std::string> keys = make_ids(2 * thread + 2);
  OrderOperation order(sink);
  std::size_t i = 0;
  for (auto _ : state) {
    order.request = {"iphone-15", users[i], keys[i], 1, {}};
    i = (i + 1) % users.size();
    if (engine->submit(order) != Submission::completed) std::abort();
    benchmark::DoNotOptimize(order.result.status);
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) engine.reset();
}
BENCHMARK(BM_Order_sold_out)->Threads(1)->Threads(2)->UseRealTime();

/// Keeps a number of orders in flight: a settled one is filled in again by its owner.
class Window : public CompletionSink {
 public:
  void deliver(Operation* first) noexcept override {
    std::size_t count = 0;
    for (; first != nullptr; first = first->next()) ++count;
    settled_.fetch_add(count, std::memory_order_release);
    settled_.notify_one();
  }

  /// Waits until more than `seen` orders were settled in all.
  [[nodiscard]] std::size_t wait_beyond(std::size_t seen) {
    settled_.wait(seen, std::memory_order_acquire);
    return settled_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<std::size_t> settled_{0};
};

/// Each iteration submits a window of orders and waits for all of them.
void accepted(benchmark::State& state, Durability durability) {
  static std::unique_ptr<ScratchDirectory> directory;
  static std::unique_ptr<Engine> engine;
  if (state.thread_index() == 0) {
    directory = std::make_unique<ScratchDirectory>();
    engine = open_with_stock(directory->path, durability, units_max);
  }
  const auto in_flight = static_cast<std::size_t>(state.range(0));
  Window window;
  std::vector<std::unique_ptr<OrderOperation>> orders;
  std::vector<Buyer> buyers;
  for (std::size_t i = 0; i < in_flight; ++i) {
    orders.push_back(std::make_unique<OrderOperation>(window));
    buyers.emplace_back(static_cast<std::uint64_t>(state.thread_index()) * in_flight + i + 1);
  }
  std::size_t settled = 0;
  std::size_t submitted = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < in_flight; ++i) {
      buyers[i].next();
      orders[i]->request = {"iphone-15", buyers[i].text, buyers[i].text, 1, {}};
      if (engine->submit(*orders[i]) != Submission::pending) std::abort();
    }
    submitted += in_flight;
    while (settled < submitted) settled = window.wait_beyond(settled);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(submitted));
  if (state.thread_index() == 0) {
    engine.reset();
    directory.reset();
  }
}

void BM_Order_memory(benchmark::State& state) {
  accepted(state, Durability::memory);
}
BENCHMARK(BM_Order_memory)->Arg(1)->Arg(100)->Arg(4096)->Threads(1)->Threads(2)->UseRealTime();

void BM_Order_durable(benchmark::State& state) {
  accepted(state, Durability::sync);
}
BENCHMARK(BM_Order_durable)->Arg(1)->Arg(100)->Arg(4096)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
