#include "orderlog/rocksdb_storage.hpp"

#include <malloc.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/iterator.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "orderlog/block.hpp"
#include "orderlog/memory_storage.hpp"
#include "orderlog/ordered_names.hpp"
#include "orderlog/prezeroed_files.hpp"
#include "orderlog/rocksdb_logger.hpp"
#include "orderlog/volume.hpp"

namespace fluxgate::orderlog {
namespace {

// What a block costs in the memtable and the write-ahead log beside its bytes; an estimate.
constexpr std::size_t block_overhead_bytes = 128;
// Index and data of tables kept in memory: enough for a few tables' indexes, small when idle.
constexpr std::size_t table_cache_bytes = std::size_t{2} << 20;
constexpr int open_tables_max = 128;
// What opening takes beside a table of what the write-ahead log holds: a manifest and a new log.
constexpr std::uint64_t opening_bytes = std::uint64_t{4} << 20;

rocksdb::Slice to_slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view to_view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

/// An Error of this library for a Status of RocksDB's.
Error to_error(const rocksdb::Status& status, const std::string& what) {
  ErrorCode code = ErrorCode::unavailable;
  // Not an invalid argument: opening says so when CURRENT could not be opened, whatever the reason.
  // And some errors of the disk are told as corruption ("Can't list files in ...: IO error: ...").
  // A file that is not there is damage all the same.
  const std::string text = status.ToString();
  const auto says = [&text](const char* words) { return text.find(words) != std::string::npos; };
  const bool is_of_disk = says("IO error: ") && !says("No such file or directory");
  if (is_of_disk && says("Permission denied")) {
    code = ErrorCode::permission;
  } else if (status.IsPathNotFound() || status.IsNotFound() ||
             (status.IsCorruption() && !is_of_disk)) {
    code = ErrorCode::damaged;  // a file is missing, or is not what another says it is
  } else if (status.IsNotSupported()) {
    code = ErrorCode::newer_format;
  }
  return Error{code, what + ": " + text};
}

/// Remembers the first background error and forbids RocksDB to resume by itself: after a failed
/// write only reading everything again tells what is on disk.
///
/// Threads:  RocksDB's and the appending one; `mutex_` guards all.
class FailStop final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = Error{ErrorCode::unavailable, "RocksDB: " + error->ToString()};
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
  [[nodiscard]] std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> failure_;
};

/// The machine as RocksDB sees it, but it starts no threads by itself: each open would ask for two
/// pools. Without a pool for flushes RocksDB runs them in the pool for compactions.
class OnePoolEnv final : public rocksdb::EnvWrapper {
 public:
  OnePoolEnv(rocksdb::Env& machine, bool syncs_each_append) : EnvWrapper(&machine) {
    file_system_ = ordered_names(machine.GetFileSystem());
    if (syncs_each_append) file_system_ = prezeroed_files(file_system_);
  }
  void IncBackgroundThreadsIfNeeded(int, Priority) override {}

