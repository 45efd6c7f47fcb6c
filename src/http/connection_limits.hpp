#pragma once

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "http/address.hpp"
#include "http/limits.hpp"

namespace fluxgate::http {

/// Counts open connections, all together and, if that is limited, per peer address.
///
/// The trusted proxy, which brings everybody's connections, has no limit of its own.
///
/// Threads: any. A connection costs one atomic operation, and a short lock only if addresses count.
/// Memory:  relaxed: the count guards nothing but itself.
class ConnectionLimits {
 public:
  enum class Entry : std::uint8_t { opened, full, address_full };
  struct Bounds {
    std::size_t all = 1;
    std::size_t per_address = 0;  ///< 0: no limit
    std::size_t refusals = refusals_max;
    std::optional<Network> exempt = std::nullopt;
  };

  explicit ConnectionLimits(const Bounds& bounds) : bounds_(bounds) {}

  /// Counts a connection in; the other answers count nothing.
  [[nodiscard]] Entry try_open(const boost::asio::ip::address& peer);
  /// Counts in one that is only told that there is no room; false: Bounds::refusals are at it.
  [[nodiscard]] bool try_refuse() noexcept;
  void end_refusal() noexcept { refusals_.fetch_sub(1, std::memory_order_relaxed); }
  /// Counts one out that was opened.
  void close(const boost::asio::ip::address& peer);

 private:
  [[nodiscard]] bool counts_address(const boost::asio::ip::address& peer) const;

  const Bounds bounds_;
  std::atomic<std::size_t> open_{0};
  std::atomic<std::size_t> refusals_{0};
  std::mutex mutex_;
  // Under the mutex; holds no zero, so bounds_.all entries at most. A tree: no choice of addresses
  // makes it slow.
  std::map<boost::asio::ip::address, std::size_t> by_address_;
};

}  // namespace fluxgate::http
