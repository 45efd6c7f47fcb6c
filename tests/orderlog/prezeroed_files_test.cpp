#include "orderlog/prezeroed_files.hpp"

#include <rocksdb/file_system.h>
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "orderlog/rocksdb_fixture.hpp"
#include "support/crash_disk.hpp"
#include "support/crash_file_system.hpp"

namespace fluxgate::orderlog {
namespace {

/// A file made through prezeroed_files().
class Written {
 public:
  explicit Written(std::string path) : path_(std::move(path)) {
    const auto files = prezeroed_files(rocksdb::FileSystem::Default());
    REQUIRE(files->NewWritableFile(path_, {}, &file_, nullptr).ok());
  }
  [[nodiscard]] rocksdb::IOStatus append(const std::string& bytes) {
    return file_->Append(bytes, {}, nullptr);
  }
  void close() { REQUIRE(file_->Close({}, nullptr).ok()); }
  [[nodiscard]] std::string content() const { return read_file(path_); }

 private:
  std::string path_;
  std::unique_ptr<rocksdb::FSWritableFile> file_;
};

std::string zeros(std::size_t count) {
  return std::string(count, '\0');
}

TEST_CASE("PrezeroedFiles: appends to a write-ahead log → zeros behind them, cut when closed",
          "[orderlog][unit]") {
  const TempDir temp;
  Written log(temp / "000004.log");
  REQUIRE(log.append("first").ok());
  CHECK(log.content() == "first" + zeros(zeros_ahead_bytes));
  // The same size: such a write leaves the inode alone.
  REQUIRE(log.append(" second").ok());
  CHECK(log.content() == "first second" + zeros(zeros_ahead_bytes - 7));

  const std::string large(zeros_ahead_bytes - 7, 'x');
  REQUIRE(log.append(large).ok());
  CHECK(log.content() == "first second" + large);
  REQUIRE(log.append("y").ok());
  CHECK(log.content() == "first second" + large + "y" + zeros(zeros_ahead_bytes));

  log.close();
  CHECK(log.content() == "first second" + large + "y");
}

TEST_CASE("PrezeroedFiles: any other file → as it is", "[orderlog][unit]") {
  const TempDir temp;
  Written table(temp / "000005.sst");
  REQUIRE(table.append("first").ok());
  CHECK(table.content() == "first");
  table.close();
  CHECK(table.content() == "first");
}

TEST_CASE("PrezeroedFiles: no space for zeros → done without", "[orderlog][crash]") {
  const TempDir temp;
  Written log(temp / "000004.log");
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const bool has_part = log.append("123456").ok();
  const std::string part = log.content();
  const bool fits = log.append("789").ok() && log.append("0").ok();
  const std::string full = log.content();
  const rocksdb::IOStatus refused = log.append("x");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);

