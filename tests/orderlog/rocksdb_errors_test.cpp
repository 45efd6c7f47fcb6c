// What RocksdbStorage makes of a disk whose steps fail, and of blocks that no server wrote.

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orderlog/rocksdb_fixture.hpp"
#include "support/crash_file_system.hpp"
#include "support/crash_machine.hpp"

namespace fluxgate::orderlog {
namespace {

using testing::CrashMachine;
using testing::DiskFault;

const std::string data_dir = "/data";

RocksdbOptions options_on(const StorageDisk& disk, std::size_t write_buffer_bytes = 0) {
  return {.storage_threads = 1, .log = {}, .write_buffer_bytes = write_buffer_bytes, .disk = &disk};
}
RocksdbOptions options_on(const CrashMachine& machine, std::size_t write_buffer_bytes = 0) {
  return options_on(machine.storage_disk(), write_buffer_bytes);
}

/// RocksDB's background threads sleep for a second after an error; not here.
class Sleepless final : public rocksdb::EnvWrapper {
 public:
  explicit Sleepless(const CrashMachine& machine)
      : EnvWrapper(&machine.storage_disk().environment) {}
  void SleepForMicroseconds(int) override {}
};

/// A closed log that is the same in each run: nothing is under way when the next step comes.
void write_log_idly(CrashMachine& machine, const std::vector<StoredBlock>& blocks,
                    RocksdbOptions options) {
  const auto storage = start(data_dir, std::move(options));
  for (const StoredBlock& block : blocks) {
    must(storage->append(block.key, block.bytes, true));
    machine.wait_until_idle();
  }
  must(storage->set_mark(blocks.back().end));
}

/// The outcome of a walk from an order, and where it ended.
std::string walk_from(const RocksdbStorage& storage, Sequence from) {
  OrderCounter counter;
  const Result<LogPosition> end = walk(storage, from, counter);
  if (!end) return outcome(end);
  return std::to_string(counter.orders) + " orders to " + std::to_string(end->sequence);
}

/// A database whose CURRENT cannot be opened.
class RefusedFiles final : public rocksdb::FileSystemWrapper {
 public:
  RefusedFiles(const std::shared_ptr<rocksdb::FileSystem>& files, rocksdb::IOStatus status)
      : FileSystemWrapper(files), status_(std::move(status)) {}
  [[nodiscard]] const char* Name() const override { return "RefusedFiles"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    if (path.ends_with("/CURRENT")) return status_;
    return target()->NewSequentialFile(path, options, file, debug);
  }

