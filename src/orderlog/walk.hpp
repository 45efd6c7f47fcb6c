#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/record.hpp"

namespace fluxgate::orderlog {

/// What is known of a block before its records are read.
struct BlockInfo {
  BlockKey key;
  LogPosition end;
  std::chrono::milliseconds accepted_at{0};
  std::size_t orders = 0;
  std::string_view content = {};  ///< its bytes as stored; valid during the call
};

/// Where in a log something is wrong: a block, and the order in it if it is one.
struct LogPlace {
  BlockKey block;
  Sequence order = 0;  ///< 0: not an order, or not known which
  friend bool operator==(const LogPlace&, const LogPlace&) noexcept = default;
};

/// Is told what walk() finds. Each returns false to end the walk there.
///
/// What it is told is true: a block is shown only after its checksum and its place in the chain
/// were checked. Views are valid during the call.
class LogVisitor {
 public:
  virtual ~LogVisitor() = default;

  /// The mark the walk was given, before anything else.
  virtual void on_mark(const LogPosition&) {}
  virtual bool on_block(const BlockInfo&) { return true; }
  virtual bool on_product(const ProductRecord&) { return true; }
  virtual bool on_round(const RoundRecord&) { return true; }
  virtual bool on_order(Sequence, std::chrono::milliseconds, const OrderEntry&) { return true; }
  virtual bool on_ticket(const TicketRecord&) { return true; }
  virtual bool on_admission(const AdmissionRecord&) { return true; }
  virtual bool on_setting(const SettingRecord&) { return true; }
  virtual bool on_checkpoint(const CheckpointRecord&) { return true; }

  /// The walk ends with an error about this place, or, if a block is missing or cannot be read,
  /// about the place where it should be.
  virtual void on_fault(const LogPlace&) {}
};

/// Reads the log from the block that holds order `from` to its end and checks all of it.
///
/// Orders before `from` are not shown; other records of their block are. With `from` 0 or 1 the
/// log must begin with block 1 and order 1; a later start trusts the first block's place.
/// With `mark` the walk must pass exactly through that position (only with `from` 0 or 1).
///
/// Threads:  any; not the visitor.
/// Returns:  the end of the last block looked at; all zero for an empty log. A walk the visitor
///           ended says nothing of the blocks behind.
/// Errors:   damaged (checksum, chain, order, gap, count, record, mark), newer_format,
///           unavailable; the message names block, order and what is wrong.
[[nodiscard]] Result<LogPosition> walk(const LogStorage& storage, Sequence from,
                                       LogVisitor& visitor, const LogPosition* mark = nullptr);

}  // namespace fluxgate::orderlog
