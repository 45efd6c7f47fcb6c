#include "orderlog/data_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

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

Result<base::UniqueFd> take_lock(const std::string& path) {
  Result<base::UniqueFd> lock = open_file(lock_path(path), O_RDWR | O_CREAT);
  if (!lock) return lock.error();
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return Error{ErrorCode::in_use, "the data directory " + path + " is in use by another server"};
  }
  return system_error(errno, "cannot lock " + lock_path(path));
}

/// Whether a directory holds tables or write-ahead logs of RocksDB.
Result<bool> holds_blocks(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (directory == nullptr) {
    if (errno == ENOENT) return false;
    return system_error(errno, "cannot read the directory " + path);
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".sst") || name.ends_with(".log")) return true;
  }
  return false;
}

/// Whether there is a log, though perhaps without its mark.
Result<bool> holds_log(const std::string& path) {
  Result<bool> blocks = holds_blocks(database_path(path));
  if (!blocks || *blocks) return blocks;
  return exists(current_path(path));
}

Error lost_mark(const std::string& path) {
  return Error{ErrorCode::damaged,
               path +
                   " holds an order log but no high-water-mark file, so it cannot be told "
                   "whether acknowledged orders are missing"};
}

/// Makes the mark of a new log; refuses to make one for a log that has lost its own.
Result<void> make_missing_mark(const std::string& path) {
  Result<bool> marked = exists(mark_path(path));
  if (!marked) return marked.error();
  if (*marked) return {};
  Result<bool> log = holds_log(path);
  if (!log) return log.error();
  if (*log) return lost_mark(path);
  return MarkFile::create(mark_path(path));
}

Result<void> refuse_unfinished_copy(const std::string& path) {
  Result<bool> unfinished = exists(unfinished_path(path));
  if (!unfinished) return unfinished.error();
  if (!*unfinished) return {};
  return Error{ErrorCode::damaged, path + " holds a copy of a log that was not finished (" +
                                       unfinished_path(path) +
                                       " is there): remove the directory and make it again"};
}

/// A directory that is there and holds nothing, or is made now.
Result<void> make_empty_directory(const std::string& path) {
  Result<bool> there = exists(path);
  if (!there) return there.error();
  if (!*there) return make_directories(path);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (directory == nullptr) return system_error(errno, "cannot read the directory " + path);
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    return Error{ErrorCode::in_use, path + " is not empty: a copy needs a directory of its own"};
  }
  return {};
}

}  // namespace

DataDirectory::DataDirectory(const std::string& path, base::UniqueFd lock,
                             std::optional<MarkFile> mark)
    : path_(path), database_(database_path(path)), lock_(std::move(lock)), mark_(std::move(mark)) {}

Result<DataDirectory> DataDirectory::claim(const std::string& path) {
  if (Result<void> made = make_directories(path); !made) return made.error();
  Result<base::UniqueFd> lock = take_lock(path);
  if (!lock) return lock.error();
  if (Result<void> whole = refuse_unfinished_copy(path); !whole) return whole.error();
  if (Result<void> made = make_missing_mark(path); !made) return made.error();
  Result<MarkFile> mark = MarkFile::open(mark_path(path), true);
  if (!mark) return mark.error();
  DataDirectory directory(path, std::move(*lock), std::move(*mark));
  if (Result<void> found = directory.find_database(true); !found) return found.error();
  return directory;
}

Result<DataDirectory> DataDirectory::look(const std::string& path, const LookOptions& options) {
  Result<bool> marked = exists(mark_path(path));
  if (!marked && marked.error().code != ErrorCode::invalid_argument) return marked.error();
  const bool is_marked = marked && *marked;
  if (!is_marked) {
    Result<bool> log = marked ? holds_log(path) : false;
    if (!log) return log.error();
    if (!*log) return Error{ErrorCode::not_found, "there is no order log in " + path};
  }
  if (!options.takes_unfinished) {
    if (Result<void> whole = refuse_unfinished_copy(path); !whole) return whole.error();
  }
  DataDirectory directory(path, base::UniqueFd(), std::nullopt);
  if (!options.ignores_mark) {
    if (!is_marked) return lost_mark(path);
    Result<MarkFile> mark = MarkFile::open(mark_path(path), false);
    if (!mark) return mark.error();
    directory.mark_ = std::move(*mark);
  }
  if (Result<void> found = directory.find_database(false); !found) return found.error();
  return directory;
}

Result<DataDirectory> DataDirectory::begin_copy(const std::string& path) {
  if (Result<void> made = make_empty_directory(path); !made) return made.error();
  if (Result<void> begun = replace_file(unfinished_path(path), {}); !begun) return begun.error();
  Result<base::UniqueFd> lock = take_lock(path);
  if (!lock) return lock.error();
  return DataDirectory(path, std::move(*lock), std::nullopt);
}

Result<void> DataDirectory::finish_copy(const std::string& path) {
  const std::string unfinished = unfinished_path(path);
  if (::unlink(unfinished.c_str()) != 0) {
    return system_error(errno, "cannot remove " + unfinished);
  }
  return sync_directory(path);
}

Result<void> DataDirectory::set_mark(const LogPosition& position) {
  if (mark_) return mark_->set(position);
  if (Result<void> made = MarkFile::create(mark_path(path_), position); !made) return made;
  Result<MarkFile> mark = MarkFile::open(mark_path(path_), true);
  if (!mark) return mark.error();
  mark_ = std::move(*mark);
  return {};
}

Result<void> DataDirectory::find_database(bool writable) {
  Result<bool> current = exists(current_path(path_));
  if (!current) return current.error();
  has_database_ = *current;
  if (has_database_) {
    // RocksDB's own error would not tell a lack of rights from a broken disk.
    const int wanted = R_OK | X_OK | (writable ? W_OK : 0);
    if (::access(database_.c_str(), wanted) == 0) return {};
    return system_error(errno, "cannot use " + database_);
  }
  const LogPosition mark = this->mark();
  if (mark.block > 0) {
    return Error{ErrorCode::damaged, "the order log in " + database_ +
                                         " is missing, but orders up to " +
                                         std::to_string(mark.sequence) + " (block " +
                                         std::to_string(mark.block) + ") were acknowledged"};
  }
  // Blocks come after CURRENT: with them it has been lost, without them the start was cut short.
  Result<bool> blocks = holds_blocks(database_);
  if (!blocks) return blocks.error();
  // A reader beside a first start may see blocks that came after its look at CURRENT: he looks
  // again.
  if (!*blocks) return {};
  return Error{ErrorCode::damaged, "the order log in " + database_ + " has lost its CURRENT file"};
}

Result<void> DataDirectory::make_database_directory() const {
  return make_directories(database_);
}

}  // namespace fluxgate::orderlog