 private:
  const rocksdb::IOStatus status_;
};

TEST_CASE("RocksdbStorage: what RocksDB says when it opens → what is to be done next",
          "[orderlog][unit]") {
  using rocksdb::IOStatus;
  CrashMachine machine;
  write_log(data_dir, make_log({3, 2}), options_on(machine));
  const auto open_with = [&](IOStatus status) {
    const auto environment = rocksdb::NewCompositeEnv(std::make_shared<RefusedFiles>(
        testing::crash_file_system(machine.disk()), std::move(status)));
    const StorageDisk disk{machine.storage_disk().files, *environment};
    return outcome(RocksdbStorage::open(data_dir, {.log = {}, .disk = &disk}));
  };
  const std::string ours = "cannot open /data/orders: ";
  const std::string marked = "; orders up to 5 were acknowledged";
  CHECK(open_with(IOStatus::NotFound("x")) == "damaged: " + ours + "NotFound: x" + marked);
  CHECK(open_with(IOStatus::PathNotFound("x")) ==
        "damaged: " + ours + "IO error: No such file or directory: x" + marked);
  CHECK(open_with(IOStatus::Corruption("x")) == "damaged: " + ours + "Corruption: x" + marked);
  CHECK(open_with(IOStatus::Corruption("IO error: No such file or directory: x")) ==
        "damaged: " + ours + "Corruption: IO error: No such file or directory: x" + marked);
  CHECK(open_with(IOStatus::Corruption("IO error: x: Input/output error")) ==
        "unavailable: " + ours + "Corruption: IO error: x: Input/output error");
  CHECK(open_with(IOStatus::IOError("x: Permission denied")) ==
        "permission: " + ours + "IO error: x: Permission denied");
  CHECK(open_with(IOStatus::Corruption("IO error: x: Permission denied")) ==
        "permission: " + ours + "Corruption: IO error: x: Permission denied");
  CHECK(open_with(IOStatus::IOError("x")) == "unavailable: " + ours + "IO error: x");
  CHECK(open_with(IOStatus::NotSupported("x")) == "newer_format: " + ours + "Not implemented: x");
}

TEST_CASE("RocksdbStorage: any step of a start fails → unavailable, the next start has all",
          "[orderlog][crash]") {
  const auto blocks = make_log(std::vector<std::size_t>(12, 20));
  CrashMachine whole;
  write_log_idly(whole, blocks, options_on(whole, 8U << 10));
  std::set<std::string> scans;  // after a start that failed
  std::set<std::string> told;   // by us, without RocksDB's part
  for (std::uint64_t nth = 1;; ++nth) {
    CrashMachine machine(whole.disk().copy());
    Sleepless environment(machine);
    const StorageDisk disk{machine.storage_disk().files, environment};
    machine.disk().set_fault({.nth = nth, .error = EIO});
    std::string found = "ok";
    {
      auto storage = RocksdbStorage::open(data_dir, options_on(disk));
      found = outcome(storage);
      OrderCounter counter;
      if (storage) found = outcome(walk(**storage, 0, counter));
      if (found == "ok") {
        found = outcome((*storage)->start_writing(blocks.back().end));
        if (found != "ok") scans.insert(walk_from(**storage, 0));
      }
      machine.wait_until_idle();
    }
    const bool has_failed = machine.disk().failures() != 0;
    INFO("step " << nth << ": " << found);
    if (found != "ok") {
      CHECK(found.starts_with("unavailable: "));
      std::string ours = found.substr(13, found.find(": ", 13) - 13);
      if (ours.ends_with(".log")) ours.replace(ours.find_last_of('/') + 1, 6, "*");
      told.insert(std::move(ours));
    }
    machine.disk().set_fault({});
    CHECK(walk_from(*start(data_dir, options_on(machine)), 0) == "240 orders to 240");
    if (!has_failed) break;
  }
  CHECK(told == std::set<std::string>{
                    "cannot look at /data/unfinished-copy", "cannot look at /data/high-water-mark",
                    "cannot look at /data/orders/*.log", "cannot look at /data/orders/CURRENT",
                    "cannot open /data/lock", "cannot open /data/high-water-mark",
                    "cannot open /data/orders", "cannot read /data/high-water-mark",
                    "cannot read the directory /data/orders", "cannot read the order log",
                    "cannot use /data/orders", "after block 0 (order 0)"});
  // The blocks are read as long as the reader of before is there.
  CHECK(scans ==
        std::set<std::string>{"240 orders to 240",
                              "unavailable: the order log could not be opened for writing"});
}

TEST_CASE("RocksdbStorage: a step before the database is opened for writing fails → says which",
          "[orderlog][unit]") {
  CrashMachine machine;
  {
    const auto storage = open(data_dir, options_on(machine));
    machine.disk().set_fault({.nth = 1, .error = EIO});
    CHECK(outcome(storage->start_writing({})) ==
          "unavailable: cannot make the directory /data/orders: Input/output error");
  }
  machine.disk().set_fault({});
  const auto blocks = make_log({3});
  write_log(data_dir, blocks, options_on(machine));
  const auto storage = open(data_dir, options_on(machine));
  machine.disk().set_fault({.nth = 1, .error = EIO});
  CHECK(outcome(storage->start_writing(blocks[0].end)) ==
        "unavailable: cannot read the directory /data/orders: Input/output error");
  CHECK(walk_from(*storage, 0) == "3 orders to 3");
  must(storage->start_writing(blocks[0].end));
}

TEST_CASE("RocksdbStorage: any step of an append and its flush fails → final, and not shown",
          "[orderlog][crash]") {
  const auto lasts = GENERATE(DiskFault::Lasts::once, DiskFault::Lasts::for_ever);
  const auto blocks = make_log({3, 2, 100, 1});  // the third is more than the write buffer
  int in_append = 0;
  int behind_it = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    CrashMachine machine;
    Sleepless environment(machine);
    const StorageDisk disk{machine.storage_disk().files, environment};
    const auto storage = start(data_dir, options_on(disk, 4U << 10));
    append_all(*storage, {blocks[0], blocks[1]}, true);
    machine.wait_until_idle();
    machine.disk().set_fault({.nth = nth, .lasts = lasts, .error = EIO});
    const std::string third = outcome(storage->append(blocks[2].key, blocks[2].bytes, true));
    machine.wait_until_idle();
    const bool has_failed = machine.disk().failures() != 0;
    machine.disk().set_fault({});
    const std::string look = outcome(storage->space());
    const std::string fourth = outcome(storage->append(blocks[3].key, blocks[3].bytes, true));
    INFO("step " << nth << ": " << third << "; then " << look << "; then " << fourth);
    CHECK(look == fourth);  // what failed behind the append is told without another one
    if (third != "ok") {
      ++in_append;
      CHECK(
          third.starts_with("unavailable: block 3 (first order 6) could not be written to "
                            "/data/orders: IO error: /data/orders/"));
      CHECK(fourth == third);
      // From an order of the failed block: the one before it, which ends too early.
      const auto cursor = must(storage->scan(10));
      REQUIRE(cursor->valid());
      CHECK(cursor->key() == blocks[1].key);
      cursor->next();
      CHECK_FALSE(cursor->valid());
      CHECK(outcome(cursor->status()) == "ok");
      CHECK(walk_from(*storage, 0) == "5 orders to 5");
    } else if (fourth != "ok") {
      ++behind_it;
      CHECK(fourth.starts_with("unavailable: RocksDB: IO error: /data/orders"));
      CHECK(outcome(storage->append(blocks[3].key, blocks[3].bytes, true)) == fourth);
      CHECK(outcome(storage->set_mark(blocks[2].end)) == fourth);
    }
    if (!has_failed) break;
  }
  CHECK(in_append > 2);  // write, sync, and a step of the flush at least
  CHECK(behind_it > 2);
}

TEST_CASE("RocksdbStorage: no trouble → no log lines; a failed flush → a warning and an error",
          "[orderlog][unit]") {
  CrashMachine machine;
  Sleepless environment(machine);
  const StorageDisk disk{machine.storage_disk().files, environment};
  std::mutex mutex;  // RocksDB's threads tell, too
  std::vector<std::string> lines;
  RocksdbOptions options = options_on(disk, 4U << 10);
  options.log = [&](LogLevel level, std::string_view line) {
    const std::lock_guard lock(mutex);
    lines.push_back((level == LogLevel::error ? "error: " : "warning: ") + std::string(line));
  };
  const auto blocks = make_log({100, 100, 100});
  write_log_idly(machine, {blocks[0], blocks[1]}, options);
  {
    const auto storage = start(data_dir, options);
    machine.wait_until_idle();
    CHECK(lines.empty());
    // Behind the append's own write and sync: the flush cannot make its table.
    machine.disk().set_fault({.nth = 6, .lasts = DiskFault::Lasts::for_ever, .error = EIO});
    CHECK(outcome(storage->append(blocks[2].key, blocks[2].bytes, true)) == "ok");
    machine.wait_until_idle();
  }
  const auto is_told = [&](const std::string& level) {
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.starts_with(level + ": RocksDB: [") &&
             line.find(".sst: Input/output error") != std::string::npos;
    });
  };
  CHECK(is_told("warning"));
  CHECK(is_told("error"));
  for (const std::string& line : lines) CHECK_FALSE(line.ends_with("\n"));
}

