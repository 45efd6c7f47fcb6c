#pragma once

#include <cstdint>
#include <string>

#include "fluxgate/result.hpp"

namespace fluxgate::orderlog {

/// A part of the volume kept in a file of no content, so that it can be given up when others have
/// filled the rest: then what the log has taken on can still be written.
///
/// Threads: one at a time.
class ReserveFile {
 public:
  explicit ReserveFile(std::string path) : path_(std::move(path)) {}

  /// Makes the file hold `bytes` of real blocks, unless it does. Takes what others would need, so
  /// the caller asks whether there is room first.
  ///
  /// Errors: unavailable (no space, most likely), permission; then nothing is held.
  [[nodiscard]] Result<void> hold(std::uint64_t bytes);

  /// Gives its blocks back. A failure is none to the caller: he has then what there was.
  void give_up() noexcept;

  /// Bytes of blocks the file has now; another program may have removed it.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept;

 private:
  std::string path_;
};

}  // namespace fluxgate::orderlog
