// Blocks and their records. An input is a first byte (bit 0: mend chain and checksums, so that what
// is behind them is reached) and then one block after the other: its size in two bytes, its bytes.
// What is accepted must be what the builder makes of what was read, byte for byte.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "fuzz/target.hpp"
#include "orderlog/block.hpp"
#include "orderlog/bytes.hpp"
#include "orderlog/checksum.hpp"
#include "orderlog/memory_storage.hpp"
#include "orderlog/record.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::fuzz {
namespace {

using orderlog::BlockBuilder;
using orderlog::BlockInfo;
using orderlog::RecordReader;
using orderlog::RecordType;

std::string encoded(const RecordReader& reader) {
  std::string bytes;
  switch (reader.type()) {
    case RecordType::product:
      orderlog::encode(bytes, reader.product());
      break;
    case RecordType::round:
      orderlog::encode(bytes, reader.round());
      break;
    case RecordType::order:
    case RecordType::order_with_pass:
      orderlog::encode(bytes, reader.order());
      break;
    case RecordType::ticket:
      orderlog::encode(bytes, reader.ticket());
      break;
    case RecordType::admission:
      orderlog::encode(bytes, reader.admission());
      break;
    case RecordType::setting:
      orderlog::encode(bytes, reader.setting());
      break;
    case RecordType::checkpoint:
      orderlog::encode(bytes, reader.checkpoint());
      break;
  }
  return bytes;
}

// The records that are read, written again, are a prefix of the bytes, and all of them if the
// reader had nothing against them.
void check_records(std::string_view bytes) {
  const Exact exact(bytes);
  RecordReader reader(exact.view());
  std::string again;
  while (reader.next()) again += encoded(reader);
  FLUXGATE_CHECK(bytes.starts_with(again));
  FLUXGATE_CHECK(reader.status().has_value() == (again.size() == bytes.size()));
}

// Makes each block again from what the walk shows.
class Again final : public orderlog::LogVisitor {
 public:
  bool on_block(const BlockInfo& info) override {
    finish();
    block_ = info;
    builder_.start(tail_);
    return true;
  }
  bool on_product(const orderlog::ProductRecord& record) override { return add(record); }
  bool on_round(const orderlog::RoundRecord& record) override { return add(record); }
  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const orderlog::OrderEntry& order) override {
    FLUXGATE_CHECK(sequence == builder_.next_sequence());
    FLUXGATE_CHECK(accepted_at == block_->accepted_at);
    return add(order);
  }
  bool on_ticket(const orderlog::TicketRecord& record) override { return add(record); }
  bool on_admission(const orderlog::AdmissionRecord& record) override { return add(record); }
  bool on_setting(const orderlog::SettingRecord& record) override { return add(record); }
  bool on_checkpoint(const orderlog::CheckpointRecord& record) override { return add(record); }

  /// The last block; its end says whether all before it are the same, too, by the chain.
  void finish() {
    if (!block_) return;
    tail_ = builder_.finish(block_->accepted_at).end;
    FLUXGATE_CHECK(tail_ == block_->end);
    block_.reset();
  }
  [[nodiscard]] const LogPosition& tail() const { return tail_; }

 private:
  template <typename Record>
  bool add(const Record& record) {
    builder_.add(record);
    return true;
  }

  BlockBuilder builder_;
  std::optional<BlockInfo> block_;
  LogPosition tail_;
};

// Gives a block its place behind `tail` and a checksum that is right.
void mend(std::string& block, const LogPosition& tail, const BlockKey& key) {
  if (block.size() < orderlog::block_header_bytes + orderlog::block_trailer_bytes) return;
  orderlog::store_little(block.data() + 16, tail.checksum);
  const std::size_t covered = block.size() - orderlog::block_trailer_bytes;
  const auto name = orderlog::encode_key(key);
  orderlog::store_little(
      block.data() + covered,
      orderlog::checksum({name.data(), name.size()}, std::string_view(block).substr(0, covered)));
}

void check_walk(Input input, bool mends) {
  orderlog::MemoryStorage storage;
  LogPosition tail;
  bool all_open = true;
  while (!input.empty()) {
    const std::size_t size = input.number(2);
    std::string block(input.text(size));
    const BlockKey key{tail.sequence + 1, tail.block + 1};
    if (mends) mend(block, tail, key);
    const Exact exact(block);
    const auto view = orderlog::open_block(key, exact.view());
    // The log takes only blocks that go up, so a walk ends at the first that cannot be opened.
    FLUXGATE_CHECK(storage.append(key, block, true).has_value());
    if (!view) {
      all_open = false;
      break;
    }
    FLUXGATE_CHECK((*view).records.size() + 32 == block.size());
    tail = (*view).end;
  }
  Again again;
  const Result<LogPosition> end = orderlog::walk(storage, 0, again);
  if (!end) return;
  again.finish();
  FLUXGATE_CHECK(all_open && *end == tail && *end == again.tail());
}

}  // namespace
}  // namespace fluxgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fluxgate::fuzz;
  Input input(data, size);
  const std::uint8_t mode = input.byte();
  check_records(input.rest());
  check_walk(input, (mode & 1) != 0);
  return 0;
}
