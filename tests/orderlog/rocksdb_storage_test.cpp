#include "orderlog/rocksdb_storage.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "orderlog/log_fixture.hpp"
#include "orderlog/mark_file.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::orderlog {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::TempDir;

std::unique_ptr<RocksdbStorage> open(const std::string& directory, RocksdbOptions options = {}) {
  return must(RocksdbStorage::open(directory, std::move(options)));
}

/// Opens, walks with the mark and starts writing, as an engine does; returns the storage.
std::unique_ptr<RocksdbStorage> start(const std::string& directory, RocksdbOptions options = {}) {
  auto storage = open(directory, std::move(options));
  OrderCounter counter;
  const LogPosition mark = must(storage->mark());
  must(storage->start_writing(must(walk(*storage, 0, counter, &mark))));
  return storage;
}

/// Opens and walks; "N orders" or what is wrong.
std::string inspect(const std::string& directory) {
  Result<std::unique_ptr<RocksdbStorage>> storage = RocksdbStorage::open(directory, {});
  if (!storage) return outcome(storage);
  OrderCounter counter;
  const LogPosition mark = must((*storage)->mark());
  const Result<LogPosition> end = walk(**storage, 0, counter, &mark);
  if (!end) return outcome(end);
  return std::to_string(counter.orders) + " orders";
}

/// Leaves a closed log of these blocks, the mark at its end.
void write_log(const std::string& directory, const std::vector<StoredBlock>& blocks,
               RocksdbOptions options = {}) {
  const auto storage = start(directory, std::move(options));
  append_all(*storage, blocks, true);
  must(storage->set_mark(blocks.back().end));
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) names.push_back(entry.path().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const std::string& name : files_in(directory)) bytes += fs::file_size(name);
  return bytes;
}

