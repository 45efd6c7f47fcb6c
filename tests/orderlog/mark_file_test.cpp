#include "orderlog/mark_file.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <random>
#include <string>

#include "orderlog/bytes.hpp"
#include "orderlog/checksum.hpp"
#include "orderlog/log_fixture.hpp"
#include "support/crash_machine.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::orderlog {
namespace {

const std::string both_invalid =
    ": neither of its two slots is valid, so it cannot be told whether acknowledged orders are "
    "missing";

TEST_CASE("MarkFile: new, set, opened again → the last position", "[orderlog][unit]") {
  const testing::TempDir directory;
  const std::string path = directory / "mark";
  CHECK(outcome(MarkFile::open(path, true)) ==
        "not_found: cannot open " + path + ": No such file or directory");
  must(MarkFile::create(path));
  CHECK(read_file(path).size() == mark_file_bytes);
  for (std::uint64_t i = 0; i < 5; ++i) {
    MarkFile mark = must(MarkFile::open(path, true));
    REQUIRE(mark.position() == LogPosition{i, i * 10, i * 100});
    must(mark.set({i + 1, (i + 1) * 10, (i + 1) * 100}));
    REQUIRE(must(MarkFile::open(path, false)).position().block == i + 1);
  }
  CHECK(read_file(path).size() == mark_file_bytes);
}

TEST_CASE("MarkFile: layout → as docs/LOG_FORMAT.md has it", "[orderlog][unit]") {
  const testing::TempDir directory;
  const std::string path = directory / "mark";
  must(MarkFile::create(path));
  MarkFile mark = must(MarkFile::open(path, true));
  must(mark.set({3, 4, 5}));  // counter 2: the first slot
  const std::string bytes = read_file(path);
  CHECK(bytes.substr(0, 8) == "fluxmark");
  CHECK(load_little<std::uint32_t>(bytes.data() + 8) == 1);
  CHECK(load_little<std::uint32_t>(bytes.data() + 12) == 0);
  CHECK(load_little<std::uint64_t>(bytes.data() + 16) == 2);
  CHECK(load_little<std::uint64_t>(bytes.data() + 24) == 3);
  CHECK(load_little<std::uint64_t>(bytes.data() + 32) == 4);
  CHECK(load_little<std::uint64_t>(bytes.data() + 40) == 5);
  CHECK(load_little<std::uint64_t>(bytes.data() + 504) ==
        checksum(std::string_view(bytes).substr(0, 504), {}));
  CHECK(load_little<std::uint64_t>(bytes.data() + 4'096 + 16) == 1);
}

TEST_CASE("MarkFile: a slot torn at any byte → the other one counts", "[orderlog][crash]") {
  const testing::TempDir directory;
  const std::string path = directory / "mark";
  must(MarkFile::create(path));
  std::string before;
  {
    MarkFile mark = must(MarkFile::open(path, true));
    must(mark.set({1, 1, 1}));
    before = read_file(path);
    must(mark.set({2, 2, 2}));
  }
  const std::string after = read_file(path);
  for (std::size_t cut = 0; cut <= mark_slot_bytes; ++cut) {
    std::string torn = after;
    torn.replace(mark_slot_at[1] + cut, mark_slot_bytes - cut,
                 before.substr(mark_slot_at[1] + cut, mark_slot_bytes - cut));
    write_file(path, torn);
    const LogPosition read = must(MarkFile::open(path, false)).position();
    REQUIRE((read == LogPosition{1, 1, 1} || read == LogPosition{2, 2, 2}));
    if (cut < 32) REQUIRE(read.block == 1);  // the position itself is behind
    if (cut == mark_slot_bytes) REQUIRE(read.block == 2);
  }
  // Writing goes on in the torn slot.
  std::string torn = after;
  torn[mark_slot_at[1] + 30] ^= 1;
  write_file(path, torn);
  MarkFile mark = must(MarkFile::open(path, true));
  must(mark.set({3, 3, 3}));
  CHECK(must(MarkFile::open(path, false)).position() == LogPosition{3, 3, 3});
  CHECK(read_file(path).substr(0, 512) == after.substr(0, 512));
}

TEST_CASE("MarkFile: any changed byte of a slot → never another position", "[orderlog][random]") {
  const testing::TempDir directory;
  const std::string path = directory / "mark";
  must(MarkFile::create(path));
  must(must(MarkFile::open(path, true)).set({9, 9, 9}));
  const std::string good = read_file(path);
  std::mt19937_64 random(make_seed("mark_file_test"));
  for (std::size_t at = 0; at < mark_slot_bytes; ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ static_cast<char>(1 + random() % 255));
    write_file(path, changed);
    REQUIRE(must(MarkFile::open(path, false)).position() == LogPosition{});
  }
}

TEST_CASE("MarkFile: both slots invalid, cut, empty, swapped → damaged", "[orderlog][unit]") {
  const testing::TempDir directory;
  const std::string path = directory / "mark";
  must(MarkFile::create(path));
  const std::string good = read_file(path);
  const std::string expected = "damaged: " + path + both_invalid;

  std::string changed = good;
  changed[20] ^= 1;
  changed[mark_slot_at[1] + 20] ^= 1;
  write_file(path, changed);
  CHECK(outcome(MarkFile::open(path, false)) == expected);
  write_file(path, "");
  CHECK(outcome(MarkFile::open(path, false)) == expected);
  write_file(path, std::string_view(good).substr(0, 500));
  CHECK(outcome(MarkFile::open(path, false)) == expected);
  write_file(path, std::string_view(good).substr(0, 512));
  CHECK(outcome(MarkFile::open(path, false)) == "ok");
  write_file(path, good.substr(4'096) + good.substr(0, 4'096));
  CHECK(outcome(MarkFile::open(path, false)) == expected);
}

TEST_CASE("MarkFile: a newer version → newer_format", "[orderlog][unit]") {
  const testing::TempDir directory;
  const std::string path = directory / "mark";
  must(MarkFile::create(path));
  std::string bytes = read_file(path);
  char* slot = bytes.data() + mark_slot_at[1];
  store_little(slot + 8, std::uint32_t{2});
  store_little(slot + 504, checksum({slot, 504}, {}));
  write_file(path, bytes);
  CHECK(outcome(MarkFile::open(path, false)) ==
        "newer_format: " + path + " has format version 2; this release reads 1");
}

TEST_CASE("MarkFile: any step on the disk fails → unavailable, says which", "[orderlog][unit]") {
  testing::CrashMachine machine;
  Files& files = machine.storage_disk().files;
  must(MarkFile::create("/mark", {1, 2, 3}, files));
  const auto open_with = [&](std::uint64_t nth) {
    machine.disk().set_fault({.nth = nth, .error = EIO});
    return MarkFile::open("/mark", true, files);
  };
  CHECK(outcome(open_with(1)) == "unavailable: cannot open /mark: Input/output error");
  CHECK(outcome(open_with(2)) == "unavailable: cannot read /mark: Input/output error");
  MarkFile mark = must(open_with(0));
  machine.disk().set_fault({.nth = 1, .error = EIO});
  CHECK(outcome(mark.set({2, 3, 4})) == "unavailable: cannot write /mark: Input/output error");
  machine.disk().set_fault({.nth = 2, .error = EIO});
  CHECK(outcome(mark.set({2, 3, 4})) == "unavailable: cannot sync /mark: Input/output error");
  CHECK(mark.position() == LogPosition{1, 2, 3});
}

TEST_CASE("MarkFile: a full disk or a file that cannot be written → unavailable, position kept",
          "[orderlog][unit]") {
  const testing::TempDir directory;
  const std::string path = directory / "mark";
  must(MarkFile::create(path));
  MarkFile mark = must(MarkFile::open(path, false));  // a descriptor that cannot write
  CHECK(outcome(mark.set({1, 1, 1})) ==
        "unavailable: cannot write " + path + ": Bad file descriptor");
  CHECK(mark.position() == LogPosition{});
  CHECK(outcome(MarkFile::create("/dev/full/mark")) ==
        "invalid_argument: cannot open /dev/full/mark.new: Not a directory");
}

}  // namespace
}  // namespace fluxgate::orderlog
