#include "faults/mounts.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "support/child_process.hpp"

namespace fluxgate::testing {
namespace {

/// include/uapi/linux/fs.h of Linux 6.9; before it each file system had its own name for it.
constexpr unsigned long fs_ioc_shutdown = _IOR('X', 125, std::uint32_t);

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

void run(const std::vector<std::string>& command) {
  const ProcessResult result = run_process({.command = command});
  if (result.exit_code == 0) return;
  std::string text;
  for (const std::string& word : command) text += word + " ";
  throw std::runtime_error(text + "failed: " + result.err);
}

/// None of what is mounted from here on is seen outside, and it goes with the last process in it.
/// In a chroot, where / is no mount of its own, it is seen, and goes when its Volume does.
void enter_own_namespace() {
  static const bool entered = [] {
    if (::unshare(CLONE_NEWNS) != 0) fail("unshare");
    const int made_private = ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (made_private != 0 && errno != EINVAL) fail("mount");
    return true;
  }();
  static_cast<void>(entered);
}

std::string make_image(const std::filesystem::path& image, const ImageShape& shape) {
  const int file = ::open(image.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) fail("open");
  const int sized = ::ftruncate(file, static_cast<off_t>(shape.bytes));
  ::close(file);
  if (sized != 0) fail("ftruncate");
  run({"mkfs." + shape.type, "-q", image.string()});
  return image.string();
}

}  // namespace

std::string why_no_mounts(const std::string& type) {
  try {
    enter_own_namespace();
    const TempDir folder;
    if (type == "tmpfs") {
      const MemoryVolume volume(folder.path(), 1 << 20);
    } else {
      LoopVolume volume(folder.path(), {.type = type});
      volume.cut(Cut::at_once);
      volume.remount();
    }
    return {};
  } catch (const std::runtime_error& error) {
    return type + " cannot be mounted and cut off: " + error.what();
  }
}

Volume::Volume(std::filesystem::path root, Source source)
    : root_(std::move(root)), source_(std::move(source)) {
  std::filesystem::create_directory(root_);
  mount();
}

Volume::~Volume() {
  // Lazily: a file that is still open must not keep the tree in its place.
  if (is_mounted_) ::umount2(root_.c_str(), MNT_DETACH);
}

std::uint64_t Volume::bytes_free() const {
  struct statvfs volume {};
  if (::statvfs(root_.c_str(), &volume) != 0) fail("statvfs");
  return std::uint64_t{volume.f_bavail} * volume.f_frsize;
}

void Volume::fill_up(std::uint64_t left) {
  const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) fail("open");
  // In steps that halve: what is free changes while the server works, and metadata take some.
  std::uint64_t step = std::uint64_t{64} << 20;
  std::uint64_t size = std::filesystem::file_size(filler());
  while (step >= 4096) {
    const std::uint64_t free = bytes_free();
    const std::uint64_t wanted = std::min(step, free > left ? free - left : 0);
    const bool fits = wanted > 0 && ::fallocate(file, 0, static_cast<off_t>(size),
                                                static_cast<off_t>(wanted)) == 0;
    if (fits) {
      size += wanted;
    } else {
      step /= 2;
    }
  }
  ::close(file);
}

void Volume::free_up() {
  std::filesystem::remove(filler());
}

void Volume::cut(Cut kind) {
  const int folder = ::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) fail("open");
  auto flag = static_cast<std::uint32_t>(kind);
  const int result = ::ioctl(folder, fs_ioc_shutdown, &flag);
  ::close(folder);
  if (result != 0) fail("FS_IOC_SHUTDOWN");
}

void Volume::remount() {
  unmount();
  mount();
}

void Volume::mount() {
  run({"mount", "-t", source_.type, "-o", source_.options, source_.device, root_.string()});
  is_mounted_ = true;
}

void Volume::unmount() {
  run({"umount", root_.string()});
  is_mounted_ = false;
}

LoopVolume::LoopVolume(const std::filesystem::path& folder, const ImageShape& shape)
    : Volume(folder / "mounted",
             {shape.type, make_image(folder / "image", shape),
              "loop" + (shape.mount_options.empty() ? "" : "," + shape.mount_options)}) {}

MemoryVolume::MemoryVolume(const std::filesystem::path& folder, std::uint64_t bytes)
    : Volume(folder / "mounted", {"tmpfs", "none", "size=" + std::to_string(bytes)}) {}

}  // namespace fluxgate::testing
