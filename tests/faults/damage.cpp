#include "faults/damage.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "faults/final_log.hpp"
#include "faults/sale.hpp"
#include "orderlog/rocksdb_storage.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 5> kinds{"flipped", "zeroed", "cut", "swapped", "removed"};
constexpr int log_damaged = 78;
constexpr int storage_failed = 75;
constexpr int failure = 1;
/// More than any file here but the reserve, which has no content.
constexpr std::size_t content_max = std::size_t{16} << 20;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// All files of a directory and their bytes.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.file_size() > content_max) continue;
    files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
  }
  return files;
}

class Damages {
 public:
  explicit Damages(std::uint64_t seed) : random_(seed), sale_(seed, {.buyers = 2, .depth = 8}) {
    make_original();
  }

  Figures run(std::uint64_t damages) {
    // Files and kinds in turn, so that few damages have them all.
    for (std::uint64_t i = 0; i < damages; ++i) {
      const auto file = std::next(original_.begin(), static_cast<long>(i % original_.size()));
      try_one(*file, kinds[i / original_.size() % kinds.size()]);
      figures_.add("damages");
    }
    return figures_;
  }

 private:
  [[nodiscard]] fs::path data_dir() const { return folder_ / "data"; }

  /// Three lives, so that there are tables and a write-ahead log with orders.
  void make_original() {
    for (int life = 0; life < 3; ++life) {
      ServerProcess server(faults_server(data_dir()));
      if (life == 0) sale_.open(server.port());
      sale_.start(server.port());
      require(sale_.journal().wait_answers(300, std::chrono::seconds{30}), "too few answers");
      sale_.end();
      if (life == 2) {
        wait_for_mark();
        sale_.check(server.port(), data_dir());
      }
      server.crash();
    }
    expected_ = read_final_log(data_dir());
    original_ = snapshot(data_dir());
    fs::remove_all(data_dir());
  }

  /// Until the mark is equal to the end: then no damage can pass for the end of a killed server.
  void wait_for_mark() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    for (;;) {
      const Sequence end = read_final_log(data_dir()).orders.size();
      const auto storage = orderlog::RocksdbStorage::open_beside(data_dir().string());
      require(static_cast<bool>(storage), "the log cannot be read");
      const auto mark = (*storage)->mark();
      if (mark && mark->sequence == end) return;
      require(std::chrono::steady_clock::now() < until, "the mark does not follow the log");
    }
  }

  std::string damaged(std::string bytes, const std::string& kind) {
    if (bytes.empty()) return std::string(1 + random_() % 64, 'x');
    const std::size_t at = random_() % bytes.size();
    const std::size_t count = std::min<std::size_t>(1 + random_() % 512, bytes.size() - at);
    if (kind == "flipped") {
      bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1 << random_() % 8));
    } else if (kind == "zeroed") {
      std::fill_n(bytes.begin() + static_cast<long>(at), count, '\0');
    } else if (kind == "cut") {
      bytes.resize(at);
    } else {
      // Two stretches of the file change places.
      const std::size_t other = random_() % bytes.size();
      const std::size_t size = std::min(count, bytes.size() - std::max(at, other));
      for (std::size_t i = 0; i < size; ++i) std::swap(bytes[at + i], bytes[other + i]);
    }
    return bytes;
  }

  void try_one(const std::pair<const std::string, std::string>& file, const std::string& kind) {
    const fs::path copy = folder_ / "copy";
    fs::create_directories(copy / "orders");
    fs::permissions(copy, fs::perms::owner_all);
    for (const auto& [name, bytes] : original_) {
      if (name != file.first) write_file(copy / name, bytes);
    }
    if (kind != "removed") write_file(copy / file.first, damaged(file.second, kind));
    const auto before = snapshot(copy);
    const std::string what = file.first + ", " + kind;

    ChildProcess server(ServerProcess::launch(faults_server(copy)));
    if (const auto line = server.wait_for_line("fluxgate listening")) {
      check_complete(copy, what);
      server.crash();
      figures_.add("harmless");
    } else {
      const int code = server.wait().exit_code;
      const bool is_clear = (code == log_damaged || code == storage_failed || code == failure) &&
                            server.err().find("error") != std::string::npos;
      require(is_clear,
              what + " ended the start with " + std::to_string(code) + ": " + server.err());
      // The lock and the reserve are no content.
      auto after = snapshot(copy);
      for (const char* name : {"lock", "reserve", "orders/LOCK"}) {
        if (!before.contains(name)) after.erase(name);
      }
      require(before == after, what + " was refused, but files were touched");
      figures_.add("refused_" + std::to_string(code));
    }
    fs::remove_all(copy);
  }

  void check_complete(const fs::path& copy, const std::string& what) const {
    const FinalLog log = read_final_log(copy);
    bool is_same = log.orders.size() == expected_.orders.size();
    for (std::size_t i = 0; is_same && i < log.orders.size(); ++i) {
      is_same = log.orders[i].order_id == expected_.orders[i].order_id &&
                log.orders[i].key == expected_.orders[i].key &&
                log.orders[i].quantity == expected_.orders[i].quantity;
    }
    require(is_same, what + " was not noticed, and acknowledged orders are gone");
  }

  const TempDir folder_;
  std::mt19937_64 random_;
  Sale sale_;
  Figures figures_;
  FinalLog expected_;
  std::map<std::string, std::string> original_;
};

}  // namespace

Figures damage_files(std::uint64_t seed, std::uint64_t damages) {
  return Damages(seed).run(damages);
}

}  // namespace fluxgate::testing
