#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "orderlog/record.hpp"
#include "orderlog/rocksdb_fixture.hpp"

namespace fluxgate::engine {

/// The bytes of the records that `add` encodes.
inline std::string records_of(const std::function<void(std::string&)>& add) {
  std::string records;
  add(records);
  return records;
}

/// An order of the first round of product number 0.
inline std::string order(std::string_view key, Units quantity = 1) {
  return records_of([&](std::string& to) {
    orderlog::encode(to, orderlog::OrderEntry{0, 1, quantity, "u", key, 0});
  });
}

/// The first block of a good log: a product with 100 units.
inline orderlog::StoredBlock first_block(std::string_view product = "p") {
  return orderlog::forge({}, records_of([&](std::string& to) {
                           encode(to, orderlog::SettingRecord{"order_id_key", "0123456789abcdef"});
                           encode(to, orderlog::SettingRecord{"idempotency_ttl", "100"});
                           encode(to, orderlog::ProductRecord{0, product});
                           encode(to,
                                  orderlog::RoundRecord{.product = 0, .round = 1, .quantity = 100});
                         }),
                         0, 10);
}

/// A directory with these blocks, its mark at the end of the block before the last.
inline void write_blocks(const std::string& directory,
                         const std::vector<orderlog::StoredBlock>& blocks) {
  auto storage = orderlog::open(directory);
  orderlog::must(storage->start_writing({}));
  orderlog::append_all(*storage, blocks, true);
  orderlog::must(
      storage->set_mark(blocks.size() < 2 ? LogPosition{} : blocks[blocks.size() - 2].end));
}

}  // namespace fluxgate::engine
