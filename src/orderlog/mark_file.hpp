#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/files.hpp"

namespace fluxgate::orderlog {

/// Offsets of the two slots: on different pages, so that no torn write harms both.
inline constexpr std::size_t mark_slot_at[2] = {0, 4'096};
inline constexpr std::size_t mark_slot_bytes = 512;
inline constexpr std::size_t mark_file_bytes = 8'192;
inline constexpr std::uint32_t mark_version = 1;

/// The high-water mark on disk: a position the log had durably reached (docs/LOG_FORMAT.md).
///
/// RocksDB cannot tell a damaged end of its write-ahead log from a write that a crash cut short,
/// and silently drops what follows. The mark can: a log that ends before it has lost orders.
///
/// Two slots are written in turn, each whole and synced; a torn one leaves the other.
///
/// Threads:  one at a time.
class MarkFile {
 public:
  /// Makes a file whose mark is zero; atomic and durable. Errors: permission, unavailable, ...
  [[nodiscard]] static Result<void> create(const std::string& path, Files& files = system_files());

  /// Errors: not_found, permission, unavailable, newer_format, damaged (neither slot is valid).
  [[nodiscard]] static Result<MarkFile> open(const std::string& path, bool writable,
                                             Files& files = system_files());

  [[nodiscard]] LogPosition position() const noexcept { return position_; }

  /// Writes the older slot and syncs it. Errors: unavailable.
  [[nodiscard]] Result<void> set(const LogPosition& position);

 private:
  MarkFile(std::string path, std::unique_ptr<OpenFile> file)
      : path_(std::move(path)), file_(std::move(file)) {}
  [[nodiscard]] Result<void> read();

  std::string path_;
  std::unique_ptr<OpenFile> file_;
  std::uint64_t counter_ = 0;  // of the newest slot; it lies in slot counter_ % 2
  LogPosition position_;
};

}  // namespace fluxgate::orderlog
