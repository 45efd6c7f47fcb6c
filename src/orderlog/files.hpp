#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "fluxgate/result.hpp"

/// The few file operations the log does beside RocksDB's.

namespace fluxgate::orderlog {

/// The Error of a failed system call: "cannot open /x/y: No space left on device".
///
/// Errors: permission (EACCES, EPERM, EROFS), invalid_argument (a path that cannot be), not_found
///         (ENOENT), unavailable (everything else).
[[nodiscard]] Error system_error(int number, const std::string& what);

/// Opens with O_CLOEXEC; `flags` as open(2), mode 0600.
[[nodiscard]] Result<base::UniqueFd> open_file(const std::string& path, int flags);

/// Makes `path` and its parents, each with mode 0700, and makes each durable. Fine if it is there.
[[nodiscard]] Result<void> make_directories(const std::string& path);

/// Makes names made or changed in the directory durable.
[[nodiscard]] Result<void> sync_directory(const std::string& path);

/// Makes the file at `path` hold `bytes`, all of them or, after a crash, what it held before.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view bytes);

/// Writes all of `bytes` at `offset` and makes them durable (fdatasync).
[[nodiscard]] Result<void> write_durably(const base::UniqueFd& file, std::string_view bytes,
                                         std::size_t offset, const std::string& path);

/// Whether the name is there (of any kind); a path that cannot be looked at is an error.
[[nodiscard]] Result<bool> exists(const std::string& path);

}  // namespace fluxgate::orderlog
