#include "base/segmented_table.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/aborts.hpp"
#include "base/sip_hash.hpp"
#include "support/seed.hpp"

namespace fluxgate::base {
namespace {

using Value = SegmentedTable::Value;
using Cell = SegmentedTable::Cell;

Hash128 hash_of(std::uint64_t number) {
  return keyed_hash({1, 2}, {reinterpret_cast<const char*>(&number), sizeof(number)});
}

void assign(SegmentedTable& table, const Hash128& hash, Value value) {
  table.update(hash, [&](Cell& cell) { cell.assign(value); });
}

void erase(SegmentedTable& table, const Hash128& hash) {
  table.update(hash, [&](Cell& cell) { cell.erase(); });
}

// A hash whose best slot is `slot`, of the first segment if `high` has its top bits clear.
Hash128 hash_at(std::uint64_t slot, std::uint64_t salt, std::uint64_t high = 0) {
  return {.high = high, .low = (salt << 10) | slot};
}

}  // namespace

TEST_CASE("SegmentedTable: new → empty and of one segment", "[base][unit]") {
  SegmentedTable table;
  REQUIRE(table.size() == 0);
  REQUIRE(table.find(hash_of(1)) == std::nullopt);
  REQUIRE(table.bytes() > 1024 * 28);
  REQUIRE(table.bytes() < 1024 * 28 + 200);
}

TEST_CASE("SegmentedTable: assign, overwrite, erase → find follows", "[base][unit]") {
  SegmentedTable table;
  const Hash128 hash = hash_of(1);
  table.update(hash, [&](Cell& cell) {
    REQUIRE_FALSE(cell.present());
    cell.assign({7, 70});
    REQUIRE(cell.present());
    REQUIRE(cell.value() == Value{7, 70});
  });
  REQUIRE(table.find(hash) == Value{7, 70});
  REQUIRE(table.size() == 1);

  table.update(hash, [&](Cell& cell) {
    REQUIRE(cell.present());
    REQUIRE(cell.value() == Value{7, 70});
    cell.assign({0xffffffff, ~std::uint64_t{0}});
  });
  REQUIRE(table.find(hash) == Value{0xffffffff, ~std::uint64_t{0}});
  REQUIRE(table.size() == 1);

  table.update(hash, [&](Cell& cell) {
    cell.erase();
    REQUIRE_FALSE(cell.present());
  });
  REQUIRE(table.find(hash) == std::nullopt);
  REQUIRE(table.size() == 0);
}

TEST_CASE("SegmentedTable: a visit that writes nothing → nothing there", "[base][unit]") {
  SegmentedTable table;
  int visits = 0;
  table.update(hash_of(1), [&](Cell&) { ++visits; });
  REQUIRE(visits == 1);
  REQUIRE(table.size() == 0);
  REQUIRE(table.find(hash_of(1)) == std::nullopt);
}

TEST_CASE("SegmentedTable: a visit that throws → the segment is not left locked", "[base][unit]") {
  SegmentedTable table;
  REQUIRE_THROWS_AS(
      table.update(hash_of(1), [](Cell&) { throw std::runtime_error("from the visit"); }),
      std::runtime_error);
  assign(table, hash_of(1), {1, 2});
  REQUIRE(table.find(hash_of(1)) == Value{1, 2});
}

TEST_CASE("SegmentedTable: erase and assign in one visit → the neighbours stay", "[base][unit]") {
  SegmentedTable table;
  for (std::uint64_t salt = 1; salt <= 20; ++salt) {
    assign(table, hash_at(1015, salt), {0, salt});
    assign(table, hash_at(1016, salt), {1, salt});
  }
  table.update(hash_at(1015, 3), [](Cell& cell) {
    cell.erase();
    cell.assign({9, 9});
  });
  REQUIRE(table.size() == 40);
  for (std::uint64_t salt = 1; salt <= 20; ++salt) {
    REQUIRE(table.find(hash_at(1015, salt)) == (salt == 3 ? Value{9, 9} : Value{0, salt}));
    REQUIRE(table.find(hash_at(1016, salt)) == Value{1, salt});
  }
}

TEST_CASE(
    "SegmentedTable: a run around the end of the slots, erased in any order → "
    "the rest is found",
    "[base][unit]") {
  std::mt19937_64 random(testing::make_seed("segmented_table_run"));
  for (int repeat = 0; repeat < 200; ++repeat) {
    SegmentedTable table;
    std::vector<Hash128> hashes;
    for (std::uint64_t i = 0; i < 60; ++i) {
      hashes.push_back(hash_at((1000 + random() % 40) % 1024, i + 1));
      assign(table, hashes.back(), {0, i});
    }
    std::vector<bool> gone(hashes.size(), false);
    for (std::size_t left = hashes.size(); left > 0; --left) {
      std::size_t victim = random() % hashes.size();
      while (gone[victim]) victim = (victim + 1) % hashes.size();
      erase(table, hashes[victim]);
      gone[victim] = true;
      for (std::size_t i = 0; i < hashes.size(); ++i) {
        const auto found = table.find(hashes[i]);
        if (found.has_value() == gone[i] || (found && found->number != i)) {
          FAIL("repeat " << repeat << ", entry " << i << ", after " << victim << " was erased");
        }
      }
    }
    REQUIRE(table.size() == 0);
  }
}

TEST_CASE("SegmentedTable: hashes alike in one word → told apart by the other", "[base][unit]") {
  SegmentedTable table;
  assign(table, {.high = 1, .low = 5}, {1, 15});
  assign(table, {.high = 2, .low = 5}, {2, 25});
  assign(table, {.high = 1, .low = 1024 + 5}, {3, 35});
  REQUIRE(table.find({.high = 1, .low = 5}) == Value{1, 15});
  REQUIRE(table.find({.high = 2, .low = 5}) == Value{2, 25});
  REQUIRE(table.find({.high = 1, .low = 1024 + 5}) == Value{3, 35});
  REQUIRE(table.find({.high = 3, .low = 5}) == std::nullopt);
}

TEST_CASE("SegmentedTable: a hash of zeros → an entry like any other", "[base][unit]") {
  SegmentedTable table;
  REQUIRE(table.find({}) == std::nullopt);
  assign(table, {}, {1, 2});
  REQUIRE(table.find({}) == Value{1, 2});
  erase(table, {});
  REQUIRE(table.find({}) == std::nullopt);
}

TEST_CASE("SegmentedTable: 300'000 entries → all found, none invented, within 64 bytes each",
          "[base][unit]") {
  constexpr std::uint64_t count = 300'000;
  SegmentedTable table;
  std::size_t bytes_each_max = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    assign(table, hash_of(i), {static_cast<std::uint32_t>(i), i * 3});
    if (i > 10'000) bytes_each_max = std::max(bytes_each_max, table.bytes() / (i + 1));
  }
  REQUIRE(table.size() == count);
  REQUIRE(bytes_each_max <= 64);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (table.find(hash_of(i)) != Value{static_cast<std::uint32_t>(i), i * 3}) FAIL("lost " << i);
    if (table.find(hash_of(count + i))) FAIL("invented " << count + i);
  }
}