TEST_CASE("RocksdbStorage: the mark cannot be set → final", "[orderlog][unit]") {
  CrashMachine machine;
  const auto blocks = make_log({3, 2});
  const auto storage = start(data_dir, options_on(machine));
  append_all(*storage, {blocks[0]}, true);
  machine.wait_until_idle();
  machine.disk().set_fault({.nth = 1, .error = EIO});
  const std::string refused = "unavailable: cannot write /data/high-water-mark: Input/output error";
  CHECK(outcome(storage->set_mark(blocks[0].end)) == refused);
  CHECK(outcome(storage->append(blocks[1].key, blocks[1].bytes, true)) == refused);
  CHECK(outcome(storage->set_mark(blocks[0].end)) == refused);
  CHECK(must(storage->mark()) == LogPosition{});
}

TEST_CASE("RocksdbStorage: a table that cannot be read → unavailable from any order",
          "[orderlog][unit]") {
  CrashMachine machine;
  write_log(data_dir, make_log(std::vector<std::size_t>(12, 20)), options_on(machine));
  start(data_dir, options_on(machine)).reset();  // moves the blocks to a table
  const auto storage = open(data_dir, options_on(machine));
  for (const Sequence from : {0U, 100U}) {
    machine.disk().set_fault({.nth = 1, .error = EIO});
    const std::string found = walk_from(*storage, from);
    CHECK(
        found.starts_with("unavailable: after block 0 (order 0): cannot read the order log: "
                          "IO error: /data/orders/"));
    CHECK(found.ends_with(".sst: Input/output error"));
  }
  CHECK(walk_from(*storage, 100) == "141 orders to 240");
}

