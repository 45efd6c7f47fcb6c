#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/record.hpp"

/// Blocks: what is written at once. The grammar is docs/LOG_FORMAT.md.

namespace fluxgate::orderlog {

inline constexpr std::uint8_t block_version = 1;
inline constexpr std::size_t block_header_bytes = 24;
inline constexpr std::size_t block_trailer_bytes = 8;
inline constexpr std::size_t block_key_bytes = 16;
/// Orders in one block.
inline constexpr std::size_t block_orders_max = 4'096;
/// Bytes at which a block takes no more orders (BlockBuilder::full).
inline constexpr std::size_t block_full_bytes = 2u << 20;
/// Bytes of one block; a reader refuses more.
inline constexpr std::size_t block_bytes_max = 8u << 20;
/// 9999-12-31T23:59:59.999Z: later times have no RFC 3339 form.
inline constexpr std::chrono::milliseconds accepted_at_max{253'402'300'799'999};

/// The largest orders fill a block by their number, never by their bytes.
static_assert(block_header_bytes + block_orders_max * order_bytes_max + block_trailer_bytes <=
              block_full_bytes);
/// A block that is not full takes all records of any one operation (a product's round, a ticket's
/// admission, a change of six settings), and a checkpoint besides.
static_assert(block_full_bytes + order_bytes_max + 6 * setting_bytes_max + checkpoint_bytes_max +
                  block_trailer_bytes <=
              block_bytes_max);

/// A block's name as bytes: both numbers big endian, so that blocks sort.
[[nodiscard]] std::array<char, block_key_bytes> encode_key(const BlockKey& key) noexcept;
/// Errors: damaged (not 16 bytes, or a zero in it).
[[nodiscard]] Result<BlockKey> decode_key(std::string_view bytes);

/// A block taken apart, its frame checked. Views point into the block.
struct BlockView {
  LogPosition end;                           ///< its last order, or the one before it
  std::chrono::milliseconds accepted_at{0};  ///< of all its orders
  std::size_t orders = 0;                    ///< what its header says
  std::uint64_t previous_checksum = 0;       ///< of the block before; 0: it is the first
  std::string_view records;
};

/// Checks everything of a block but its records and its place in the chain.
///
/// Errors: damaged, newer_format; the message names the block, its first order and what is wrong.
[[nodiscard]] Result<BlockView> open_block(const BlockKey& key, std::string_view block);

/// The same block without the records behind its `orders`-th order: another block, with a checksum
/// of its own. `block` is one that open_block() and RecordReader accept and that holds as many.
[[nodiscard]] std::string cut_block(const BlockKey& key, std::string_view block,
                                    std::size_t orders);

/// "block 7 (first order 120)": how messages name a block.
[[nodiscard]] std::string block_name(const BlockKey& key);

/// Builds one block after the other in the same buffer.
///
/// Threads:  one.
/// Memory:   its buffer grows to the largest block built, block_bytes_max at most; nothing else.
class BlockBuilder {
 public:
  struct Finished {
    BlockKey key;
    std::string_view block;  ///< valid until start()
    LogPosition end;
  };

  /// Forgets everything and begins the block after `tail`.
  void start(const LogPosition& tail);

  /// Adds a record. A value out of range, an order or other record too many (full()) and a
  /// checkpoint that does not count the orders before it are defects (abort).
  void add(const ProductRecord& record);
  void add(const RoundRecord& record);  ///< fits a full block too: a product is followed by one
  void add(const OrderEntry& order);
  void add(const TicketRecord& record);
  void add(const AdmissionRecord& record);
  void add(const SettingRecord& record);
  void add(const CheckpointRecord& record);  ///< fits a full block too, once

  [[nodiscard]] std::size_t bytes() const noexcept;  ///< of the finished block
  [[nodiscard]] std::size_t orders() const noexcept { return orders_; }
  [[nodiscard]] std::size_t records() const noexcept { return records_; }
  [[nodiscard]] bool empty() const noexcept { return records_ == 0; }
  /// True if it takes no more records but a round and a checkpoint: finish it.
  [[nodiscard]] bool full() const noexcept;
  /// Where the next order added will stand.
  [[nodiscard]] Sequence next_sequence() const noexcept { return tail_.sequence + orders_ + 1; }

  /// Completes the block; it may be empty. Then only start() may follow.
  /// `accepted_at` is 0..accepted_at_max.
  [[nodiscard]] Finished finish(std::chrono::milliseconds accepted_at);

 private:
  void added();

  std::string buffer_;  // the key's bytes, then the block: one run of bytes for the checksum
  LogPosition tail_;
  std::size_t orders_ = 0;
  std::size_t records_ = 0;
  bool open_ = false;
};

}  // namespace fluxgate::orderlog
