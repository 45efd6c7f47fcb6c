#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "base/run_together.hpp"
#include "base/segmented_table.hpp"
#include "base/sip_hash.hpp"
#include "support/seed.hpp"

// Workers only count; the main thread asserts.

namespace fluxgate::base {
namespace {

using Value = SegmentedTable::Value;
using Cell = SegmentedTable::Cell;

Hash128 hash_of(std::uint64_t number) {
  return keyed_hash({3, 4}, {reinterpret_cast<const char*>(&number), sizeof(number)});
}

// A value whose halves belong together and to the key, so that a torn one or another's is seen.
Value value_of(std::uint64_t key, std::uint64_t version) {
  const std::uint64_t number = (version << 32) | key;
  return {static_cast<std::uint32_t>(number ^ (number >> 32)) * 2654435761U, number};
}

bool is_value_of(std::uint64_t key, const Value& value) {
  return (value.number & 0xffffffff) == key && value == value_of(key, value.number >> 32);
}

}  // namespace

TEST_CASE("SegmentedTable: an insert happened before a find → found, also while segments split",
          "[base][race]") {
  constexpr std::uint64_t count = 200'000;
  SegmentedTable table;
  std::atomic<std::uint64_t> inserted{0};
  std::atomic<int> missed{0};
  std::atomic<int> wrong{0};
  testing::run_together(3, [&](int thread) {
    if (thread == 0) {
      for (std::uint64_t i = 0; i < count; ++i) {
        table.update(hash_of(i), [&](Cell& cell) { cell.assign(value_of(i, 1)); });
        inserted.store(i + 1, std::memory_order_release);
      }
      return;
    }
    std::mt19937_64 random(static_cast<std::uint64_t>(thread));
    for (std::uint64_t end = 0; end < count;) {
      end = inserted.load(std::memory_order_acquire);
      if (end == 0) continue;
      // The newest is the likeliest to be missed; any other must not get lost in a split.
      for (const std::uint64_t key : {end - 1, random() % end}) {
        const auto found = table.find(hash_of(key));
        if (!found) ++missed;
        if (found && !is_value_of(key, *found)) ++wrong;
      }
    }
  });
  REQUIRE(missed == 0);
  REQUIRE(wrong == 0);
  REQUIRE(table.size() == count);
}

TEST_CASE(
    "SegmentedTable: a key in the table, then the word to stop looking → seen by whoever "
    "has the word",
    "[base][race]") {
  // How the engine uses it: claim the key, then take the last unit. Who sees no unit, sees the key.
  constexpr int rounds = 100'000;
  SegmentedTable table;
  auto units = std::make_unique<std::atomic<int>[]>(rounds);
  for (int i = 0; i < rounds; ++i) units[static_cast<std::size_t>(i)] = 1;
  std::atomic<int> missed{0};
  testing::run_together(2, [&](int thread) {
    for (std::size_t i = 0; i < rounds; ++i) {
      if (thread == 0) {
        table.update(hash_of(i), [&](Cell& cell) { cell.assign(value_of(i, 1)); });
        units[i].fetch_sub(1, std::memory_order_acq_rel);
      } else {
        while (units[i].load(std::memory_order_acquire) != 0) std::this_thread::yield();
        if (!table.find(hash_of(i))) ++missed;
      }
    }
  });
  REQUIRE(missed == 0);
}

TEST_CASE(
    "SegmentedTable: writers insert, overwrite and erase, readers look → no torn value, "
    "what stays is always found",
    "[base][race]") {
  const std::uint64_t seed = testing::make_seed("segmented_table_race");
  // In a segment or two, so that all of them meet: every third key stays for ever.
  constexpr std::uint64_t keys = 1'500;
  constexpr int steps = 200'000;
  SegmentedTable table;
  for (std::uint64_t key = 0; key < keys; key += 3) {
    table.update(hash_of(key), [&](Cell& cell) { cell.assign(value_of(key, 0)); });
  }
  std::atomic<int> wrong{0};
  std::atomic<int> missed{0};
  std::atomic<std::int64_t> balance{static_cast<std::int64_t>(table.size())};
  testing::run_together(4, [&](int thread) {
    std::mt19937_64 random(seed + static_cast<std::uint64_t>(thread));
    for (int step = 0; step < steps; ++step) {
      const std::uint64_t key = random() % keys;
      if (thread >= 2) {
        const auto found = table.find(hash_of(key));
        if (found && !is_value_of(key, *found)) ++wrong;
        if (!found && key % 3 == 0) ++missed;
        continue;
      }
      const std::uint64_t version = random() >> 32;
      table.update(hash_of(key), [&](Cell& cell) {
        if (cell.present() && !is_value_of(key, cell.value())) ++wrong;
        if (cell.present() && key % 3 != 0 && version % 2 == 0) {
          cell.erase();
          --balance;
        } else {
          if (!cell.present()) ++balance;
          cell.assign(value_of(key, version));
        }
      });
    }
  });
  REQUIRE(wrong == 0);
  REQUIRE(missed == 0);
  REQUIRE(table.size() == static_cast<std::size_t>(balance.load()));
}

TEST_CASE("SegmentedTable: two writers fill it, every split raced → nothing lost", "[base][race]") {
  constexpr std::uint64_t each = 100'000;
  constexpr std::uint64_t shared = 50'000;
  SegmentedTable table;
  std::atomic<int> wrong{0};
  testing::run_together(2, [&](int thread) {
    for (std::uint64_t i = 0; i < each; ++i) {
      // Half of the keys are inserted by both; the second finds the first.
      const std::uint64_t key = i < shared ? i : i + static_cast<std::uint64_t>(thread) * each;
      table.update(hash_of(key), [&](Cell& cell) {
        const std::uint64_t before = cell.present() ? cell.value().number >> 32 : 0;
        cell.assign(value_of(key, before + 1));
      });
    }
  });
  for (std::uint64_t i = 0; i < each; ++i) {
    const std::uint64_t times = i < shared ? 2 : 1;
    if (table.find(hash_of(i)) != value_of(i, times)) ++wrong;
    if (i >= shared && table.find(hash_of(i + each)) != value_of(i + each, 1)) ++wrong;
  }
  REQUIRE(wrong == 0);
  REQUIRE(table.size() == 2 * each - shared);
}

TEST_CASE("SegmentedTable: purging under readers → the living are always found", "[base][race]") {
  constexpr std::uint64_t count = 200'000;
  constexpr std::uint64_t living = 300;
  SegmentedTable table;
  std::atomic<std::uint64_t> inserted{0};
  std::atomic<int> missed{0};
  std::atomic<int> wrong{0};
  testing::run_together(2, [&](int thread) {
    if (thread == 0) {
      for (std::uint64_t i = 0; i < count; ++i) {
        table.update(
            hash_of(i), [&](Cell& cell) { cell.assign(value_of(i, 1)); },
            [&](const Value& value) { return (value.number & 0xffffffff) + living < i; });
        inserted.store(i + 1, std::memory_order_release);
      }
      return;
    }
    std::mt19937_64 random(5);
    for (std::uint64_t end = 0; end < count;) {
      end = inserted.load(std::memory_order_acquire);
      if (end == 0) continue;
      const std::uint64_t key = end - 1 - random() % std::min(end, living / 2);
      const auto found = table.find(hash_of(key));
      if (found && !is_value_of(key, *found)) ++wrong;
      // Unless the writer, now at most at this number, has moved so far that the key may be dead.
      if (!found && key + living >= inserted.load(std::memory_order_acquire)) ++missed;
    }
  });
  REQUIRE(wrong == 0);
  REQUIRE(missed == 0);
}

TEST_CASE("SegmentedTable: counting in a cell from three threads → no count lost", "[base][race]") {
  constexpr std::uint64_t each = 150'000;
  SegmentedTable table;
  testing::run_together(3, [&](int) {
    for (std::uint64_t i = 0; i < each; ++i) {
      table.update(hash_of(i % 3), [](Cell& cell) {
        cell.assign({0, (cell.present() ? cell.value().number : 0) + 1});
      });
    }
  });
  for (std::uint64_t key = 0; key < 3; ++key) REQUIRE(table.find(hash_of(key))->number == each);
}

}  // namespace fluxgate::base