TEST_CASE("RocksdbStorage: a log without its first block → damaged from any order before the rest",
          "[orderlog][unit]") {
  CrashMachine machine;
  const auto blocks = make_log({3, 2});
  {
    const auto storage = start(data_dir, options_on(machine));
    CHECK(walk_from(*storage, 2) == "0 orders to 0");  // nothing is there yet
    append_all(*storage, {blocks[1]}, true);
  }
  const auto storage = open(data_dir, options_on(machine));
  CHECK(walk_from(*storage, 2) ==
        "damaged: block 2 (first order 4) is the first at or after order 2: the block that holds "
        "it is missing");
  CHECK(walk_from(*storage, 4) == "2 orders to 5");
}

TEST_CASE("RocksdbStorage: a block with a name that cannot be → damaged", "[orderlog][unit]") {
  CrashMachine machine;
  const auto blocks = make_log({3});
  {
    const auto storage = start(data_dir, options_on(machine));
    append_all(*storage, blocks, true);
    must(storage->append({5, 0}, "x", true));
  }
  const auto storage = open(data_dir, options_on(machine));
  const std::string found = "damaged: a block is named block 0 (first order 5)";
  CHECK(walk_from(*storage, 0) ==
        "damaged: after block 1 (order 3): a block is named block 0 (first order 5)");
  const auto cursor = must(storage->scan(7));  // begins at it
  CHECK_FALSE(cursor->valid());
  CHECK(outcome(cursor->status()) == found);
  CHECK(outcome(storage->start_writing(blocks[0].end)) == found);
}

TEST_CASE("RocksdbStorage: start_writing behind a damaged block → damaged", "[orderlog][unit]") {
  CrashMachine machine;
  auto blocks = make_log({3, 2});
  blocks[1].bytes.back() ^= 1;
  {
    const auto storage = start(data_dir, options_on(machine));
    append_all(*storage, blocks, true);
  }
  const auto storage = open(data_dir, options_on(machine));
  CHECK(outcome(storage->start_writing(blocks[1].end)) ==
        "damaged: block 2 (first order 4) does not match its checksum");
}

}  // namespace
}  // namespace fluxgate::orderlog
