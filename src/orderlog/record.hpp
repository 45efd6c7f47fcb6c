#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/result.hpp"
#include "fluxgate/types.hpp"
#include "orderlog/bytes.hpp"

/// The records inside a block: views, their bytes and back. The grammar is docs/LOG_FORMAT.md.

namespace fluxgate::orderlog {

/// First byte of a record. Numbers are on disk: never change or reuse one.
enum class RecordType : std::uint8_t {
  product = 1,
  round = 2,
  order = 3,
  order_with_pass = 4,
  ticket = 5,
  admission = 6,
  setting = 7,
  checkpoint = 8,
};

[[nodiscard]] constexpr bool is_order(RecordType type) noexcept {
  return type == RecordType::order || type == RecordType::order_with_pass;
}

/// Gives a product its number: 0, 1, 2, ... as products appear. Later records name it by that.
struct ProductRecord {
  std::uint64_t product = 0;
  std::string_view id;  ///< 1..id_bytes_max bytes
};

/// Opens a round of a product.
struct RoundRecord {
  std::uint64_t product = 0;
  RoundNumber round = 0;    ///< at least 1
  Units quantity = 0;       ///< 0..units_max
  Units max_per_order = 0;  ///< 0: no limit; at most units_max
  Units max_per_user = 0;   ///< 0: no limit; at most units_max
};

/// An accepted order. Its sequence follows from its place, its acceptedAt is its block's.
struct OrderEntry {
  std::uint64_t product = 0;
  RoundNumber round = 0;     ///< at least 1
  Units quantity = 0;        ///< 1..units_max
  std::string_view user_id;  ///< 1..id_bytes_max bytes
  std::string_view key;      ///< 1..key_bytes_max bytes
  std::uint64_t pass = 0;    ///< number of the admission pass it used up; 0: none
};

/// Gives a person a place in line for a product. Tickets are numbered 1, 2, 3, ... without gaps.
struct TicketRecord {
  std::uint64_t ticket = 0;  ///< at least 1
  std::uint64_t product = 0;
  std::string_view user_id;  ///< 1..id_bytes_max bytes
};

/// How a place in line ended. Numbers are on disk.
enum class LineExit : std::uint8_t {
  admitted = 1,  ///< its pass was issued, at the time of the block
  left = 2,      ///< nobody came back for it
};

/// Ends a place in line.
struct AdmissionRecord {
  std::uint64_t ticket = 0;  ///< at least 1
  LineExit exit = LineExit::admitted;
};

/// A named value the log carries for its reader; the last one of a name counts.
struct SettingRecord {
  std::string_view name;   ///< 1..setting_name_bytes_max bytes
  std::string_view value;  ///< 0..setting_value_bytes_max bytes
};

/// What a round sold from its beginning up to a checkpoint.
struct RoundTotal {
  std::uint64_t product = 0;
  RoundNumber round = 0;  ///< at least 1
  std::uint64_t orders = 0;
  Units units = 0;
  friend bool operator==(const RoundTotal&, const RoundTotal&) noexcept = default;
};

/// Totals of the whole log up to here, so that the blocks before can one day be dropped.
struct CheckpointRecord {
  Sequence orders = 0;  ///< orders in the log before this record: the last one's sequence
  Units units = 0;      ///< in those orders, modulo 2^64
  /// Rounds that took orders since the checkpoint before; at most checkpoint_rounds_max.
  std::vector<RoundTotal> rounds;
};

/// A checkpoint is due when this many orders have passed since the one before.
inline constexpr std::uint64_t checkpoint_interval_orders = 100'000;
/// More rounds cannot take orders between two checkpoints: a checkpoint is at most one block late.
inline constexpr std::size_t checkpoint_rounds_max = checkpoint_interval_orders + 4'096;
inline constexpr std::size_t setting_name_bytes_max = 64;
inline constexpr std::size_t setting_value_bytes_max = 4'096;

/// Upper bounds of a record's bytes, type byte included (static_asserts in record.cpp).
inline constexpr std::size_t order_bytes_max =
    1 + 4 * varint_bytes_max + 2 * 2 + id_bytes_max + key_bytes_max;
inline constexpr std::size_t setting_bytes_max =
    1 + 2 * 2 + setting_name_bytes_max + setting_value_bytes_max;
inline constexpr std::size_t ticket_bytes_max = 1 + 2 * varint_bytes_max + 2 + id_bytes_max;
inline constexpr std::size_t admission_bytes_max = 1 + varint_bytes_max + 1;
inline constexpr std::size_t checkpoint_bytes_max =
    1 + 3 * varint_bytes_max + checkpoint_rounds_max * 4 * varint_bytes_max;

/// Append a record's bytes to `out`. Values out of their documented range are a defect (abort).
void encode(std::string& out, const ProductRecord& record);
void encode(std::string& out, const RoundRecord& record);
void encode(std::string& out, const OrderEntry& order);
void encode(std::string& out, const TicketRecord& record);
void encode(std::string& out, const AdmissionRecord& record);
void encode(std::string& out, const SettingRecord& record);
void encode(std::string& out, const CheckpointRecord& record);

/// Reads one record after the other. Never reads outside `bytes`, whatever they are.
///
/// Threads:  one.
/// Memory:   allocates only for checkpoints.
/// Lifetime: the views of a record point into `bytes`; a record is valid until the next next().
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) noexcept : bytes_(bytes) {}

  /// True if there was a record: ask type() and the accessor of that name (both order types:
  /// order()). False at the end or at a defect: ask status().
  [[nodiscard]] bool next();

  [[nodiscard]] RecordType type() const noexcept { return type_; }
  [[nodiscard]] const ProductRecord& product() const noexcept { return product_; }
  [[nodiscard]] const RoundRecord& round() const noexcept { return round_; }
  [[nodiscard]] const OrderEntry& order() const noexcept { return order_; }
  [[nodiscard]] const TicketRecord& ticket() const noexcept { return ticket_; }
  [[nodiscard]] const AdmissionRecord& admission() const noexcept { return admission_; }
  [[nodiscard]] const SettingRecord& setting() const noexcept { return setting_; }
  [[nodiscard]] const CheckpointRecord& checkpoint() const noexcept { return checkpoint_; }

  /// Errors: damaged (a record is malformed), newer_format (a type this release does not know);
  ///         the message names the record's offset in `bytes` and what is wrong.
  [[nodiscard]] Result<void> status() const;

  /// Bytes up to the end of the last record.
  [[nodiscard]] std::size_t bytes_read() const noexcept { return at_; }

 private:
  [[nodiscard]] bool read_varint(std::uint64_t& value) noexcept;
  [[nodiscard]] bool read_string(std::string_view& value, std::size_t bytes_max) noexcept;
  [[nodiscard]] bool read_number(std::uint64_t& value, std::uint64_t min, std::uint64_t max);
  [[nodiscard]] bool read_record();
  [[nodiscard]] bool read_product();
  [[nodiscard]] bool read_round();
  [[nodiscard]] bool read_order(bool with_pass);
  [[nodiscard]] bool read_ticket();
  [[nodiscard]] bool read_admission();
  [[nodiscard]] bool read_setting();
  [[nodiscard]] bool read_checkpoint();
  /// Remembers the first defect; always false.
  bool defect(const char* what) noexcept;

  std::string_view bytes_;
  std::size_t at_ = 0;            // next byte to read
  std::size_t record_begin_ = 0;  // offset of the record being read
  const char* defect_ = nullptr;  // what is wrong with it
  bool newer_ = false;            // its type is not known
  RecordType type_ = RecordType::product;
  ProductRecord product_;
  RoundRecord round_;
  OrderEntry order_;
  TicketRecord ticket_;
  AdmissionRecord admission_;
  SettingRecord setting_;
  CheckpointRecord checkpoint_;
};

}  // namespace fluxgate::orderlog
