#include "orderlog/beside.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "fluxgate/clock.hpp"
#include "orderlog/log_fixture.hpp"
#include "orderlog/log_writer.hpp"
#include "orderlog/rocksdb_storage.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::orderlog {
namespace {

using std::chrono::milliseconds;
using testing::TempDir;

struct Count {
  Result<LogPosition> end;
  std::uint64_t orders = 0;
  int attempts = 0;
};

Count count(const std::string& directory) {
  std::optional<OrderCounter> counter;
  int attempts = 0;
  Result<LogPosition> end = walk_beside_writer(directory, [&]() -> LogVisitor& {
    ++attempts;
    return counter.emplace();
  });
  return {std::move(end), counter ? counter->orders : 0, attempts};
}

TEST_CASE("Beside: no directory, none of ours → not_found, nothing is made", "[orderlog][unit]") {
  const TempDir temp;
  const std::string missing = (temp / "missing").string();
  CHECK(outcome(count(missing).end) == "not_found: there is no order log in " + missing);
  CHECK_FALSE(std::filesystem::exists(missing));
  CHECK(outcome(count(temp.str()).end) == "not_found: there is no order log in " + temp.str());
  write_file(temp / "file", "x");
  const std::string file = (temp / "file").string();
  CHECK(outcome(count(file).end) == "not_found: there is no order log in " + file);
  CHECK(std::filesystem::is_empty(temp.path()) == false);
}

TEST_CASE("Beside: a server that has just started → empty, then what it wrote",
          "[orderlog][unit]") {
  const TempDir temp;
  auto storage = must(RocksdbStorage::open(temp.str(), {}));
  CHECK(must(count(temp.str()).end) == LogPosition{});
  must(storage->start_writing({}));
  CHECK(must(count(temp.str()).end) == LogPosition{});
  const auto blocks = make_log({3, 2});
  append_all(*storage, blocks, false);
  const Count counted = count(temp.str());
  CHECK(must(counted.end) == blocks[1].end);
  CHECK(counted.orders == 5);
  CHECK(counted.attempts == 1);
  storage.reset();
  CHECK(count(temp.str()).orders == 5);
}

TEST_CASE("Beside: a log that really lacks blocks → damaged, after ten opens", "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log({3, 2, 2});
  {
    const auto storage = must(RocksdbStorage::open(temp.str(), {}));
    must(storage->start_writing({}));
    append_all(*storage, {blocks[0], blocks[2]}, true);
    must(storage->set_mark(blocks[0].end));
  }
  const Count counted = count(temp.str());
  CHECK(outcome(counted.end) ==
        "damaged: block 3 (first order 6) follows block 1, which ends at order 3: blocks are "
        "missing or repeated");
  CHECK(counted.attempts == beside_opens_max);
}

TEST_CASE("Beside: a server that moves blocks to tables all the time → never a wrong count",
          "[orderlog][race]") {
  const TempDir temp;
  const auto storage = must(RocksdbStorage::open(
      temp.str(), {.storage_threads = 1, .log = {}, .write_buffer_bytes = 256u << 10}));
  must(storage->start_writing({}));
  std::atomic<bool> done{false};
  std::atomic<bool> failed{false};
  std::thread writer([&] {
    LogWriter log(*storage, system_clock(), Durability::sync, {}, milliseconds{0}, {});
    while (!done && !failed) {
      for (int i = 0; i < 256; ++i) {
        const Sequence sequence = log.block().next_sequence();
        log.block().add(OrderEntry{0, 1, 1, id36('u', sequence), id36('k', sequence), 0});
      }
      if (!log.write() || !log.tend()) failed = true;
    }
    if (!log.close()) failed = true;
  });
  int again = 0;
  std::uint64_t before = 0;
  std::string problem;
  for (int round = 0; round < 100 && problem.empty(); ++round) {
    const Count counted = count(temp.str());
    again += counted.attempts - 1;
    if (!counted.end) {
      problem = outcome(counted.end);
    } else if (counted.end->sequence != counted.orders || counted.orders < before) {
      problem = "counted " + std::to_string(counted.orders) + " of " +
                std::to_string(counted.end->sequence) + " after " + std::to_string(before);
    }
    before = counted.orders;
  }
  done = true;
  writer.join();
  std::printf("beside_test: %llu orders, %d walks were done again\n",
              static_cast<unsigned long long>(before), again);
  CHECK(problem.empty());
  CHECK_FALSE(failed);
  CHECK(count(temp.str()).orders == must(storage->mark()).sequence);
}

}  // namespace
}  // namespace fluxgate::orderlog
