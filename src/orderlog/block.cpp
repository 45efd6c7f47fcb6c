#include "orderlog/block.hpp"

#include <limits>

#include "base/check.hpp"
#include "orderlog/bytes.hpp"
#include "orderlog/checksum.hpp"

namespace fluxgate::orderlog {
namespace {

// Offsets in a block; see docs/LOG_FORMAT.md.
constexpr std::size_t reserved_at = 1;
constexpr std::size_t orders_at = 4;
constexpr std::size_t accepted_at_at = 8;
constexpr std::size_t previous_at = 16;
static_assert(previous_at + 8 == block_header_bytes);

Error defect(ErrorCode code, const BlockKey& key, const std::string& what) {
  return Error{code, block_name(key) + " " + what};
}

}  // namespace

std::array<char, block_key_bytes> encode_key(const BlockKey& key) noexcept {
  std::array<char, block_key_bytes> bytes;
  store_big(bytes.data(), key.first_sequence);
  store_big(bytes.data() + 8, key.block);
  return bytes;
}

Result<BlockKey> decode_key(std::string_view bytes) {
  if (bytes.size() != block_key_bytes) {
    return Error{ErrorCode::damaged,
                 "a block has a name of " + std::to_string(bytes.size()) + " bytes instead of 16"};
  }
  const BlockKey key{load_big(bytes.data()), load_big(bytes.data() + 8)};
  if (key.first_sequence == 0 || key.block == 0) {
    return Error{ErrorCode::damaged, "a block is named " + block_name(key)};
  }
  return key;
}

std::string block_name(const BlockKey& key) {
  return "block " + std::to_string(key.block) + " (first order " +
         std::to_string(key.first_sequence) + ")";
}

Result<BlockView> open_block(const BlockKey& key, std::string_view block) {
  if (block.size() < block_header_bytes + block_trailer_bytes || block.size() > block_bytes_max) {
    return defect(ErrorCode::damaged, key,
                  "has an impossible size of " + std::to_string(block.size()) + " bytes");
  }
  // The checksum comes before the version: both are where they are in every version, and a flipped
  // version byte is damage, not a newer release.
  const std::string_view covered = block.substr(0, block.size() - block_trailer_bytes);
  const auto stored = load_little<std::uint64_t>(covered.data() + covered.size());
  const auto key_bytes = encode_key(key);
  if (stored != checksum({key_bytes.data(), key_bytes.size()}, covered)) {
    return defect(ErrorCode::damaged, key, "does not match its checksum");
  }
  const auto version = static_cast<unsigned char>(block[0]);
  if (version == 0) return defect(ErrorCode::damaged, key, "has format version 0");
  if (version > block_version) {
    return defect(ErrorCode::newer_format, key,
                  "has format version " + std::to_string(version) + "; this release reads " +
                      std::to_string(block_version));
  }
  if (block.substr(reserved_at, 3) != std::string_view("\0\0\0", 3)) {
    return defect(ErrorCode::damaged, key, "has reserved bytes that are not zero");
  }
  BlockView view;
  view.orders = load_little<std::uint32_t>(block.data() + orders_at);
  const auto accepted_at = load_little<std::uint64_t>(block.data() + accepted_at_at);
  view.previous_checksum = load_little<std::uint64_t>(block.data() + previous_at);
  view.records = covered.substr(block_header_bytes);
  if (view.orders > block_orders_max) {
    return defect(ErrorCode::damaged, key,
                  "claims " + std::to_string(view.orders) + " orders, more than any block holds");
  }
  if (accepted_at > static_cast<std::uint64_t>(accepted_at_max.count())) {
    return defect(ErrorCode::damaged, key, "has a time after the year 9999");
  }
  view.accepted_at = std::chrono::milliseconds(static_cast<std::int64_t>(accepted_at));
  if (key.first_sequence > std::numeric_limits<Sequence>::max() - block_orders_max) {
    return defect(ErrorCode::damaged, key, "is numbered beyond the last possible order");
  }
  view.end = {key.block, key.first_sequence - 1 + view.orders, stored};
  return view;
}

std::string cut_block(const BlockKey& key, std::string_view block, std::size_t orders) {
  RecordReader reader(
      block.substr(block_header_bytes, block.size() - block_header_bytes - block_trailer_bytes));
  for (std::size_t passed = 0; passed < orders;) {
    FLUXGATE_CHECK(reader.next());
    if (is_order(reader.type())) ++passed;
  }
  std::string cut(block.substr(0, block_header_bytes + reader.bytes_read()));
  store_little(cut.data() + orders_at, static_cast<std::uint32_t>(orders));
  const auto key_bytes = encode_key(key);
  const std::uint64_t sum = checksum({key_bytes.data(), key_bytes.size()}, cut);
  char trailer[block_trailer_bytes];
  store_little(trailer, sum);
  cut.append(trailer, sizeof trailer);
  return cut;
}

void BlockBuilder::start(const LogPosition& tail) {
  tail_ = tail;
  orders_ = 0;
  records_ = 0;
  open_ = true;
  const auto key = encode_key({tail.sequence + 1, tail.block + 1});
  buffer_.assign(key.data(), key.size());
  buffer_.append(block_header_bytes, '\0');  // finish() fills it in
}

std::size_t BlockBuilder::bytes() const noexcept {
  return buffer_.size() - block_key_bytes + block_trailer_bytes;
}

bool BlockBuilder::full() const noexcept {
  return orders_ == block_orders_max || bytes() >= block_full_bytes;
}

void BlockBuilder::added() {
  ++records_;
  FLUXGATE_CHECK(bytes() <= block_bytes_max);
}

void BlockBuilder::add(const ProductRecord& record) {
  FLUXGATE_CHECK(open_ && !full());
  encode(buffer_, record);
  added();
}

void BlockBuilder::add(const RoundRecord& record) {
  FLUXGATE_CHECK(open_);
  encode(buffer_, record);
  added();
}

void BlockBuilder::add(const OrderEntry& order) {
  FLUXGATE_CHECK(open_ && !full());
  encode(buffer_, order);
  ++orders_;
  added();
}

void BlockBuilder::add(const TicketRecord& record) {
  FLUXGATE_CHECK(open_ && !full());
  encode(buffer_, record);
  added();
}

void BlockBuilder::add(const AdmissionRecord& record) {
  FLUXGATE_CHECK(open_);
  encode(buffer_, record);
  added();
}

void BlockBuilder::add(const SettingRecord& record) {
  FLUXGATE_CHECK(open_);
  encode(buffer_, record);
  added();
}

void BlockBuilder::add(const CheckpointRecord& record) {
  FLUXGATE_CHECK(open_ && record.orders == tail_.sequence + orders_);
  encode(buffer_, record);
  added();
}

BlockBuilder::Finished BlockBuilder::finish(std::chrono::milliseconds accepted_at) {
  FLUXGATE_CHECK(open_ && accepted_at.count() >= 0 && accepted_at <= accepted_at_max);
  open_ = false;
  char* header = buffer_.data() + block_key_bytes;
  header[0] = static_cast<char>(block_version);
  store_little(header + orders_at, static_cast<std::uint32_t>(orders_));
  store_little(header + accepted_at_at, static_cast<std::uint64_t>(accepted_at.count()));
  store_little(header + previous_at, tail_.checksum);

  const std::uint64_t sum = checksum(buffer_, {});
  char trailer[block_trailer_bytes];
  store_little(trailer, sum);
  buffer_.append(trailer, sizeof trailer);

  Finished finished;
  finished.key = {tail_.sequence + 1, tail_.block + 1};
  finished.block = std::string_view(buffer_).substr(block_key_bytes);
  finished.end = {tail_.block + 1, tail_.sequence + orders_, sum};
  return finished;
}

}  // namespace fluxgate::orderlog
