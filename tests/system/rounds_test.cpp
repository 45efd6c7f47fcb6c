// Rounds and limits while everybody orders at once.

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/crowd.hpp"
#include "support/sale_client.hpp"
#include "support/seed.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

const std::string product = "iphone-15";

/// Units by user in one round of the log.
std::map<std::string, std::uint64_t> units_by_user(const std::vector<LoggedOrder>& log,
                                                   std::uint64_t round) {
  std::map<std::string, std::uint64_t> units;
  for (const LoggedOrder& order : log) {
    if (order.round == round) units[order.user_id] += order.quantity;
  }
  return units;
}

Wish wish_of(std::size_t person, int number, std::uint64_t quantity) {
  return {.product_id = product,
          .user_id = "user-" + std::to_string(person),
          .key = "key-" + std::to_string(number),
          .quantity = quantity};
}

TEST_CASE("Limits: many orders of each user at once → none over its share", "[system]") {
  constexpr std::size_t users = 8;
  constexpr std::size_t sessions_per_user = 3;
  constexpr int orders_per_session = 20;
  constexpr std::uint64_t share_units = 5;
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data"});
  SaleClient client(server.port());
  const StockWish stock{.quantity = 1'000, .max_per_order = 2, .max_per_user = share_units};
  const std::uint64_t round = client.init(product, stock);

  std::atomic<int> accepted{0};
  std::atomic<int> over_limit{0};
  std::atomic<int> else_answered{0};
  run_crowd(server.port(), users * sessions_per_user, [&](SaleClient& person, std::size_t number) {
    for (int i = 0; i < orders_per_session; ++i) {
      const int key = static_cast<int>(number) * orders_per_session + i;
      const OrderAnswer answer = person.order(wish_of(number % users, key, 1));
      if (answer.status == 200) {
        ++accepted;
      } else if (answer.status == 422 && answer.code == "over_limit") {
        ++over_limit;
      } else {
        ++else_answered;
      }
    }
  });

  CHECK(else_answered == 0);
  CHECK(accepted == static_cast<int>(users * share_units));
  CHECK(accepted + over_limit == static_cast<int>(users * sessions_per_user) * orders_per_session);
  const auto units = units_by_user(client.orders(), round);
  CHECK(units.size() == users);
  for (const auto& [user, bought] : units) CHECK(bought == share_units);

  const OrderAnswer too_many = client.order(wish_of(users, -1, 3));
  CHECK(too_many.status == 422);
  CHECK(too_many.code == "over_limit");
}

/// One sale in which the operator resets the stock again and again.
class ResetSale {
 public:
  static constexpr std::size_t buyers = 12;
  static constexpr std::uint64_t share_units = 60;
  static constexpr std::uint64_t resets = 12;

  explicit ResetSale(std::uint64_t seed) : seed_(seed) {}

  static StockWish stock_of(std::uint64_t round) {
    return {.quantity = 40 + 13 * round, .max_per_order = 3, .max_per_user = share_units};
  }

  /// Buyers order until the operator has opened the last round and it is sold out.
  void run(std::uint16_t port) {
    run_crowd(port, buyers + 1, [&](SaleClient& client, std::size_t number) {
      number == buyers ? operate(client) : buy(client, number);
    });
  }

  [[nodiscard]] int unexpected() const { return unexpected_; }

 private:
  void operate(SaleClient& client) {
    try {
      open_rounds(client);
    } catch (...) {
      last_round_open_ = true;  // else the buyers would go on for ever
      throw;
    }
    last_round_open_ = true;
  }

  static void open_rounds(SaleClient& client) {
    for (std::uint64_t round = 2; round <= resets; ++round) {
      // Every second round is let to sell out, the others are cut off while they sell.
      while (round % 2 == 0 && client.product(product).stock > 0) {
      }
      client.init(product, stock_of(round));
    }
  }

  void buy(SaleClient& client, std::size_t number) {
    std::mt19937_64 random(seed_ + number);
    for (int i = 0;; ++i) {
      const bool last_round = last_round_open_;
      const Wish wish{.product_id = product,
                      .user_id = "user-" + std::to_string(number),
                      .key = "key-" + std::to_string(i),
                      .quantity = 1 + random() % 3};
      const OrderAnswer answer = client.order(wish);
      const bool refused = answer.status == 409 || answer.code == "over_limit";
      if (answer.status != 200 && !refused) ++unexpected_;
      if (last_round && refused) return;
    }
  }

  std::uint64_t seed_;
  std::atomic<bool> last_round_open_{false};
  std::atomic<int> unexpected_{0};
};

/// What must be true of every round, whatever happened.
void require_rounds_hold(SaleClient& client) {
  const std::vector<LoggedOrder> log = client.orders();
  for (std::uint64_t round = 1; round <= ResetSale::resets; ++round) {
    const StockWish stock = ResetSale::stock_of(round);
    const AuditAnswer audit = client.audit(product, round);
    std::uint64_t units = 0;
    for (const auto& [user, bought] : units_by_user(log, round)) {
      CHECK(bought <= stock.max_per_user);
      units += bought;
    }
    CHECK(audit.quantity == stock.quantity);
    CHECK(audit.units_in_log == units);
    CHECK(units <= stock.quantity);
    CHECK_FALSE(audit.oversold);
  }
  for (std::size_t i = 0; i < log.size(); ++i) {
    CHECK(log[i].sequence == i + 1);
    CHECK(log[i].quantity <= 3);
  }
}

TEST_CASE("Rounds: resets in mid-sale and kill -9 → every round keeps its stock", "[system]") {
  const TempDir folder;
  const ServerProcessOptions options{.data_dir = folder / "data"};
  ResetSale sale(make_seed("rounds"));
  std::uint64_t sold_units = 0;
  {
    ServerProcess server(options);
    SaleClient client(server.port());
    client.init(product, ResetSale::stock_of(1));
    sale.run(server.port());
    CHECK(sale.unexpected() == 0);
    require_rounds_hold(client);
    sold_units = client.audit(product, ResetSale::resets).units_in_log;
    server.crash();
  }
  ServerProcess server(options);
  SaleClient client(server.port());
  require_rounds_hold(client);
  const ProductAnswer last = client.product(product);
  CHECK(last.round == ResetSale::resets);
  CHECK(last.accepted == sold_units);
  CHECK(last.stock + last.accepted == last.quantity);
}

TEST_CASE("Rounds: sold out to the last unit → the log has exactly the stock", "[system]") {
  constexpr std::size_t buyers = 16;
  constexpr std::uint64_t stock_units = 500;
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data"});
  SaleClient client(server.port());
  for (std::uint64_t round = 1; round <= 3; ++round) {
    REQUIRE(client.init(product, {.quantity = stock_units}) == round);
    run_crowd(server.port(), buyers, [&](SaleClient& person, std::size_t number) {
      const std::string user = "round-" + std::to_string(round) + "-" + std::to_string(number);
      for (int i = 0; person.order({product, user, std::to_string(i)}).status != 409; ++i) {
      }
    });
    const AuditAnswer audit = client.audit(product, round);
    CHECK(audit.units_in_log == stock_units);
    CHECK(audit.orders_in_log == stock_units);
    CHECK(client.product(product).stock == 0);
  }
}

TEST_CASE("Limits: a user's share and kill -9 → still counted after the restart", "[system]") {
  const TempDir folder;
  const ServerProcessOptions options{.data_dir = folder / "data"};
  {
    ServerProcess server(options);
    SaleClient client(server.port());
    client.init(product, {.quantity = 100, .max_per_user = 3});
    REQUIRE(client.order({product, "ann", "1", 2}).status == 200);
    server.crash();
  }
  ServerProcess server(options);
  SaleClient client(server.port());
  CHECK(client.order({product, "ann", "2", 2}).code == "over_limit");
  CHECK(client.order({product, "ann", "3", 1}).status == 200);
  CHECK(client.order({product, "ann", "4", 1}).code == "over_limit");
  CHECK(client.order({product, "bob", "1", 3}).status == 200);
  CHECK(client.product(product).accepted == 6);
}

}  // namespace
}  // namespace fluxgate::testing