TEST_CASE("RocksdbStorage: a new directory → made private, with its parents, empty",
          "[orderlog][unit]") {
  const TempDir temp;
  const std::string directory = (temp / "a/b/data").string();
  {
    const auto storage = open(directory);
    CHECK(must(storage->mark()) == LogPosition{});
    OrderCounter counter;
    CHECK(must(walk(*storage, 0, counter)) == LogPosition{});
    CHECK_FALSE(fs::exists(directory + "/orders"));  // nothing before start_writing
    must(storage->start_writing({}));
  }
  for (const char* name : {"a", "a/b", "a/b/data", "a/b/data/orders"}) {
    struct stat info {};
    REQUIRE(::stat((temp / name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0700);
  }
  CHECK(inspect(directory) == "0 orders");
  CHECK_FALSE(fs::exists(directory + "/orders/LOG"));
}

TEST_CASE("RocksdbStorage: paths that cannot be → invalid_argument", "[orderlog][unit]") {
  const TempDir temp;
  write_file(temp / "file", "x");
  const std::string below = (temp / "file/data").string();
  CHECK(outcome(RocksdbStorage::open(below, {})) == "invalid_argument: cannot make the directory " +
                                                        (temp / "file").string() + ": File exists");
  CHECK(outcome(RocksdbStorage::open("", {})) ==
        "invalid_argument: the name of the data directory is empty");
  CHECK(outcome(RocksdbStorage::open(temp.str(), {.storage_threads = 0, .log = {}})) ==
        "invalid_argument: storage_threads must be 1 to 16");
}

TEST_CASE("RocksdbStorage: a second server → in_use, until the first has ended",
          "[orderlog][unit]") {
  const TempDir temp;
  auto first = open(temp.str());
  CHECK(outcome(RocksdbStorage::open(temp.str(), {})) ==
        "in_use: the data directory " + temp.str() + " is in use by another server");
  must(first->start_writing({}));
  CHECK(outcome(RocksdbStorage::open(temp.str(), {})) ==
        "in_use: the data directory " + temp.str() + " is in use by another server");
  first.reset();
  CHECK(outcome(RocksdbStorage::open(temp.str(), {})) == "ok");
}

TEST_CASE("RocksdbStorage: blocks across restarts → one chain, found from any order",
          "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log({3, 0, 2, 1, 4, 0, 2, 2});
  for (std::size_t i = 0; i < blocks.size(); i += 2) {
    const auto storage = start(temp.str());
    append_all(*storage, {blocks[i], blocks[i + 1]}, i % 4 == 0);
    for (Sequence from = 1; from <= blocks[i + 1].end.sequence; ++from) {
      Transcript transcript;
      REQUIRE(must(walk(*storage, from, transcript)) == blocks[i + 1].end);
      REQUIRE(transcript.sequences.front() == from);
    }
    must(storage->set_mark(blocks[i].end));
  }
  CHECK(inspect(temp.str()) == "14 orders");
}

TEST_CASE("RocksdbStorage: start_writing with another end → damaged", "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log({3, 2});
  write_log(temp.str(), blocks);
  const auto storage = open(temp.str());
  CHECK(outcome(storage->start_writing(blocks[0].end)) ==
        "damaged: the order log ended at order 3 (block 1) when it was read, but at order 5 (block "
        "2) when it was opened for writing");
}

TEST_CASE("RocksdbStorage: the mark ahead of the log → damaged, nothing is changed",
          "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log({3, 2, 2});
  {
    const auto storage = start(temp.str());
    append_all(*storage, {blocks[0], blocks[1]}, true);
    must(storage->set_mark(blocks[2].end));
  }
  const auto before = files_in(temp.str());
  CHECK(inspect(temp.str()) ==
        "damaged: the log ends at order 5 (block 2), but orders up to 7 (block 3) were "
        "acknowledged");
  CHECK(files_in(temp.str()) == before);
}

TEST_CASE("RocksdbStorage: mark or database lost → damaged, says which", "[orderlog][unit]") {
  const TempDir temp;
  const std::string directory = temp.str();
  write_log(directory, make_log({3, 2}));
  const std::string mark = read_file(directory + "/high-water-mark");

  fs::remove(directory + "/high-water-mark");
  CHECK(inspect(directory) ==
        "damaged: " + directory +
            " holds an order log but no high-water-mark file, so it cannot be told whether "
            "acknowledged orders are missing");
  CHECK_FALSE(fs::exists(directory + "/high-water-mark"));
  write_file(directory + "/high-water-mark", mark);
  CHECK(inspect(directory) == "5 orders");

  fs::rename(directory + "/orders", directory + "/moved");
  CHECK(inspect(directory) == "damaged: the order log in " + directory +
                                  "/orders is missing, but orders up to 5 (block 2) were "
                                  "acknowledged");
  CHECK_FALSE(fs::exists(directory + "/orders"));
  fs::rename(directory + "/moved", directory + "/orders");

  must(MarkFile::create(directory + "/high-water-mark"));  // zero: nothing is known to be there
  fs::remove(directory + "/orders/CURRENT");
  CHECK(inspect(directory) ==
        "damaged: the order log in " + directory + "/orders has lost its CURRENT file");
}

TEST_CASE("RocksdbStorage: a first start killed at any step → starts", "[orderlog][crash]") {
  const auto starts = [](const TempDir& temp) {
    auto storage = start(temp.str());
    append_all(*storage, make_log({1}), true);
    storage.reset();
    return inspect(temp.str()) == "1 orders";
  };
  {
    const TempDir temp;  // only the directory
    CHECK(starts(temp));
  }
  {
    const TempDir temp;  // the lock
    write_file(temp / "lock", "");
    CHECK(starts(temp));
  }
  for (const std::size_t written : {std::size_t{0}, std::size_t{100}, std::size_t{512}}) {
    const TempDir temp;  // the new mark, partly written
    write_file(temp / "lock", "");
    write_file(temp / "high-water-mark.new", std::string(written, 'x'));
    CHECK(starts(temp));
  }
  const TempDir whole;
  start(whole.str()).reset();
  {
    const TempDir temp;  // the mark, no database
    fs::copy_file(whole / "high-water-mark", temp / "high-water-mark");
    CHECK(starts(temp));
    const TempDir second;  // and its empty directory
    fs::copy_file(whole / "high-water-mark", second / "high-water-mark");
    fs::create_directory(second / "orders");
    CHECK(starts(second));
  }
  // The database half made: its files appear in about this order, CURRENT last.
  std::vector<std::string> kept;
  for (const std::string prefix : {"LOCK", "IDENTITY", "MANIFEST-"}) {
    kept.push_back(prefix);
    const TempDir temp;
    fs::copy_file(whole / "high-water-mark", temp / "high-water-mark");
    fs::create_directory(temp / "orders");
    for (const auto& entry : fs::directory_iterator(whole / "orders")) {
      const std::string name = entry.path().filename().string();
      for (const std::string& wanted : kept) {
        if (name.starts_with(wanted)) fs::copy_file(entry.path(), temp.path() / "orders" / name);
      }
    }
    CHECK(starts(temp));
  }
}

TEST_CASE("RocksdbStorage: ended without closing → the next start has every block",
          "[orderlog][crash]") {
  // A copy of the directory while the server runs is what kill -9 leaves.
  const TempDir temp;
  const TempDir copy;
  const auto blocks = make_log({2, 2, 2});
  const auto storage = start(temp.str());
  append_all(*storage, blocks, false);
  must(storage->set_mark(blocks[1].end));
  fs::copy(temp.path(), copy.path(),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  CHECK(inspect(copy.str()) == "6 orders");
  CHECK(must(start(copy.str())->mark()) == blocks[1].end);
}

TEST_CASE("RocksdbStorage: a byte changed in any file of a closed log → never lost silently",
          "[orderlog][random]") {
  const std::uint64_t seed = make_seed("rocksdb_storage_test");
  std::mt19937_64 random(seed);
  const auto blocks = make_log(std::vector<std::size_t>(60, 20));
  // As write-ahead log only, and as tables with a write-ahead log (flushes every few blocks).
  for (const std::size_t buffer : {std::size_t{64} << 20, std::size_t{24} << 10}) {
    const TempDir temp;
    write_log(temp.str(), blocks, {.storage_threads = 1, .log = {}, .write_buffer_bytes = buffer});
    const std::string whole = std::to_string(blocks.back().end.sequence) + " orders";
    REQUIRE(inspect(temp.str()) == whole);
    std::size_t refused = 0;
    std::size_t harmless = 0;
    for (const std::string& name : files_in(temp.str())) {
      if (name.ends_with("/lock")) continue;
      const std::string good = read_file(name);
      for (int i = 0; i < 12 && !good.empty(); ++i) {
        std::string bad = good;
        const std::size_t at = random() % good.size();
        if (i % 3 == 2) {
          bad.resize(at);  // cut
        } else {
          bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1 + random() % 255));
        }
        write_file(name, bad);
        const std::string found = inspect(temp.str());
        INFO("seed " << seed << ", " << name << " byte " << at << ": " << found);
        const bool is_refused =
            found.starts_with("damaged: ") || found.starts_with("unavailable: ");
        REQUIRE((is_refused || found == whole));
        ++(is_refused ? refused : harmless);
      }
      write_file(name, good);
    }
    CHECK(refused > 12);
    REQUIRE(inspect(temp.str()) == whole);
  }
}

TEST_CASE("RocksdbStorage: a file of a closed log gone → never lost silently", "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log(std::vector<std::size_t>(60, 20));
  write_log(temp.str(), blocks, {.storage_threads = 1, .log = {}, .write_buffer_bytes = 24u << 10});
  std::size_t tables = 0;
  for (const std::string& name : files_in(temp.str())) {
    if (!name.ends_with(".sst") && !name.ends_with(".log")) continue;
    if (name.ends_with(".sst")) ++tables;
    if (fs::file_size(name) == 0) continue;
    fs::rename(name, name + ".away");
    const std::string found = inspect(temp.str());
    INFO(name << ": " << found);
    CHECK(found.starts_with("damaged: "));
    fs::rename(name + ".away", name);
  }
  CHECK(tables > 0);
  CHECK(inspect(temp.str()) == "1200 orders");
}

TEST_CASE("RocksdbStorage: 36-byte ids and keys, 100 to a block → at most 120 bytes on disk each",
          "[orderlog][unit]") {
  constexpr std::size_t count = 1'000;
  const auto blocks = make_log(std::vector<std::size_t>(count, 100));
  const TempDir temp;
  write_log(temp.str(), blocks);
  const double log_bytes = static_cast<double>(bytes_in(temp.str()));
  start(temp.str()).reset();  // moves the blocks from the write-ahead log to a table
  const double table_bytes = static_cast<double>(bytes_in(temp.str()));
  std::printf("bytes per order: %.1f in the write-ahead log, %.1f in tables\n",
              log_bytes / (count * 100), table_bytes / (count * 100));
  CHECK(log_bytes / (count * 100) <= 120);
  CHECK(table_bytes / (count * 100) <= 120);
}

TEST_CASE("RocksdbStorage: many moves to tables → all read back, mark passed", "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log(std::vector<std::size_t>(2'000, 20));
  write_log(temp.str(), blocks, {.storage_threads = 2, .log = {}, .write_buffer_bytes = 64u << 10});
  const auto files = files_in(temp.str());
  CHECK(std::count_if(files.begin(), files.end(),
                      [](const std::string& name) { return name.ends_with(".sst"); }) > 10);
  CHECK(inspect(temp.str()) == "40000 orders");
}

TEST_CASE("RocksdbStorage: the largest block → written and read", "[orderlog][unit]") {
  const TempDir temp;
  BlockBuilder builder;
  builder.start({});
  CheckpointRecord checkpoint;
  checkpoint.rounds.assign(checkpoint_rounds_max, {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX});
  builder.add(checkpoint);
  const auto finished = builder.finish(milliseconds{1});
  {
    const auto storage = start(temp.str());
    must(storage->append(finished.key, finished.block, true));
  }
  const auto storage = open(temp.str());
  Transcript transcript;
  CHECK(must(walk(*storage, 0, transcript)) == finished.end);
}

TEST_CASE(
    "RocksdbStorage: scans beside the writer, across flushes and restarts of the scan → a "
    "whole prefix",
    "[orderlog][race]") {
  const TempDir temp;
  const auto blocks = make_log(std::vector<std::size_t>(600, 20));
  const auto storage =
      start(temp.str(), {.storage_threads = 1, .log = {}, .write_buffer_bytes = 32u << 10});
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      std::uint64_t before = 0;
      while (!done) {
        OrderCounter counter;
        const auto end = walk(*storage, 0, counter);
        if (!end || end->sequence != counter.orders || counter.orders < before) ++failures;
        before = counter.orders;
      }
    });
  }
  append_all(*storage, blocks, false);
  done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(failures == 0);
}

TEST_CASE("RocksdbStorage: a scan that began before start_writing → goes on", "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log({2, 2});
  write_log(temp.str(), blocks);
  const auto storage = open(temp.str());
  const auto cursor = must(storage->scan(0));
  must(storage->start_writing(blocks[1].end));
  REQUIRE(cursor->valid());
  cursor->next();
  REQUIRE(cursor->valid());
  CHECK(cursor->block() == blocks[1].bytes);
}

TEST_CASE("RocksdbStorage: one storage thread → one thread for flush and compaction",
          "[orderlog][unit]") {
  const TempDir temp;
  const auto storage = start(temp.str());
  append_all(*storage, make_log({1}), true);
  std::vector<std::string> pools;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    const std::string name = read_file(task.path().string() + "/comm");
    if (name.starts_with("rocksdb:high")) pools.push_back(name);
  }
  CHECK(pools.empty());
}

}  // namespace
}  // namespace fluxgate::orderlog
