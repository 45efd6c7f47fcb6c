#include "orderlog/beside.hpp"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
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

TEST_CASE("Beside: cannot be read at first → looks again, ten times at most", "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log({3, 2});
  {
    const auto storage = must(RocksdbStorage::open(temp.str(), {}));
    must(storage->start_writing({}));
    append_all(*storage, blocks, true);
    must(storage->set_mark(blocks[1].end));
  }
  const std::filesystem::path current = temp.path() / "orders/CURRENT";
  std::filesystem::rename(current, temp / "away");
  std::filesystem::create_directory(current);  // can be opened, but not read
  const Count refused = count(temp.str());
  CHECK(outcome(refused.end) == "unavailable: cannot open " + temp.str() +
                                    "/orders: IO error: While reading file sequentially: " +
                                    current.string() + ": Is a directory");
  CHECK(refused.attempts == beside_opens_max);

  OrderCounter counter;
  int attempts = 0;
  const Result<LogPosition> end = walk_beside_writer(temp.str(), [&]() -> LogVisitor& {
    if (++attempts == 3) {
      std::filesystem::remove(current);
      std::filesystem::rename(temp / "away", current);
    }
    return counter;
  });
  CHECK(must(end) == blocks[1].end);
  CHECK(counter.orders == 5);
  CHECK(attempts == 3);
}

/// Writes a log in steps, one for each that was asked for.
class SteppedWriter {
 public:
  SteppedWriter(LogStorage& storage, int blocks_per_step)
      : blocks_per_step_(blocks_per_step),
        log_(storage, system_clock(), Durability::sync, {}, milliseconds{0}, {}),
        thread_([this] { run(); }) {}

  ~SteppedWriter() { finish(); }

  void ask_for_step() { add_steps(1); }

  /// True if everything was written.
  bool finish() {
    if (thread_.joinable()) {
      add_steps(end_);
      thread_.join();
    }
    return ok_;
  }

 private:
  static constexpr int end_ = 1 << 20;  // more steps than anyone asks for: the end

  void add_steps(int steps) {
    const std::lock_guard lock(mutex_);
    asked_ += steps;
    changed_.notify_one();
  }

  void run() {
    for (int step = 0;; ++step) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return asked_ > step; });
        if (asked_ >= end_) break;
      }
      for (int block = 0; block < blocks_per_step_; ++block) ok_ = ok_ && write();
    }
    ok_ = ok_ && log_.close();
  }

  bool write() {
    for (int i = 0; i < 256; ++i) {
      const Sequence sequence = log_.block().next_sequence();
      log_.block().add(OrderEntry{0, 1, 1, id36('u', sequence), id36('k', sequence), 0});
    }
    return log_.write() && log_.tend();
  }

  const int blocks_per_step_;
  LogWriter log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int asked_ = 0;   // guarded by mutex_
  bool ok_ = true;  // the writer's, read after it has ended
  std::thread thread_;
};

TEST_CASE("Beside: a server that moves blocks to tables all the time → never a wrong count",
          "[orderlog][race]") {
  const TempDir temp;
  const auto storage = must(RocksdbStorage::open(
      temp.str(), {.storage_threads = 1, .log = {}, .write_buffer_bytes = 256u << 10}));
  must(storage->start_writing({}));
  // 20 KB a block: a memtable is full every 13 blocks, so once or twice in each count.
  SteppedWriter writer(*storage, 20);
  int again = 0;
  std::uint64_t before = 0;
  for (int round = 0; round < 100; ++round) {
    writer.ask_for_step();
    const Count counted = count(temp.str());
    again += counted.attempts - 1;
    REQUIRE(outcome(counted.end) == "ok");
    REQUIRE(counted.end->sequence == counted.orders);
    REQUIRE(counted.orders >= before);
    before = counted.orders;
  }
  CHECK(writer.finish());
  std::printf("beside_test: %llu orders, %d walks were done again\n",
              static_cast<unsigned long long>(before), again);
  CHECK(count(temp.str()).orders == must(storage->mark()).sequence);
}

}  // namespace
}  // namespace fluxgate::orderlog
