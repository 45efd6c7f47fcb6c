#pragma once

#include <cstddef>
#include <span>

namespace fluxgate {

/// Where the engine gets its secret bytes from; inject one to test or simulate.
///
/// Asked at open only: the key of the in-memory hashes at each open, the key of order ids when a
/// log is new.
///
/// Threads:  one at a time.
/// Lifetime: must outlive the call to Engine::open it is given to.
class Entropy {
 public:
  virtual ~Entropy() = default;

  /// Fills `bytes` with bytes nobody else can guess.
  virtual void fill(std::span<std::byte> bytes) noexcept = 0;
};

/// The kernel's generator (getrandom). Lives as long as the process. Aborts if it fails.
[[nodiscard]] Entropy& system_entropy() noexcept;

}  // namespace fluxgate
