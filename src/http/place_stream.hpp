#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "fluxgate/types.hpp"

namespace fluxgate::http {

/// Counts open event streams, all shards together.
///
/// Threads: any. Memory: relaxed; the count publishes nothing.
class StreamCount {
 public:
  /// Counts one in. False: `max` are open.
  [[nodiscard]] bool try_open(std::size_t max) noexcept {
    std::size_t open = open_.load(std::memory_order_relaxed);
    do {
      if (open >= max) return false;
    } while (!open_.compare_exchange_weak(open, open + 1, std::memory_order_relaxed));
    return true;
  }
  void close() noexcept { open_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t open() const noexcept { return open_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> open_{0};
};

/// An event stream of one place in line: what was said last, and when.
///
/// Threads: the session's shard.
struct PlaceStream {
  std::string ticket;
  Place last;                  ///< as the last event said
  std::uint64_t spoke_at = 0;  ///< tick of it
  bool is_over = false;        ///< the last state was sent
};

/// Ticks between two events of a place that does not change. As often as this it is found out that
/// a client does not answer any more.
inline constexpr std::uint64_t stream_ticks_max = 5;
/// Milliseconds without an answer of its machine after which a stream's client is gone.
inline constexpr unsigned stream_gone_ms = 10'000;

}  // namespace fluxgate::http
