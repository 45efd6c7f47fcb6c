#pragma once

#include <cstddef>
#include <span>

namespace fluxgate {

/// Where the engine gets its secret bytes from; inject one to test or simulate.
///
/// Asked at open, for the key of the in-memory hashes and, when a log is new, for those of order
/// ids and tickets; later only by the committing thread, for a new key of tickets
/// (SettingsChange::renew_ticket_key).
///
/// Threads:  one at a time for one engine.
/// Lifetime: must outlive the engine.
class Entropy {
 public:
  virtual ~Entropy() = default;

  /// Fills `bytes` with bytes nobody else can guess.
  virtual void fill(std::span<std::byte> bytes) noexcept = 0;
};

/// The kernel's generator (getrandom). Lives as long as the process. Aborts if it fails.
[[nodiscard]] Entropy& system_entropy() noexcept;

}  // namespace fluxgate