TEST_CASE("SegmentedTable: entries all on one side of a split → the full side splits again",
          "[base][unit]") {
  SegmentedTable table;
  // The first five bits are zero: four splits leave an empty segment beside a full one.
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Hash128 hash = hash_of(i);
    hash.high >>= 5;
    assign(table, hash, {0, i});
  }
  REQUIRE(table.size() == 3000);
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Hash128 hash = hash_of(i);
    hash.high >>= 5;
    REQUIRE(table.find(hash) == Value{0, i});
  }
}

TEST_CASE("SegmentedTable: hashes that all begin alike → a defect, aborts before memory runs out",
          "[base][unit]") {
  REQUIRE(testing::aborts([] {
    SegmentedTable table;
    for (std::uint64_t i = 0; i < 1000; ++i) assign(table, {.high = 7, .low = i}, {0, i});
  }));
}

TEST_CASE("SegmentedTable: the value of an absent cell → a defect, aborts", "[base][unit]") {
  SegmentedTable table;
  const auto value = [&] { table.update(hash_of(1), [](Cell& cell) { (void)cell.value(); }); };
  REQUIRE(testing::aborts(value));
  REQUIRE(testing::aborts([&] { erase(table, hash_of(1)); }));
}

TEST_CASE("SegmentedTable: random work on few and on many keys → what std::map says",
          "[base][unit]") {
  std::mt19937_64 random(testing::make_seed("segmented_table_model"));
  for (const std::uint64_t keys : {100U, 1'500U, 20'000U}) {
    SegmentedTable table;
    std::map<std::uint64_t, Value> model;
    for (int step = 0; step < 200'000; ++step) {
      const std::uint64_t key = random() % keys;
      const Value value{static_cast<std::uint32_t>(random()), random()};
      // Mostly growing, then mostly shrinking, and again.
      const bool grow = random() % 10 < (step / 40'000 % 2 == 0 ? 8U : 2U);
      table.update(hash_of(key), [&](Cell& cell) {
        const auto known = model.find(key);
        if (cell.present() != (known != model.end())) FAIL("presence of " << key);
        if (cell.present() && cell.value() != known->second) FAIL("value of " << key);
        if (grow) {
          cell.assign(value);
          model[key] = value;
        } else if (cell.present()) {
          cell.erase();
          model.erase(known);
        }
      });
      const std::uint64_t other = random() % keys;
      const auto found = table.find(hash_of(other));
      const auto known = model.find(other);
      if (found.has_value() != (known != model.end()) || (found && *found != known->second)) {
        FAIL("find of " << other << " at step " << step);
      }
    }
    REQUIRE(table.size() == model.size());
    for (const auto& [key, value] : model) REQUIRE(table.find(hash_of(key)) == value);
  }
}

TEST_CASE("SegmentedTable: full of droppable entries → purged, does not grow", "[base][unit]") {
  SegmentedTable table;
  const std::size_t bytes = table.bytes();
  // A sliding window: what is 500 behind is dead.
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    table.update(
        hash_of(i),
        [&](Cell& cell) {
          cell.assign({0, i});
        },
        [&](const Value& value) { return value.number + 500 < i; });
    if (i % 1000 != 0) continue;
    for (std::uint64_t alive = i < 500 ? 0 : i - 500; alive <= i; ++alive) {
      if (table.find(hash_of(alive)) != Value{0, alive}) FAIL("lost " << alive << " at " << i);
    }
  }
  REQUIRE(table.bytes() == bytes);
  REQUIRE(table.size() <= 921);
  REQUIRE(table.size() >= 501);
}

