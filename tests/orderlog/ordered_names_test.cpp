#include "orderlog/ordered_names.hpp"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "support/crash_disk.hpp"
#include "support/crash_file_system.hpp"

namespace fluxgate::orderlog {
namespace {

using testing::CrashDisk;

void make_file(rocksdb::FileSystem& files, const std::string& path) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  REQUIRE(files.NewWritableFile(path, {}, &file, nullptr).ok());
  REQUIRE(file->Append(path, {}, nullptr).ok());
  REQUIRE(file->Sync({}, nullptr).ok());
}

/// Cuts after which CURRENT is there without its MANIFEST, if any subset of names survives.
int broken_cuts(const CrashDisk& disk) {
  std::mt19937_64 random(1);
  int broken = 0;
  for (int i = 0; i < 200; ++i) {
    const auto left = disk.after_cut(random, {.is_journaled = false});
    const std::vector<std::string> names = left->files();
    const auto has = [&names](const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    if (has("/CURRENT") && !has("/MANIFEST-1")) ++broken;
  }
  return broken;
}

TEST_CASE("OrderedNames: power cut after CURRENT is renamed → never without its MANIFEST",
          "[orderlog][crash]") {
  for (const bool is_ordered : {false, true}) {
    CrashDisk disk;
    auto files = testing::crash_file_system(disk);
    if (is_ordered) files = ordered_names(files);
    make_file(*files, "/MANIFEST-1");
    make_file(*files, "/1.dbtmp");
    REQUIRE(files->RenameFile("/1.dbtmp", "/CURRENT", {}, nullptr).ok());
    CHECK((broken_cuts(disk) == 0) == is_ordered);
  }
}

TEST_CASE("OrderedNames: the directory cannot be synced → CURRENT is not renamed",
          "[orderlog][crash]") {
  CrashDisk disk;
  const auto files = ordered_names(testing::crash_file_system(disk));
  make_file(*files, "/1.dbtmp");
  disk.set_fault({.nth = 2, .error = EIO});  // after the look at the directory
  CHECK(files->RenameFile("/1.dbtmp", "/CURRENT", {}, nullptr).IsIOError());
  CHECK(disk.failed_syncs() == 1);
  CHECK(disk.files() == std::vector<std::string>{"/1.dbtmp"});
}

TEST_CASE("OrderedNames: the directory cannot be opened → CURRENT is not renamed",
          "[orderlog][crash]") {
  CrashDisk disk;
  const auto files = ordered_names(testing::crash_file_system(disk));
  REQUIRE(disk.make_directory("/orders") == 0);
  make_file(*files, "/orders/1.dbtmp");
  disk.set_fault({.nth = 1, .error = EIO});
  CHECK(files->RenameFile("/orders/1.dbtmp", "/orders/CURRENT", {}, nullptr).ToString() ==
        "IO error: /orders: Input/output error");
  CHECK(disk.failed_syncs() == 0);
  CHECK(disk.files() == std::vector<std::string>{"/orders/1.dbtmp"});
}

TEST_CASE("OrderedNames: any other name → renamed in one step", "[orderlog][unit]") {
  CrashDisk disk;
  const auto files = ordered_names(testing::crash_file_system(disk));
  make_file(*files, "/OPTIONS-1.dbtmp");
  const std::uint64_t before = disk.steps();
  REQUIRE(files->RenameFile("/OPTIONS-1.dbtmp", "/OPTIONS-1", {}, nullptr).ok());
  CHECK(disk.steps() == before + 1);
  CHECK(disk.files() == std::vector<std::string>{"/OPTIONS-1"});
}

}  // namespace
}  // namespace fluxgate::orderlog
