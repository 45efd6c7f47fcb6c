#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/files.hpp"
#include "orderlog/mark_file.hpp"

namespace fluxgate::orderlog {

/// A data directory on disk, apart from what is inside its database:
///
///     lock             held (flock) by the server that may write; stays when it ends
///     reserve          see volume.hpp
///     high-water-mark  made before the database, so that a database without one is damage
///     orders/          the database
///
/// A first start that is cut short at any step leaves a directory that starts.
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
                                                  Files& files = system_files());

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Files& files() const noexcept { return *files_; }
  [[nodiscard]] MarkFile& mark() noexcept { return mark_; }
  [[nodiscard]] const std::string& database() const noexcept { return database_; }
  /// Whether the database was there when this was made.
  [[nodiscard]] bool has_database() const noexcept { return has_database_; }

  /// Size of the database's write-ahead logs, which opening it moves to a table. Errors:
  /// unavailable.
  [[nodiscard]] Result<std::uint64_t> write_ahead_bytes() const;

  /// Makes the directory of a new database, durably. Errors: permission, unavailable.
  [[nodiscard]] Result<void> make_database_directory() const;

 private:
  DataDirectory(const std::string& path, std::unique_ptr<OpenFile> lock, MarkFile mark,
                Files& files);
  [[nodiscard]] Result<void> find_database(bool writable);

  Files* files_;
  std::string path_;
  std::string database_;
  std::unique_ptr<OpenFile> lock_;  // none: only looked at
  MarkFile mark_;
  bool has_database_ = false;
};

}  // namespace fluxgate::orderlog
