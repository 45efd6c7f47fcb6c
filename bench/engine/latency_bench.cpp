// How long a durable order takes inside the process, against a bare loop that writes and syncs the
// same bytes. Both take turns in one run, because a disk is not the same from minute to minute.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fluxgate/engine.hpp"

namespace {

using namespace fluxgate;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t in_flight = 100;
constexpr std::size_t order_bytes = 80;  // of 36-byte ids and keys, in a block

double quantile_us(std::vector<double>& samples, double share) {
  const auto at = samples.begin() +
                  static_cast<std::ptrdiff_t>(share * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

/// Appends half of what is in flight to a file and syncs it, over and over: what a batch is.
class BareLoop {
 public:
  explicit BareLoop(const std::string& folder)
      : file_(::open((folder + "/bare").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600)) {
    if (file_ < 0) std::abort();
  }
  ~BareLoop() { ::close(file_); }

  void run(std::size_t times, std::vector<double>& us) {
    const std::string block(in_flight / 2 * order_bytes, 'x');
    for (std::size_t i = 0; i < times; ++i) {
      const auto began = SteadyClock::now();
      if (::write(file_, block.data(), block.size()) != static_cast<ssize_t>(block.size()) ||
          ::fdatasync(file_) != 0) {
        std::abort();
      }
      us.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - began).count());
    }
  }

 private:
  int file_;
};

/// Clients that order again as soon as they have their answer, on the thread that brings it.
class ClosedLoop : public CompletionSink {
 public:
  explicit ClosedLoop(Engine& engine) : engine_(engine) {
    for (std::size_t i = 0; i < in_flight; ++i) {
      clients_.push_back(std::make_unique<Client>(*this));
      clients_.back()->id = std::string(36, 'u');
    }
  }

  void run(std::size_t orders, std::vector<double>& us) {
    us_ = &us;
    left_ = orders;
    running_.store(in_flight);
    for (auto& client : clients_) submit(*client);
    while (const std::size_t running = running_.load()) running_.wait(running);
  }

  void deliver(Operation* first) noexcept override {
    const auto now = SteadyClock::now();
    while (first != nullptr) {
      auto& client = static_cast<Client&>(*first);
      first = first->next();
      us_->push_back(std::chrono::duration<double, std::micro>(now - client.began).count());
      if (left_ > in_flight) {
        --left_;
        submit(client);
      } else if (running_.fetch_sub(1) == 1) {
        running_.notify_one();
      }
    }
  }

 private:
  struct Client : OrderOperation {
    explicit Client(CompletionSink& sink) : OrderOperation(sink) {}
    std::string id;
    SteadyClock::time_point began;
  };

  void submit(Client& client) {
    std::uint64_t rest = ++number_;
    for (std::size_t i = 36; i-- > 20; rest >>= 4) client.id[i] = "0123456789abcdef"[rest & 15U];
    client.request = {"iphone-15", client.id, client.id, 1, {}};
    client.began = SteadyClock::now();
    if (engine_.submit(client) != Submission::pending) std::abort();
  }

  Engine& engine_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::atomic<std::uint64_t> number_{0};
  std::vector<double>* us_ = nullptr;
  std::size_t left_ = 0;
  std::atomic<std::size_t> running_{0};
};

void BM_Order_latency(benchmark::State& state) {
  std::string folder = (std::filesystem::temp_directory_path() / "fluxgate-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  std::vector<double> bare_us;
  std::vector<double> order_us;
  {
    auto engine = Engine::open({.data_dir = folder + "/data"});
    if (!engine) std::abort();
    static_cast<void>((*engine)->init({.product_id = "iphone-15", .quantity = units_max}));
    BareLoop bare(folder);
    ClosedLoop closed(**engine);
    for (auto _ : state) {
      bare.run(50, bare_us);
      closed.run(2500, order_us);
    }
  }
  std::filesystem::remove_all(folder);
  for (const auto& [name, share] : {std::pair{"p50", 0.5}, {"p99", 0.99}}) {
    const double bare = quantile_us(bare_us, share);
    const double order = quantile_us(order_us, share);
    const std::string suffix = std::string("_") + name;
    state.counters["bare_us" + suffix] = bare;
    state.counters["order_us" + suffix] = order;
    state.counters["ratio" + suffix] = order / bare;
  }
}
BENCHMARK(BM_Order_latency)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