  /// Never destroyed, as little as the Env it wraps: threads of RocksDB may outlive main().
  static OnePoolEnv* instance(bool syncs_each_append) {
    static auto* const plain = new OnePoolEnv(*rocksdb::Env::Default(), false);
    static auto* const prezeroed = new OnePoolEnv(*rocksdb::Env::Default(), true);
    return syncs_each_append ? prezeroed : plain;
  }
};

rocksdb::Options make_options(const RocksdbOptions& wanted, std::size_t write_buffer_bytes,
                              rocksdb::Env* environment, std::shared_ptr<FailStop> fail_stop) {
  rocksdb::Options options;
  options.env = environment;
  options.info_log = std::make_shared<RocksdbLogger>(wanted.log);
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;

  // Fail-stop and recovery (the high-water mark covers what point-in-time recovery drops).
  options.paranoid_checks = true;
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(std::move(fail_stop));
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.recycle_log_file_num = 0;             // recycled logs can be recovered with a hole
  options.wal_bytes_per_sync = 0;               // would sync a newer log before an older one
  options.manual_wal_flush = false;             // FlushWAL and SyncWAL are never called
  options.avoid_flush_during_recovery = false;  // so what was recovered is durable after opening
  options.fail_if_options_file_error = true;
  options.track_and_verify_wals_in_manifest = false;  // false alarms before 7.10

  // Bounds. append() moves blocks to a table before RocksDB would do so by itself, also if the
  // largest block comes last.
  options.write_buffer_size = write_buffer_bytes + write_buffer_bytes / 4 + 2 * block_bytes_max;
  options.max_write_buffer_number = 3;
  options.max_total_wal_size = 4 * options.write_buffer_size;
  options.keep_log_file_num = 1;
  options.max_manifest_file_size = std::size_t{16} << 20;
  options.max_open_files = open_tables_max;
  options.max_file_opening_threads = 1;
  options.max_background_jobs = static_cast<int>(wanted.storage_threads);
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  // The walk that follows reads every table; looking at each before only widens the time in which a
  // reader beside a writer can miss blocks.
  options.skip_checking_sst_file_sizes_on_db_open = true;

  // One writer, keys only ascend: tables never overlap, so compaction moves them without copying
  // (as long as no level compresses differently).
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  options.compression = rocksdb::CompressionType::kNoCompression;
  options.target_file_size_base = std::size_t{64} << 20;

  rocksdb::BlockBasedTableOptions table;
  table.checksum = rocksdb::ChecksumType::kXXH3;
  table.block_size = std::size_t{16} << 10;
  table.block_cache = rocksdb::NewLRUCache(table_cache_bytes, 0);
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::ReadOptions read_options() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;  // a walk through the log would drive out everything else
  return options;
}

using Database = std::shared_ptr<rocksdb::DB>;

Result<Database> open_database(const rocksdb::Options& options, const std::string& path,
                               bool writable) {
  try {
    rocksdb::DB* database = nullptr;
    const rocksdb::Status status = writable
                                       ? rocksdb::DB::Open(options, path, &database)
                                       : rocksdb::DB::OpenForReadOnly(options, path, &database);
    if (!status.ok()) return to_error(status, "cannot open " + path);
    return Database(database);
  } catch (const std::exception& error) {  // no more threads, for example
    return Error{ErrorCode::unavailable, "cannot open " + path + ": " + error.what()};
  }
}

class RocksdbCursor final : public BlockCursor {
 public:
  /// Shows no block behind `last_block`.
  RocksdbCursor(Database database, Sequence from, std::uint64_t last_block)
      : database_(std::move(database)),
        iterator_(database_->NewIterator(read_options())),
        last_block_(last_block) {
    if (from <= 1) {
      iterator_->SeekToFirst();
    } else {
      // The last block that begins at or before the order holds it.
      const auto key = encode_key({from, std::numeric_limits<std::uint64_t>::max()});
      iterator_->SeekForPrev({key.data(), key.size()});
      if (!iterator_->Valid() && iterator_->status().ok()) iterator_->SeekToFirst();
    }
    read_key();
    while (!defect_ && iterator_->Valid() && key_.block > last_block_) {
      iterator_->Prev();
      read_key();
    }
  }

  [[nodiscard]] bool valid() const override {
    return !defect_ && iterator_->Valid() && key_.block <= last_block_;
  }
  [[nodiscard]] BlockKey key() const override { return key_; }
  [[nodiscard]] std::string_view block() const override { return to_view(iterator_->value()); }
  void next() override {
    iterator_->Next();
    read_key();
  }
  [[nodiscard]] Result<void> status() const override {
    if (defect_) return *defect_;
    if (iterator_->status().ok()) return {};
    return to_error(iterator_->status(), "cannot read the order log");
  }

 private:
  void read_key() {
    if (!iterator_->Valid()) return;
    Result<BlockKey> key = decode_key(to_view(iterator_->key()));
    if (key) {
      key_ = *key;
    } else {
      defect_ = key.error();
    }
  }

  Database database_;  // before the iterator, which must go first
  std::unique_ptr<rocksdb::Iterator> iterator_;
  const std::uint64_t last_block_;
  BlockKey key_;
  std::optional<Error> defect_;
};

Result<LogPosition> last_position(rocksdb::DB& database) {
  const std::unique_ptr<rocksdb::Iterator> last(database.NewIterator(read_options()));
  last->SeekToLast();
  if (!last->status().ok()) return to_error(last->status(), "cannot read the order log");
  if (!last->Valid()) return LogPosition{};
  Result<BlockKey> key = decode_key(to_view(last->key()));
  if (!key) return key.error();
  Result<BlockView> block = open_block(*key, to_view(last->value()));
  if (!block) return block.error();
  return block->end;
}

}  // namespace

