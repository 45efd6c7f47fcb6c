// kill -9, again and again, on one data directory, and not one acknowledged order lost or doubled.
//
// kill -9 leaves the kernel's page cache as it is, so this shows atomicity, recovery and
// idempotency, not that anything was synced; sync_test and the power-cut tests of the order log
// show that.

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/seed.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"
#include "system/crowd.hpp"
#include "system/journal.hpp"
#include "system/sale_client.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::size_t buyers = 8;
/// Bounds the journal, which every life replays whole.
constexpr std::size_t answers_per_life_max = 300;
constexpr std::chrono::milliseconds load_time_max{150};

struct Product {
  std::string id;
  std::uint64_t quantity;
};
/// The first is sold out in the first life, the second after some, the third never.
const std::array<Product, 3> products{{{"few", 7}, {"some", 1'500}, {"many", 1'000'000}}};

/// How often to kill: fewer times where sanitizers make each life slow, more in the long share.
int lives_of_this_run() {
  if (const char* given = std::getenv("FLUXGATE_KILL_LIVES")) return std::atoi(given);
  const bool is_long = std::getenv("FLUXGATE_TEST_LONG") != nullptr;
  return FLUXGATE_KILL_LIVES_DEFAULT * (is_long ? 4 : 1);
}

class Campaign {
 public:
  explicit Campaign(std::uint64_t seed) : random_(seed) {}

  void run(int lives) {
    for (int life = 0; life < lives; ++life) {
      if (draw(0, 2) == 0) kill_while_it_starts();
      ServerProcess server(options());
      if (life == 0) open_sale(server.port());
      replay_all(server.port());
      check_books(server.port());
      kill_under_load(server);
    }
    ServerProcess server(options());
    replay_all(server.port());
    check_books(server.port());
    CHECK(server.terminate().exit_code == 0);
  }

  [[nodiscard]] int kills_in_recovery() const { return kills_in_recovery_; }
  [[nodiscard]] std::size_t accepted() const { return accepted_; }

 private:
  std::uint64_t draw(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(random_);
  }

  /// A directory may change between sync and os from start to start.
  ServerProcessOptions options() {
    return {.data_dir = folder_ / "data",
            .arguments = {"--durability", draw(0, 3) == 0 ? "os" : "sync", "--threads", "2"}};
  }

  static void open_sale(std::uint16_t port) {
    SaleClient client(port);
    for (const Product& product : products) client.init(product.id, {.quantity = product.quantity});
  }

  /// Kills a server at a random moment of its first milliseconds, mostly while it reads its log.
  void kill_while_it_starts() {
    ChildProcess server(ServerProcess::launch(options()));
    const std::chrono::milliseconds moment{draw(0, 40)};
    try {
      server.wait_for_line("fluxgate listening", moment);
      server.crash();
    } catch (const std::runtime_error&) {
      ++kills_in_recovery_;  // the wait ran out, and then kills with SIGKILL
    }
  }

  void kill_under_load(ServerProcess& server) {
    std::atomic<int> unexpected{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < buyers; ++i) {
      threads.emplace_back([&, seed = random_()] { buy(server.port(), seed, unexpected); });
    }
    const std::chrono::microseconds moment = load_time_max * draw(1, 1'000) / 1'000;
    journal_.wait_answers(draw(1, answers_per_life_max), moment);
    server.crash();
    for (std::thread& thread : threads) thread.join();
    REQUIRE(unexpected == 0);
  }

  /// Orders until the server is gone.
  void buy(std::uint16_t port, std::uint64_t seed, std::atomic<int>& unexpected) {
    std::mt19937_64 random(seed);
    try {
      SaleClient client(port);
      for (;;) {
        const Product& product = products[random() % products.size()];
        const std::size_t index = journal_.begin(product.id, 1 + random() % 3);
        const OrderAnswer answer = client.order(journal_.wish(index));
        if (answer.status != 200 && answer.status != 409) ++unexpected;
        if (answer.replayed) ++unexpected;
        journal_.end(index, answer);
      }
    } catch (const std::runtime_error&) {
      // The server was killed: what was in flight stays unknown.
    }
  }

  /// Asks again for everything: what was acknowledged is told the same, what is unknown is decided.
  void replay_all(std::uint16_t port) {
    const std::vector<Journal::Entry> entries = journal_.entries();
    std::atomic<int> changed{0};
    run_crowd(port, buyers, [&](SaleClient& client, std::size_t number) {
      for (std::size_t i = number; i < entries.size(); i += buyers) {
        const Journal::Entry& entry = entries[i];
        if (entry.state == Journal::State::refused) continue;
        const OrderAnswer answer = client.order(entry.wish);
        if (entry.state == Journal::State::unknown) {
          if (answer.status != 200 && answer.status != 409) ++changed;
          journal_.end(i, answer);
        } else if (answer.status != 200 || !answer.replayed || answer.order_id != entry.order_id) {
          ++changed;
        }
      }
    });
    REQUIRE(changed == 0);
  }

  /// Compares journal, log, audit and counters. Nothing is unknown here any more.
  void check_books(std::uint16_t port) {
    SaleClient client(port);
    const std::vector<LoggedOrder> log = client.orders();
    std::map<std::string, const LoggedOrder*> by_user;
    std::map<std::string, std::uint64_t> units;
    std::map<std::string, std::uint64_t> orders;
    for (std::size_t i = 0; i < log.size(); ++i) {
      REQUIRE(log[i].sequence == i + 1);
      REQUIRE(by_user.emplace(log[i].user_id, &log[i]).second);
      units[log[i].product_id] += log[i].quantity;
      ++orders[log[i].product_id];
    }
    accepted_ = 0;
    for (const Journal::Entry& entry : journal_.entries()) {
      if (entry.state != Journal::State::accepted) continue;
      ++accepted_;
      const auto found = by_user.find(entry.wish.user_id);
      REQUIRE(found != by_user.end());
      REQUIRE(found->second->order_id == entry.order_id);
      REQUIRE(found->second->product_id == entry.wish.product_id);
      REQUIRE(found->second->quantity == entry.wish.quantity);
    }
    // Every order in the log is one that a buyer was told of, so none is invented.
    REQUIRE(log.size() == accepted_);
    for (const Product& product : products) {
      const ProductAnswer now = client.product(product.id);
      const AuditAnswer audit = client.audit(product.id, 1);
      REQUIRE(units[product.id] <= product.quantity);
      REQUIRE(audit.units_in_log == units[product.id]);
      REQUIRE(audit.orders_in_log == orders[product.id]);
      REQUIRE(now.accepted == units[product.id]);
      REQUIRE(now.pending == 0);
      REQUIRE(now.stock == product.quantity - units[product.id]);
    }
  }

  TempDir folder_;
  std::mt19937_64 random_;
  Journal journal_;
  int kills_in_recovery_ = 0;
  std::size_t accepted_ = 0;
};

TEST_CASE("kill -9: under load and in recovery → nothing lost, none twice", "[system][.kill]") {
  const int lives = lives_of_this_run();
  Campaign campaign(make_seed("kill"));
  campaign.run(lives);
  std::printf("kill: %d kills under load, %d in recovery, %zu orders\n", lives,
              campaign.kills_in_recovery(), campaign.accepted());
  CHECK(campaign.kills_in_recovery() > 0);
  CHECK(campaign.accepted() >= static_cast<std::size_t>(lives));
}

}  // namespace
}  // namespace fluxgate::testing
