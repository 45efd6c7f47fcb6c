#pragma once

#include <atomic>
#include <cstddef>
#include <optional>

#include "base/cache_line.hpp"
#include "fluxgate/log_storage.hpp"
#include "fluxgate/stats.hpp"

namespace fluxgate::engine {

/// Lets operations in to the committer, counts them until they are settled, and can be shut.
///
///     running ⇄ full, either → draining, any → failed
///
///
/// Threads:  any.
/// Memory:   sequentially consistent: try_enter() writes the count and then reads the state, shut()
///           writes the state and its caller then reads the count; so either the entrant sees the
///           gate shut or the closer sees the entrant (Dekker's pattern, which weaker orders
///           break).
class Gate {
 public:
  enum class Entry { entered, crowded, shut };

  explicit Gate(std::size_t pending_max) : pending_max_(pending_max) {}

  [[nodiscard]] EngineState state() const noexcept { return state_.load(); }
  [[nodiscard]] std::size_t pending() const noexcept { return pending_.load(); }

  /// Counts one operation in. crowded: pending_max are in already; shut: state() says why.
  [[nodiscard]] Entry try_enter() noexcept {
    const std::size_t before = pending_.fetch_add(1);
    if (state_.load() != EngineState::running) {
      leave(1);
      return Entry::shut;
    }
    if (before >= pending_max_) {
      leave(1);
      return Entry::crowded;
    }
    return Entry::entered;
  }

  /// Counts out operations that have their answer.
  void leave(std::size_t operations) noexcept { pending_.fetch_sub(operations); }

  /// For good: draining, or failed, which beats it.
  void shut(EngineState state) noexcept {
    EngineState present = state_.load();
    while (present != EngineState::failed && present != state &&
           !state_.compare_exchange_weak(present, state)) {
    }
  }

  /// Between running and full, both ways; nothing if it was shut.
  void set_space(LogSpace space) noexcept {
    const bool is_low = space != LogSpace::plenty;
    const bool is_full = space == LogSpace::out;
    // Only changes are written: every order reads this line.
    if (is_space_low() != is_low) is_low_.store(is_low, std::memory_order_relaxed);
    if (is_full == (state() == EngineState::full)) return;
    EngineState present = is_full ? EngineState::running : EngineState::full;
    state_.compare_exchange_strong(present, is_full ? EngineState::full : EngineState::running);
  }

  /// Whether what is left is for orders. Relaxed: a place more or less does not matter.
  [[nodiscard]] bool is_space_low() const noexcept {
    return is_low_.load(std::memory_order_relaxed);
  }

 private:
  const std::size_t pending_max_;
  // Read by every order, written about once in a life: kept off the line that entrants write.
  alignas(base::cache_line_bytes) std::atomic<EngineState> state_{EngineState::running};
  std::atomic<bool> is_low_{false};
  alignas(base::cache_line_bytes) std::atomic<std::size_t> pending_{0};
};

/// What an operation is told when the gate is shut; `Status` is its enumeration.
template <typename Status>
[[nodiscard]] constexpr Status refusal_when_shut(EngineState state) noexcept {
  switch (state) {
    case EngineState::failed:
      return Status::storage_unavailable;
    case EngineState::full:
    case EngineState::running:  // it was full a moment ago
      return Status::storage_full;
    default:
      return Status::draining;
  }
}

/// Counts one operation in, or says what it is told instead; `Status` is its enumeration.
template <typename Status>
[[nodiscard]] std::optional<Status> refusal_at(Gate& gate) noexcept {
  switch (gate.try_enter()) {
    case Gate::Entry::entered:
      break;
    case Gate::Entry::crowded:
      return Status::overloaded;
    case Gate::Entry::shut:
      return refusal_when_shut<Status>(gate.state());
  }
  return std::nullopt;
}

}  // namespace fluxgate::engine
