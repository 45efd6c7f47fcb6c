#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/data_directory.hpp"
#include "orderlog/files.hpp"

namespace rocksdb {
class Env;
}

namespace fluxgate::orderlog {

/// Another disk than the machine's. Tests cut its power.
///
/// Lifetime: must outlive the storage, the environment also RocksDB's threads.
struct StorageDisk {
  Files& files;               ///< the mark, the lock and the directories
  rocksdb::Env& environment;  ///< of the database: its files and its background threads
};

struct RocksdbOptions {
  unsigned storage_threads = 1;  ///< background threads for flush and compaction, 1..16
  LogSink log = nullptr;         ///< takes RocksDB's warnings and errors; may be empty
  /// Bytes of blocks after which RocksDB moves them from its write-ahead log to a table; 0: as
  /// suits the volume, 64 MiB on one of 1 GiB or more. Set by tests only.
  std::size_t write_buffer_bytes = 0;
  /// Every append() will be one with `sync`: then they can be cheaper (prezeroed_files.hpp).
  bool syncs_each_append = false;
  const StorageDisk* disk = nullptr;  ///< null: the machine's
};

/// Keeps the log in a directory:
///
///     lock             held (flock) by the server that may write
///     high-water-mark  see docs/LOG_FORMAT.md
///     reserve          blocks of the volume to give up when it is full (volume.hpp)
///     orders/          the blocks, in RocksDB
///
/// Reads until start_writing(); not one byte under orders/ changes before. A failed append or
/// background write of RocksDB is final: appends return the same error without touching it again.
///
/// Threads:  as LogStorage, plus RocksDB's own: RocksdbOptions::storage_threads of the process for
///           flush and compaction, and one timer of RocksDB's that sleeps.
/// Lifetime: cursors must not outlive it.
class RocksdbStorage final : public LogStorage {
 public:
  /// Makes what is missing, takes the lock, reads the mark and opens the blocks for reading.
  ///
  /// Errors: invalid_argument (no such path can be), in_use, permission, damaged (the mark is
  ///         unreadable, or mark and blocks do not belong together), newer_format, unavailable.
  [[nodiscard]] static Result<std::unique_ptr<RocksdbStorage>> open(const std::string& directory,
                                                                    RocksdbOptions options);

  /// Reads the log of a directory that a server may be writing. Takes no lock, changes nothing;
  /// only mark() and scan() may be called. Blocks may be missing from such a scan (see beside.hpp).
  ///
  /// Errors: not_found (no log there), permission, damaged, newer_format, unavailable.
  [[nodiscard]] static Result<std::unique_ptr<RocksdbStorage>> open_beside(
      const std::string& directory, const LookOptions& look = {});

  /// Begins the copy of a log in a directory that is not there or empty. Nobody takes it for a log
  /// before its mark is set and finish_copy() was called.
  ///
  /// Errors: in_use (the directory is not empty), invalid_argument, permission, unavailable.
  [[nodiscard]] static Result<std::unique_ptr<RocksdbStorage>> open_copy(
      const std::string& directory, RocksdbOptions options);

  RocksdbStorage(const RocksdbStorage&) = delete;
  RocksdbStorage& operator=(const RocksdbStorage&) = delete;
  ~RocksdbStorage() override;

  [[nodiscard]] Result<LogPosition> mark() override;
  [[nodiscard]] Result<void> start_writing(const LogPosition& tail) override;
  [[nodiscard]] Result<void> append(const BlockKey& key, std::string_view block,
                                    bool sync) override;
  [[nodiscard]] Result<void> set_mark(const LogPosition& position) override;
  [[nodiscard]] Result<LogSpace> space() override;
  [[nodiscard]] Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override;

 private:
  class Impl;
  explicit RocksdbStorage(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace fluxgate::orderlog
