#include "engine/backup.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/fixture.hpp"
#include "orderlog/rocksdb_fixture.hpp"

namespace fluxgate::engine {
namespace {

using namespace fluxgate::testing;
using orderlog::outcome;
namespace fs = std::filesystem;

std::unique_ptr<Engine> open(const std::string& directory) {
  auto opened = Engine::open({.data_dir = directory, .commit_threads = 0});
  if (!opened) FAIL(opened.error().message);
  return *std::move(opened);
}

/// Why no engine opens there; "ok" if one does.
std::string refusal(const std::string& directory) {
  auto opened = Engine::open({.data_dir = directory, .commit_threads = 0});
  return opened ? "ok" : opened.error().message;
}

std::string back_up_to(const std::string& from, const std::string& to, Sequence upto = 0) {
  const ManualClock clock;
  const Result<Verification> copied = back_up({.from = from, .to = to, .upto = upto}, clock);
  if (!copied) return outcome(copied);
  if (copied->fault) return "fault: " + copied->fault->what;
  return std::to_string(copied->read.orders) + " orders";
}

/// Sells `orders` orders of users u1, u2, ... in one block; returns their ids.
std::vector<OrderId> sell_in_one_block(Engine& engine, int first, int orders) {
  Inbox inbox;
  std::vector<std::unique_ptr<OrderOperation>> operations;
  std::vector<std::string> users;
  for (int i = 0; i < orders; ++i) users.push_back("u" + std::to_string(first + i));
  for (const std::string& user : users) {
    auto& order = *operations.emplace_back(std::make_unique<OrderOperation>(inbox));
    order.request = {"p", user, "k", 1, {}};
    REQUIRE(engine.submit(order) == Submission::pending);
  }
  while (engine.step()) {
  }
  std::vector<OrderId> ids;
  for (const auto& operation : operations) {
    REQUIRE(operation->result.status == OrderStatus::accepted);
    ids.push_back(operation->result.order_id);
  }
  return ids;
}

TEST_CASE("Backup: beside an engine that sells → the copy answers as the log did",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  const auto ids = sell_in_one_block(*engine, 0, 8);
  CHECK(back_up_to(from, to) == "8 orders");
  CHECK(back_up_to(from, to) ==
        "in_use: " + to + " is not empty: a copy needs a directory of its own");
  CHECK(buy(*engine, "later", "k").sequence == 9);

  auto copy = open(to);
  CHECK(copy->product("p")->stock == 12);
  for (int i = 0; i < 8; ++i) {
    const auto again = buy(*copy, "u" + std::to_string(i), "k");
    CHECK(again.replayed);
    CHECK(again.order_id == ids[static_cast<std::size_t>(i)]);
  }
  CHECK(buy(*copy, "later", "k").sequence == 9);
}

TEST_CASE("Backup: --upto any order, also in the midst of a block → exactly those orders",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  std::vector<OrderId> ids = sell_in_one_block(*engine, 0, 4);
  for (const OrderId& id : sell_in_one_block(*engine, 4, 3)) ids.push_back(id);
  REQUIRE(engine->init({.product_id = "q", .quantity = 1}).status == InitStatus::ok);
  engine.reset();

  const auto before = orderlog::files_in(from);
  for (std::size_t upto = 1; upto <= ids.size(); ++upto) {
    const std::string to = (temp / ("to" + std::to_string(upto))).string();
    REQUIRE(back_up_to(from, to, upto) == std::to_string(upto) + " orders");
    auto copy = open(to);
    CHECK(copy->product("p")->stock == 20 - upto);
    CHECK_FALSE(copy->product("q").has_value());  // came behind the last order
    for (std::size_t i = 0; i < upto; ++i) {
      const auto again = buy(*copy, "u" + std::to_string(i), "k");
      REQUIRE(again.replayed);
      REQUIRE(again.order_id == ids[i]);
    }
    CHECK(buy(*copy, "new", "k").sequence == upto + 1);
    copy.reset();
    const ManualClock clock;
    CHECK_FALSE(orderlog::must(verify_log(to, clock)).fault.has_value());
  }
  CHECK(orderlog::files_in(from) == before);
}

TEST_CASE("Backup: an order the log has not, a directory without a log → said, nothing usable",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  CHECK(back_up_to(from, to) == "not_found: there is no order log in " + from);
  CHECK_FALSE(fs::exists(to));
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  sell_in_one_block(*engine, 0, 2);
  CHECK(back_up_to(from, to, 3) == "not_found: the log holds no order 3");
  const std::string unfinished = to + " holds a copy of a log that was not finished (" + to +
                                 "/unfinished-copy is there): remove the directory and make it "
                                 "again";
  CHECK(refusal(to) == unfinished);
  const ManualClock clock;
  CHECK(orderlog::must(verify_log(to, clock)).fault->what == unfinished);
  CHECK(back_up_to(to, (temp / "second").string()) == "fault: " + unfinished);
}

TEST_CASE("Backup: a damaged log → the fault and no copy; up to the last good order → a copy",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string mark = from + "/high-water-mark";
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  sell_in_one_block(*engine, 0, 3);
  sell_in_one_block(*engine, 3, 3);
  engine.reset();
  orderlog::must(orderlog::MarkFile::create(mark, {9, 50, 1}));
  const std::string to = (temp / "to").string();
  CHECK(back_up_to(from, to) ==
        "fault: the log ends at order 6 (block 4), but orders up to 50 (block 9) were "
        "acknowledged");
  CHECK(refusal(to).find("was not finished") != std::string::npos);
  CHECK(back_up_to(from, (temp / "good").string(), 6) == "6 orders");
  CHECK(refusal((temp / "good").string()) == "ok");

  fs::remove(mark);  // nobody knows where it ended: whoever names an order decides
  const std::string none = (temp / "none").string();
  CHECK(back_up_to(from, none).starts_with("fault: " + from + " holds an order log but no"));
  CHECK_FALSE(fs::exists(none));
  CHECK(back_up_to(from, (temp / "five").string(), 5) == "5 orders");
  CHECK(refusal((temp / "five").string()) == "ok");
}

TEST_CASE("Backup: the copy of a log without orders → starts", "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  fs::create_directory(to);
  open(from).reset();
  CHECK(back_up_to(from, to) == "0 orders");
  CHECK(refusal(to) == "ok");
}

}  // namespace
}  // namespace fluxgate::engine
