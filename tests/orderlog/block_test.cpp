#include "orderlog/block.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "orderlog/bytes.hpp"
#include "orderlog/checksum.hpp"
#include "orderlog/log_fixture.hpp"

namespace fluxgate::orderlog {
namespace {

using std::chrono::milliseconds;

/// Makes a changed block valid again, as a defect of a writer would.
void seal(StoredBlock& block) {
  const auto key = encode_key(block.key);
  const std::size_t size = block.bytes.size() - block_trailer_bytes;
  store_little(block.bytes.data() + size,
               checksum({key.data(), key.size()}, std::string_view(block.bytes).substr(0, size)));
}

TEST_CASE("Block: key → 16 bytes that sort as the numbers do", "[orderlog][unit]") {
  const auto bytes = encode_key({0x0102030405060708, 0x1112131415161718});
  CHECK(std::string(bytes.data(), bytes.size()) ==
        "\x01\x02\x03\x04\x05\x06\x07\x08\x11\x12\x13\x14\x15\x16\x17\x18");
  const BlockKey key = must(decode_key({bytes.data(), bytes.size()}));
  CHECK(key == BlockKey{0x0102030405060708, 0x1112131415161718});

  CHECK(encode_key({255, 3}) < encode_key({256, 4}));
  CHECK(encode_key({256, 4}) < encode_key({256, 5}));
  CHECK(outcome(decode_key("short")) == "damaged: a block has a name of 5 bytes instead of 16");
  CHECK(outcome(decode_key(std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16))) ==
        "damaged: a block is named block 1 (first order 0)");
  CHECK(outcome(decode_key(std::string_view("\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0", 16))) ==
        "damaged: a block is named block 0 (first order 1)");
}

TEST_CASE("Block: layout → as docs/LOG_FORMAT.md has it", "[orderlog][unit]") {
  BlockBuilder builder;
  builder.start({7, 99, 0x1122334455667788});
  builder.add(OrderEntry{0, 1, 2, "u", "k", 0});
  builder.add(SettingRecord{"n", "v"});
  const auto finished = builder.finish(milliseconds{0x0A0B0C0D0E});
  CHECK(finished.key == BlockKey{100, 8});
  const std::string_view bytes = finished.block;
  REQUIRE(bytes.size() == 24 + 8 + 5 + 8);
  CHECK(bytes.substr(0, 4) == std::string_view("\1\0\0\0", 4));
  CHECK(bytes.substr(4, 4) == std::string_view("\1\0\0\0", 4));
  CHECK(bytes.substr(8, 8) == std::string_view("\x0E\x0D\x0C\x0B\x0A\0\0\0", 8));
  CHECK(bytes.substr(16, 8) == "\x88\x77\x66\x55\x44\x33\x22\x11");
  CHECK(bytes.substr(24, 8) == std::string_view("\3\0\1\2\1u\1k", 8));
  CHECK(bytes.substr(32, 5) == std::string_view("\7\1n\1v", 5));

  const auto key = encode_key(finished.key);
  const std::uint64_t sum = checksum({key.data(), key.size()}, bytes.substr(0, 37));
  CHECK(load_little<std::uint64_t>(bytes.data() + 37) == sum);
  CHECK(finished.end == LogPosition{8, 100, sum});

  const BlockView view = must(open_block(finished.key, bytes));
  CHECK(view.end == finished.end);
  CHECK(view.orders == 1);
  CHECK(view.accepted_at == milliseconds{0x0A0B0C0D0E});
  CHECK(view.previous_checksum == 0x1122334455667788);
}

TEST_CASE("Block: checksum → the published XXH3-64 of known inputs", "[orderlog][unit]") {
  // From the reference implementation: an independent reader must come to the same numbers.
  CHECK(checksum({}, {}) == 0x2D06800538D394C2);
  CHECK(checksum("fluxgate", {}) == checksum("flux", "gate"));
}

TEST_CASE("Block: random records → come back as they went in", "[orderlog][random]") {
  std::mt19937_64 random(make_seed("block_test"));
  BlockBuilder builder;
  for (int round = 0; round < 300; ++round) {
    const LogPosition tail{random() >> 2, random() >> 2, random()};
    builder.start(tail);
    std::vector<std::string> lines;
    for (std::uint64_t left = random() % 30; left > 0; --left) {
      lines.push_back(add_random(builder, random));
    }
    REQUIRE(builder.records() == lines.size());
    REQUIRE(builder.empty() == lines.empty());
    const std::size_t bytes = builder.bytes();
    const milliseconds time{static_cast<std::int64_t>(
        random_number(random, 0, static_cast<std::uint64_t>(accepted_at_max.count())))};
    const auto finished = builder.finish(time);
    REQUIRE(finished.block.size() == bytes);

    const ExactBytes exact(finished.block);
    const BlockView view = must(open_block(finished.key, exact.view()));
    REQUIRE(view.end == finished.end);
    REQUIRE(view.accepted_at == time);
    REQUIRE(view.previous_checksum == tail.checksum);
    RecordReader reader(view.records);
    std::size_t records = 0;
    while (reader.next()) ++records;
    REQUIRE(outcome(reader.status()) == "ok");
    REQUIRE(records == lines.size());
  }
}

TEST_CASE("Block: every cut, every changed byte, another key → refused as damaged",
          "[orderlog][unit]") {
  BlockBuilder builder;
  const StoredBlock good = make_block(builder, {3, 10, 5}, 3);
  REQUIRE(open_block(good.key, good.bytes));
  const std::string mismatch = "damaged: block 4 (first order 11) does not match its checksum";

  for (std::size_t size = 0; size < good.bytes.size(); ++size) {
    const ExactBytes cut(std::string_view(good.bytes).substr(0, size));
    const std::string expected = size < 32 ? "damaged: block 4 (first order 11) has an impossible "
                                             "size of " +
                                                 std::to_string(size) + " bytes"
                                           : mismatch;
    REQUIRE(outcome(open_block(good.key, cut.view())) == expected);
  }
  for (std::size_t at = 0; at < good.bytes.size(); ++at) {
    for (int change = 1; change < 256; ++change) {
      ExactBytes changed(good.bytes);
      changed[at] = static_cast<char>(changed[at] ^ static_cast<char>(change));
      REQUIRE(outcome(open_block(good.key, changed.view())) == mismatch);
    }
  }
  const ExactBytes longer(good.bytes + '\0');
  CHECK(outcome(open_block(good.key, longer.view())) == mismatch);
  CHECK(outcome(open_block({11, 5}, good.bytes)) ==
        "damaged: block 5 (first order 11) does not match its checksum");
  CHECK(outcome(open_block({12, 4}, good.bytes)) ==
        "damaged: block 4 (first order 12) does not match its checksum");
}

TEST_CASE("Block: sealed but wrong frame → its own message", "[orderlog][unit]") {
  BlockBuilder builder;
  const StoredBlock good = make_block(builder, {}, 1);
  const auto with = [&](std::size_t at, int byte) {
    StoredBlock changed = good;
    changed.bytes[at] = static_cast<char>(byte);
    seal(changed);
    return outcome(open_block(changed.key, changed.bytes));
  };
  CHECK(with(0, 1) == "ok");
  CHECK(with(0, 0) == "damaged: block 1 (first order 1) has format version 0");
  CHECK(with(0, 2) ==
        "newer_format: block 1 (first order 1) has format version 2; this release reads 1");
  for (const std::size_t at : {1U, 2U, 3U}) {
    CHECK(with(at, 1) == "damaged: block 1 (first order 1) has reserved bytes that are not zero");
  }
  CHECK(with(6, 1) ==
        "damaged: block 1 (first order 1) claims 65537 orders, more than any block holds");
  CHECK(with(15, 1) == "damaged: block 1 (first order 1) has a time after the year 9999");

  StoredBlock last = good;
  last.key.first_sequence = UINT64_MAX;
  seal(last);
  CHECK(outcome(open_block(last.key, last.bytes)) ==
        "damaged: block 1 (first order 18446744073709551615) is numbered beyond the last possible "
        "order");
}

TEST_CASE("Block: sealed but larger than any block → damaged", "[orderlog][unit]") {
  const std::size_t frame = block_header_bytes + block_trailer_bytes;
  const StoredBlock largest = forge({}, std::string(block_bytes_max - frame, 'x'), 0);
  CHECK(outcome(open_block(largest.key, largest.bytes)) == "ok");
  const StoredBlock larger = forge({}, std::string(block_bytes_max - frame + 1, 'x'), 0);
  CHECK(outcome(open_block(larger.key, larger.bytes)) ==
        "damaged: block 1 (first order 1) has an impossible size of 8388609 bytes");
}

TEST_CASE("Block: no records → a legal block that takes no sequence", "[orderlog][unit]") {
  BlockBuilder builder;
  builder.start({4, 17, 9});
  CHECK(builder.empty());
  CHECK(builder.next_sequence() == 18);
  const auto finished = builder.finish(milliseconds{1});
  CHECK(finished.block.size() == block_header_bytes + block_trailer_bytes);
  CHECK(finished.key == BlockKey{18, 5});
  CHECK(must(open_block(finished.key, finished.block)).end.sequence == 17);
}

TEST_CASE("Block: the largest orders → full by number, and a checkpoint still fits",
          "[orderlog][unit]") {
  BlockBuilder builder;
  builder.start({});
  const std::string id(id_bytes_max, 'i');
  const std::string key(key_bytes_max, 'k');
  while (!builder.full()) {
    builder.add(OrderEntry{UINT64_MAX, UINT64_MAX, units_max, id, key, UINT64_MAX});
  }
  CHECK(builder.orders() == block_orders_max);
  CHECK(builder.bytes() < block_full_bytes);
  CheckpointRecord checkpoint{block_orders_max, 0, {}};
  checkpoint.rounds.assign(checkpoint_rounds_max, {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX});
  builder.add(checkpoint);
  const auto finished = builder.finish(milliseconds{1});
  CHECK(finished.block.size() <= block_bytes_max);
  CHECK(outcome(open_block(finished.key, finished.block)) == "ok");
}

TEST_CASE("Block: settings without end → full by bytes", "[orderlog][unit]") {
  BlockBuilder builder;
  builder.start({});
  const std::string value(setting_value_bytes_max, 'v');
  while (!builder.full()) builder.add(SettingRecord{"n", value});
  CHECK(builder.bytes() >= block_full_bytes);
  CHECK(builder.bytes() < block_full_bytes + setting_bytes_max);
}

TEST_CASE("Block: 36-byte ids and keys, 100 to a block → at most 120 bytes an order",
          "[orderlog][unit]") {
  BlockBuilder builder;
  const StoredBlock block = make_block(builder, {}, 100);
  const double bytes = static_cast<double>(block.bytes.size() + block_key_bytes) / 100;
  CHECK(bytes < 80);
}

TEST_CASE("Block: cut behind any of its orders → the block a writer of only those would write",
          "[orderlog][random]") {
  std::mt19937_64 random(make_seed("block_test cut"));
  for (int round = 0; round < 50; ++round) {
    const LogPosition tail{4, 10, random()};
    BlockBuilder whole;
    whole.start(tail);
    std::vector<std::string> prefixes;  // the block as it was behind each order
    while (prefixes.size() < 5) {
      const std::size_t before = whole.orders();
      static_cast<void>(add_random(whole, random));
      if (whole.orders() == before) continue;
      BlockBuilder copy = whole;
      prefixes.emplace_back(copy.finish(std::chrono::milliseconds(7)).block);
    }
    for (int i = 0; i < 3; ++i) static_cast<void>(add_random(whole, random));
    const auto finished = whole.finish(std::chrono::milliseconds(7));
    for (std::size_t orders = 1; orders <= prefixes.size(); ++orders) {
      const std::string cut = cut_block(finished.key, finished.block, orders);
      REQUIRE(cut == prefixes[orders - 1]);
      REQUIRE(must(open_block(finished.key, cut)).end.sequence == 10 + orders);
    }
  }
}

}  // namespace
}  // namespace fluxgate::orderlog
