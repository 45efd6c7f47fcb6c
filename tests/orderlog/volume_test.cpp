#include "orderlog/volume.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orderlog/log_fixture.hpp"
#include "support/faulty_files.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

using orderlog::Files;
using orderlog::must;
using orderlog::outcome;
using orderlog::shares_of;
using orderlog::system_files;
using orderlog::Volume;
using orderlog::VolumeSizes;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

/// What a file takes of its volume.
std::uint64_t blocks_bytes(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

/// A volume of 1 GiB, with a reserve of 64 MiB, on which a test says how much is left.
class ToldVolume final : public FaultyFiles {
 public:
  ToldVolume() : FaultyFiles(system_files()) {}

  /// MiB that are left, each time anybody asks, and none that it cannot be told; the last one for
  /// ever. Forgets the calls until now.
  void left(std::deque<std::optional<std::uint64_t>> mebibytes) {
    left_ = std::move(mebibytes);
    fail(0);
  }
  /// What the reserve holds, in bytes; none: there is no such file.
  std::optional<std::uint64_t> held;
  /// Why blocks cannot be allocated; the half of them is all the same.
  std::optional<Error> refusal;

  Result<VolumeSizes> volume(const std::string& path) override {
    must(begin("volume", path));
    const std::optional<std::uint64_t> now = left_.front();
    if (left_.size() > 1) left_.pop_front();
    if (!now) return Error{ErrorCode::unavailable, "nobody knows"};
    return VolumeSizes{.whole = 1024 * mebibyte, .left = *now * mebibyte};
  }
  Result<std::uint64_t> size(const std::string& path) override {
    must(begin("size", path));
    if (!held) return Error{ErrorCode::not_found, "no reserve"};
    return *held;
  }
  Result<void> allocate(const std::string& path, std::uint64_t bytes) override {
    must(begin("allocate", path));
    held = refusal ? bytes / 2 : bytes;
    if (refusal) return *refusal;
    return {};
  }
  Result<void> empty(const std::string& path) override {
    must(begin("empty", path));
    held = 0;
    return {};
  }

 private:
  std::deque<std::optional<std::uint64_t>> left_ = {1024};
};

using Calls = std::vector<std::string>;

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

TEST_CASE("Volume: little left, then more → no orders until there is room for the reserve, too",
          "[orderlog][unit]") {
  ToldVolume files;
  std::vector<std::string> lines;
  Volume volume(
      "/data", [&](LogLevel, std::string_view line) { lines.emplace_back(line); }, files);
  const auto space = [&](std::uint64_t mebibytes) {
    files.left({mebibytes});
    return volume.space();
  };
  CHECK(space(1000) == LogSpace::plenty);
  CHECK(files.held == 64 * mebibyte);
  CHECK(space(383) == LogSpace::low);
  CHECK(space(255) == LogSpace::out);
  CHECK(files.held == 0);
  CHECK(space(319) == LogSpace::out);  // 256 and 64 are needed
  CHECK(files.held == 0);
  CHECK(space(320) == LogSpace::low);
  CHECK(files.held == 64 * mebibyte);
  CHECK(space(384) == LogSpace::plenty);
  CHECK(lines == std::vector<std::string>{
                     "383 MiB are left for /data: nobody joins the line, orders are taken",
                     "255 MiB are left for /data: no orders are taken until there are 320 MiB",
                     "320 MiB are left for /data: nobody joins the line, orders are taken",
                     "384 MiB are left for /data: everything is taken again"});
}

TEST_CASE("Volume: out of space with no log and no reserve → nothing to give up, said to nobody",
          "[orderlog][unit]") {
  for (const std::optional<std::uint64_t> held : {std::optional<std::uint64_t>(), {0}}) {
    ToldVolume files;
    files.held = held;
    Volume volume("/data", nullptr, files);
    files.left({255});
    CHECK(volume.space() == LogSpace::out);
    CHECK(files.calls() == Calls{"volume /data", "size /data/reserve"});
    files.left({1000});
    CHECK(volume.space() == LogSpace::plenty);
    CHECK(files.held == 64 * mebibyte);
  }
}

TEST_CASE("Volume: others take the room of the reserve while it is made → out, given back",
          "[orderlog][unit]") {
  ToldVolume files;
  files.refusal = Error{ErrorCode::unavailable, "No space left on device"};
  std::vector<std::string> lines;
  Volume volume(
      "/data", [&](LogLevel, std::string_view line) { lines.emplace_back(line); }, files);
  files.left({320, 319});
  CHECK(volume.space() == LogSpace::out);
  CHECK(files.calls() == Calls{"volume /data", "size /data/reserve", "allocate /data/reserve",
                               "size /data/reserve", "empty /data/reserve", "volume /data"});
  CHECK(files.held == 0);
  CHECK(lines == std::vector<std::string>{
                     "320 MiB are left for /data: no orders are taken until there are 320 MiB"});
}

TEST_CASE("Volume: a reserve that cannot be made, with or without knowing why → orders are taken",
          "[orderlog][unit]") {
  for (const std::optional<std::uint64_t> after : {std::optional<std::uint64_t>(), {1000}}) {
    ToldVolume files;
    files.refusal = Error{ErrorCode::unavailable, "Input/output error"};
    Volume volume("/data", nullptr, files);
    files.left({1000, after});
    CHECK(volume.space() == LogSpace::plenty);
    CHECK(files.held == 0);
    files.left({1000});
    CHECK(volume.space() == LogSpace::plenty);  // and it is not tried again
    CHECK(files.calls() == Calls{"volume /data", "size /data/reserve"});
  }
}

TEST_CASE("Volume: room asked for → the reserve is given up only if that can help",
          "[orderlog][unit]") {
  constexpr std::uint64_t reserve = 64 * mebibyte;
  struct Case {
    std::deque<std::optional<std::uint64_t>> left;
    std::optional<std::uint64_t> held;
    std::optional<std::uint64_t> held_after;
    const char* expected;
  };
  const Case cases[] = {
      {{100}, reserve, reserve, "ok"},
      {{99, 163}, reserve, 0, "ok"},
      {{99, std::nullopt}, reserve, 0, "ok"},
      {{std::nullopt}, reserve, reserve, "ok"},
      {{36}, 0, 0, "unavailable: the volume of /data is full: 36 MiB are left, 100 MiB are needed"},
      {{35},
       reserve,
       reserve,
       "unavailable: the volume of /data is full: 35 MiB are left, 100 MiB are needed"},
      // There is none.
      {{99},
       std::nullopt,
       std::nullopt,
       "unavailable: the volume of /data is full: 99 MiB are left, 100 MiB are needed"},
      // Others were faster.
      {{36, 99},
       reserve,
       0,
       "unavailable: the volume of /data is full: 99 MiB are left, 100 MiB are needed"},
  };
  for (const Case& each : cases) {
    ToldVolume files;
    Volume volume("/data", nullptr, files);
    files.held = each.held;
    files.left(each.left);
    CHECK(outcome(volume.make_room(100 * mebibyte)) == each.expected);
    CHECK(files.held == each.held_after);
  }
}

}  // namespace
}  // namespace fluxgate::testing
