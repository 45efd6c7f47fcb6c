#pragma once

#include <chrono>
#include <cstddef>

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
  std::size_t bytes = 0;
};

/// Is told what walk() finds. Each returns false to end the walk there.
///
/// What it is told is true: a block is shown only after its checksum and its place in the chain
/// were checked. Views are valid during the call.
class LogVisitor {
 public:
  virtual ~LogVisitor() = default;

  virtual bool on_block(const BlockInfo&) { return true; }
  virtual bool on_product(const ProductRecord&) { return true; }
  virtual bool on_round(const RoundRecord&) { return true; }
  virtual bool on_order(Sequence, std::chrono::milliseconds, const OrderEntry&) { return true; }
  virtual bool on_ticket(const TicketRecord&) { return true; }
  virtual bool on_admission(const AdmissionRecord&) { return true; }
  virtual bool on_setting(const SettingRecord&) { return true; }
  virtual bool on_checkpoint(const CheckpointRecord&) { return true; }
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
