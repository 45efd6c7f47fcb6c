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

using orderlog::ReserveFile;
using orderlog::shares_of;
using orderlog::Volume;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

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

TEST_CASE("ReserveFile: held and given up → real blocks, then none", "[orderlog][unit]") {
  const TempDir temp;
  ReserveFile reserve(temp / "reserve");
  CHECK(reserve.held_bytes() == 0);
  REQUIRE(reserve.hold(3 * mebibyte));
  CHECK(reserve.held_bytes() >= 3 * mebibyte);
  struct stat info {};
  REQUIRE(::stat((temp / "reserve").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  REQUIRE(reserve.hold(3 * mebibyte));  // again: nothing to do

  reserve.give_up();
  CHECK(reserve.held_bytes() == 0);
  reserve.give_up();
  REQUIRE(reserve.hold(mebibyte));
  CHECK(reserve.held_bytes() >= mebibyte);
}

TEST_CASE("ReserveFile: more than there is → an error that says so, and nothing held",
          "[orderlog][unit]") {
  const TempDir temp;
  ReserveFile reserve(temp / "reserve");
  const Result<void> held = reserve.hold(std::uint64_t{1} << 60);
  REQUIRE_FALSE(held);
  CHECK(held.error().message.starts_with("cannot reserve 1152921504606846976 bytes in " +
                                         (temp / "reserve").string() + ": "));
  CHECK(reserve.held_bytes() == 0);

  ReserveFile nowhere(temp / "missing" / "reserve");
  CHECK(nowhere.hold(mebibyte).error().code == ErrorCode::not_found);
  nowhere.give_up();
}

TEST_CASE("Volume: room → plenty and the reserve is held; too much asked for → given up",
          "[orderlog][unit]") {
  const TempDir temp;
  std::vector<std::string> lines;
  Volume volume(temp.str(), [&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  ReserveFile reserve(temp / "reserve");
  REQUIRE(volume.space() == LogSpace::plenty);  // a machine that can build this has it
  CHECK(reserve.held_bytes() >= volume.shares().reserve);
  CHECK(volume.make_room(1));
  CHECK(reserve.held_bytes() >= volume.shares().reserve);

  const Result<void> room = volume.make_room(std::uint64_t{1} << 60);
  REQUIRE_FALSE(room);
  CHECK(room.error().code == ErrorCode::unavailable);
  CHECK(room.error().message.starts_with("the volume of " + temp.str() + " is full: "));
  CHECK(room.error().message.ends_with(" are left, 1099511627776 MiB are needed"));
  CHECK(reserve.held_bytes() == 0);
  CHECK(lines.empty());
}

TEST_CASE("Volume: a directory that is gone → taken for not full", "[orderlog][unit]") {
  Volume volume("/nonexistent/fluxgate", nullptr);
  CHECK(volume.space() == LogSpace::plenty);
  CHECK(volume.make_room(UINT64_MAX));
}

}  // namespace
}  // namespace fluxgate::testing
