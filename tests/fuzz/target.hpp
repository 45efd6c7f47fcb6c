#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// A fuzz target: looks at one input and returns 0. What must not be ends the process
/// (FLUXGATE_CHECK or a sanitizer). libFuzzer chose the name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fluxgate::fuzz {

/// An input, taken apart from its front.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) noexcept
      : rest_(reinterpret_cast<const char*>(data), size) {}

  /// 0 when nothing is left.
  std::uint8_t byte() noexcept {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  /// Big endian, of `bytes` bytes.
  std::uint64_t number(unsigned bytes) noexcept {
    std::uint64_t value = 0;
    while (bytes-- > 0) value = value << 8 | byte();
    return value;
  }
  /// At most `size` bytes.
  std::string_view text(std::size_t size) noexcept {
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(found.size());
    return found;
  }
  /// Up to the next `separator`, which is taken, too.
  std::string_view part(char separator) noexcept {
    const std::string_view found = rest_.substr(0, rest_.find(separator));
    rest_.remove_prefix(found.size() == rest_.size() ? found.size() : found.size() + 1);
    return found;
  }
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// A copy in a piece of the heap that is exactly as large, so that AddressSanitizer sees a read of
/// one byte too many.
class Exact {
 public:
  explicit Exact(std::string_view bytes, std::size_t padding = 0)
      : size_(bytes.size()), bytes_(std::make_unique<char[]>(bytes.size() + padding)) {
    bytes.copy(bytes_.get(), bytes.size());
  }
  [[nodiscard]] char* data() noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

}  // namespace fluxgate::fuzz
