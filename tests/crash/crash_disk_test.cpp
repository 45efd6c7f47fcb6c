#include "support/crash_disk.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <random>
#include <set>
#include <string>

#include "orderlog/files.hpp"
#include "support/crash_machine.hpp"

namespace fluxgate::testing {
namespace {

CrashDisk::NodePtr file_of(CrashDisk& disk, const std::string& path) {
  CrashDisk::NodePtr node;
  REQUIRE(disk.open(path, CrashDisk::Open::existing_or_new, &node) == 0);
  return node;
}

void write(CrashDisk& disk, const CrashDisk::NodePtr& node, std::size_t at,
           const std::string& bytes) {
  std::size_t written = 0;
  REQUIRE(disk.write(*node, at, bytes, &written) == 0);
  REQUIRE(written == bytes.size());
}

/// All that cuts leave of a file; "-": no such file.
std::set<std::string> left_of(const CrashDisk& disk, const std::string& path,
                              const Survival& survival) {
  std::mt19937_64 random(1);
  std::set<std::string> found;
  for (int i = 0; i < 400; ++i) {
    const auto left = disk.after_cut(random, survival);
    const auto files = left->files();
    const bool is_there = std::find(files.begin(), files.end(), path) != files.end();
    found.insert(is_there ? left->content(path) : "-");
  }
  return found;
}

TEST_CASE("CrashDisk: synced bytes stay, of unsynced sectors any subset", "[crash][unit]") {
  CrashDisk disk;
  const auto node = file_of(disk, "/f");
  const std::string a(512, 'a');
  const std::string b(512, 'b');
  write(disk, node, 0, a + a);
  REQUIRE(disk.sync(*node) == 0);
  REQUIRE(disk.sync_names("/") == 0);
  CHECK(left_of(disk, "/f", {}) == std::set<std::string>{a + a});
  write(disk, node, 0, b + b);
  CHECK(left_of(disk, "/f", {}) == std::set<std::string>{a + a, a + b, b + a, b + b});
  REQUIRE(disk.sync(*node) == 0);
  CHECK(left_of(disk, "/f", {}) == std::set<std::string>{b + b});
}

TEST_CASE("CrashDisk: a file that grew → its bytes first, or zeros if the disk may",
          "[crash][unit]") {
  CrashDisk disk;
  const auto node = file_of(disk, "/f");
  REQUIRE(disk.sync_names("/") == 0);
  write(disk, node, 0, "one");
  write(disk, node, 3, "two");
  CHECK(left_of(disk, "/f", {}) == std::set<std::string>{"", "one", "onetwo"});
  const std::set<std::string> wild = left_of(disk, "/f", {.data_comes_first = false});
  CHECK(wild == std::set<std::string>{"", "one", "onetwo", std::string(3, '\0'),
                                      std::string(6, '\0'), "one" + std::string(3, '\0')});
}

TEST_CASE("CrashDisk: a torn sector → the first bytes new, the rest old", "[crash][unit]") {
  CrashDisk disk;
  const auto node = file_of(disk, "/f");
  write(disk, node, 0, "aaa");
  REQUIRE(disk.sync(*node) == 0);
  REQUIRE(disk.sync_names("/") == 0);
  write(disk, node, 0, "bbb");
  CHECK(left_of(disk, "/f", {.torn_percent = 50}) ==
        std::set<std::string>{"aaa", "baa", "bba", "bbb"});
}

TEST_CASE("CrashDisk: names → by their directory's sync, or in order by any sync",
          "[crash][unit]") {
  CrashDisk disk;
  REQUIRE(disk.sync(*file_of(disk, "/old")) == 0);
  REQUIRE(disk.sync_names("/") == 0);
  const auto fresh = file_of(disk, "/fresh");
  REQUIRE(disk.rename("/old", "/new") == 0);
  const auto names_left = [&disk](bool is_journaled) {
    std::mt19937_64 random(1);
    std::set<std::string> found;
    for (int i = 0; i < 200; ++i) {
      std::string names;
      const auto left = disk.after_cut(random, {.is_journaled = is_journaled});
      for (const std::string& path : left->files()) names += path;
      found.insert(names);
    }
    return found;
  };
  CHECK(names_left(true) == std::set<std::string>{"/old", "/fresh/old", "/fresh/new"});
  CHECK(names_left(false) == std::set<std::string>{"/old", "/fresh/old", "/fresh/new", "/new"});
  REQUIRE(disk.sync(*fresh) == 0);
  CHECK(names_left(true) == std::set<std::string>{"/fresh/new"});
  CHECK(names_left(false).size() == 4);
  REQUIRE(disk.sync_names("/") == 0);
  CHECK(names_left(false) == std::set<std::string>{"/fresh/new"});
}

TEST_CASE("CrashDisk: a failed sync → the next one succeeds, and the bytes are lost",
          "[crash][unit]") {
  CrashDisk disk;
  const auto node = file_of(disk, "/f");
  write(disk, node, 0, "aaa");
  REQUIRE(disk.sync(*node) == 0);
  REQUIRE(disk.sync_names("/") == 0);
  write(disk, node, 0, "bbb");
  disk.set_fault({.nth = 1, .error = EIO});
  CHECK(disk.sync(*node) == EIO);
  CHECK(disk.failed_syncs() == 1);
  CHECK(disk.sync(*node) == 0);
  CHECK(disk.content("/f") == "bbb");
  CHECK(left_of(disk, "/f", {}) == std::set<std::string>{"aaa"});
}

TEST_CASE("CrashDisk: faults → once, on a file, for ever, half done, done", "[crash][unit]") {
  CrashDisk disk;
  const auto one = file_of(disk, "/one");
  const auto two = file_of(disk, "/two");
  std::size_t written = 0;
  disk.set_fault({.nth = 2, .error = EIO});
  CHECK(disk.write(*one, 0, "ab", &written) == 0);
  CHECK(disk.write(*one, 2, "cd", &written) == EIO);
  CHECK(disk.write(*one, 2, "ef", &written) == 0);
  CHECK(disk.content("/one") == "abef");

  disk.set_fault({.nth = 1, .lasts = DiskFault::Lasts::on_this_file, .error = EIO});
  CHECK(disk.write(*one, 0, "x", &written) == EIO);
  CHECK(disk.write(*two, 0, "x", &written) == 0);
  CHECK(disk.sync(*one) == 0);
  CHECK(disk.write(*one, 0, "x", &written) == EIO);
  CHECK(disk.failures() == 2);

  disk.set_fault(
      {.nth = 1, .lasts = DiskFault::Lasts::for_ever, .error = ENOSPC, .is_partial = true});
  CHECK(disk.write(*two, 0, "1234", &written) == ENOSPC);
  CHECK(written == 2);
  CHECK(disk.content("/two") == "12");
  std::array<char, 2> bytes{};
  CHECK(disk.read(*two, 0, 2, bytes.data(), &written) == 0);  // a full disk can be read
  CHECK(disk.rename("/two", "/three") == ENOSPC);

  disk.set_fault({.nth = 1, .error = EIO, .is_done = true});
  CHECK(disk.rename("/two", "/three") == EIO);
  CHECK(disk.content("/three") == "12");
}

TEST_CASE("CrashDisk: power cut at any step of replace_file → the old bytes or the new",
          "[crash][random]") {
  const std::string before(700, 'a');
  const std::string after(900, 'b');
  std::set<std::string> found;
  for (std::uint64_t step = 1;; ++step) {
    CrashMachine machine;
    CrashDisk& disk = machine.disk();
    orderlog::Files& files = machine.storage_disk().files;
    REQUIRE(orderlog::replace_file("/f", before, files));
    disk.cut_at(step);
    REQUIRE(orderlog::replace_file("/f", after, files));
    for (const bool is_journaled : {false, true}) {
      for (const std::string& left :
           left_of(disk, "/f", {.is_journaled = is_journaled, .data_comes_first = false})) {
        INFO("step " << step);
        REQUIRE((left == before || left == after));
        found.insert(left);
      }
    }
    if (!disk.is_cut()) break;
  }
  CHECK(found.size() == 2);
}

}  // namespace
}  // namespace fluxgate::testing
