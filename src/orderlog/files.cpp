#include "orderlog/files.hpp"

#include <cerrno>
#include <system_error>

namespace fluxgate::orderlog {
namespace {

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

Result<void> make_directories(const std::string& path, Files& files) {
  if (path.empty()) {
    return Error{ErrorCode::invalid_argument, "the name of the data directory is empty"};
  }
  // Each prefix that ends before a slash, then the whole.
  for (std::size_t end = 0; end < path.size();) {
    end = path.find('/', end + 1);
    if (end == std::string::npos) end = path.size();
    const std::string part = path.substr(0, end);
    if (part.back() == '/') continue;  // of a double or closing slash
    Result<bool> made = files.make_directory(part);
    if (!made) return made.error();
    if (!*made) continue;
    if (Result<void> synced = files.sync_directory(parent_of(part)); !synced) return synced;
  }
  return {};
}

Result<void> write_durably(OpenFile& file, std::string_view bytes, std::size_t offset) {
  while (!bytes.empty()) {
    Result<std::size_t> written = file.write(bytes, offset);
    if (!written) return written.error();
    bytes.remove_prefix(*written);
    offset += *written;
  }
  return file.sync();
}

Result<void> replace_file(const std::string& path, std::string_view bytes, Files& files) {
  const std::string fresh = path + ".new";
  {
    Result<std::unique_ptr<OpenFile>> file = files.open(fresh, Access::fresh);
    if (!file) return file.error();
    if (Result<void> written = write_durably(**file, bytes, 0); !written) return written;
  }
  if (Result<void> renamed = files.rename(fresh, path); !renamed) return renamed;
  return files.sync_directory(parent_of(path));
}

}  // namespace fluxgate::orderlog
