#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/files.hpp"
#include "orderlog/mark_file.hpp"

namespace fluxgate::orderlog {

/// How a directory is looked at.
struct LookOptions {
  bool ignores_mark = false;      ///< it may be unreadable, or gone; the position is then zero
  bool takes_unfinished = false;  ///< also a copy that is not finished
};

/// A data directory on disk, apart from what is inside its database:
///
///     lock             held (flock) by the server that may write; stays when it ends
///     reserve          see volume.hpp
///     high-water-mark  made before the database, so that a database without one is damage
///     orders/          the database
///     unfinished-copy  only while a copy of a log is being made here
///
/// A first start that is cut short at any step leaves a directory that starts. A copy that is cut
/// short leaves one that is refused: its `unfinished-copy` is made first and goes last.
///
/// Lifetime: the lock is held as long as this lives.
class DataDirectory {
 public:
  /// Makes what is missing (not the database), takes the lock and reads the mark.
  ///
  /// Errors: as RocksdbStorage::open.
  [[nodiscard]] static Result<DataDirectory> claim(const std::string& path,
                                                   Files& files = system_files());

  /// Looks at a directory a server may hold; changes nothing.
  ///
  /// Errors: as RocksdbStorage::open_beside.
  [[nodiscard]] static Result<DataDirectory> look(const std::string& path,
                                                  const LookOptions& options = {},
                                                  Files& files = system_files());

  /// Makes a directory for the copy of a log and takes its lock. It has no mark until set_mark().
  ///
  /// Errors: as RocksdbStorage::open_copy.
  [[nodiscard]] static Result<DataDirectory> begin_copy(const std::string& path,
                                                        Files& files = system_files());
  /// The copy is whole: from now on it is a log like any other. Errors: permission, unavailable.
  [[nodiscard]] static Result<void> finish_copy(const std::string& path,
                                                Files& files = system_files());

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Files& files() const noexcept { return *files_; }
  [[nodiscard]] LogPosition mark() const noexcept {
    return mark_ ? mark_->position() : LogPosition{};
  }
  /// Errors: unavailable.
  [[nodiscard]] Result<void> set_mark(const LogPosition& position);

  [[nodiscard]] const std::string& database() const noexcept { return database_; }
  /// Whether the database was there when this was made.
  [[nodiscard]] bool has_database() const noexcept { return has_database_; }

  /// Size of the database's write-ahead logs, which opening it moves to a table. Errors:
  /// unavailable.
  [[nodiscard]] Result<std::uint64_t> write_ahead_bytes() const;

  /// Makes the directory of a new database, durably. Errors: permission, unavailable.
  [[nodiscard]] Result<void> make_database_directory() const;

 private:
  DataDirectory(const std::string& path, std::unique_ptr<OpenFile> lock,
                std::optional<MarkFile> mark, Files& files);
  [[nodiscard]] Result<void> find_database(bool writable);

  Files* files_;
  std::string path_;
  std::string database_;
  std::unique_ptr<OpenFile> lock_;  // none: only looked at
  std::optional<MarkFile> mark_;    // none: a copy is made here, or nobody asked for it
  bool has_database_ = false;
};

}  // namespace fluxgate::orderlog
