#include "orderlog/data_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
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

Result<base::UniqueFd> take_lock(const std::string& path) {
  Result<base::UniqueFd> lock = open_file(lock_path(path), O_RDWR | O_CREAT);
  if (!lock) return lock.error();
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return Error{ErrorCode::in_use, "the data directory " + path + " is in use by another server"};
  }
  return system_error(errno, "cannot lock " + lock_path(path));
}

/// The names in a directory; none if it is not there.
Result<std::vector<std::string>> names_in(const std::string& path) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (directory == nullptr) {
    if (errno == ENOENT) return names;
    return system_error(errno, "cannot read the directory " + path);
  }
  while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
  return names;
}

/// Whether a directory holds tables or write-ahead logs of RocksDB.
Result<bool> holds_blocks(const std::string& path) {
  Result<std::vector<std::string>> names = names_in(path);
  if (!names) return names.error();
  return std::any_of(names->begin(), names->end(), [](const std::string& name) {
    return name.ends_with(".sst") || name.ends_with(".log");
  });
}

/// Makes the mark of a new log; refuses to make one for a log that has lost its own.
Result<void> make_missing_mark(const std::string& path) {
  Result<bool> marked = exists(mark_path(path));
  if (!marked) return marked.error();
  if (*marked) return {};
  Result<bool> blocks = holds_blocks(database_path(path));
  if (!blocks) return blocks.error();
  Result<bool> current = exists(current_path(path));
  if (!current) return current.error();
  if (*blocks || *current) {
    return Error{ErrorCode::damaged,
                 path +
                     " holds an order log but no high-water-mark file, so it cannot be told "
                     "whether acknowledged orders are missing"};
  }
  return MarkFile::create(mark_path(path));
}

}  // namespace

DataDirectory::DataDirectory(const std::string& path, base::UniqueFd lock, MarkFile mark)
    : path_(path), database_(database_path(path)), lock_(std::move(lock)), mark_(std::move(mark)) {}

Result<DataDirectory> DataDirectory::claim(const std::string& path) {
  if (Result<void> made = make_directories(path); !made) return made.error();
  Result<base::UniqueFd> lock = take_lock(path);
  if (!lock) return lock.error();
  if (Result<void> made = make_missing_mark(path); !made) return made.error();
  Result<MarkFile> mark = MarkFile::open(mark_path(path), true);
  if (!mark) return mark.error();
  DataDirectory directory(path, std::move(*lock), std::move(*mark));
  if (Result<void> found = directory.find_database(true); !found) return found.error();
  return directory;
}

Result<DataDirectory> DataDirectory::look(const std::string& path) {
  Result<bool> marked = exists(mark_path(path));
  if (!marked && marked.error().code != ErrorCode::invalid_argument) return marked.error();
  if (!marked || !*marked) {
    return Error{ErrorCode::not_found, "there is no order log in " + path};
  }
  Result<MarkFile> mark = MarkFile::open(mark_path(path), false);
  if (!mark) return mark.error();
  DataDirectory directory(path, base::UniqueFd(), std::move(*mark));
  if (Result<void> found = directory.find_database(false); !found) return found.error();
  return directory;
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
  const LogPosition mark = mark_.position();
  if (mark.block > 0) {
    return Error{ErrorCode::damaged, "the order log in " + database_ +
                                         " is missing, but orders up to " +
                                         std::to_string(mark.sequence) + " (block " +
                                         std::to_string(mark.block) + ") were acknowledged"};
  }
  // Blocks come after CURRENT: with them it has been lost, without them the start was cut short.
  Result<bool> blocks = holds_blocks(database_);
  if (!blocks) return blocks.error();
  if (!*blocks || !writable) return {};
  return Error{ErrorCode::damaged, "the order log in " + database_ + " has lost its CURRENT file"};
}

Result<std::uint64_t> DataDirectory::write_ahead_bytes() const {
  Result<std::vector<std::string>> names = names_in(database_);
  if (!names) return names.error();
  std::uint64_t bytes = 0;
  for (const std::string& name : *names) {
    struct stat info {};
    if (!name.ends_with(".log")) continue;
    const std::string path = database_ + "/" + name;
    if (::stat(path.c_str(), &info) != 0) return system_error(errno, "cannot look at " + path);
    bytes += static_cast<std::uint64_t>(info.st_size);
  }
  return bytes;
}

Result<void> DataDirectory::make_database_directory() const {
  return make_directories(database_);
}

}  // namespace fluxgate::orderlog
