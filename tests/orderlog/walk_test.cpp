#include "orderlog/walk.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "orderlog/bytes.hpp"
#include "orderlog/checksum.hpp"
#include "orderlog/log_fixture.hpp"
#include "orderlog/memory_storage.hpp"

namespace fluxgate::orderlog {
namespace {

using std::chrono::milliseconds;

/// Walks the blocks from the beginning, or from an order, and says what came of it.
std::string walked(const std::vector<StoredBlock>& blocks, Sequence from = 0,
                   const LogPosition* mark = nullptr) {
  MemoryStorage storage;
  append_all(storage, blocks);
  Transcript transcript;
  return outcome(walk(storage, from, transcript, mark));
}

/// Where a walk says it ended with an error: "block B first F order O", or nothing.
std::string fault_place(const std::vector<StoredBlock>& blocks, const LogPosition* mark = nullptr) {
  class Listener final : public LogVisitor {
   public:
    void on_fault(const LogPlace& place) override {
      text += "block " + std::to_string(place.block.block) + " first " +
              std::to_string(place.block.first_sequence) + " order " + std::to_string(place.order);
    }
    std::string text;
  };
  MemoryStorage storage;
  append_all(storage, blocks);
  Listener listener;
  static_cast<void>(walk(storage, 0, listener, mark));
  return listener.text;
}

TEST_CASE("Walk: an empty log → position zero, nothing shown", "[orderlog][unit]") {
  MemoryStorage storage;
  Transcript transcript;
  CHECK(must(walk(storage, 0, transcript)) == LogPosition{});
  CHECK(transcript.blocks.empty());
}

TEST_CASE("Walk: random logs → everything shown in order, with sequences and times",
          "[orderlog][random]") {
  std::mt19937_64 random(make_seed("walk_test"));
  for (int round = 0; round < 50; ++round) {
    MemoryStorage storage;
    BlockBuilder builder;
    LogPosition tail;
    std::vector<std::string> lines;
    std::vector<milliseconds> accepted;
    milliseconds time{0};
    for (std::uint64_t left = random() % 12; left > 0; --left) {
      builder.start(tail);
      for (std::uint64_t records = random() % 9; records > 0; --records) {
        lines.push_back(add_random(builder, random));
      }
      time += milliseconds(random() % 3);
      accepted.insert(accepted.end(), builder.orders(), time);
      const auto finished = builder.finish(time);
      must(storage.append(finished.key, finished.block, false));
      tail = finished.end;
    }
    Transcript transcript;
    REQUIRE(must(walk(storage, 1, transcript, &tail)) == tail);
    REQUIRE(transcript.lines == lines);
    REQUIRE(transcript.accepted == accepted);
    REQUIRE(transcript.blocks.size() == tail.block);
    for (std::size_t i = 0; i < accepted.size(); ++i) REQUIRE(transcript.sequences[i] == i + 1);
  }
}

TEST_CASE("Walk: from any order → its block is found, earlier orders are not shown",
          "[orderlog][unit]") {
  // Empty blocks at the beginning, in between and at the end share their sequence with the next.
  const auto blocks = make_log({0, 3, 0, 0, 1, 4, 0});
  MemoryStorage storage;
  append_all(storage, blocks);
  for (Sequence from = 0; from <= 10; ++from) {
    Transcript transcript;
    REQUIRE(must(walk(storage, from, transcript)) == blocks.back().end);
    std::vector<Sequence> expected;
    for (Sequence s = std::max<Sequence>(from, 1); s <= 8; ++s) expected.push_back(s);
    REQUIRE(transcript.sequences == expected);
    if (from == 4) REQUIRE(transcript.blocks.front().key == BlockKey{4, 5});
  }
}

TEST_CASE("Walk: a visitor that has enough → ends there, without error", "[orderlog][unit]") {
  auto blocks = make_log({2, 2, 2});
  blocks[2].bytes[30] ^= 1;  // behind what is looked at
  MemoryStorage storage;
  append_all(storage, blocks);
  Transcript at_line;
  at_line.stop_at_line = 3;
  CHECK(must(walk(storage, 0, at_line, &blocks[2].end)) == blocks[1].end);
  CHECK(at_line.sequences == std::vector<Sequence>{1, 2, 3});
  Transcript at_block;
  at_block.stop_at_block = 2;
  CHECK(must(walk(storage, 0, at_block)) == blocks[1].end);
  CHECK(at_block.sequences == std::vector<Sequence>{1, 2});
}

TEST_CASE("Walk: blocks missing, swapped, repeated, unchained → damaged, with the place",
          "[orderlog][unit]") {
  const auto good = make_log({2, 3, 0, 4});
  CHECK(walked(good) == "ok");

  auto blocks = good;
  blocks.erase(blocks.begin());
  CHECK(walked(blocks) ==
        "damaged: block 2 (first order 3) follows block 0, which ends at order 0: blocks are "
        "missing or repeated");
  blocks = good;
  blocks.erase(blocks.begin() + 1);
  CHECK(walked(blocks) ==
        "damaged: block 3 (first order 6) follows block 1, which ends at order 2: blocks are "
        "missing or repeated");
  blocks = good;
  blocks.erase(blocks.begin() + 2);  // an empty block leaves no gap in the sequence
  CHECK(walked(blocks) ==
        "damaged: block 4 (first order 6) follows block 2, which ends at order 5: blocks are "
        "missing or repeated");
  blocks = good;
  std::swap(blocks[1], blocks[3]);
  CHECK(walked(blocks) ==
        "damaged: block 4 (first order 6) follows block 1, which ends at order 2: blocks are "
        "missing or repeated");
  blocks = good;
  std::swap(blocks[1].bytes, blocks[3].bytes);  // each under the other's name
  CHECK(walked(blocks) == "damaged: block 2 (first order 3) does not match its checksum");
  blocks = good;
  blocks.insert(blocks.begin() + 1, blocks[1]);
  CHECK(walked(blocks) ==
        "damaged: block 2 (first order 3) follows block 2, which ends at order 5: blocks are "
        "missing or repeated");

  BlockBuilder builder;
  LogPosition wrong = good[0].end;
  wrong.checksum ^= 1;
  CHECK(walked({good[0], make_block(builder, wrong, 1, milliseconds{9})}) ==
        "damaged: block 2 (first order 3) is not chained to the block before it");
  wrong = good[0].end;
  ++wrong.sequence;
  CHECK(walked({good[0], make_block(builder, wrong, 1, milliseconds{9})}) ==
        "damaged: block 2 (first order 4) begins with the wrong order: the block before ends at "
        "order 2");
  CHECK(walked({make_block(builder, {0, 0, 7}, 1)}) ==
        "damaged: block 1 (first order 1) is not chained to the block before it");
}

TEST_CASE("Walk: a later start checks the chain from the first block seen", "[orderlog][unit]") {
  auto blocks = make_log({2, 3, 4, 5});
  blocks[0].bytes[40] ^= 1;
  CHECK(walked(blocks, 3) == "ok");
  blocks.erase(blocks.begin() + 2);
  CHECK(walked(blocks, 3) ==
        "damaged: block 4 (first order 10) follows block 2, which ends at order 5: blocks are "
        "missing or repeated");
  blocks.erase(blocks.begin(), blocks.begin() + 2);
  CHECK(walked(blocks, 3) ==
        "damaged: block 4 (first order 10) is the first at or after order 3: the block that holds "
        "it is missing");
}

TEST_CASE("Walk: time that goes back → damaged", "[orderlog][unit]") {
  BlockBuilder builder;
  const StoredBlock first = make_block(builder, {}, 1, milliseconds{500});
  const StoredBlock same = make_block(builder, first.end, 1, milliseconds{500});
  const StoredBlock before = make_block(builder, same.end, 1, milliseconds{499});
  CHECK(walked({first, same}) == "ok");
  CHECK(walked({first, same, before}) ==
        "damaged: block 3 (first order 3) is older than the block before it: 499 < 500 ms");
}

TEST_CASE("Walk: well sealed blocks of a wrong writer → damaged or newer, with the place",
          "[orderlog][unit]") {
  std::string order;
  encode(order, OrderEntry{0, 1, 1, "u", "k", 0});
  CHECK(walked({forge({}, order + order, 2)}) == "ok");
  CHECK(walked({forge({}, order, 2)}) ==
        "damaged: block 1 (first order 1) claims 2 orders but holds 1");
  CHECK(walked({forge({}, order + order, 1)}) ==
        "damaged: block 1 (first order 1) claims 1 orders but holds more");
  CHECK(walked({forge({}, order + order.substr(0, 4), 2)}) ==
        "damaged: block 1 (first order 1): the record at byte 8 ends too early");
  CHECK(walked({forge({}, order + "\x09", 1)}) ==
        "newer_format: block 1 (first order 1): the record at byte 8 has a type this release does "
        "not know (9)");
  CHECK(walked({forge({}, order + std::string(1, '\0'), 1)}) ==
        "damaged: block 1 (first order 1): the record at byte 8 has type 0, which no release "
        "writes");
  std::string checkpoint;
  encode(checkpoint, CheckpointRecord{1, 1, {}});
  CHECK(walked({forge({}, order + checkpoint, 1)}) == "ok");
  CHECK(walked({forge({}, order + order + checkpoint, 2)}) ==
        "damaged: block 1 (first order 1) has a checkpoint of 1 orders after order 2");
  auto newer = forge({}, order, 1);
  newer.bytes[0] = 2;
  const auto key = encode_key(newer.key);
  const std::string_view covered(newer.bytes.data(), newer.bytes.size() - 8);
  store_little(newer.bytes.data() + covered.size(), checksum({key.data(), key.size()}, covered));
  CHECK(walked({newer}) ==
        "newer_format: block 1 (first order 1) has format version 2; this release reads 1");
}

TEST_CASE("Walk: the mark → passed through exactly, or damaged", "[orderlog][unit]") {
  const auto blocks = make_log({2, 3, 4});
  const LogPosition zero;
  CHECK(walked(blocks, 0, &zero) == "ok");
  CHECK(walked({}, 0, &zero) == "ok");
  for (const StoredBlock& block : blocks) CHECK(walked(blocks, 0, &block.end) == "ok");

  const LogPosition ahead{5, 20, 77};
  CHECK(walked(blocks, 0, &ahead) ==
        "damaged: the log ends at order 9 (block 3), but orders up to 20 (block 5) were "
        "acknowledged");
  CHECK(walked({}, 0, &blocks[0].end) ==
        "damaged: the log ends at order 0 (block 0), but orders up to 2 (block 1) were "
        "acknowledged");
  LogPosition other = blocks[1].end;
  other.checksum ^= 1;
  CHECK(walked(blocks, 0, &other) ==
        "damaged: block 2 (first order 3) differs from the high-water mark: it ends at order 5, "
        "the mark at order 5 with another checksum");
  other = blocks[1].end;
  other.sequence = 6;
  CHECK(walked(blocks, 0, &other) ==
        "damaged: block 2 (first order 3) differs from the high-water mark: it ends at order 5, "
        "the mark at order 6");
}

TEST_CASE("Walk: an error → the visitor is told the place, once", "[orderlog][unit]") {
  const auto blocks = make_log({2, 3, 4});
  CHECK(fault_place(blocks).empty());
  auto changed = blocks;
  changed[1].bytes[30] = static_cast<char>(changed[1].bytes[30] ^ 1);
  CHECK(fault_place(changed) == "block 2 first 3 order 0");
  CHECK(fault_place({blocks[0], blocks[2]}) == "block 2 first 3 order 0");  // the missing one
  CHECK(fault_place({blocks[0], blocks[0]}) == "block 1 first 1 order 0");  // stands twice
  const LogPosition ahead{5, 20, 77};
  CHECK(fault_place(blocks, &ahead) == "block 4 first 10 order 0");
  LogPosition other = blocks[1].end;
  other.checksum ^= 1;
  CHECK(fault_place(blocks, &other) == "block 2 first 3 order 0");
  std::string order;
  encode(order, OrderEntry{0, 1, 1, "u", "k", 0});
  CHECK(fault_place({blocks[0], forge(blocks[0].end, order + order.substr(0, 4), 2)}) ==
        "block 2 first 3 order 4");
}

/// A storage that breaks in the middle of a scan.
class BreakingStorage final : public LogStorage {
 public:
  explicit BreakingStorage(const LogStorage& inner) : inner_(inner) {}
  [[nodiscard]] Result<LogPosition> mark() override { return LogPosition{}; }
  [[nodiscard]] Result<void> start_writing(const LogPosition&) override { return {}; }
  [[nodiscard]] Result<void> append(const BlockKey&, std::string_view, bool) override { return {}; }
  [[nodiscard]] Result<void> set_mark(const LogPosition&) override { return {}; }
  [[nodiscard]] Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override {
    if (from == 7) return Error{ErrorCode::unavailable, "no disk"};
    return std::unique_ptr<BlockCursor>(std::make_unique<BreakingCursor>(must(inner_.scan(from))));
  }

 private:
  class BreakingCursor final : public BlockCursor {
   public:
    explicit BreakingCursor(std::unique_ptr<BlockCursor> inner) : inner_(std::move(inner)) {}
    [[nodiscard]] bool valid() const override { return left_ > 0 && inner_->valid(); }
    [[nodiscard]] BlockKey key() const override { return inner_->key(); }
    [[nodiscard]] std::string_view block() const override { return inner_->block(); }
    void next() override {
      --left_;
      inner_->next();
    }
    [[nodiscard]] Result<void> status() const override {
      return Error{ErrorCode::unavailable, "read error"};
    }

   private:
    std::unique_ptr<BlockCursor> inner_;
    int left_ = 2;
  };
  const LogStorage& inner_;
};

TEST_CASE("Walk: storage that fails → its error, with the place reached", "[orderlog][unit]") {
  MemoryStorage memory;
  append_all(memory, make_log({2, 3, 4}));
  const BreakingStorage storage(memory);
  Transcript transcript;
  CHECK(outcome(walk(storage, 0, transcript)) ==
        "unavailable: after block 2 (order 5): read error");
  CHECK(outcome(walk(storage, 7, transcript)) == "unavailable: no disk");
}

}  // namespace
}  // namespace fluxgate::orderlog
