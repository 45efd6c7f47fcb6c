#include <sys/random.h>

#include <cerrno>

#include "base/check.hpp"
#include "fluxgate/entropy.hpp"

namespace fluxgate {

namespace {

class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> bytes) noexcept override {
    while (!bytes.empty()) {
      // May give less than asked for, or be interrupted by a signal, beyond 256 bytes.
      const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
      FLUXGATE_CHECK(got > 0 || (got < 0 && errno == EINTR));
      if (got > 0) bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
  }
};

}  // namespace

Entropy& system_entropy() noexcept {
  static SystemEntropy entropy;
  return entropy;
}

}  // namespace fluxgate