TEST_CASE("SegmentedTable: full with too few droppable entries → drops them and splits",
          "[base][unit]") {
  SegmentedTable table;
  const std::size_t bytes = table.bytes();
  const auto under_100 = [](const Value& value) { return value.number < 100; };
  std::uint64_t i = 0;
  for (; table.bytes() == bytes; ++i) {
    table.update(
        hash_of(i),
        [&](Cell& cell) {
          cell.assign({0, i});
        },
        under_100);
  }
  REQUIRE(i == 922);
  REQUIRE(table.size() == 922 - 100);
  for (std::uint64_t j = 0; j < i; ++j) REQUIRE(table.find(hash_of(j)).has_value() == (j >= 100));
}

TEST_CASE("SegmentedTable: a visit to an entry of a full segment → neither purge nor split",
          "[base][unit]") {
  SegmentedTable table;
  for (std::uint64_t i = 0; i < 921; ++i) assign(table, hash_of(i), {0, i});
  const std::size_t bytes = table.bytes();
  table.update(
      hash_of(0),
      [&](Cell& cell) {
        cell.assign({1, 1});
      },
      [](const Value&) { return true; });
  REQUIRE(table.size() == 921);
  REQUIRE(table.bytes() == bytes);
  REQUIRE(table.find(hash_of(0)) == Value{1, 1});
}

}  // namespace fluxgate::base
