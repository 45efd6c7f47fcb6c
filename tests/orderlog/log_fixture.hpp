#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/block.hpp"
#include "orderlog/bytes.hpp"
#include "orderlog/checksum.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::orderlog {

/// "ok", or the code and the whole message, to be compared exactly.
template <typename T>
std::string outcome(const Result<T>& result) {
  if (result) return "ok";
  return std::string(to_string(result.error().code)) + ": " + result.error().message;
}

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}
inline void must(const Result<void>& result) {
  if (!result) FAIL(result.error().message);
}

/// $FLUXGATE_SEED, or a new seed; printed, so that a failure can be tried again.
inline std::uint64_t make_seed(const char* test) {
  std::uint64_t seed = std::random_device{}();
  if (const char* given = std::getenv("FLUXGATE_SEED")) seed = std::strtoull(given, nullptr, 10);
  std::printf("%s: FLUXGATE_SEED=%llu\n", test, static_cast<unsigned long long>(seed));
  return seed;
}

/// A copy in memory of exactly its size: the address sanitizer sees a read one byte outside.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes)
      : bytes_(new char[bytes.size()]), size_(bytes.size()) {
    std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  [[nodiscard]] char& operator[](std::size_t at) { return bytes_[at]; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

/// Records as lines of text, so that what went in and what came out can be compared.
inline std::string text_of(const ProductRecord& r) {
  return "product " + std::to_string(r.product) + " " + std::string(r.id);
}
inline std::string text_of(const RoundRecord& r) {
  return "round " + std::to_string(r.product) + " " + std::to_string(r.round) + " " +
         std::to_string(r.quantity) + " " + std::to_string(r.max_per_order) + " " +
         std::to_string(r.max_per_user);
}
inline std::string text_of(const OrderEntry& r) {
  return "order " + std::to_string(r.product) + " " + std::to_string(r.round) + " " +
         std::to_string(r.quantity) + " " + std::string(r.user_id) + " " + std::string(r.key) +
         " " + std::to_string(r.pass);
}
inline std::string text_of(const TicketRecord& r) {
  return "ticket " + std::to_string(r.ticket) + " " + std::to_string(r.product) + " " +
         std::string(r.user_id);
}
inline std::string text_of(const AdmissionRecord& r) {
  return "admission " + std::to_string(r.ticket) + " " + std::to_string(static_cast<int>(r.exit));
}
inline std::string text_of(const SettingRecord& r) {
  return "setting " + std::string(r.name) + "=" + std::string(r.value);
}
inline std::string text_of(const CheckpointRecord& r) {
  std::string text = "checkpoint " + std::to_string(r.orders) + " " + std::to_string(r.units);
  for (const RoundTotal& t : r.rounds) {
    text += " [" + std::to_string(t.product) + " " + std::to_string(t.round) + " " +
            std::to_string(t.orders) + " " + std::to_string(t.units) + "]";
  }
  return text;
}

/// Writes down all it is told.
class Transcript final : public LogVisitor {
 public:
  bool on_block(const BlockInfo& block) override {
    blocks.push_back(block);
    return blocks.size() < stop_at_block;
  }
  bool on_product(const ProductRecord& record) override { return note(text_of(record)); }
  bool on_round(const RoundRecord& record) override { return note(text_of(record)); }
  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const OrderEntry& order) override {
    sequences.push_back(sequence);
    accepted.push_back(accepted_at);
    return note(text_of(order));
  }
  bool on_ticket(const TicketRecord& record) override { return note(text_of(record)); }
  bool on_admission(const AdmissionRecord& record) override { return note(text_of(record)); }
  bool on_setting(const SettingRecord& record) override { return note(text_of(record)); }
  bool on_checkpoint(const CheckpointRecord& record) override { return note(text_of(record)); }

  std::size_t stop_at_block = SIZE_MAX;
  std::size_t stop_at_line = SIZE_MAX;
  std::vector<BlockInfo> blocks;
  std::vector<std::string> lines;
  std::vector<Sequence> sequences;
  std::vector<std::chrono::milliseconds> accepted;

 private:
  bool note(std::string line) {
    lines.push_back(std::move(line));
    return lines.size() < stop_at_line;
  }
};

/// Counts orders; what a tool beside a server does.
class OrderCounter final : public LogVisitor {
 public:
  bool on_order(Sequence, std::chrono::milliseconds, const OrderEntry&) override {
    ++orders;
    return true;
  }
  std::uint64_t orders = 0;
};

inline std::string random_text(std::mt19937_64& random, std::size_t min, std::size_t max) {
  std::string text(min + random() % (max - min + 1), '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

/// Mostly small, sometimes huge: all lengths of a varint.
inline std::uint64_t random_number(std::mt19937_64& random, std::uint64_t min, std::uint64_t max) {
  const std::uint64_t value = random() >> (random() % 64);
  return value < min ? min : value > max ? max : value;
}

/// Adds a random record of any type and returns its line.
inline std::string add_random(BlockBuilder& block, std::mt19937_64& random) {
  constexpr std::uint64_t any = UINT64_MAX;
  switch (random() % 10) {
    case 0: {
      const std::string id = random_text(random, 1, id_bytes_max);
      const ProductRecord record{random_number(random, 0, any), id};
      block.add(record);
      return text_of(record);
    }
    case 1: {
      const RoundRecord record{random_number(random, 0, any), random_number(random, 1, any),
                               random_number(random, 0, units_max),
                               random_number(random, 0, units_max),
                               random_number(random, 0, units_max)};
      block.add(record);
      return text_of(record);
    }
    case 2: {
      const std::string name = random_text(random, 1, setting_name_bytes_max);
      const std::string value = random_text(random, 0, setting_value_bytes_max);
      const SettingRecord record{name, value};
      block.add(record);
      return text_of(record);
    }
    case 3: {
      CheckpointRecord record{block.next_sequence() - 1, random(), {}};
      for (std::uint64_t left = random() % 20; left > 0; --left) {
        record.rounds.push_back({random_number(random, 0, any), random_number(random, 1, any),
                                 random_number(random, 0, any), random_number(random, 0, any)});
      }
      block.add(record);
      return text_of(record);
    }
    case 4: {
      const std::string user = random_text(random, 1, id_bytes_max);
      const TicketRecord record{random_number(random, 1, any), random_number(random, 0, any), user};
      block.add(record);
      return text_of(record);
    }
    case 5: {
      const AdmissionRecord record{random_number(random, 1, any),
                                   random() % 2 == 0 ? LineExit::admitted : LineExit::left};
      block.add(record);
      return text_of(record);
    }
    default: {
      const std::string user = random_text(random, 1, id_bytes_max);
      const std::string key = random_text(random, 1, key_bytes_max);
      const OrderEntry order{random_number(random, 0, any),
                             random_number(random, 1, any),
                             random_number(random, 1, units_max),
                             user,
                             key,
                             random() % 2 == 0 ? 0 : random_number(random, 1, any)};
      block.add(order);
      return text_of(order);
    }
  }
}

/// A block as stored, so that tests can change it.
struct StoredBlock {
  BlockKey key;
  std::string bytes;
  LogPosition end;
};

/// 36 bytes, as a UUID has: what bytes per order are measured with.
inline std::string id36(char kind, std::uint64_t number) {
  char text[40];
  std::snprintf(text, sizeof text, "%c-%034llu", kind, static_cast<unsigned long long>(number));
  return text;
}

/// The next block of `orders` orders.
inline StoredBlock make_block(BlockBuilder& builder, const LogPosition& tail, std::size_t orders,
                              std::chrono::milliseconds accepted_at = std::chrono::milliseconds{
                                  1}) {
  builder.start(tail);
  for (std::size_t i = 0; i < orders; ++i) {
    const Sequence sequence = builder.next_sequence();
    builder.add(OrderEntry{0, 1, 1, id36('u', sequence), id36('k', sequence), 0});
  }
  const auto finished = builder.finish(accepted_at);
  return {finished.key, std::string(finished.block), finished.end};
}

/// A block with these records' bytes, correctly sealed: what a defective writer would write.
inline StoredBlock forge(const LogPosition& tail, std::string_view records, std::uint32_t orders,
                         std::uint64_t accepted_at = 1) {
  StoredBlock block{{tail.sequence + 1, tail.block + 1}, std::string(block_header_bytes, '\0'), {}};
  block.bytes[0] = 1;
  store_little(block.bytes.data() + 4, orders);
  store_little(block.bytes.data() + 8, accepted_at);
  store_little(block.bytes.data() + 16, tail.checksum);
  block.bytes += records;
  const auto key = encode_key(block.key);
  char trailer[8];
  store_little(trailer, checksum({key.data(), key.size()}, block.bytes));
  block.bytes.append(trailer, sizeof trailer);
  block.end = {tail.block + 1, tail.sequence + orders, load_little<std::uint64_t>(trailer)};
  return block;
}

/// A log of blocks with so many orders each, one millisecond apart.
inline std::vector<StoredBlock> make_log(const std::vector<std::size_t>& orders) {
  std::vector<StoredBlock> blocks;
  BlockBuilder builder;
  LogPosition tail;
  for (const std::size_t count : orders) {
    const auto time = std::chrono::milliseconds(blocks.size() + 1);
    blocks.push_back(make_block(builder, tail, count, time));
    tail = blocks.back().end;
  }
  return blocks;
}

inline void append_all(LogStorage& storage, const std::vector<StoredBlock>& blocks,
                       bool sync = false) {
  for (const StoredBlock& block : blocks) must(storage.append(block.key, block.bytes, sync));
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) FAIL("cannot write " << path);
}

}  // namespace fluxgate::orderlog
