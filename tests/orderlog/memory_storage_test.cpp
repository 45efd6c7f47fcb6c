#include "orderlog/memory_storage.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "orderlog/log_fixture.hpp"

namespace fluxgate::orderlog {
namespace {

TEST_CASE("MemoryStorage: start_writing → only with the end that is there", "[orderlog][unit]") {
  MemoryStorage storage;
  must(storage.start_writing({}));
  const auto blocks = make_log({2, 1});
  CHECK(outcome(storage.start_writing(blocks[0].end)) ==
        "damaged: the log ends at block 0, but block 1 was read as its end");
  append_all(storage, blocks);
  must(storage.start_writing(blocks[1].end));
  CHECK(outcome(storage.start_writing(blocks[0].end)) ==
        "damaged: the log ends at block 2, but block 1 was read as its end");
}

TEST_CASE("MemoryStorage: start_writing behind a damaged block → damaged", "[orderlog][unit]") {
  MemoryStorage storage;
  auto blocks = make_log({2, 1});
  blocks[1].bytes.back() ^= 1;
  append_all(storage, blocks);
  CHECK(outcome(storage.start_writing(blocks[1].end)) ==
        "damaged: block 2 (first order 3) does not match its checksum");
}

TEST_CASE("MemoryStorage: mark → what was set", "[orderlog][unit]") {
  MemoryStorage storage;
  CHECK(must(storage.mark()) == LogPosition{});
  must(storage.set_mark({1, 2, 3}));
  CHECK(must(storage.mark()) == LogPosition{1, 2, 3});
}

TEST_CASE("MemoryStorage: a scan → the blocks there were when it began", "[orderlog][unit]") {
  MemoryStorage storage;
  const auto blocks = make_log({1, 1, 1});
  append_all(storage, {blocks[0], blocks[1]});
  const auto cursor = must(storage.scan(2));
  append_all(storage, {blocks[2]});
  REQUIRE(cursor->valid());
  CHECK(cursor->key() == blocks[1].key);
  CHECK(cursor->block() == blocks[1].bytes);
  cursor->next();
  CHECK_FALSE(cursor->valid());
  CHECK(outcome(cursor->status()) == "ok");
}

TEST_CASE("MemoryStorage: walks beside a writer → always a whole prefix", "[orderlog][race]") {
  constexpr std::size_t count = 500;
  const auto blocks = make_log(std::vector<std::size_t>(count, 1));
  MemoryStorage storage;
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  std::thread reader([&] {
    std::uint64_t before = 0;
    while (!done) {
      OrderCounter counter;
      const auto end = walk(storage, 0, counter);
      if (!end || end->sequence != counter.orders || counter.orders < before) ++failures;
      before = counter.orders;
    }
  });
  append_all(storage, blocks);
  done = true;
  reader.join();
  CHECK(failures == 0);
  OrderCounter counter;
  CHECK(must(walk(storage, 0, counter)) == blocks.back().end);
}

}  // namespace
}  // namespace fluxgate::orderlog
