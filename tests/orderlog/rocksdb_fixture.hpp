#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orderlog/log_fixture.hpp"
#include "orderlog/rocksdb_storage.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::orderlog {

namespace fs = std::filesystem;
using testing::TempDir;

inline std::unique_ptr<RocksdbStorage> open(const std::string& directory,
                                            RocksdbOptions options = {}) {
  return must(RocksdbStorage::open(directory, std::move(options)));
}

/// Opens, walks with the mark and starts writing, as an engine does; returns the storage.
inline std::unique_ptr<RocksdbStorage> start(const std::string& directory,
                                             RocksdbOptions options = {}) {
  auto storage = open(directory, std::move(options));
  OrderCounter counter;
  const LogPosition mark = must(storage->mark());
  must(storage->start_writing(must(walk(*storage, 0, counter, &mark))));
  return storage;
}

/// Opens and walks; "N orders" or what is wrong.
inline std::string inspect(const std::string& directory) {
  Result<std::unique_ptr<RocksdbStorage>> storage = RocksdbStorage::open(directory, {});
  if (!storage) return outcome(storage);
  OrderCounter counter;
  const LogPosition mark = must((*storage)->mark());
  const Result<LogPosition> end = walk(**storage, 0, counter, &mark);
  if (!end) return outcome(end);
  return std::to_string(counter.orders) + " orders";
}

/// Leaves a closed log of these blocks, the mark at its end.
inline void write_log(const std::string& directory, const std::vector<StoredBlock>& blocks,
                      RocksdbOptions options = {}) {
  const auto storage = start(directory, std::move(options));
  append_all(*storage, blocks, true);
  must(storage->set_mark(blocks.back().end));
}

inline std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) names.push_back(entry.path().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const std::string& name : files_in(directory)) bytes += fs::file_size(name);
  return bytes;
}

}  // namespace fluxgate::orderlog