class RocksdbStorage::Impl {
 public:
  Impl(DataDirectory directory, RocksdbOptions options)
      : directory_(std::move(directory)),
        volume_(directory_.path(), options.log, directory_.files()),
        fail_stop_(std::make_shared<FailStop>()),
        flush_bytes_(options.write_buffer_bytes != 0 ? options.write_buffer_bytes
                                                     : volume_.shares().write_buffer),
        own_environment_(options.disk == nullptr
                             ? nullptr
                             : std::make_unique<OnePoolEnv>(options.disk->environment,
                                                            options.syncs_each_append)),
        options_(make_options(options, flush_bytes_,
                              own_environment_ ? own_environment_.get()
                                               : OnePoolEnv::instance(options.syncs_each_append),
                              fail_stop_)),
        threads_(static_cast<int>(options.storage_threads)) {
    write_flush_.wait = false;
    write_flush_.allow_write_stall = true;
  }

  Result<void> open_reading() {
    if (!directory_.has_database()) return {};
    Result<Database> opened = open_database(options_, directory_.database(), false);
    if (!opened) return with_mark(opened.error());
    database_ = std::move(*opened);
    return {};
  }

  [[nodiscard]] LogPosition mark() const { return directory_.mark(); }

  Result<void> start_writing(const LogPosition& tail) {
    FLUXGATE_CHECK(!writing_);
    const bool is_new = !directory_.has_database();
    // RocksDB does not leave a full volume as it found it; better not to begin.
    Result<std::uint64_t> logs = directory_.write_ahead_bytes();
    if (!logs) return logs.error();
    if (Result<void> room = volume_.make_room(*logs + opening_bytes); !room) return room;
    if (is_new) {
      if (Result<void> made = directory_.make_database_directory(); !made) return made;
    }
    options_.create_if_missing = is_new;
    options_.error_if_exists = is_new;
    set_database(nullptr);  // the reader's copy of the write-ahead log is freed before the next
    rocksdb::Env::Default()->IncBackgroundThreadsIfNeeded(threads_, rocksdb::Env::LOW);
    Result<Database> opened = open_database(options_, directory_.database(), true);
    if (!opened) return opened.error();
    Result<LogPosition> end = last_position(**opened);
    if (!end) return end.error();
    if (*end != tail) {
      return Error{ErrorCode::damaged,
                   "the order log ended at order " + std::to_string(tail.sequence) + " (block " +
                       std::to_string(tail.block) + ") when it was read, but at order " +
                       std::to_string(end->sequence) + " (block " + std::to_string(end->block) +
                       ") when it was opened for writing"};
    }
    appended_block_.store(tail.block, std::memory_order_release);
    set_database(*opened);
    writing_ = true;
#ifdef __GLIBC__
    // Reading and moving a full write-ahead log leaves up to 60 MiB of freed heap behind.
    ::malloc_trim(0);
#endif
    return {};
  }

  Result<void> append(const BlockKey& key, std::string_view block, bool sync) {
    FLUXGATE_CHECK(writing_);
    if (has_failed()) return *failure_;
    // The write-ahead log is synced before the next one begins. Else a power cut could keep the
    // next one but not this one's end: a hole, where there must be a prefix.
    unflushed_bytes_ += block.size() + block_overhead_bytes;
    const bool flush = unflushed_bytes_ >= flush_bytes_;
    rocksdb::WriteOptions options;
    options.sync = sync || flush;
    const auto key_bytes = encode_key(key);
    batch_.Clear();
    rocksdb::Status status = batch_.Put({key_bytes.data(), key_bytes.size()}, to_slice(block));
    if (status.ok()) status = database_->Write(options, &batch_);
    if (status.ok() && flush) {
      unflushed_bytes_ = 0;
      status = database_->Flush(write_flush_);
    }
    if (status.ok()) {
      appended_block_.store(key.block, std::memory_order_release);
      return {};
    }
    failure_ = Error{ErrorCode::unavailable, block_name(key) + " could not be written to " +
                                                 directory_.database() + ": " + status.ToString()};
    return *failure_;
  }

  Result<void> set_mark(const LogPosition& position) {
    FLUXGATE_CHECK(writing_);
    if (failure_) return *failure_;
    Result<void> set = directory_.set_mark(position);
    if (!set) failure_ = set.error();
    return set;
  }

  [[nodiscard]] Result<LogSpace> space() {
    if (has_failed()) return *failure_;
    return volume_.space();
  }

  Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const {
    Database database;
    {
      const std::lock_guard lock(mutex_);
      database = database_;
    }
    if (database != nullptr) {
      const std::uint64_t last_block = appended_block_.load(std::memory_order_acquire);
      return std::unique_ptr<BlockCursor>(
          std::make_unique<RocksdbCursor>(std::move(database), from, last_block));
    }
    if (!directory_.has_database()) return no_blocks_.scan(from);
    return Error{ErrorCode::unavailable, "the order log could not be opened for writing"};
  }

