#include "orderlog/data_directory.hpp"

#include <catch2/catch.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "orderlog/failing_calls.hpp"
#include "orderlog/log_fixture.hpp"
#include "support/crash_machine.hpp"
#include "support/faulty_files.hpp"

namespace fluxgate::orderlog {
namespace {

using testing::CrashMachine;
using testing::FaultyFiles;

constexpr int nothing = 0;

int prepare_nothing(Files&) {
  return nothing;
}

void put(Files& files, const std::string& path, std::string_view bytes = "x") {
  must(replace_file(path, bytes, files));
}

/// What stands for a database: its CURRENT, a table and two write-ahead logs.
void put_database(Files& files) {
  must(make_directories("/data/orders", files));
  put(files, "/data/orders/000001.sst", "table");
  put(files, "/data/orders/000002.log", "12");
  put(files, "/data/orders/000003.log", "345");
  put(files, "/data/orders/CURRENT");
}

/// A directory with a mark and a database, which nobody holds.
int prepare_log(Files& files) {
  must(DataDirectory::claim("/data", files));
  put_database(files);
  return nothing;
}

/// The steps of a first start, in the order that makes each of them durable before the next.
const Calls first_start = {"make_directory /data",
                           "sync_directory /",
                           "lock /data/lock",
                           "exists /data/unfinished-copy",
                           "exists /data/high-water-mark",
                           "names /data/orders",
                           "exists /data/orders/CURRENT",
                           "open /data/high-water-mark.new",
                           "write /data/high-water-mark.new",
                           "sync /data/high-water-mark.new",
                           "rename /data/high-water-mark.new",
                           "sync_directory /data",
                           "open /data/high-water-mark",
                           "read /data/high-water-mark",
                           "exists /data/orders/CURRENT",
                           "names /data/orders"};

TEST_CASE("DataDirectory: a call that fails while it is claimed → its error", "[orderlog][unit]") {
  const auto claim = [](Files& files, int) { return DataDirectory::claim("/data", files); };
  check_each_call_fails(first_start, prepare_nothing, claim);
  check_each_call_fails(
      {"make_directory /data", "lock /data/lock", "exists /data/unfinished-copy",
       "exists /data/high-water-mark", "open /data/high-water-mark", "read /data/high-water-mark",
       "exists /data/orders/CURRENT", "check_access /data/orders"},
      prepare_log, claim);
}

TEST_CASE("DataDirectory: a first start that failed at any call → the next one starts",
          "[orderlog][unit]") {
  for (std::size_t nth = 1; nth <= first_start.size(); ++nth) {
    const CrashMachine machine;
    FaultyFiles files(machine.storage_disk().files);
    files.fail(nth);
    REQUIRE_FALSE(DataDirectory::claim("/data", files));
    files.fail(0);
    const DataDirectory directory = must(DataDirectory::claim("/data", files));
    CHECK(directory.mark() == LogPosition{});
    CHECK_FALSE(directory.has_database());
  }
}

TEST_CASE("DataDirectory: a lock that another server holds → in_use", "[orderlog][unit]") {
  const CrashMachine machine;
  Files& files = machine.storage_disk().files;
  const std::string in_use = "in_use: the data directory /data is in use by another server";
  {
    const DataDirectory held = must(DataDirectory::claim("/data", files));
    CHECK(outcome(DataDirectory::claim("/data", files)) == in_use);
    CHECK(outcome(DataDirectory::look("/data", {}, files)) == "ok");
  }
  CHECK(outcome(DataDirectory::claim("/data", files)) == "ok");
}

TEST_CASE("DataDirectory: a call that fails while it is looked at → its error",
          "[orderlog][unit]") {
  const auto look = [](Files& files, int) { return DataDirectory::look("/data", {}, files); };
  check_each_call_fails(
      {"exists /data/high-water-mark", "exists /data/unfinished-copy", "open /data/high-water-mark",
       "read /data/high-water-mark", "exists /data/orders/CURRENT", "check_access /data/orders"},
      prepare_log, look);
  // A server that has just started: its mark is there, its database not yet.
  check_each_call_fails(
      {"exists /data/high-water-mark", "exists /data/unfinished-copy", "open /data/high-water-mark",
       "read /data/high-water-mark", "exists /data/orders/CURRENT", "names /data/orders"},
      [](Files& files) {
        must(DataDirectory::claim("/data", files));
        return nothing;
      },
      look);
}

TEST_CASE("DataDirectory: a call that fails while a log without its mark is looked at → its error",
          "[orderlog][unit]") {
  const auto look = [](Files& files, int) {
    return DataDirectory::look("/data", {.ignores_mark = true}, files);
  };
  const auto prepare = [](Files& files, std::string_view file) {
    must(make_directories("/data/orders", files));
    put(files, "/data/orders/CURRENT");
    put(files, "/data/orders/" + std::string(file));
    return nothing;
  };
  check_each_call_fails(
      {"exists /data/high-water-mark", "names /data/orders", "exists /data/unfinished-copy",
       "exists /data/orders/CURRENT", "check_access /data/orders"},
      [&](Files& files) { return prepare(files, "000001.sst"); }, look);
  // It may be all new: then CURRENT tells.
  check_each_call_fails(
      {"exists /data/high-water-mark", "names /data/orders", "exists /data/orders/CURRENT",
       "exists /data/unfinished-copy", "exists /data/orders/CURRENT", "check_access /data/orders"},
      [&](Files& files) { return prepare(files, "MANIFEST-000001"); }, look);
}

TEST_CASE("DataDirectory: a path that cannot be → not_found, as of a directory without a log",
          "[orderlog][unit]") {
  const CrashMachine machine;
  FaultyFiles files(machine.storage_disk().files);
  files.fail(1, ErrorCode::invalid_argument);
  CHECK(outcome(DataDirectory::look("/data", {}, files)) ==
        "not_found: there is no order log in /data");
  CHECK(files.calls() == Calls{"exists /data/high-water-mark"});
}

TEST_CASE("DataDirectory: a call that fails while a copy is begun → its error",
          "[orderlog][unit]") {
  const auto begin = [](Files& files, int) { return DataDirectory::begin_copy("/copy", files); };
  check_each_call_fails(
      {"exists /copy", "make_directory /copy", "sync_directory /", "open /copy/unfinished-copy.new",
       "sync /copy/unfinished-copy.new", "rename /copy/unfinished-copy.new", "sync_directory /copy",
       "lock /copy/lock"},
      prepare_nothing, begin);
  check_each_call_fails(
      {"exists /copy", "names /copy", "open /copy/unfinished-copy.new",
       "sync /copy/unfinished-copy.new", "rename /copy/unfinished-copy.new", "sync_directory /copy",
       "lock /copy/lock"},
      [](Files& files) {
        must(make_directories("/copy", files));
        return nothing;
      },
      begin);
}

TEST_CASE("DataDirectory: a call that fails while a mark is set → its error, the mark unchanged",
          "[orderlog][unit]") {
  constexpr LogPosition position{3, 4, 5};
  const auto begin = [](Files& files) { return must(DataDirectory::begin_copy("/copy", files)); };
  const auto set = [&](Files&, DataDirectory& directory) {
    const LogPosition before = directory.mark();
    Result<void> done = directory.set_mark(position);
    CHECK(directory.mark() == (done ? position : before));
    return done;
  };
  // The first one makes the file.
  check_each_call_fails(
      {"open /copy/high-water-mark.new", "write /copy/high-water-mark.new",
       "sync /copy/high-water-mark.new", "rename /copy/high-water-mark.new", "sync_directory /copy",
       "open /copy/high-water-mark", "read /copy/high-water-mark"},
      begin, set);
  check_each_call_fails(
      {"write /copy/high-water-mark", "sync /copy/high-water-mark"},
      [&](Files& files) {
        DataDirectory directory = begin(files);
        must(directory.set_mark({1, 1, 1}));
        return directory;
      },
      set);
}

TEST_CASE("DataDirectory: a call that fails while a copy is finished → its error",
          "[orderlog][unit]") {
  check_each_call_fails(
      {"remove /copy/unfinished-copy", "sync_directory /copy"},
      [](Files& files) {
        must(DataDirectory::begin_copy("/copy", files));
        return nothing;
      },
      [](Files& files, int) { return DataDirectory::finish_copy("/copy", files); });
}

TEST_CASE("DataDirectory: write-ahead logs → their bytes; a call that fails → its error",
          "[orderlog][unit]") {
  const auto claim = [](Files& files) { return must(DataDirectory::claim("/data", files)); };
  const auto measure = [](Files&, const DataDirectory& directory) {
    Result<std::uint64_t> bytes = directory.write_ahead_bytes();
    if (bytes) CHECK(*bytes == (directory.has_database() ? 5 : 0));
    return bytes;
  };
  check_each_call_fails({}, claim, measure);
  check_each_call_fails(
      {"names /data/orders", "size /data/orders/000002.log", "size /data/orders/000003.log"},
      [&](Files& files) {
        prepare_log(files);
        return claim(files);
      },
      measure);
}

TEST_CASE("DataDirectory: a call that fails while the database's directory is made → its error",
          "[orderlog][unit]") {
  check_each_call_fails(
      {"make_directory /data", "make_directory /data/orders", "sync_directory /data"},
      [](Files& files) { return must(DataDirectory::claim("/data", files)); },
      [](Files&, const DataDirectory& directory) { return directory.make_database_directory(); });
}

}  // namespace
}  // namespace fluxgate::orderlog
