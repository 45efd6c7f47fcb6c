#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/result.hpp"

/// The few file operations the log does beside RocksDB's.

namespace fluxgate::orderlog {

/// An open file; destroying it closes it.
///
/// Threads:  one at a time.
/// Errors:   as system_error(), the message with the file's path.
class OpenFile {
 public:
  virtual ~OpenFile() = default;

  /// Reads at most `size` bytes at `offset`; how many, 0 at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read(char* to, std::size_t size,
                                                 std::size_t offset) = 0;
  /// Writes at `offset`; how many bytes, which may be fewer, but at least 1.
  [[nodiscard]] virtual Result<std::size_t> write(std::string_view bytes, std::size_t offset) = 0;
  /// Makes what was written durable (fdatasync). Never repeat a failed one: the second can succeed
  /// though the bytes are lost.
  [[nodiscard]] virtual Result<void> sync() = 0;
};

/// How to open a file.
enum class Access : unsigned char {
  read,   ///< it must be there
  write,  ///< reads too; it must be there
  fresh,  ///< writes; made with mode 0600, or emptied
};

/// How large a volume is and how much of it may be used, in bytes.
struct VolumeSizes {
  std::uint64_t whole = 0;
  std::uint64_t left = 0;
};

/// Where files are: the machine's file system, or one that a test lets fail.
///
/// Each call is one step of it: what must be done in which order stands in the functions below.
///
/// Threads:  as its maker says; system_files() any.
/// Errors:   as system_error().
class Files {
 public:
  virtual ~Files() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<OpenFile>> open(const std::string& path,
                                                               Access access) = 0;
  /// Opens or makes a file and locks it (flock) as long as it is open. Errors: in_use, ...
  [[nodiscard]] virtual Result<std::unique_ptr<OpenFile>> lock(const std::string& path) = 0;
  /// Makes one directory (0700). False: a directory is there already.
  [[nodiscard]] virtual Result<bool> make_directory(const std::string& path) = 0;
  /// Makes names made, changed or removed in the directory durable (fsync).
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Replaces `to`, atomically.
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Removes a file.
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
  /// Whether the name is there (of any kind); a path that cannot be looked at is an error.
  [[nodiscard]] virtual Result<bool> exists(const std::string& path) = 0;
  /// The names in a directory, in no order.
  [[nodiscard]] virtual Result<std::vector<std::string>> names(const std::string& path) = 0;
  /// Whether this process may use the directory.
  [[nodiscard]] virtual Result<void> check_access(const std::string& path, bool writable) = 0;
  /// Errors: also for a volume that has no size.
  [[nodiscard]] virtual Result<VolumeSizes> volume(const std::string& path) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size(const std::string& path) = 0;
  /// Makes a file (0600) this long, all of it real blocks; what it holds does not matter.
  [[nodiscard]] virtual Result<void> allocate(const std::string& path, std::uint64_t bytes) = 0;
  /// Gives back what a file takes of the volume.
  [[nodiscard]] virtual Result<void> empty(const std::string& path) = 0;
};

/// The machine's. Lives as long as the process.
[[nodiscard]] Files& system_files() noexcept;

/// The Error of a failed system call: "cannot open /x/y: No space left on device".
///
/// Errors: permission (EACCES, EPERM, EROFS), invalid_argument (a path that cannot be), not_found
///         (ENOENT), unavailable (everything else).
[[nodiscard]] Error system_error(int number, const std::string& what);

/// Makes `path` and its parents, each with mode 0700, and makes each durable. Fine if it is there.
[[nodiscard]] Result<void> make_directories(const std::string& path, Files& files = system_files());

/// Makes the file at `path` hold `bytes`, all of them or, after a crash, what it held before.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view bytes,
                                        Files& files = system_files());

/// Writes all of `bytes` at `offset` and makes them durable.
[[nodiscard]] Result<void> write_durably(OpenFile& file, std::string_view bytes,
                                         std::size_t offset);

}  // namespace fluxgate::orderlog