 private:
  // In the background, too.
  [[nodiscard]] bool has_failed() {
    if (!failure_) failure_ = fail_stop_->failure();
    return failure_.has_value();
  }

  // Nothing can be read, so this is all there is to say of what is missing.
  [[nodiscard]] Error with_mark(Error error) const {
    if (error.code == ErrorCode::damaged && mark().sequence != 0) {
      error.message += "; orders up to " + std::to_string(mark().sequence) + " were acknowledged";
    }
    return error;
  }

  void set_database(Database database) {
    const std::lock_guard lock(mutex_);
    database_ = std::move(database);
  }

  DataDirectory directory_;  // first in, last out: holds the lock
  Volume volume_;
  std::shared_ptr<FailStop> fail_stop_;
  const std::size_t flush_bytes_;
  const std::unique_ptr<OnePoolEnv> own_environment_;  // of another disk than the machine's
  rocksdb::Options options_;
  rocksdb::FlushOptions write_flush_;
  const int threads_;

  const MemoryStorage no_blocks_;  // what a log without a database looks like

  mutable std::mutex mutex_;  // guards the pointer, which scan() copies while start_writing() swaps
  Database database_;

  // The last block whose append() succeeded, written by the appending thread. Scans show nothing
  // behind it, so what they read was complete before: release and acquire, independently of what
  // RocksDB does. Before start_writing() nothing is appended and everything is shown.
  std::atomic<std::uint64_t> appended_block_{std::numeric_limits<std::uint64_t>::max()};

  // The appending thread's own.
  bool writing_ = false;
  std::optional<Error> failure_;  // the first one; final
  std::size_t unflushed_bytes_ = 0;
  rocksdb::WriteBatch batch_;
};

RocksdbStorage::RocksdbStorage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksdbStorage::~RocksdbStorage() = default;

Result<std::unique_ptr<RocksdbStorage>> RocksdbStorage::open(const std::string& directory,
                                                             RocksdbOptions options) {
  if (options.storage_threads < 1 || options.storage_threads > 16) {
    return Error{ErrorCode::invalid_argument, "storage_threads must be 1 to 16"};
  }
  Result<DataDirectory> claimed = DataDirectory::claim(
      directory, options.disk == nullptr ? system_files() : options.disk->files);
  if (!claimed) return claimed.error();
  auto impl = std::make_unique<Impl>(std::move(*claimed), std::move(options));
  if (Result<void> opened = impl->open_reading(); !opened) return opened.error();
  return std::unique_ptr<RocksdbStorage>(new RocksdbStorage(std::move(impl)));
}

Result<std::unique_ptr<RocksdbStorage>> RocksdbStorage::open_beside(const std::string& directory,
                                                                    const LookOptions& look) {
  Result<DataDirectory> found = DataDirectory::look(directory, look);
  if (!found) return found.error();
  auto impl = std::make_unique<Impl>(std::move(*found), RocksdbOptions{});
  if (Result<void> opened = impl->open_reading(); !opened) return opened.error();
  return std::unique_ptr<RocksdbStorage>(new RocksdbStorage(std::move(impl)));
}

Result<std::unique_ptr<RocksdbStorage>> RocksdbStorage::open_copy(const std::string& directory,
                                                                  RocksdbOptions options) {
  Result<DataDirectory> begun = DataDirectory::begin_copy(directory);
  if (!begun) return begun.error();
  auto impl = std::make_unique<Impl>(std::move(*begun), std::move(options));
  return std::unique_ptr<RocksdbStorage>(new RocksdbStorage(std::move(impl)));
}

Result<LogPosition> RocksdbStorage::mark() {
  return impl_->mark();
}

Result<void> RocksdbStorage::start_writing(const LogPosition& tail) {
  return impl_->start_writing(tail);
}

Result<void> RocksdbStorage::append(const BlockKey& key, std::string_view block, bool sync) {
  return impl_->append(key, block, sync);
}

Result<void> RocksdbStorage::set_mark(const LogPosition& position) {
  return impl_->set_mark(position);
}

Result<LogSpace> RocksdbStorage::space() {
  return impl_->space();
}

Result<std::unique_ptr<BlockCursor>> RocksdbStorage::scan(Sequence from) const {
  return impl_->scan(from);
}

}  // namespace fluxgate::orderlog
