#include "orderlog/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

namespace fluxgate::orderlog {
namespace {

Result<void> write_all(const base::UniqueFd& file, std::string_view bytes, std::size_t offset,
                       const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error(written == 0 ? ENOSPC : errno, "cannot write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::size_t>(written);
  }
  return {};
}

/// The directory a path's last name stands in.
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Error system_error(int number, const std::string& what) {
  ErrorCode code = ErrorCode::unavailable;
  switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
      code = ErrorCode::permission;
      break;
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EISDIR:
    case EEXIST:
    case EINVAL:
      code = ErrorCode::invalid_argument;
      break;
    case ENOENT:
      code = ErrorCode::not_found;
      break;
    default:
      break;
  }
  return Error{code, what + ": " + std::generic_category().message(number)};
}

Result<base::UniqueFd> open_file(const std::string& path, int flags) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return system_error(errno, "cannot open " + path);
  return base::UniqueFd(descriptor);
}

Result<void> sync_directory(const std::string& path) {
  Result<base::UniqueFd> directory = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  if (::fsync(directory->get()) != 0) return system_error(errno, "cannot sync " + path);
  return {};
}

Result<void> make_directories(const std::string& path) {
  if (path.empty()) {
    return Error{ErrorCode::invalid_argument, "the name of the data directory is empty"};
  }
  // Each prefix that ends before a slash, then the whole.
  for (std::size_t end = 0; end < path.size();) {
    end = path.find('/', end + 1);
    if (end == std::string::npos) end = path.size();
    const std::string part = path.substr(0, end);
    if (part.back() == '/') continue;  // of a double or closing slash
    if (::mkdir(part.c_str(), S_IRWXU) == 0) {
      if (Result<void> synced = sync_directory(parent_of(part)); !synced) return synced;
      continue;
    }
    const int number = errno;
    struct stat info {};
    const bool is_directory = ::stat(part.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
    if (!is_directory) return system_error(number, "cannot make the directory " + part);
  }
  return {};
}

Result<void> write_durably(const base::UniqueFd& file, std::string_view bytes, std::size_t offset,
                           const std::string& path) {
  if (Result<void> written = write_all(file, bytes, offset, path); !written) return written;
  // Never repeated: a second fdatasync can succeed though the bytes are lost.
  if (::fdatasync(file.get()) != 0) return system_error(errno, "cannot sync " + path);
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  Result<base::UniqueFd> file = open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return file.error();
  if (Result<void> written = write_durably(*file, bytes, 0, fresh); !written) return written;
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    return system_error(errno, "cannot rename " + fresh);
  }
  return sync_directory(parent_of(path));
}

Result<bool> exists(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT) return false;
  return system_error(errno, "cannot look at " + path);
}

}  // namespace fluxgate::orderlog
