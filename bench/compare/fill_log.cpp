// Fills an order log through the library: fill_log DIRECTORY ORDERS [PARTS]. Used by
// bench/compare/recovery and by the tests, which need logs of a size that no load test reaches.
//
// With PARTS, as bench/compare/memory wants it, the process's memory is printed before the first
// order and after each part of them: a line of JSON each.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "fluxgate/fluxgate.hpp"

namespace {

// The load of a full server: as many orders in one block as that many connections can have in
// flight.
constexpr std::size_t batch_orders = 100;

/// Counts what the engine settles. Threads: only the one that calls step().
class Counter final : public fluxgate::CompletionSink {
 public:
  void deliver(fluxgate::Operation* first) noexcept override {
    for (fluxgate::Operation* done = first; done != nullptr; done = done->next()) {
      const auto& result = static_cast<fluxgate::OrderOperation*>(done)->result;
      if (result.status == fluxgate::OrderStatus::accepted) ++accepted;
    }
  }

  std::uint64_t accepted = 0;
};

struct Buyer {
  explicit Buyer(fluxgate::CompletionSink& sink) : order(sink) {}

  std::string name;
  std::string key;
  fluxgate::OrderOperation order;
};

/// As long as the ids of the load test (UUIDs), and different for each number.
std::string id_of(std::string_view kind, std::uint64_t number) {
  std::array<char, 40> text;
  const int size =
      std::snprintf(text.data(), text.size(), "%.*s-%032llu", static_cast<int>(kind.size()),
                    kind.data(), static_cast<unsigned long long>(number));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

/// The orders' numbers, from `first` on.
struct Numbers {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
};

/// Submits the orders in batches and commits each; true if every one was accepted.
bool sell(fluxgate::Engine& engine, Numbers numbers) {
  Counter counter;
  std::vector<std::unique_ptr<Buyer>> buyers;
  for (std::size_t i = 0; i < batch_orders; ++i) {
    buyers.push_back(std::make_unique<Buyer>(counter));
  }
  for (std::uint64_t sent = numbers.first; sent < numbers.end;) {
    const std::uint64_t before = counter.accepted;
    std::uint64_t pending = 0;
    for (auto buyer = buyers.begin(); buyer != buyers.end() && sent < numbers.end; ++buyer) {
      Buyer& b = **buyer;
      b.name = id_of("usr", sent);
      b.key = id_of("key", sent);
      b.order.request = {.product_id = "iphone-15", .user_id = b.name, .key = b.key};
      if (engine.submit(b.order) != fluxgate::Submission::pending) return false;
      ++sent;
      ++pending;
    }
    while (counter.accepted - before < pending) {
      if (!engine.step()) return false;
    }
  }
  return true;
}

/// A figure of /proc/self/status, which has them in KiB; 0 if it is not there.
std::uint64_t memory_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::uint64_t kib = 0;
  while (status >> word) {
    if (word == name && status >> kib) return kib * 1024;
  }
  return 0;
}

void print_memory(const fluxgate::Engine& engine) {
  const fluxgate::EngineStats stats = engine.stats();
  std::printf(
      "{\"orders\": %llu, \"resident_bytes\": %llu, \"peak_bytes\": %llu, "
      "\"key_bytes\": %llu}\n",
      static_cast<unsigned long long>(stats.orders_total),
      static_cast<unsigned long long>(memory_bytes("VmRSS:")),
      static_cast<unsigned long long>(memory_bytes("VmHWM:")),
      static_cast<unsigned long long>(stats.key_bytes));
}

int fail(const std::string& why) {
  std::fprintf(stderr, "fill_log: %s\n", why.c_str());
  return 1;
}

std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return fail("usage: fill_log DIRECTORY ORDERS [PARTS]");
  const auto orders = number_of(argv[2]);
  const auto parts = argc == 4 ? number_of(argv[3]) : 1;
  if (!orders || !parts || *parts == 0) return fail("ORDERS and PARTS must be numbers");

  fluxgate::EngineOptions options;
  options.data_dir = argv[1];
  options.durability = fluxgate::Durability::os;
  options.commit_threads = 0;
  auto engine = fluxgate::Engine::open(options);
  if (!engine) return fail(engine.error().message);

  if ((*engine)->init({.product_id = "iphone-15", .quantity = *orders}).status !=
      fluxgate::InitStatus::ok) {
    return fail("init failed");
  }
  const bool prints = argc == 4;
  if (prints) print_memory(**engine);
  for (std::uint64_t part = 0; part < *parts; ++part) {
    const Numbers numbers{*orders * part / *parts, *orders * (part + 1) / *parts};
    if (!sell(**engine, numbers)) return fail("an order was not accepted");
    if (prints) print_memory(**engine);
  }
  if (const auto closed = (*engine)->close(); !closed) return fail(closed.error().message);
  return 0;
}
