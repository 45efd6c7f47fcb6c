// The decision alone, once an order's key is hashed: the rooms that decide, without an engine.

#include "engine/purchase.hpp"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "orderlog/memory_storage.hpp"

namespace fluxgate::engine {
namespace {

class NoSink : public CompletionSink {
  void deliver(Operation*) noexcept override {}
};

/// What Core builds for one engine, over a log in memory. Nobody commits.
struct Rooms {
  base::HashKey secret{0x0123456789abcdef, 0xfedcba9876543210};
  inventory::Inventory inventory{secret};
  idempotency::IdempotencyIndex index{secret, std::chrono::milliseconds(0)};
  admission::RateLimiter limiter{0, 0, std::chrono::nanoseconds(0), true};
  WaitingRoom room{
      {.inventory = inventory, .limiter = limiter, .clock = system_clock(), .secret = secret},
      {.line = std::make_unique<admission::Line>([](std::uint64_t) { return false; }),
       .signer = std::make_unique<admission::TokenSigner>()},
      {}};
  SaleControl control{
      {.limiter = limiter, .room = room, .clock = system_clock(), .entropy = system_entropy()}, {}};
  orderlog::MemoryStorage storage;
  orderlog::LogWriter log{storage, system_clock(), Durability::memory, {}, {}, {}};
  Gate gate{1};
  OrderIdCodec order_ids{*OrderIdCodec::from_key("0123456789abcdef")};
  Committer committer{{.inventory = inventory,
                       .index = index,
                       .log = log,
                       .gate = gate,
                       .room = room,
                       .control = control,
                       .order_ids = order_ids,
                       .clock = system_clock(),
                       .delay_max = {},
                       .owed_max = {},
                       .on_failure = {}},
                      {}};
  Purchase purchase{{inventory, index, limiter, room, committer, gate, order_ids, system_clock()}};
};

/// An order of its own user and key, 36 bytes each.
struct Buyer {
  Buyer(CompletionSink& sink, std::size_t number) : order(sink) {
    std::snprintf(id.data(), id.size() + 1, "%036zx", number);
    order.request = {"iphone-15", id, id, 1, {}};
  }
  std::string id = std::string(36, '0');
  OrderOperation order;
};

// The product is looked up by its id; what is left out are the checks of the texts and the hash of
// user and key. As in BM_Order_sold_out, the index holds 8192 orders of an earlier round.
void BM_Purchase_sold_out_key_hashed(benchmark::State& state) {
  Rooms rooms;
  NoSink sink;
  const inventory::Product& product = rooms.inventory.create("iphone-15", {.quantity = 0});
  for (std::size_t i = 0; i < 8192; ++i) {
    Buyer buyer(sink, i + 1'000'000);
    rooms.index.identify(buyer.order, product.id_hash);
    static_cast<void>(rooms.index.claim(buyer.order));
    static_cast<void>(rooms.index.settle(buyer.order, i + 1));
  }
  // As many as stay in the second-level cache: an order that was just read is not further away.
  std::vector<std::unique_ptr<Buyer>> buyers;
  for (std::size_t i = 0; i < 1024; ++i) {
    buyers.push_back(std::make_unique<Buyer>(sink, i));
    rooms.index.identify(buyers[i]->order, product.id_hash);
  }
  std::size_t next = 0;
  for (auto _ : state) {
    OrderOperation& order = buyers[next]->order;
    next = (next + 1) % buyers.size();
    const inventory::Product* const found = rooms.inventory.find(order.request.product_id);
    if (rooms.purchase.decide(order, found, Wake::now) != Submission::completed) std::abort();
    benchmark::DoNotOptimize(order.result.status);
  }
  if (buyers[0]->order.result.status != OrderStatus::sold_out) std::abort();
}
BENCHMARK(BM_Purchase_sold_out_key_hashed);

}  // namespace
}  // namespace fluxgate::engine
