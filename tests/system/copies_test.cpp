// One order, however often its buyer presses the button.

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/crowd.hpp"
#include "support/sale_client.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::size_t copies = 50;
constexpr int repetitions = 20;

/// What fifty copies were told, in one line to compare.
struct Verdict {
  std::size_t accepted = 0;
  std::size_t replayed = 0;
  std::set<std::string> ids;
};

Verdict judge(const std::vector<OrderAnswer>& answers) {
  Verdict verdict;
  for (const OrderAnswer& answer : answers) {
    if (answer.status == 200) ++verdict.accepted;
    if (answer.replayed) ++verdict.replayed;
    verdict.ids.insert(answer.order_id);
  }
  return verdict;
}

Wish wish_number(int number) {
  const std::string text = std::to_string(number);
  return {.product_id = "iphone-15", .user_id = "user-" + text, .key = "key-" + text};
}

void require_one_order(const std::vector<OrderAnswer>& answers) {
  const Verdict verdict = judge(answers);
  REQUIRE(verdict.accepted == copies);
  REQUIRE(verdict.replayed == copies - 1);
  REQUIRE(verdict.ids.size() == 1);
  REQUIRE_FALSE(verdict.ids.begin()->empty());
}

TEST_CASE("Copies: fifty of a key at once, stock 1,000 → one order, 49 replays", "[system]") {
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data"});
  SaleClient client(server.port());
  client.init("iphone-15", {.quantity = 1'000});
  for (int i = 0; i < repetitions; ++i) {
    require_one_order(order_at_once(server.port(), wish_number(i), copies));
  }
  CHECK(client.product("iphone-15").accepted == repetitions);
  CHECK(client.orders().size() == repetitions);
}

TEST_CASE("Copies: fifty of a key at once, stock 1 → all share the last unit", "[system]") {
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data"});
  SaleClient client(server.port());
  for (int i = 0; i < repetitions; ++i) {
    const std::uint64_t round = client.init("iphone-15", {.quantity = 1});
    require_one_order(order_at_once(server.port(), wish_number(i), copies));
    const AuditAnswer audit = client.audit("iphone-15", round);
    REQUIRE(audit.units_in_log == 1);
  }
}

TEST_CASE("Copies: fifty of a key at once, one admission a second → all share it", "[system]") {
  for (int i = 0; i < repetitions; ++i) {
    const TempDir folder;
    ServerProcess server({.data_dir = folder / "data", .arguments = {"--rate-limit", "1"}});
    SaleClient client(server.port());
    client.init("iphone-15", {.quantity = 1'000});
    require_one_order(order_at_once(server.port(), wish_number(i), copies));
  }
}

TEST_CASE("Copies: nothing left → fifty times sold out and no order", "[system]") {
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data"});
  SaleClient client(server.port());
  client.init("iphone-15", {.quantity = 0});
  for (const OrderAnswer& answer : order_at_once(server.port(), wish_number(0), copies)) {
    CHECK(answer.status == 409);
  }
  CHECK(client.orders().empty());
}

TEST_CASE("Copies: a retry after sell-out, a new round, kill -9 → the same order", "[system]") {
  const TempDir folder;
  const ServerProcessOptions options{.data_dir = folder / "data"};
  const Wish wish = wish_number(1);
  OrderAnswer first;
  const auto require_replay = [&](SaleClient& client) {
    const OrderAnswer again = client.order(wish);
    REQUIRE(again.status == 200);
    REQUIRE(again.replayed);
    REQUIRE(again.order_id == first.order_id);
  };
  {
    ServerProcess server(options);
    SaleClient client(server.port());
    client.init("iphone-15", {.quantity = 1});
    first = client.order(wish);
    REQUIRE(first.status == 200);
    REQUIRE_FALSE(first.replayed);
    REQUIRE(client.order(wish_number(2)).status == 409);
    require_replay(client);
    client.init("iphone-15", {.quantity = 1});
    require_replay(client);
    CHECK(client.product("iphone-15").stock == 1);
    server.crash();
  }
  ServerProcess server(options);
  SaleClient client(server.port());
  require_replay(client);
  CHECK(client.product("iphone-15").stock == 1);
  CHECK(client.orders().size() == 1);
}

}  // namespace
}  // namespace fluxgate::testing
