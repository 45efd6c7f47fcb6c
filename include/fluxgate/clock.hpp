#pragma once

#include <chrono>

namespace fluxgate {

/// Where the engine gets its time from; inject one to test or simulate.
///
/// The engine asks a few times per committed batch and, only while a rate limit is set, once per
/// order that brings no time of its own.
///
/// Threads:  any thread, any number at once.
/// Lifetime: must outlive the engine it is given to.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Time since an arbitrary fixed point; never goes back. Limits and deadlines use it.
  [[nodiscard]] virtual std::chrono::nanoseconds monotonic() const noexcept = 0;

  /// Time since 1970-01-01T00:00:00Z; may jump. `acceptedAt` uses it.
  [[nodiscard]] virtual std::chrono::milliseconds utc() const noexcept = 0;
};

/// The machine's clocks (CLOCK_MONOTONIC and CLOCK_REALTIME). Lives as long as the process.
[[nodiscard]] const Clock& system_clock() noexcept;

}  // namespace fluxgate
