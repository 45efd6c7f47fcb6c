#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "fluxgate/clock.hpp"
#include "fluxgate/error.hpp"
#include "fluxgate/log_storage.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/block.hpp"

namespace fluxgate::orderlog {

/// The mark follows the synced log at most this often, and not later while tend() is called.
inline constexpr std::chrono::milliseconds mark_interval{50};
/// With Durability::os nothing stays unsynced longer than this while tend() is called.
inline constexpr std::chrono::milliseconds sync_interval{500};

/// What one write() made of the gathered records.
struct Written {
  Sequence first = 0;  ///< of its first order, or of the next one to come
  std::size_t orders = 0;
  std::chrono::milliseconds accepted_at{0};
  LogPosition end;
};

/// Counts since construction.
struct LogWriterStats {
  std::uint64_t blocks = 0;          ///< appended, empty ones included
  std::uint64_t write_ns_total = 0;  ///< time in LogStorage::append, ns
  std::uint64_t write_ns_max = 0;    ///< the longest of them, ns
};

/// Appends to the log: owns the end of the chain, decides what is synced and moves the mark.
///
/// After the first error every call returns that same error: the failed write may yet be on disk,
/// so only a restart knows what the log holds.
///
/// Threads:  one at a time.
/// Lifetime: storage and clock must outlive it. Destroying it writes nothing: call close().
class LogWriter {
 public:
  /// Continues behind `tail`, with which LogStorage::start_writing has succeeded; all up to there
  /// counts as durable. `last_accepted_at` is that of the last block, `marked` the present mark.
  LogWriter(LogStorage& storage, const Clock& clock, Durability durability, LogPosition tail,
            std::chrono::milliseconds last_accepted_at, LogPosition marked);

  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// The block being gathered: add records to it, then write().
  [[nodiscard]] BlockBuilder& block() noexcept { return block_; }

  /// Appends the gathered block and begins the next one. Synced with Durability::sync; with `os`
  /// if sync_interval has passed since the last sync. Asks the clock once for utc() and twice for
  /// monotonic().
  ///
  /// Errors: as LogStorage::append; sticky.
  [[nodiscard]] Result<Written> write();

  /// Does what is due: moves the mark; with `os`, syncs by appending an empty block.
  ///
  /// Errors: as LogStorage::append and set_mark; sticky.
  [[nodiscard]] Result<void> tend();
  /// When tend() has something to do (Clock::monotonic) though nothing more is written.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> next_due() const noexcept;

  /// Syncs everything written and moves the mark to it. Nothing may be gathered.
  ///
  /// Errors: as tend(); sticky.
  [[nodiscard]] Result<void> close();

  /// No later block is dated before `time`: for what was decided because that time had come.
  void not_before(std::chrono::milliseconds time) noexcept {
    last_accepted_at_ = std::max(last_accepted_at_, time);
  }

  /// See LogStorage::space().
  ///
  /// Errors: as there; sticky.
  [[nodiscard]] Result<LogSpace> space();

  /// The end of the log as written.
  [[nodiscard]] LogPosition tail() const noexcept { return tail_; }
  /// Up to here the log is durable.
  [[nodiscard]] LogPosition synced() const noexcept { return synced_; }
  [[nodiscard]] const LogWriterStats& stats() const noexcept { return stats_; }

 private:
  [[nodiscard]] Result<Written> append(bool sync, std::chrono::nanoseconds now);
  [[nodiscard]] Result<void> move_mark(std::chrono::nanoseconds now);
  [[nodiscard]] bool keeps_marks() const noexcept { return durability_ != Durability::memory; }

  LogStorage& storage_;
  const Clock& clock_;
  const Durability durability_;
  BlockBuilder block_;
  LogPosition tail_;
  LogPosition synced_;
  LogPosition marked_;
  std::chrono::milliseconds last_accepted_at_;
  // Times of Clock::monotonic; none: not since construction, so the interval has passed.
  std::optional<std::chrono::nanoseconds> last_sync_;
  std::optional<std::chrono::nanoseconds> last_mark_;
  std::chrono::nanoseconds unsynced_since_{0};  // of the oldest block behind synced_
  std::optional<Error> failure_;
  LogWriterStats stats_;
};

}  // namespace fluxgate::orderlog
