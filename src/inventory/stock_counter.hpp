#pragma once

#include <atomic>

#include "base/cache_line.hpp"
#include "base/check.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::inventory {

/// The units of a round that can still be taken. docs/STOCK_COUNTER.md has the theory.
///
/// Guarantees: never below zero and never above the quantity, not even for a moment; sold out is
///             answered without writing, so that the line stays shared in every core's cache.
///
/// Threads:  any thread, any number at once; lock-free.
/// Memory:   taking and giving back are acq_rel, reading acquires. So who reads that too few are
///           left sees all that each taker did before it took: above all, its claimed key.
class StockCounter {
 public:
  explicit StockCounter(Units quantity) noexcept : left_(quantity), quantity_(quantity) {}
  StockCounter(const StockCounter&) = delete;
  StockCounter& operator=(const StockCounter&) = delete;

  [[nodiscard]] Units left() const noexcept { return left_.load(std::memory_order_acquire); }

  [[nodiscard]] bool has(Units units) const noexcept { return left() >= units; }

  /// Takes `units`, or refuses and writes nothing.
  [[nodiscard]] bool try_take(Units units) noexcept {
    Units left = left_.load(std::memory_order_acquire);
    do {
      if (left < units) return false;
      // acquire on failure: the next round may refuse, and a refusal promises what left() does.
    } while (!left_.compare_exchange_weak(left, left - units, std::memory_order_acq_rel,
                                          std::memory_order_acquire));
    return true;
  }

  /// Gives back units that were taken. Checks (aborts): more than the quantity would be left.
  void give_back(Units units) noexcept {
    const Units left = left_.fetch_add(units, std::memory_order_acq_rel);
    FLUXGATE_CHECK(units <= quantity_ && left <= quantity_ - units);
  }

 private:
  static_assert(std::atomic<Units>::is_always_lock_free);

  // Written by every taker. quantity_ shares the line: it is read only where left_ was written.
  alignas(base::cache_line_bytes) std::atomic<Units> left_;
  const Units quantity_;
};

static_assert(sizeof(StockCounter) == base::cache_line_bytes);

}  // namespace fluxgate::inventory
