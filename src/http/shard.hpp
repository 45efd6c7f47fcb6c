#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "http/buffer_pool.hpp"
#include "http/calls.hpp"
#include "http/connection_limits.hpp"
#include "http/counters.hpp"
#include "http/header_memo.hpp"
#include "http/json_read.hpp"
#include "http/listener.hpp"
#include "http/owed_wake.hpp"
#include "http/poller.hpp"
#include "http/services.hpp"
#include "http/session.hpp"

namespace fluxgate::http {

/// One thread with everything it needs to serve: its io_context, its poller, its listening sockets
/// (the kernel spreads connections over the shards' by SO_REUSEPORT), its sessions, its counters.
///
///     wait for edges, a wake-up or the tick → serve who is ready → run what was posted → …
///
/// A connection never leaves its shard, so nothing of a session is locked. What comes from other
/// threads comes through deliver() or post().
///
/// Threads:  start(), drain(), abort() and join() by the server; deliver() and post() by any; the
///           rest by its own thread.
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

  // ---- For its thread, or who serves without one --------------------------------------------

  /// Serves a connection that was accepted.
  void take(base::UniqueFd socket, const boost::asio::ip::address& peer);
  /// Waits for events, at most so long, and serves whoever they are for.
  void serve_round(std::chrono::nanoseconds wait_max);
  [[nodiscard]] std::size_t open_connections() const noexcept { return open_.size(); }

  // ---- For its sessions ---------------------------------------------------------------------

  /// Runs `work` on the shard's thread.
  template <typename Work>
  void post(Work&& work) {
    boost::asio::post(io_, std::forward<Work>(work));
    has_posted_.store(true, std::memory_order_release);
    poller_.wake();
  }

  [[nodiscard]] Poller& poller() noexcept { return poller_; }
  [[nodiscard]] BufferPool& buffers() noexcept { return buffers_; }
  [[nodiscard]] HeaderMemo& header_memo() noexcept { return header_memo_; }
  [[nodiscard]] Services& services() noexcept { return services_; }
  [[nodiscard]] ShardCounters& counters() noexcept { return counters_; }
  [[nodiscard]] JsonReader& json() noexcept { return json_; }
  [[nodiscard]] const DateText& date() const noexcept { return date_; }
  [[nodiscard]] std::uint64_t ticks() const noexcept { return ticks_; }
  /// When this round began, by the shard's own time: that of the steady clock, in which a pause of
  /// the process or the machine counts as a second at most. Clients are not to blame for one.
  [[nodiscard]] std::chrono::nanoseconds time() const noexcept { return time_; }
  [[nodiscard]] bool is_draining() const noexcept { return is_draining_; }
  /// Gives a session another turn after the others had theirs; once a round.
  void resume_later(Session& session) { resumed_.push_back(&session); }
  /// A call was submitted, which may have been with Wake::later: the shard calls Engine::wake().
  void owe_wake() noexcept { owed_wake_.owe(); }
  /// Takes a session back whose connection is closed.
  void release(Session& session);

 private:
  /// A listening socket.
  struct Listener final : Watched {
    explicit Listener(Shard& owner, base::UniqueFd fd) : shard(owner), socket(std::move(fd)) {}
    void on_ready(std::uint32_t) override { shard.listen(*this); }

    Shard& shard;
    base::UniqueFd socket;
    bool is_due = false;      // there may be more to accept: in the next round
    bool is_resting = false;  // there are no descriptors: until rested_at_
  };

  void run();
  [[nodiscard]] bool has_more_to_do() const noexcept;
  [[nodiscard]] std::chrono::steady_clock::time_point next_due() const noexcept;
  void run_posted();
  void run_resumed();
  void run_listeners();

  /// Accepts what waits.
  void listen(Listener& listener);
  enum class Accepted : std::uint8_t {
    all,      ///< none is left
    some,     ///< there may be more
    no_room,  ///< out of descriptors or memory
  };
  /// Accepts what is there, `count` at most.
  [[nodiscard]] Accepted accept_some(Listener& listener, std::size_t count);
  void rest(Listener& listener);
  void end_rest();
  [[nodiscard]] Session& make_session();

  /// Lets the time go on to that of this round.
  void look_at_clock();
  void tick(std::chrono::steady_clock::time_point now);
  /// Gives their tick to the slices that are due.
  void tick_slices(std::chrono::steady_clock::time_point now);
  void tick_slice();
  void take_delivered();
  void begin_drain();
  [[nodiscard]] bool is_over() const noexcept { return is_draining_ && open_.empty(); }

  Services& services_;
  ConnectionLimits& limits_;
  ShardCounters counters_;
  JsonReader json_;
  BufferPool buffers_;
  HeaderMemo header_memo_;
  DateText date_;
  std::uint64_t ticks_ = 0;
  bool is_draining_ = false;
  OwedWake owed_wake_;

  Poller poller_;
  boost::asio::io_context io_{1};
  // Written by who posts, after the work; cleared by the shard before it runs it, which the
  // io_context's own mutex orders. Seen late, it is seen at the wake-up that follows.
  std::atomic<bool> has_posted_{false};
  std::chrono::steady_clock::time_point looked_at_clock_;
  std::chrono::nanoseconds time_{0};
  std::chrono::steady_clock::time_point next_tick_;
  // The tick of the connections is spread over the second: so many of open_ are to have it, from
  // the last to the first, the next slice of them then, one connection after the other in so long.
  std::size_t unticked_ = 0;
  std::chrono::steady_clock::time_point next_slice_;
  std::chrono::steady_clock::duration tick_spacing_{};
  // When the listeners that rest try again.
  static constexpr auto never = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point rested_at_ = never;
  std::vector<std::unique_ptr<Listener>> listeners_;
  DeliveredBatches delivered_;
  std::atomic<unsigned> delivering_{0};  // threads in deliver(); release and acquire, for join()

  std::vector<std::unique_ptr<Session>> open_;  // Session::slot is its place
  std::vector<std::unique_ptr<Session>> free_;
  std::vector<Session*> resumed_;          // turns to come
  std::vector<Session*> resuming_;         // being taken
  std::uint64_t next_accept_warning_ = 0;  // tick
  std::thread thread_;
};

}  // namespace fluxgate::http
