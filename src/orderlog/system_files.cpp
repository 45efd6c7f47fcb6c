#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "base/unique_fd.hpp"
#include "orderlog/files.hpp"

namespace fluxgate::orderlog {
namespace {

/// Opens with O_CLOEXEC; `flags` as open(2), mode 0600.
Result<base::UniqueFd> open_descriptor(const std::string& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return system_error(errno, "cannot open " + path);
  return base::UniqueFd(descriptor);
}

class SystemFile final : public OpenFile {
 public:
  SystemFile(base::UniqueFd file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  Result<std::size_t> read(char* to, std::size_t size, std::size_t offset) override {
    ssize_t got = -1;
    do {
      got = ::pread(file_.get(), to, size, static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return system_error(errno, "cannot read " + path_);
    return static_cast<std::size_t>(got);
  }

  Result<std::size_t> write(std::string_view bytes, std::size_t offset) override {
    ssize_t written = -1;
    do {
      written = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    } while (written < 0 && errno == EINTR);
    if (written <= 0) return system_error(written == 0 ? ENOSPC : errno, "cannot write " + path_);
    return static_cast<std::size_t>(written);
  }

  Result<void> sync() override {
    if (::fdatasync(file_.get()) != 0) return system_error(errno, "cannot sync " + path_);
    return {};
  }

 private:
  base::UniqueFd file_;
  std::string path_;
};

class SystemFiles final : public Files {
 public:
  Result<std::unique_ptr<OpenFile>> open(const std::string& path, Access access) override {
    const int flags = access == Access::read    ? O_RDONLY
                      : access == Access::write ? O_RDWR
                                                : O_WRONLY | O_CREAT | O_TRUNC;
    Result<base::UniqueFd> file = open_descriptor(path, flags);
    if (!file) return file.error();
    return std::unique_ptr<OpenFile>(std::make_unique<SystemFile>(std::move(*file), path));
  }

  Result<std::unique_ptr<OpenFile>> lock(const std::string& path) override {
    Result<base::UniqueFd> file = open_descriptor(path, O_RDWR | O_CREAT);
    if (!file) return file.error();
    if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return Error{ErrorCode::in_use, path + " is locked"};
      return system_error(errno, "cannot lock " + path);
    }
    return std::unique_ptr<OpenFile>(std::make_unique<SystemFile>(std::move(*file), path));
  }

  Result<bool> make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), S_IRWXU) == 0) return true;
    const int number = errno;
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return false;
    return system_error(number, "cannot make the directory " + path);
  }

  Result<void> sync_directory(const std::string& path) override {
    Result<base::UniqueFd> directory = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!directory) return directory.error();
    if (::fsync(directory->get()) != 0) return system_error(errno, "cannot sync " + path);
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return system_error(errno, "cannot rename " + from);
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0) return {};
    return system_error(errno, "cannot remove " + path);
  }

  Result<bool> exists(const std::string& path) override {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT) return false;
    return system_error(errno, "cannot look at " + path);
  }

  Result<std::vector<std::string>> names(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (directory == nullptr) return system_error(errno, "cannot read the directory " + path);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(directory.get())) names.emplace_back(entry->d_name);
    return names;
  }

  Result<void> check_access(const std::string& path, bool writable) override {
    if (::access(path.c_str(), R_OK | X_OK | (writable ? W_OK : 0)) == 0) return {};
    return system_error(errno, "cannot use " + path);
  }

  Result<VolumeSizes> volume(const std::string& path) override {
    struct statvfs sizes {};
    if (::statvfs(path.c_str(), &sizes) != 0) {
      return system_error(errno, "cannot look at the volume of " + path);
    }
    // ramfs, a tmpfs without a bound, some of FUSE: they have no size to tell.
    if (sizes.f_blocks == 0) return system_error(ENOSYS, "the volume of " + path + " has no size");
    const std::uint64_t unit = sizes.f_frsize;
    return VolumeSizes{.whole = sizes.f_blocks * unit, .left = sizes.f_bavail * unit};
  }

  Result<std::uint64_t> size(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return system_error(errno, "cannot look at " + path);
    return static_cast<std::uint64_t>(info.st_size);
  }

  Result<void> allocate(const std::string& path, std::uint64_t bytes) override {
    Result<base::UniqueFd> file = open_descriptor(path, O_RDWR | O_CREAT);
    if (!file) return file.error();
    int number = 0;
    do {
      // Reads and writes where the file system cannot allocate.
      number = ::posix_fallocate(file->get(), 0, static_cast<off_t>(bytes));
    } while (number == EINTR);
    if (number == 0) return {};
    return system_error(number, "cannot allocate " + std::to_string(bytes) + " bytes in " + path);
  }

  Result<void> empty(const std::string& path) override {
    // Removed only if it cannot be cut: a full volume that copies what it changes may need space
    // for that.
    if (::truncate(path.c_str(), 0) == 0 || ::unlink(path.c_str()) == 0) return {};
    return system_error(errno, "cannot empty " + path);
  }
};

}  // namespace

Files& system_files() noexcept {
  static SystemFiles files;
  return files;
}

}  // namespace fluxgate::orderlog
