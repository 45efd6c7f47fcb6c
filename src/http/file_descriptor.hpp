#pragma once

#include <unistd.h>

#include <utility>

namespace fluxgate::http {

/// A socket that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  FileDescriptor(int number, bool is_v6) noexcept : number_(number), is_v6_(is_v6) {}
  FileDescriptor(FileDescriptor&& other) noexcept
      : number_(other.release()), is_v6_(other.is_v6_) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    std::swap(is_v6_, other.is_v6_);
    return *this;
  }
  ~FileDescriptor() {
    if (number_ >= 0) ::close(number_);
  }

  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] bool is_v6() const noexcept { return is_v6_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_ = -1;
  bool is_v6_ = false;
};

}  // namespace fluxgate::http
