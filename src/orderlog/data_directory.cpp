#include "orderlog/data_directory.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace fluxgate::orderlog {
namespace {

std::string lock_path(const std::string& path) {
  return path + "/lock";
}
std::string mark_path(const std::string& path) {
  return path + "/high-water-mark";
}
std::string database_path(const std::string& path) {
  return path + "/orders";
}

/// RocksDB names its present state in this file, and makes it last when a database is new.
std::string current_path(const std::string& path) {
  return database_path(path) + "/CURRENT";
}

Result<std::unique_ptr<OpenFile>> take_lock(const std::string& path, Files& files) {
  Result<std::unique_ptr<OpenFile>> lock = files.lock(lock_path(path));
  if (lock || lock.error().code != ErrorCode::in_use) return lock;
  return Error{ErrorCode::in_use, "the data directory " + path + " is in use by another server"};
}

/// Whether a directory holds tables or write-ahead logs of RocksDB.
Result<bool> holds_blocks(const std::string& path, Files& files) {
  Result<std::vector<std::string>> names = files.names(path);
  if (!names && names.error().code == ErrorCode::not_found) return false;
  if (!names) return names.error();
  return std::any_of(names->begin(), names->end(), [](const std::string& name) {
    return name.ends_with(".sst") || name.ends_with(".log");
  });
}

/// Makes the mark of a new log; refuses to make one for a log that has lost its own.
Result<void> make_missing_mark(const std::string& path, Files& files) {
  Result<bool> marked = files.exists(mark_path(path));
  if (!marked) return marked.error();
  if (*marked) return {};
  Result<bool> blocks = holds_blocks(database_path(path), files);
  if (!blocks) return blocks.error();
  Result<bool> current = files.exists(current_path(path));
  if (!current) return current.error();
  if (*blocks || *current) {
    return Error{ErrorCode::damaged,
                 path +
                     " holds an order log but no high-water-mark file, so it cannot be told "
                     "whether acknowledged orders are missing"};
  }
  return MarkFile::create(mark_path(path), files);
}

}  // namespace

DataDirectory::DataDirectory(const std::string& path, std::unique_ptr<OpenFile> lock, MarkFile mark,
                             Files& files)
    : files_(&files),
      path_(path),
      database_(database_path(path)),
      lock_(std::move(lock)),
      mark_(std::move(mark)) {}

Result<DataDirectory> DataDirectory::claim(const std::string& path, Files& files) {
  if (Result<void> made = make_directories(path, files); !made) return made.error();
  Result<std::unique_ptr<OpenFile>> lock = take_lock(path, files);
  if (!lock) return lock.error();
  if (Result<void> made = make_missing_mark(path, files); !made) return made.error();
  Result<MarkFile> mark = MarkFile::open(mark_path(path), true, files);
  if (!mark) return mark.error();
  DataDirectory directory(path, std::move(*lock), std::move(*mark), files);
  if (Result<void> found = directory.find_database(true); !found) return found.error();
  return directory;
}

Result<DataDirectory> DataDirectory::look(const std::string& path, Files& files) {
  Result<bool> marked = files.exists(mark_path(path));
  if (!marked && marked.error().code != ErrorCode::invalid_argument) return marked.error();
  if (!marked || !*marked) {
    return Error{ErrorCode::not_found, "there is no order log in " + path};
  }
  Result<MarkFile> mark = MarkFile::open(mark_path(path), false, files);
  if (!mark) return mark.error();
  DataDirectory directory(path, nullptr, std::move(*mark), files);
  if (Result<void> found = directory.find_database(false); !found) return found.error();
  return directory;
}

Result<void> DataDirectory::find_database(bool writable) {
  Result<bool> current = files_->exists(current_path(path_));
  if (!current) return current.error();
  has_database_ = *current;
  if (has_database_) {
    // RocksDB's own error would not tell a lack of rights from a broken disk.
    return files_->check_access(database_, writable);
  }
  const LogPosition mark = mark_.position();
  if (mark.block > 0) {
    return Error{ErrorCode::damaged, "the order log in " + database_ +
                                         " is missing, but orders up to " +
                                         std::to_string(mark.sequence) + " (block " +
                                         std::to_string(mark.block) + ") were acknowledged"};
  }
  // Blocks come after CURRENT: with them it has been lost, without them the start was cut short.
  Result<bool> blocks = holds_blocks(database_, *files_);
  if (!blocks) return blocks.error();
  if (!*blocks || !writable) return {};
  return Error{ErrorCode::damaged, "the order log in " + database_ + " has lost its CURRENT file"};
}

Result<std::uint64_t> DataDirectory::write_ahead_bytes() const {
  std::uint64_t bytes = 0;
  if (!has_database_) return bytes;
  Result<std::vector<std::string>> names = files_->names(database_);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (!name.ends_with(".log")) continue;
    Result<std::uint64_t> size = files_->size(database_ + "/" + name);
    if (!size) return size;
    bytes += *size;
  }
  return bytes;
}

Result<void> DataDirectory::make_database_directory() const {
  return make_directories(database_, *files_);
}

}  // namespace fluxgate::orderlog
