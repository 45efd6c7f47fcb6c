#include "engine/rebuilder.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "engine/fixture.hpp"
#include "orderlog/log_writer.hpp"

namespace fluxgate::engine {
namespace {

using namespace std::chrono_literals;

/// A clock on which a second goes by whenever it is looked at.
class SlowReader final : public Clock {
 public:
  [[nodiscard]] std::chrono::nanoseconds monotonic() const noexcept override {
    return ++looks_ * 1s;
  }
  [[nodiscard]] std::chrono::milliseconds utc() const noexcept override {
    return testing::ManualClock::utc_at_start;
  }

 private:
  mutable int looks_ = 0;
};

/// So many blocks: the first with product "p", the others with an order each.
void write_blocks(LogStorage& storage, int blocks) {
  const testing::ManualClock clock;
  orderlog::LogWriter log(storage, clock, Durability::sync, {}, 0ms, {});
  log.block().add(orderlog::SettingRecord{"order_id_key", "0123456789abcdef"});
  log.block().add(orderlog::ProductRecord{0, "p"});
  log.block().add(orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 1'000});
  REQUIRE(log.write().has_value());
  for (int i = 1; i < blocks; ++i) {
    const std::string key = "k" + std::to_string(i);
    log.block().add(orderlog::OrderEntry{0, 1, 1, "u", key, 0});
    REQUIRE(log.write().has_value());
  }
}

/// What is logged while `storage` is recovered.
std::vector<std::string> lines_of(LogStorage& storage, const Clock& clock) {
  std::vector<std::string> lines;
  const LogSink log = [&](LogLevel level, std::string_view line) {
    CHECK(level == LogLevel::info);
    lines.emplace_back(line);
  };
  REQUIRE(recover(storage, {.clock = clock, .secret = {}, .idempotency_ttl = 0ms, .log = log})
              .has_value());
  return lines;
}

/// In the first block of a log, by hand.
struct Rebuilding {
  Rebuilding() {
    REQUIRE(
        rebuilder.on_block({.key = {.first_sequence = 1, .block = 1}, .end = {}, .content = {}}));
  }

  testing::ManualClock clock;
  LogSink nobody;
  RecoveryOptions options{.clock = clock, .secret = {}, .idempotency_ttl = 0ms, .log = nobody};
  Recovered recovered = nothing_recovered(options);
  Rebuilder rebuilder{recovered, options};
};

TEST_CASE("Rebuilder: a long log → a line of progress a second, if it takes that long",
          "[engine][unit]") {
  orderlog::MemoryStorage storage;
  write_blocks(storage, 130);
  // The clock is looked at every 64 blocks.
  CHECK(lines_of(storage, SlowReader()) ==
        std::vector<std::string>{"reading the log: 62 orders", "reading the log: 126 orders"});
  CHECK(lines_of(storage, testing::ManualClock()).empty());
  const SlowReader clock;
  const LogSink nobody;
  const auto recovered =
      recover(storage, {.clock = clock, .secret = {}, .idempotency_ttl = 0ms, .log = nobody});
  REQUIRE(recovered.has_value());
  CHECK(recovered->totals.orders == 129);
}

TEST_CASE("Rebuilder: a checkpoint of other orders than it was shown → a defect",
          "[engine][unit]") {
  Rebuilding rebuilding;
  Rebuilder& rebuilder = rebuilding.rebuilder;
  CHECK(rebuilder.on_checkpoint({.orders = 0, .units = 0, .rounds = {}}));
  CHECK_FALSE(rebuilder.defect().has_value());
  CHECK_FALSE(rebuilder.on_checkpoint({.orders = 1, .units = 0, .rounds = {}}));
  REQUIRE(rebuilder.defect().has_value());
  CHECK(rebuilder.defect()->what ==
        "block 1 (first order 1): the totals of a checkpoint differ from the orders before it");
}

TEST_CASE("Rebuilder: more products than there can be → a defect", "[engine][unit]") {
  Rebuilding rebuilding;
  Rebuilder& rebuilder = rebuilding.rebuilder;
  for (std::uint64_t i = 0; i < products_max; ++i) {
    REQUIRE(rebuilder.on_product({i, "p" + std::to_string(i)}));
    REQUIRE(rebuilder.on_round({.product = i, .round = 1, .quantity = 1}));
  }
  CHECK_FALSE(rebuilder.on_product({products_max, "one more"}));
  CHECK(rebuilder.defect()->what == "block 1 (first order 1): there are more products than can be");
}

}  // namespace
}  // namespace fluxgate::engine
