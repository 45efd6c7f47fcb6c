// Every kind of damage that docs/LOG_FORMAT.md says a reader must refuse, found and placed.

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "engine/forged_log.hpp"
#include "engine/verification.hpp"
#include "orderlog/mark_file.hpp"
#include "orderlog/rocksdb_fixture.hpp"
#include "support/manual_clock.hpp"

namespace fluxgate::engine {
namespace {

using namespace orderlog;

/// "ok", "BLOCK/FIRST/ORDER: what", or the error that says nothing of the log.
std::string verified(const std::string& directory) {
  const testing::ManualClock clock;
  const Result<Verification> result = verify_log(directory, clock);
  if (!result) return outcome(result);
  if (!result->fault) return "ok, " + std::to_string(result->read.orders) + " orders";
  std::string place = "-";
  if (const auto& at = result->fault->place) {
    place = std::to_string(at->block.block) + "/" + std::to_string(at->block.first_sequence) + "/" +
            std::to_string(at->order);
  }
  return place + ": " + result->fault->what;
}

/// What is said of a good log of orders 1 and 2 in block 2, with this as block 3.
std::string with_third(const std::function<StoredBlock(const LogPosition& tail)>& make) {
  const TempDir temp;
  std::vector<StoredBlock> blocks{first_block()};
  blocks.push_back(forge(blocks[0].end, order("k1") + order("k2"), 2, 20));
  blocks.push_back(make(blocks[1].end));
  write_blocks(temp.str(), blocks);
  return verified(temp.str());
}
std::string with_records(const std::string& records, std::uint32_t orders) {
  return with_third([&](const LogPosition& tail) { return forge(tail, records, orders, 30); });
}

/// Changes bytes of a block and makes its checksum right again.
StoredBlock changed(StoredBlock block, std::size_t at, std::string_view bytes) {
  block.bytes.replace(at, bytes.size(), bytes);
  const auto key = encode_key(block.key);
  const std::size_t covered = block.bytes.size() - block_trailer_bytes;
  store_little(block.bytes.data() + covered,
               checksum({key.data(), key.size()}, {block.bytes.data(), covered}));
  return block;
}

const std::string here = "3/3/0: block 3 (first order 3)";

TEST_CASE("Verification: a good log → ok", "[engine][unit]") {
  CHECK(with_records(order("k3"), 1) == "ok, 3 orders");
}

TEST_CASE("Verification: a block that is not what was written → its place", "[engine][unit]") {
  const auto good = [](const LogPosition& tail) { return forge(tail, order("k3"), 1, 30); };
  const auto third = [&](const std::function<StoredBlock(StoredBlock)>& change) {
    return with_third([&](const LogPosition& tail) { return change(good(tail)); });
  };
  CHECK(third([](StoredBlock block) {
          block.bytes[30] = static_cast<char>(block.bytes[30] ^ 1);
          return block;
        }) == here + " does not match its checksum");
  CHECK(third([](const StoredBlock& block) { return changed(block, 16, "x"); }) ==
        here + " is not chained to the block before it");
  CHECK(third([](const StoredBlock& block) {
          return changed(block, 8, std::string_view("\5\0", 2));
        }) == here + " is older than the block before it: 5 < 20 ms");
  CHECK(third([](const StoredBlock& block) {
          return changed(block, 0, std::string_view("\0", 1));
        }) == here + " has format version 0");
  CHECK(third([](const StoredBlock& block) { return changed(block, 2, "x"); }) ==
        here + " has reserved bytes that are not zero");
  CHECK(third([](const StoredBlock& block) { return changed(block, 4, "\2"); }) ==
        here + " claims 2 orders but holds 1");
  CHECK(third([](const StoredBlock& block) {
          return changed(block, 4, std::string_view("\0", 1));
        }) == here + " claims 0 orders but holds more");
  CHECK(third([](const StoredBlock& block) { return changed(block, 0, "\2"); }) ==
        "newer_format: block 3 (first order 3) has format version 2; this release reads 1");
  // Another number: as if block 3 were missing; another first order.
  CHECK(with_third([&](LogPosition tail) {
          ++tail.block;
          return good(tail);
        }) ==
        "3/3/0: block 4 (first order 3) follows block 2, which ends at order 2: blocks are "
        "missing or repeated");
  CHECK(with_third([&](LogPosition tail) {
          ++tail.sequence;
          return good(tail);
        }) ==
        "3/4/0: block 3 (first order 4) begins with the wrong order: the block before ends "
        "at order 2");
}

TEST_CASE("Verification: a malformed record → its block, and the order if it is one",
          "[engine][unit]") {
  const std::string ok = order("k3");  // type, 0, 1, 1, "u", "k3": 9 bytes
  const auto at = [](const char* what) {
    return ": the record at byte " + std::to_string(order("k3").size()) + " " + what;
  };
  const std::string fourth = "3/3/4: block 3 (first order 3)";
  const auto bad = [&](std::string_view bytes) { return with_records(ok + std::string(bytes), 2); };
  using namespace std::string_view_literals;
  CHECK(bad("\0"sv) == here + at("has type 0, which no release writes"));
  CHECK(bad("\x09") ==
        "newer_format: block 3 (first order 3)" + at("has a type this release does not know (9)"));
  CHECK(bad("\3\0\0\1\1u\1k"sv) == fourth + at("has a number out of range"));
  CHECK(bad("\3\0\x81\0\1\1u\1k"sv) == fourth + at("has a number written longer than needed"));
  CHECK(bad("\3\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"sv) ==
        fourth + at("has a number of more than 64 bits"));
  CHECK(bad("\3\0\1\1\0\1k"sv) == fourth + at("has an empty user id"));
  CHECK(bad("\3\0\1\1\1u\0"sv) == fourth + at("has an empty key"));
  CHECK(bad("\3\0\1\1\x81\1"sv) == fourth + at("has a string that is too long"));
  CHECK(bad("\3\0\1\1\5u"sv) == fourth + at("ends too early"));
  CHECK(bad("\5\1\0\5u"sv) == here + at("ends too early"));
  const std::string checkpoint = records_of([](std::string& to) {
    encode(to, CheckpointRecord{4, 3, {}});
  });
  CHECK(with_records(ok + checkpoint, 1) == here + " has a checkpoint of 4 orders after order 3");
}

TEST_CASE("Verification: sums that do not add up → the order or the checkpoint's block",
          "[engine][unit]") {
  CHECK(with_records(order("k3") + order("k4", 98), 2) ==
        "3/3/4: block 3 (first order 3): order 4 oversells round 1 of \"p\"");
  const auto checkpoint = [](Units units, std::uint64_t orders) {
    return records_of([&](std::string& to) {
      encode(to, CheckpointRecord{2, units, {{0, 1, orders, 2}}});
    });
  };
  CHECK(with_records(checkpoint(2, 2), 0) == "ok, 2 orders");
  CHECK(with_records(checkpoint(3, 2), 0) ==
        here + ": the totals of a checkpoint differ from the orders before it");
  CHECK(with_records(checkpoint(2, 3), 0) ==
        here + ": a checkpoint differs from the orders of round 1 of product number 0");
}

TEST_CASE("Verification: files that are gone or spoilt → names the file or the missing block",
          "[engine][unit]") {
  const TempDir temp;
  const std::string directory = temp.str();
  const std::string mark_path = directory + "/high-water-mark";
  std::vector<StoredBlock> blocks{first_block()};
  blocks.push_back(forge(blocks[0].end, order("k1") + order("k2"), 2, 20));
  write_log(directory, blocks, {.storage_threads = 1, .log = {}, .write_buffer_bytes = 64});
  REQUIRE(verified(directory) == "ok, 2 orders");
  const auto before = files_in(directory);
  const std::string mark = read_file(mark_path);

  must(MarkFile::create(mark_path, {3, 4, 5}));
  CHECK(verified(directory) ==
        "3/3/0: the log ends at order 2 (block 2), but orders up to 4 (block 3) were acknowledged");
  must(MarkFile::create(mark_path, {2, 2, 5}));
  CHECK(verified(directory) ==
        "2/1/0: block 2 (first order 1) differs from the high-water mark: it ends at order 2, the "
        "mark at order 2 with another checksum");

  // Without a mark the blocks are read all the same, so that one knows what there is.
  const testing::ManualClock clock;
  write_file(mark_path, std::string(mark.size(), 'x'));
  CHECK(verified(directory) == "-: " + mark_path +
                                   ": neither of its two slots is valid, so it cannot be told "
                                   "whether acknowledged orders are missing");
  CHECK(must(verify_log(directory, clock)).read.orders == 2);
  fs::remove(mark_path);
  CHECK(verified(directory) ==
        "-: " + directory +
            " holds an order log but no high-water-mark file, so it cannot be told whether "
            "acknowledged orders are missing");
  CHECK(must(verify_log(directory, clock)).read.orders == 2);
  write_file(mark_path, mark);

  for (const std::string& name : before) {
    const bool is_needed = name.ends_with(".sst") || name.ends_with("/CURRENT") ||
                           name.find("/MANIFEST-") != std::string::npos;
    if (!is_needed) continue;
    fs::rename(name, directory + "/away");
    const std::string found = verified(directory);
    INFO(name << ": " << found);
    // RocksDB looks for a table under an older name, too, and names that: 000009.ldb.
    const std::string file = name.substr(
        name.rfind('/') + 1, name.find(".sst") == std::string::npos ? std::string::npos : 6);
    const bool is_placed = found.starts_with("-: ") || found.find("/0: ") != std::string::npos;
    CHECK(is_placed);
    CHECK(found.find(file.ends_with("CURRENT") ? directory + "/orders" : file) !=
          std::string::npos);
    fs::rename(directory + "/away", name);
    if (name.find("/MANIFEST-") == std::string::npos) continue;
    // Nothing can be read then: the mark is all that tells what is missing.
    const std::string manifest = read_file(name);
    write_file(name, std::string(manifest.size(), 'x'));
    CHECK(verified(directory).ends_with("; orders up to 2 were acknowledged"));
    CHECK(must(verify_log(directory, clock)).read.mark->sequence == 2);
    write_file(name, manifest);
  }
  fs::rename(directory + "/orders", directory + "/away");
  CHECK(verified(directory) ==
        "-: the order log in " + directory +
            "/orders is missing, but orders up to 2 (block 2) were acknowledged");
  fs::rename(directory + "/away", directory + "/orders");
  CHECK(verified(directory) == "ok, 2 orders");
  CHECK(files_in(directory) == before);
  CHECK(verified(directory + "/none") ==
        "not_found: there is no order log in " + directory + "/none");
}

TEST_CASE("Verification: neither the mark nor what is there without it can be read → the mark",
          "[engine][unit]") {
  const TempDir temp;
  const std::string mark_path = temp.str() + "/high-water-mark";
  const StoredBlock first = first_block();
  write_blocks(temp.str(), {first, changed(forge(first.end, order("k1"), 1, 20), 0, "\2")});
  CHECK(verified(temp.str()) ==
        "newer_format: block 2 (first order 1) has format version 2; this release reads 1");
  write_file(mark_path, "x");
  CHECK(verified(temp.str()).starts_with("-: " + mark_path));
}

TEST_CASE("Verification: beside a server that moves blocks to tables all the time → never a fault",
          "[engine][race]") {
  constexpr int blocks = 2'000;  // of 5 KB: about 150 tables
  const TempDir temp;
  const auto storage =
      open(temp.str(), {.storage_threads = 1, .log = {}, .write_buffer_bytes = 64u << 10});
  must(storage->start_writing({}));
  const StoredBlock first = first_block();
  must(storage->append(first.key, first.bytes, true));
  must(storage->set_mark(first.end));
  std::atomic<int> written{0};
  std::atomic<bool> is_good{true};
  std::thread writer([&] {
    LogPosition tail = first.end;
    for (int i = 0; i < blocks; ++i) {
      std::string records;
      encode(records, RoundRecord{.product = 0, .round = tail.block + 1, .quantity = 100});
      for (std::uint64_t n = 1; n <= 100; ++n) {
        const std::string user = id36('u', tail.sequence + n);
        encode(records, OrderEntry{0, tail.block + 1, 1, user, "k", 0});
      }
      const StoredBlock block = forge(tail, records, 100, 20);
      const bool is_synced = i % 8 == 7;
      is_good = is_good && storage->append(block.key, block.bytes, is_synced).has_value();
      if (is_synced) is_good = is_good && storage->set_mark(block.end).has_value();
      tail = block.end;
      ++written;
    }
  });
  std::vector<std::string> faults;
  std::uint64_t before = 0;
  bool only_grows = true;
  const testing::ManualClock clock;
  int rounds = 0;
  for (; written < blocks && is_good; ++rounds) {
    const Result<Verification> found = verify_log(temp.str(), clock);
    if (!found) {
      faults.push_back(outcome(found));
    } else {
      if (found->fault) faults.push_back(found->fault->what);
      only_grows = only_grows && found->read.orders >= before;
      before = found->read.orders;
    }
  }
  writer.join();
  std::printf("verification: %d reads, the last one saw order %llu\n", rounds,
              static_cast<unsigned long long>(before));
  CHECK(rounds > 3);
  CHECK(faults == std::vector<std::string>{});
  CHECK(only_grows);
  CHECK(is_good);
}

}  // namespace
}  // namespace fluxgate::engine
