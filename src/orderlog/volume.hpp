#pragma once

#include <cstdint>
#include <string>

#include "fluxgate/log_storage.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/files.hpp"

namespace fluxgate::orderlog {

/// How a volume is shared out; all in bytes. A small one gives parts of itself.
struct VolumeShares {
  std::uint64_t reserve = 0;       ///< held in the reserve file
  std::uint64_t out = 0;           ///< with less left no orders are taken
  std::uint64_t low = 0;           ///< with less left nobody joins the line
  std::uint64_t write_buffer = 0;  ///< of blocks before they go to a table
};

/// What a volume of `whole` bytes is shared out to.
[[nodiscard]] VolumeShares shares_of(std::uint64_t whole) noexcept;

/// The volume a data directory is on: how much is left, and the reserve that is given up when that
/// is too little.
///
/// The reserve is a file of no content, `reserve`, whose blocks are the volume's and can be given
/// back at once.
///
/// Threads: one at a time.
class Volume {
 public:
  /// `directory` must be there. Takes nothing yet. `files` must outlive it.
  explicit Volume(const std::string& directory, LogSink log = nullptr,
                  Files& files = system_files());

  /// Gives the reserve up if less than `bytes` are left and that helps.
  ///
  /// Errors: unavailable (still less); the message says how much is left.
  [[nodiscard]] Result<void> make_room(std::uint64_t bytes);

  /// What is left, for a log that is being written. Holds the reserve while there is room for it
  /// (without one if its file cannot be written); gives it up when space runs out, and says `out`
  /// until there is room for it again. Logs each change.
  /// Costs a statvfs(2) and a stat(2): 2 us.
  [[nodiscard]] LogSpace space();

  [[nodiscard]] const VolumeShares& shares() const noexcept { return shares_; }

 private:
  [[nodiscard]] LogSpace look(std::uint64_t left);
  [[nodiscard]] bool hold_reserve(std::uint64_t missing);
  void give_up_reserve();
  void tell(LogSpace space, std::uint64_t left) const;

  Files& files_;
  std::string directory_;
  std::string reserve_;  // path of the file
  LogSink log_;
  VolumeShares shares_;
  LogSpace told_ = LogSpace::plenty;
  bool goes_without_ = false;  // the reserve could not be held, for another reason than space
};

}  // namespace fluxgate::orderlog
