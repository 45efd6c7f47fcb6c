#pragma once

#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/wait_traits.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "http/calls.hpp"
#include "http/connection_limits.hpp"
#include "http/counters.hpp"
#include "http/json_read.hpp"
#include "http/listener.hpp"
#include "http/services.hpp"
#include "http/session.hpp"

namespace fluxgate::http {

/// One thread with everything it needs to serve: its io_context, its listening sockets (the kernel
/// spreads connections over the shards' by SO_REUSEPORT), its sessions, its counters.
///
/// A connection never leaves its shard, so nothing of a session is locked. What comes from other
/// threads comes through deliver() or is posted.
///
/// Threads:  start(), drain(), abort() and join() by the server; deliver() by any; the rest by its
///           own thread.
/// Memory:   deliver() hands a batch over by a release push that the shard's take acquires.
/// Lifetime: runs until it was drained and its last session is released.
class Shard final : public CompletionSink {
 public:
  Shard(Services& services, ConnectionLimits& limits, std::vector<ListeningSocket> listeners);
  ~Shard() override;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  /// Runs it on a thread of its own, which calls `ended` last. Throws std::system_error.
  void start(std::function<void()> ended);
  /// Accepts no more and closes each connection after what is under way; then ends.
  void drain();
  /// Closes all connections; ends when the calls of their requests are back.
  void abort();
  void join();

  void deliver(Operation* first) noexcept override;

  // ---- For its sessions ---------------------------------------------------------------------

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] Services& services() noexcept { return services_; }
  [[nodiscard]] ShardCounters& counters() noexcept { return counters_; }
  [[nodiscard]] JsonReader& json() noexcept { return json_; }
  [[nodiscard]] const DateText& date() const noexcept { return date_; }
  [[nodiscard]] std::uint64_t ticks() const noexcept { return ticks_; }
  [[nodiscard]] bool is_draining() const noexcept { return is_draining_; }
  /// Takes a session back whose connection is closed.
  void release(Session& session);

 private:
  using IoExecutor = boost::asio::io_context::executor_type;
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, IoExecutor>;
  using Timer = boost::asio::basic_waitable_timer<
      std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, IoExecutor>;
  /// A listening socket and the timer that lets it rest when there are no descriptors.
  struct Listener {
    explicit Listener(boost::asio::io_context& io) : acceptor(io), rest(io) {}
    Acceptor acceptor;
    Timer rest;
  };

  void listen(Listener& listener);
  enum class Accepted : std::uint8_t {
    all,      ///< none is left
    some,     ///< there may be more
    no_room,  ///< out of descriptors or memory
  };
  /// Accepts what is there, `count` at most.
  [[nodiscard]] Accepted accept_some(Listener& listener, std::size_t count);
  void rest(Listener& listener);
  void take(Socket socket, const boost::asio::ip::tcp::endpoint& peer);
  [[nodiscard]] Session& make_session();

  void schedule_tick();
  void tick();
  void take_delivered();
  void begin_drain();
  void end_if_empty();
  [[nodiscard]] bool is_over() const noexcept { return is_draining_ && open_.empty(); }

  Services& services_;
  ConnectionLimits& limits_;
  ShardCounters counters_;
  JsonReader json_;
  DateText date_;
  std::uint64_t ticks_ = 0;
  bool is_draining_ = false;

  boost::asio::io_context io_{1};
  Timer ticker_{io_};
  std::chrono::steady_clock::time_point next_tick_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  DeliveredBatches delivered_;

  std::vector<std::unique_ptr<Session>> open_;  // Session::slot is its place
  std::vector<std::unique_ptr<Session>> free_;
  std::size_t refusals_ = 0;               // in open_, not counted in
  std::uint64_t last_accept_warning_ = 0;  // tick; 0: never
  std::thread thread_;
};

}  // namespace fluxgate::http
