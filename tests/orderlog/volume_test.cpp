#include "orderlog/volume.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

using orderlog::Files;
using orderlog::shares_of;
using orderlog::system_files;
using orderlog::Volume;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// What a file takes of its volume.
std::uint64_t blocks_bytes(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

TEST_CASE("shares_of: a large volume → 256 MiB for orders under way, 64 MiB held",
          "[orderlog][unit]") {
  const auto shares = shares_of(1024 * mebibyte);
  CHECK(shares.out == 256 * mebibyte);
  CHECK(shares.low == 384 * mebibyte);
  CHECK(shares.reserve == 64 * mebibyte);
  CHECK(shares.write_buffer == 64 * mebibyte);
  CHECK(shares_of(UINT64_MAX).out == shares.out);
}

TEST_CASE("shares_of: a small volume → parts of it, with room left to sell", "[orderlog][unit]") {
  const auto shares = shares_of(128 * mebibyte);
  CHECK(shares.out == 32 * mebibyte);
  CHECK(shares.low == 48 * mebibyte);
  CHECK(shares.reserve == 32 * mebibyte);
  CHECK(shares.write_buffer == 8 * mebibyte);
  CHECK(shares_of(0).write_buffer == mebibyte);
}

TEST_CASE("Files: a file allocated and emptied → real blocks of its owner's, then none",
          "[orderlog][unit]") {
  const TempDir temp;
  const std::string path = temp / "blocks";
  Files& files = system_files();
  CHECK(files.size(path).error().code == ErrorCode::not_found);
  REQUIRE(files.allocate(path, 3 * mebibyte));
  CHECK(blocks_bytes(path) >= 3 * mebibyte);
  CHECK(*files.size(path) == 3 * mebibyte);
  CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::all) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  REQUIRE(files.empty(path));
  CHECK(blocks_bytes(path) == 0);
  REQUIRE(files.empty(path));

  const Result<void> held = files.allocate(path, std::uint64_t{1} << 60);
  REQUIRE_FALSE(held);
  CHECK(held.error().message.starts_with("cannot allocate 1152921504606846976 bytes in " + path));
  CHECK(files.empty("/nonexistent/fluxgate").error().code == ErrorCode::not_found);
}

TEST_CASE("Volume: room → plenty and the reserve is held; too much asked for → given up",
          "[orderlog][unit]") {
  const TempDir temp;
  std::vector<std::string> lines;
  Volume volume(temp.str(), [&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  const std::string reserve = temp / "reserve";
  REQUIRE(volume.space() == LogSpace::plenty);  // a machine that can build this has it
  CHECK(blocks_bytes(reserve) >= volume.shares().reserve);
  CHECK(volume.make_room(1));
  CHECK(blocks_bytes(reserve) >= volume.shares().reserve);

  const Result<void> room = volume.make_room(std::uint64_t{1} << 60);
  REQUIRE_FALSE(room);
  CHECK(room.error().code == ErrorCode::unavailable);
  CHECK(room.error().message.starts_with("the volume of " + temp.str() + " is full: "));
  CHECK(room.error().message.ends_with(" are left, 1099511627776 MiB are needed"));
  CHECK(blocks_bytes(reserve) >= volume.shares().reserve);  // it would not have helped

  // Others may take or free some meanwhile, but not half of it.
  const std::uint64_t left = system_files().volume(temp.str())->left;
  CHECK(volume.make_room(left + volume.shares().reserve / 2));
  CHECK(blocks_bytes(reserve) == 0);
  CHECK(lines.empty());
}

TEST_CASE("Volume: a reserve that cannot be made → said once, and orders are taken without",
          "[orderlog][unit]") {
  const TempDir temp;
  std::filesystem::create_directory(temp / "reserve");  // a directory is no file
  std::vector<std::string> lines;
  Volume volume(temp.str(), [&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  CHECK(volume.space() == LogSpace::plenty);
  CHECK(volume.space() == LogSpace::plenty);
  REQUIRE(lines.size() == 1);
  CHECK(lines.front() == "no space is kept in reserve: cannot open " + (temp / "reserve").string() +
                             ": Is a directory");
}

TEST_CASE("Volume: a file system without a size → taken for not full", "[orderlog][unit]") {
  const Result<orderlog::VolumeSizes> sizes = system_files().volume("/proc");
  REQUIRE_FALSE(sizes);
  CHECK(sizes.error().message.starts_with("the volume of /proc has no size"));
  CHECK(Volume("/proc").space() == LogSpace::plenty);
}

TEST_CASE("Volume: a directory that is gone → taken for not full", "[orderlog][unit]") {
  Volume volume("/nonexistent/fluxgate");
  CHECK(volume.space() == LogSpace::plenty);
  CHECK(volume.make_room(UINT64_MAX));
}

}  // namespace
}  // namespace fluxgate::testing
