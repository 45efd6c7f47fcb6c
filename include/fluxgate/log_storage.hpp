#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "fluxgate/result.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate {

/// Name of a block in the log. Blocks sort by both fields at once, which grow together.
struct BlockKey {
  Sequence first_sequence = 1;  ///< of the first order in the block, or the next one to come
  std::uint64_t block = 1;      ///< 1, 2, 3, ... without gaps
  friend auto operator<=>(const BlockKey&, const BlockKey&) noexcept = default;
};

/// How far the log reached: the end of a block. All zero before the first one.
struct LogPosition {
  std::uint64_t block = 0;
  Sequence sequence = 0;       ///< of the last order up to here
  std::uint64_t checksum = 0;  ///< of that block; the next one is chained to it
  friend bool operator==(const LogPosition&, const LogPosition&) noexcept = default;
};

/// How much room a storage has.
enum class LogSpace {
  plenty,
  low,  ///< what is left is for orders: nobody joins the line
  out,  ///< no new orders, rounds or settings; there is room for those under way
};

/// Reads blocks in order. Made by LogStorage::scan; one thread; must not outlive its storage.
class BlockCursor {
 public:
  virtual ~BlockCursor() = default;

  /// True while there is a block here; false at the end or after an error: ask status().
  [[nodiscard]] virtual bool valid() const = 0;
  [[nodiscard]] virtual BlockKey key() const = 0;
  /// Valid until next().
  [[nodiscard]] virtual std::string_view block() const = 0;
  virtual void next() = 0;
  /// The error that ended the scan, if one did.
  [[nodiscard]] virtual Result<void> status() const = 0;
};

/// Where the order log keeps its blocks; inject one to test or simulate.
///
/// A storage knows bytes, not orders. It opens reading; start_writing() comes once, after the
/// engine has walked all that is there.
///
/// Guarantees asked of it: a block appended with `sync` survives a power cut once append()
/// returned; without, it survives the end of the process; blocks survive in order (a prefix).
/// After the first error of append(), set_mark() or space() none of them is called again, because
/// a failed write may yet be on disk.
///
/// Threads:  scan() from any thread at any time; everything else from one thread at a time.
/// Errors:   as each call says; a storage never ends the process.
class LogStorage {
 public:
  virtual ~LogStorage() = default;

  /// The high-water mark: a position that was durable when set. Zero for a new log.
  [[nodiscard]] virtual Result<LogPosition> mark() = 0;

  /// Opens for appending. `tail` is the end the caller has read; a different one is `damaged`. On
  /// return everything up to `tail` is durable, whether it was synced when it was written or not.
  [[nodiscard]] virtual Result<void> start_writing(const LogPosition& tail) = 0;

  /// Adds one block, atomically. With `sync` it and all before it are durable on return.
  [[nodiscard]] virtual Result<void> append(const BlockKey& key, std::string_view block,
                                            bool sync) = 0;

  /// Moves the mark, durably. Only ever called with positions that are durable already.
  [[nodiscard]] virtual Result<void> set_mark(const LogPosition& position) = 0;

  /// How much room there is. Asked before appends, every 5 ms at most, by the thread that
  /// appends; while nothing is appended once a second, and every 50 ms while it is `out`.
  ///
  /// Errors: as append(): a write behind the callers' backs (of a table, say) has failed since.
  [[nodiscard]] virtual Result<LogSpace> space() { return LogSpace::plenty; }

  /// Starts at the block that holds order `from`, or at the first block if `from` is 0 or 1. Sees
  /// the blocks appended before the call.
  [[nodiscard]] virtual Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const = 0;
};

}  // namespace fluxgate
