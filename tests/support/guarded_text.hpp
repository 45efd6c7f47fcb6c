#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace fluxgate::testing {

/// A text that ends where readable memory ends: a read of one byte too many ends the process, in
/// every build. Behind it, if asked for, lie bytes that may be read.
///
/// Errors: throws std::system_error without memory.
class GuardedText {
 public:
  explicit GuardedText(std::string_view text, std::size_t padding = 0)
      : size_(text.size()), pages_((text.size() + padding + page_bytes - 1) / page_bytes) {
    void* const memory = ::mmap(nullptr, (pages_ + 1) * page_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    memory_ = static_cast<char*>(memory);
    ::mprotect(memory_ + pages_ * page_bytes, page_bytes, PROT_NONE);
    begin_ = memory_ + pages_ * page_bytes - padding - size_;
    std::memcpy(begin_, text.data(), size_);
    // Something that is special in JSON and in headers.
    std::memset(begin_ + size_, '"', padding);
  }
  GuardedText(const GuardedText&) = delete;
  GuardedText& operator=(const GuardedText&) = delete;
  ~GuardedText() { ::munmap(memory_, (pages_ + 1) * page_bytes); }

  [[nodiscard]] char* data() noexcept { return begin_; }
  [[nodiscard]] std::string_view view() const noexcept { return {begin_, size_}; }

 private:
  static constexpr std::size_t page_bytes = 4096;

  std::size_t size_;
  std::size_t pages_;
  char* memory_ = nullptr;
  char* begin_ = nullptr;
};

}  // namespace fluxgate::testing
