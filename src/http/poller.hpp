#pragma once

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "base/unique_fd.hpp"

namespace fluxgate::http {

/// Whose descriptor is ready.
class Watched {
 public:
  /// `events`: bits of epoll_event. One report is one edge: it is not repeated until something new
  /// happens, so what it says must be remembered until it has been used up.
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Watched() = default;
};

/// The descriptors of one shard, watched by an edge-triggered epoll set.
///
/// Why not Asio's: its reactor takes a stream for exhausted only when a read says so, which costs
/// one read in vain per request (Boost 1.81, detail/reactive_socket_recv_op.hpp): 5 % of the CPU
/// time of a sold-out answer. Here a read that did not fill its buffer has emptied the socket, as
/// epoll(7) says, and nothing is asked of the kernel twice.
///
/// Threads:  wake() any; the rest one.
/// Lifetime: descriptors leave the set when they are closed. Events of a closed one may still be in
///           the batch under way: what is watched must stay alive until the next wait().
class Poller {
 public:
  /// Throws std::system_error if there are no descriptors to be had.
  Poller();

  /// Reports edges of `fd`, beginning with what is ready now. False: errno says why not.
  [[nodiscard]] bool watch(int fd, Watched& watched) noexcept;

  /// Waits until something is ready, wake() is called, or the time is over (negative: at once).
  /// Returns: the events; their data.ptr is a Watched. Good until the next call.
  [[nodiscard]] std::span<const epoll_event> wait(std::chrono::nanoseconds wait_max) noexcept;

  /// Lets the present or the next wait() return.
  void wake() noexcept;

 private:
  // So few that the answers of a commit are sent soon after it is over, while what they need is
  // still in a cache nearby: with 256 an accepted order on 4,000 connections costs 5 % more.
  static constexpr std::size_t events_max = 64;

  // The wake-up's own entry. Its count is never read: each write is an edge of its own.
  struct Awake final : Watched {
    void on_ready(std::uint32_t) override {}
  };

  base::UniqueFd epoll_;
  base::UniqueFd wake_;  // an event descriptor
  Awake awake_;
  std::array<epoll_event, events_max> events_;
};

}  // namespace fluxgate::http