  CHECK(has_part);
  CHECK(part == "123456" + zeros(4));
  CHECK(fits);
  CHECK(full == "1234567890");
  CHECK_FALSE(refused.ok());
  log.close();
  CHECK(log.content() == "1234567890");
}

TEST_CASE("PrezeroedFiles: a step on the disk fails → an error, or done without zeros",
          "[orderlog][crash]") {
  testing::CrashDisk disk;
  const auto files = prezeroed_files(testing::crash_file_system(disk));
  std::unique_ptr<rocksdb::FSWritableFile> log;
  const std::string told = "IO error: /4.log: Input/output error";

  disk.set_fault({.nth = 1, .error = EIO});  // the log cannot be made
  CHECK(files->NewWritableFile("/4.log", {}, &log, nullptr).ToString() == told);
  CHECK(log == nullptr);

  disk.set_fault({.nth = 2, .error = EIO});  // it cannot be opened once more, for the zeros
  REQUIRE(files->NewWritableFile("/4.log", {}, &log, nullptr).ok());
  REQUIRE(log->Append("first", {}, nullptr).ok());
  CHECK(disk.content("/4.log") == "first");
  REQUIRE(log->Close({}, nullptr).ok());

  REQUIRE(files->NewWritableFile("/4.log", {}, &log, nullptr).ok());
  disk.set_fault({.nth = 2, .error = ENOSPC});  // the zeros cannot be written: no more are tried
  REQUIRE(log->Append("first", {}, nullptr).ok());
  const std::string large(zeros_ahead_bytes, 'x');
  REQUIRE(log->Append(large, {}, nullptr).ok());
  CHECK(disk.content("/4.log") == "first" + large);

  disk.set_fault({});
  REQUIRE(files->NewWritableFile("/4.log", {}, &log, nullptr).ok());
  REQUIRE(log->Append("first", {}, nullptr).ok());
  disk.set_fault({.nth = 1, .error = EIO});  // the zeros cannot be cut
  CHECK(log->Close({}, nullptr).ToString() == told);
  CHECK(disk.content("/4.log") == "first" + zeros(zeros_ahead_bytes));
}

/// A copy of the directory while it is written: what kill -9 leaves.
void copy_tree(const TempDir& from, const TempDir& to) {
  fs::copy(from.path(), to.path(),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

std::string log_in(const std::string& directory) {
  std::string largest;
  for (const std::string& name : files_in(directory)) {
    if (name.ends_with(".log") && name > largest) largest = name;
  }
  return largest;
}

TEST_CASE("PrezeroedFiles: a log that was killed → every block, and it goes on",
          "[orderlog][crash]") {
  const auto blocks = make_log(std::vector<std::size_t>(300, 20));
  const std::vector<StoredBlock> first(blocks.begin(), blocks.begin() + 200);
  const std::vector<StoredBlock> rest(blocks.begin() + 200, blocks.end());
  const TempDir temp;
  const TempDir copy;
  const auto storage = start(temp.str(), {.syncs_each_append = true});
  append_all(*storage, first, true);
  must(storage->set_mark(first.back().end));
  copy_tree(temp, copy);
  REQUIRE(read_file(log_in(copy.str())).ends_with('\0'));
  CHECK(inspect(copy.str()) == "4000 orders");
  {
    const auto next = start(copy.str(), {.syncs_each_append = true});
    append_all(*next, rest, true);
    must(next->set_mark(rest.back().end));
  }
  CHECK(inspect(copy.str()) == "6000 orders");
}

TEST_CASE("PrezeroedFiles: power cut in an append → any of its sectors may be missing, no other",
          "[orderlog][random][crash]") {
  constexpr std::size_t sector = 512;
  const std::uint64_t seed = make_seed("prezeroed_files_test");
  std::mt19937_64 random(seed);
  // The last append by itself: 2 to 500 orders (1 to 40 KB) from a place anywhere in RocksDB's
  // 32 KiB frames, sometimes the one that asks for new zeros.
  std::size_t lost = 0;
  std::size_t whole = 0;
  for (int life = 0; life < 12; ++life) {
    std::vector<std::size_t> sizes(2 + random() % 400, 10);
    sizes.push_back(2 + random() % 499);
    const auto blocks = make_log(sizes);
    const std::vector<StoredBlock> acknowledged(blocks.begin(), blocks.end() - 1);
    const TempDir temp;
    const TempDir copy;
    const auto storage = start(temp.str(), {.syncs_each_append = true});
    append_all(*storage, acknowledged, true);
    must(storage->set_mark(acknowledged.back().end));
    copy_tree(temp, copy);
    append_all(*storage, {blocks.back()}, true);
    const std::string name = log_in(copy.str());
    const std::string before = read_file(name);
    const std::string after = read_file(log_in(temp.str()));
    REQUIRE(after.size() >= before.size());
    const std::string without = std::to_string(acknowledged.back().end.sequence) + " orders";
    const std::string with = std::to_string(blocks.back().end.sequence) + " orders";
    for (int cut = 0; cut < 16; ++cut) {
      // The new size may have become durable, or not.
      std::string torn = after;
      if (random() % 2 == 0) torn.resize(before.size());
      const unsigned kept_percent = std::vector<unsigned>{0, 50, 90, 98}[random() % 4];
      for (std::size_t at = 0; at < torn.size(); at += sector) {
        if (random() % 100 < kept_percent) continue;
        for (std::size_t i = at; i < std::min(at + sector, torn.size()); ++i) {
          torn[i] = i < before.size() ? before[i] : '\0';
        }
      }
      write_file(name, torn);
      const std::string found = inspect(copy.str());
      INFO("seed " << seed << ", life " << life << ", cut " << cut << ": " << found);
      REQUIRE((found == without || found == with));
      ++(found == with ? whole : lost);
    }
    write_file(name, after);
    REQUIRE(inspect(copy.str()) == with);
    write_file(name, before);
    must(start(copy.str())->mark());
    REQUIRE(inspect(copy.str()) == without);
  }
  CHECK(lost > 0);
  CHECK(whole > 0);
}

}  // namespace
}  // namespace fluxgate::orderlog
