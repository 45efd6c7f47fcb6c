#include "orderlog/rocksdb_storage.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "orderlog/rocksdb_fixture.hpp"

namespace fluxgate::orderlog {
namespace {

using std::chrono::milliseconds;

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
  for (const unsigned threads : {0U, 17U}) {
    CHECK(outcome(RocksdbStorage::open(temp.str(), {.storage_threads = threads, .log = {}})) ==
          "invalid_argument: storage_threads must be 1 to 16");
  }
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
