#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace fluxgate::http {

/// When a shard that submitted orders with Wake::later calls Engine::wake().
///
/// Each commit costs as much CPU time as some ten orders over HTTP, so a batch is worth waiting for
/// while there are other requests to serve, and not longer. Nor is it worth more than a few hundred
/// events: what the answers need is out of the caches by then. Of 64 to 512 events, 192 and 256
/// cost least on 1,000 to 4,000 connections.
///
/// Threads: one.
class OwedWake {
 public:
  /// An order was submitted.
  void owe() noexcept { is_owed_ = true; }
  [[nodiscard]] bool is_owed() const noexcept { return is_owed_; }

  /// A round is over in which so many events were served. True: pay now; nothing is owed then.
  [[nodiscard]] bool is_due(std::size_t events,
                            std::chrono::steady_clock::time_point now) noexcept {
    if (!is_owed_) return false;
    if (!since_) since_ = now;
    events_ += events;
    if (events != 0 && events_ < events_max && now - *since_ < wait_max) return false;
    *this = {};
    return true;
  }

  /// Served since the first order came, those of its own round among them.
  static constexpr std::size_t events_max = 192;
  /// Since the end of that round: requests may be slow, or many to an event.
  static constexpr std::chrono::milliseconds wait_max{2};

 private:
  bool is_owed_ = false;
  std::size_t events_ = 0;
  std::optional<std::chrono::steady_clock::time_point> since_;
};

}  // namespace fluxgate::http
