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
std::string unfinished_path(const std::string& path) {
  return path + "/unfinished-copy";
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

/// Whether there is a log, though perhaps without its mark.
Result<bool> holds_log(const std::string& path, Files& files) {
  Result<bool> blocks = holds_blocks(database_path(path), files);
  if (!blocks || *blocks) return blocks;
  return files.exists(current_path(path));
}

Error lost_mark(const std::string& path) {
  return Error{ErrorCode::damaged,
               path +
                   " holds an order log but no high-water-mark file, so it cannot be told "
                   "whether acknowledged orders are missing"};
}

/// Makes the mark of a new log; refuses to make one for a log that has lost its own.
Result<void> make_missing_mark(const std::string& path, Files& files) {
  Result<bool> marked = files.exists(mark_path(path));
  if (!marked) return marked.error();
  if (*marked) return {};
  Result<bool> log = holds_log(path, files);
  if (!log) return log.error();
  if (*log) return lost_mark(path);
  return MarkFile::create(mark_path(path), {}, files);
}

Result<void> refuse_unfinished_copy(const std::string& path, Files& files) {
  Result<bool> unfinished = files.exists(unfinished_path(path));
  if (!unfinished) return unfinished.error();
  if (!*unfinished) return {};
  return Error{ErrorCode::damaged, path + " holds a copy of a log that was not finished (" +
                                       unfinished_path(path) +
                                       " is there): remove the directory and make it again"};
}

/// A directory that is there and holds nothing, or is made now.
Result<void> make_empty_directory(const std::string& path, Files& files) {
  Result<bool> there = files.exists(path);
  if (!there) return there.error();
  if (!*there) return make_directories(path, files);
  Result<std::vector<std::string>> names = files.names(path);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (name == "." || name == "..") continue;
    return Error{ErrorCode::in_use, path + " is not empty: a copy needs a directory of its own"};
  }
  return {};
}

}  // namespace

DataDirectory::DataDirectory(const std::string& path, std::unique_ptr<OpenFile> lock,
                             std::optional<MarkFile> mark, Files& files)
    : files_(&files),
      path_(path),
      database_(database_path(path)),
      lock_(std::move(lock)),
      mark_(std::move(mark)) {}

Result<DataDirectory> DataDirectory::claim(const std::string& path, Files& files) {
  if (Result<void> made = make_directories(path, files); !made) return made.error();
  Result<std::unique_ptr<OpenFile>> lock = take_lock(path, files);
  if (!lock) return lock.error();
  if (Result<void> whole = refuse_unfinished_copy(path, files); !whole) return whole.error();
  if (Result<void> made = make_missing_mark(path, files); !made) return made.error();
  Result<MarkFile> mark = MarkFile::open(mark_path(path), true, files);
  if (!mark) return mark.error();
  DataDirectory directory(path, std::move(*lock), std::move(*mark), files);
  if (Result<void> found = directory.find_database(true); !found) return found.error();
  return directory;
}

Result<DataDirectory> DataDirectory::look(const std::string& path, const LookOptions& options,
                                          Files& files) {
  Result<bool> marked = files.exists(mark_path(path));
  if (!marked && marked.error().code != ErrorCode::invalid_argument) return marked.error();
  const bool is_marked = marked && *marked;
  if (!is_marked) {
    Result<bool> log = marked ? holds_log(path, files) : false;
    if (!log) return log.error();
    if (!*log) return Error{ErrorCode::not_found, "there is no order log in " + path};
  }
  if (!options.takes_unfinished) {
    if (Result<void> whole = refuse_unfinished_copy(path, files); !whole) return whole.error();
  }
  DataDirectory directory(path, nullptr, std::nullopt, files);
  if (!options.ignores_mark) {
    if (!is_marked) return lost_mark(path);
    Result<MarkFile> mark = MarkFile::open(mark_path(path), false, files);
    if (!mark) return mark.error();
    directory.mark_ = std::move(*mark);
  }
  if (Result<void> found = directory.find_database(false); !found) return found.error();
  return directory;
}

Result<DataDirectory> DataDirectory::begin_copy(const std::string& path, Files& files) {
  if (Result<void> made = make_empty_directory(path, files); !made) return made.error();
  if (Result<void> begun = replace_file(unfinished_path(path), {}, files); !begun) {
    return begun.error();
  }
  Result<std::unique_ptr<OpenFile>> lock = take_lock(path, files);
  if (!lock) return lock.error();
  return DataDirectory(path, std::move(*lock), std::nullopt, files);
}

Result<void> DataDirectory::finish_copy(const std::string& path, Files& files) {
  if (Result<void> removed = files.remove(unfinished_path(path)); !removed) return removed;
  return files.sync_directory(path);
}

Result<void> DataDirectory::set_mark(const LogPosition& position) {
  if (mark_) return mark_->set(position);
  if (Result<void> made = MarkFile::create(mark_path(path_), position, *files_); !made) return made;
  Result<MarkFile> mark = MarkFile::open(mark_path(path_), true, *files_);
  if (!mark) return mark.error();
  mark_ = std::move(*mark);
  return {};
}

Result<void> DataDirectory::find_database(bool writable) {
  Result<bool> current = files_->exists(current_path(path_));
  if (!current) return current.error();
  has_database_ = *current;
  if (has_database_) {
    // RocksDB's own error would not tell a lack of rights from a broken disk.
    return files_->check_access(database_, writable);
  }
  const LogPosition mark = this->mark();
  if (mark.block > 0) {
    return Error{ErrorCode::damaged, "the order log in " + database_ +
                                         " is missing, but orders up to " +
                                         std::to_string(mark.sequence) + " (block " +
                                         std::to_string(mark.block) + ") were acknowledged"};
  }
  // Blocks come after CURRENT: with them it has been lost, without them the start was cut short.
  Result<bool> blocks = holds_blocks(database_, *files_);
  if (!blocks) return blocks.error();
  // A reader beside a first start may see blocks that came after its look at CURRENT: he looks
  // again.
  if (!*blocks) return {};
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
