#include "orderlog/reserve_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "orderlog/files.hpp"

namespace fluxgate::orderlog {
namespace {

// What st_blocks counts, whatever the file system's blocks are: stat(2).
constexpr std::uint64_t stat_block_bytes = 512;

}  // namespace

Result<void> ReserveFile::hold(std::uint64_t bytes) {
  if (held_bytes() >= bytes) return {};
  Result<base::UniqueFd> file = open_file(path_, O_WRONLY | O_CREAT);
  if (!file) return file.error();
  int number = 0;
  do {
    // Writes zeros where the file system cannot allocate.
    number = ::posix_fallocate(file->get(), 0, static_cast<off_t>(bytes));
  } while (number == EINTR);
  if (number == 0) return {};
  give_up();
  return system_error(number, "cannot reserve " + std::to_string(bytes) + " bytes in " + path_);
}

void ReserveFile::give_up() noexcept {
  // Not removed: on a file system that is full that can need space, too. Cutting is the last resort
  // of those that have to copy what they change.
  if (::truncate(path_.c_str(), 0) != 0) ::unlink(path_.c_str());
}

std::uint64_t ReserveFile::held_bytes() const noexcept {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_blocks) * stat_block_bytes;
}

}  // namespace fluxgate::orderlog
