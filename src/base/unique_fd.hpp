#pragma once

#include <unistd.h>

#include <utility>

namespace fluxgate::base {

/// Owns a file descriptor and closes it.
///
/// Errors: what close(2) says is lost; who must know calls fdatasync() or shutdown() before.
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// -1: it owns none.
  [[nodiscard]] int get() const noexcept { return fd_; }
  /// Gives it away.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace fluxgate::base
