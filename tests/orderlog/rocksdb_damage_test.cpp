// What RocksdbStorage makes of directories that a crash, a full disk or a bad disk has left.

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <random>
#include <string>
#include <vector>

#include "orderlog/mark_file.hpp"
#include "orderlog/rocksdb_fixture.hpp"

namespace fluxgate::orderlog {
namespace {

TEST_CASE("RocksdbStorage: the mark ahead of the log → damaged, nothing is changed",
          "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log({3, 2, 2});
  {
    const auto storage = start(temp.str());
    append_all(*storage, {blocks[0], blocks[1]}, true);
    must(storage->set_mark(blocks[2].end));
  }
  const auto before = files_in(temp.str());
  CHECK(inspect(temp.str()) ==
        "damaged: the log ends at order 5 (block 2), but orders up to 7 (block 3) were "
        "acknowledged");
  CHECK(files_in(temp.str()) == before);
}

TEST_CASE("RocksdbStorage: mark or database lost → damaged, says which", "[orderlog][unit]") {
  const TempDir temp;
  const std::string directory = temp.str();
  write_log(directory, make_log({3, 2}));
  const std::string mark = read_file(directory + "/high-water-mark");

  fs::remove(directory + "/high-water-mark");
  CHECK(inspect(directory) ==
        "damaged: " + directory +
            " holds an order log but no high-water-mark file, so it cannot be told whether "
            "acknowledged orders are missing");
  CHECK_FALSE(fs::exists(directory + "/high-water-mark"));
  write_file(directory + "/high-water-mark", mark);
  CHECK(inspect(directory) == "5 orders");

  fs::rename(directory + "/orders", directory + "/moved");
  CHECK(inspect(directory) == "damaged: the order log in " + directory +
                                  "/orders is missing, but orders up to 5 (block 2) were "
                                  "acknowledged");
  CHECK_FALSE(fs::exists(directory + "/orders"));
  fs::rename(directory + "/moved", directory + "/orders");

  must(MarkFile::create(directory + "/high-water-mark"));  // zero: nothing is known to be there
  fs::remove(directory + "/orders/CURRENT");
  CHECK(inspect(directory) ==
        "damaged: the order log in " + directory + "/orders has lost its CURRENT file");
}

TEST_CASE("RocksdbStorage: a first start killed at any step → starts", "[orderlog][crash]") {
  const auto starts = [](const TempDir& temp) {
    auto storage = start(temp.str());
    append_all(*storage, make_log({1}), true);
    storage.reset();
    return inspect(temp.str()) == "1 orders";
  };
  {
    const TempDir temp;  // only the directory
    CHECK(starts(temp));
  }
  {
    const TempDir temp;  // the lock
    write_file(temp / "lock", "");
    CHECK(starts(temp));
  }
  for (const std::size_t written : {std::size_t{0}, std::size_t{100}, std::size_t{512}}) {
    const TempDir temp;  // the new mark, partly written
    write_file(temp / "lock", "");
    write_file(temp / "high-water-mark.new", std::string(written, 'x'));
    CHECK(starts(temp));
  }
  const TempDir whole;
  start(whole.str()).reset();
  {
    const TempDir temp;  // the mark, no database
    fs::copy_file(whole / "high-water-mark", temp / "high-water-mark");
    CHECK(starts(temp));
    const TempDir second;  // and its empty directory
    fs::copy_file(whole / "high-water-mark", second / "high-water-mark");
    fs::create_directory(second / "orders");
    CHECK(starts(second));
  }
  // The database half made: its files appear in about this order, CURRENT last.
  std::vector<std::string> kept;
  for (const std::string prefix : {"LOCK", "IDENTITY", "MANIFEST-"}) {
    kept.push_back(prefix);
    const TempDir temp;
    fs::copy_file(whole / "high-water-mark", temp / "high-water-mark");
    fs::create_directory(temp / "orders");
    for (const auto& entry : fs::directory_iterator(whole / "orders")) {
      const std::string name = entry.path().filename().string();
      for (const std::string& wanted : kept) {
        if (name.starts_with(wanted)) fs::copy_file(entry.path(), temp.path() / "orders" / name);
      }
    }
    CHECK(starts(temp));
  }
}

TEST_CASE("RocksdbStorage: ended without closing → the next start has every block",
          "[orderlog][crash]") {
  // A copy of the directory while the server runs is what kill -9 leaves.
  const TempDir temp;
  const TempDir copy;
  const auto blocks = make_log({2, 2, 2});
  const auto storage = start(temp.str());
  append_all(*storage, blocks, false);
  must(storage->set_mark(blocks[1].end));
  fs::copy(temp.path(), copy.path(),
           fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  CHECK(inspect(copy.str()) == "6 orders");
  CHECK(must(start(copy.str())->mark()) == blocks[1].end);
}

TEST_CASE("RocksdbStorage: a byte changed in any file of a closed log → never lost silently",
          "[orderlog][random]") {
  const std::uint64_t seed = make_seed("rocksdb_storage_test");
  std::mt19937_64 random(seed);
  const auto blocks = make_log(std::vector<std::size_t>(60, 20));
  // As write-ahead log only, and as tables with a write-ahead log (flushes every few blocks).
  for (const std::size_t buffer : {std::size_t{64} << 20, std::size_t{24} << 10}) {
    const TempDir temp;
    write_log(temp.str(), blocks, {.storage_threads = 1, .log = {}, .write_buffer_bytes = buffer});
    const std::string whole = std::to_string(blocks.back().end.sequence) + " orders";
    REQUIRE(inspect(temp.str()) == whole);
    std::size_t refused = 0;
    std::size_t harmless = 0;
    for (const std::string& name : files_in(temp.str())) {
      if (name.ends_with("/lock")) continue;
      const std::string good = read_file(name);
      for (int i = 0; i < 12 && !good.empty(); ++i) {
        std::string bad = good;
        const std::size_t at = random() % good.size();
        if (i % 3 == 2) {
          bad.resize(at);  // cut
        } else {
          bad[at] = static_cast<char>(bad[at] ^ static_cast<char>(1 + random() % 255));
        }
        write_file(name, bad);
        const std::string found = inspect(temp.str());
        INFO("seed " << seed << ", " << name << " byte " << at << ": " << found);
        const bool is_refused =
            found.starts_with("damaged: ") || found.starts_with("unavailable: ");
        REQUIRE((is_refused || found == whole));
        ++(is_refused ? refused : harmless);
      }
      write_file(name, good);
    }
    CHECK(refused > 12);
    REQUIRE(inspect(temp.str()) == whole);
  }
}

TEST_CASE("RocksdbStorage: a file of a closed log gone → never lost silently", "[orderlog][unit]") {
  const TempDir temp;
  const auto blocks = make_log(std::vector<std::size_t>(60, 20));
  write_log(temp.str(), blocks, {.storage_threads = 1, .log = {}, .write_buffer_bytes = 24u << 10});
  std::size_t tables = 0;
  for (const std::string& name : files_in(temp.str())) {
    if (!name.ends_with(".sst") && !name.ends_with(".log")) continue;
    if (name.ends_with(".sst")) ++tables;
    if (fs::file_size(name) == 0) continue;
    fs::rename(name, name + ".away");
    const std::string found = inspect(temp.str());
    INFO(name << ": " << found);
    CHECK(found.starts_with("damaged: "));
    fs::rename(name + ".away", name);
  }
  CHECK(tables > 0);
  CHECK(inspect(temp.str()) == "1200 orders");
}

TEST_CASE("RocksdbStorage: a write the kernel refuses → unavailable for ever, reading goes on",
          "[orderlog][crash]") {
  // A limit on file sizes stands for a full disk: the write-ahead log cannot grow.
  const bool syncs_each_append = GENERATE(false, true);
  const TempDir temp;
  const auto blocks = make_log(std::vector<std::size_t>(200, 20));
  LogPosition end;
  {
    const auto storage = start(temp.str(), {.syncs_each_append = syncs_each_append});
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{100'000, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::vector<std::string> outcomes;
    std::size_t next = 0;
    for (; next < blocks.size(); ++next) {
      outcomes.push_back(outcome(storage->append(blocks[next].key, blocks[next].bytes, true)));
      if (outcomes.back() != "ok") break;
      end = blocks[next].end;
    }
    const std::string again = outcome(storage->append(blocks[next].key, blocks[next].bytes, true));
    const std::string mark = outcome(storage->set_mark(end));
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, handler);

    REQUIRE(next < blocks.size());
    CHECK(end.block > 10);
    CHECK(outcomes.back().starts_with("unavailable: " + block_name(blocks[next].key) +
                                      " could not be written to " + temp.str() + "/orders: "));
    CHECK(outcomes.back().find("File too large") != std::string::npos);
    // Final, although there would be room again.
    CHECK(again == outcomes.back());
    CHECK(mark == outcomes.back());
    CHECK(outcome(storage->append(blocks[next].key, blocks[next].bytes, true)) == again);
    OrderCounter counter;
    CHECK(must(walk(*storage, 0, counter)) == end);
  }
  // The failed block may or may not be there; all before it are.
  const auto storage = start(temp.str());
  OrderCounter counter;
  const LogPosition recovered = must(walk(*storage, 0, counter, &end));
  CHECK(recovered.block - end.block <= 1);
}

}  // namespace
}  // namespace fluxgate::orderlog
