#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/held_thread.hpp"
#include "base/segmented_table.hpp"
#include "base/sip_hash.hpp"

// A thread stands still at any instruction of find() or update() while another one writes.

namespace fluxgate::base {
namespace {

using Value = SegmentedTable::Value;
using Cell = SegmentedTable::Cell;

constexpr std::uint64_t entries_before = 900;   // nearly a full segment
constexpr std::uint64_t entries_after = 3'000;  // four segments or more
#if defined(__SANITIZE_THREAD__)
constexpr int repeats = 40;  // each takes twenty times as long
#else
constexpr int repeats = 300;
#endif

std::vector<Hash128> make_hashes(std::uint64_t count) {
  std::vector<Hash128> hashes;
  for (std::uint64_t i = 0; i < count; ++i) {
    hashes.push_back(keyed_hash({7, 8}, {reinterpret_cast<const char*>(&i), sizeof(i)}));
  }
  return hashes;
}

void fill(SegmentedTable& table, const std::vector<Hash128>& hashes, std::uint64_t from,
          std::uint64_t to) {
  for (std::uint64_t i = from; i < to; ++i) {
    table.update(hashes[i], [&](Cell& cell) { cell.assign({1, i}); });
  }
}

}  // namespace

TEST_CASE("SegmentedTable: segments split while a reader stands still → it finds what is there",
          "[base][race]") {
  const std::vector<Hash128> hashes = make_hashes(entries_after);
  std::vector<std::unique_ptr<SegmentedTable>> tables;
  std::atomic<const SegmentedTable*> present{nullptr};
  std::uint64_t missed = 0;  // of the reader
  std::uint64_t invented = 0;
  std::uint64_t at = 0;

  const auto new_table = [&] {
    tables.push_back(std::make_unique<SegmentedTable>());
    fill(*tables.back(), hashes, 0, entries_before);
    present.store(tables.back().get(), std::memory_order_release);
  };
  new_table();
  testing::HeldThread reader([&] {
    const SegmentedTable& table = *present.load(std::memory_order_acquire);
    for (int i = 0; i < 16; ++i) {
      at = (at + 1) % entries_before;
      const auto found = table.find(hashes[at]);
      if (!found) ++missed;
      if (found && *found != Value{1, at}) ++invented;
    }
  });
  for (int repeat = 0; repeat < repeats; ++repeat) {
    reader.hold_up([&] { fill(*tables.back(), hashes, entries_before, entries_after); });
    new_table();
    if (tables.size() > 10) {
      reader.hold_up([] {});  // it has left the older tables
      tables.erase(tables.begin(), tables.end() - 1);
    }
  }
  reader.stop();
  REQUIRE(missed == 0);
  REQUIRE(invented == 0);
}

TEST_CASE("SegmentedTable: segments split while a writer stands still → its entries are not lost",
          "[base][race]") {
  const std::vector<Hash128> hashes = make_hashes(2 * entries_after);
  std::vector<std::unique_ptr<SegmentedTable>> tables;
  std::atomic<SegmentedTable*> present{nullptr};
  std::uint64_t at = 0;
  std::uint64_t lost = 0;

  const auto new_table = [&] {
    tables.push_back(std::make_unique<SegmentedTable>());
    fill(*tables.back(), hashes, 0, entries_before);
    present.store(tables.back().get(), std::memory_order_release);
  };
  new_table();
  testing::HeldThread writer([&] {
    SegmentedTable& table = *present.load(std::memory_order_acquire);
    for (int i = 0; i < 16; ++i) {
      at = (at + 1) % 500;
      const Hash128& hash = hashes[entries_after + at];
      table.update(hash, [&](Cell& cell) { cell.assign({2, at}); });
      if (table.find(hash) != Value{2, at}) ++lost;
      table.update(hash, [&](Cell& cell) { cell.erase(); });
    }
  });
  for (int repeat = 0; repeat < repeats; ++repeat) {
    writer.hold_up([&] { fill(*tables.back(), hashes, entries_before, entries_after); });
    for (std::uint64_t i = 0; i < entries_after; ++i) {
      if (tables.back()->find(hashes[i]) != Value{1, i}) FAIL("lost " << i);
    }
    new_table();
    if (tables.size() > 10) {
      writer.hold_up([] {});  // it has left the older tables
      // All that it wrote there it has erased.
      for (std::size_t i = 0; i + 1 < tables.size(); ++i) {
        REQUIRE(tables[i]->size() == entries_after);
      }
      tables.erase(tables.begin(), tables.end() - 1);
    }
  }
  writer.stop();
  REQUIRE(lost == 0);
}

}  // namespace fluxgate::base
