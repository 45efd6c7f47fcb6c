#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "fluxgate/types.hpp"
#include "http/router.hpp"

namespace fluxgate::http {

/// A count with one writer.
///
/// Threads: add() and set() by the owning shard, read() by any.
/// Memory:  relaxed: a reader wants the number and nothing that was written before it; with one
///          writer a load and a store lose nothing, and cost no locked instruction.
class Counter {
 public:
  void add(std::uint64_t count = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t read() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

inline constexpr std::size_t order_status_count = 14;
inline constexpr std::size_t status_class_count = 4;  ///< 2xx to 5xx

/// What a shard counts. Written by its thread alone, so no line of it is shared by writers.
struct ShardCounters {
  std::array<std::array<Counter, status_class_count>, route_count> requests;
  std::array<Counter, order_status_count> orders;
  Counter limited_clients;  ///< refused by the limit of their address
  Counter limited_users;    ///< refused by the limit of their user
  Counter replays;          ///< accepted orders answered again, counted in `orders` too
  Counter connections_opened;
  Counter connections_refused;  ///< over a limit
  Counter connections_open;     ///< now
  Counter timeouts;             ///< requests answered 408
  Counter accept_failures;      ///< no descriptor or memory for a connection

  void count_request(Route route, unsigned status) noexcept {
    const std::size_t status_class = status / 100 - 2;
    if (status_class < status_class_count) {
      requests[static_cast<std::size_t>(route)][status_class].add();
    }
  }
  void count_order(const OrderResult& result) noexcept {
    orders[static_cast<std::size_t>(result.status)].add();
    if (result.replayed && result.status == OrderStatus::accepted) replays.add();
  }
};

}  // namespace fluxgate::http
