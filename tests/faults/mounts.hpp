#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temp_dir.hpp"

namespace fluxgate::testing {

/// Why this process cannot mount file systems of this type ("ext4", "xfs", "tmpfs"); empty if it
/// can, which is tried. The first call gives the process a mount namespace of its own: whatever it
/// leaves behind goes when it and its children end, also when they are killed.
///
/// Threads: call it from the thread that mounts, before it makes others.
[[nodiscard]] std::string why_no_mounts(const std::string& type);

/// What a power cut leaves of what the file system has not yet written, as FS_IOC_SHUTDOWN has it.
enum class Cut : std::uint32_t {
  after_sync = 0,     ///< everything is written first: nothing is lost
  after_journal = 1,  ///< the journal is written: metadata survive, unsynced data need not
  at_once = 2,        ///< nothing is written: a real power cut
};

/// A file system mounted at root(), unmounted at the end of the scope.
///
/// Threads: one at a time. Errors: throws std::runtime_error.
class Volume {
 public:
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;
  ~Volume();

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }
  [[nodiscard]] std::uint64_t bytes_free() const;

  /// Takes space until only `left` bytes are free, without writing them where the file system can.
  void fill_up(std::uint64_t left);
  /// Gives that space back.
  void free_up();

  /// Cuts the power: every later access fails with EIO until remount().
  void cut(Cut kind);
  /// Unmounts and mounts again, which replays the journal. Nothing may have a file of it open.
  void remount();

 protected:
  /// What mount(8) is told: type, device and options.
  struct Source {
    std::string type;
    std::string device;
    std::string options;
  };
  /// Makes the mount point and mounts.
  Volume(std::filesystem::path root, Source source);

 private:
  [[nodiscard]] std::filesystem::path filler() const { return root_ / "filler"; }
  void mount();
  void unmount();

  std::filesystem::path root_;
  Source source_;
  bool is_mounted_ = false;
};

/// What kind of image to make.
struct ImageShape {
  std::string type = "ext4";                     ///< or "xfs"
  std::string mount_options{};                   ///< further ones, as mount -o takes them
  std::uint64_t bytes = std::uint64_t{1} << 30;  ///< sparse: takes what is written
};

/// A file system in a file, on a loop device that the kernel detaches when it is unmounted.
class LoopVolume : public Volume {
 public:
  /// `folder` must exist; gets the image and the mount point.
  LoopVolume(const std::filesystem::path& folder, const ImageShape& shape);
};

/// A file system in memory of a fixed size.
class MemoryVolume : public Volume {
 public:
  /// `folder` must exist; gets the mount point.
  MemoryVolume(const std::filesystem::path& folder, std::uint64_t bytes);
};

}  // namespace fluxgate::testing
