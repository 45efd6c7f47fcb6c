#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "http/exchange.hpp"
#include "http/poller.hpp"
#include "http/request_reader.hpp"

namespace fluxgate::http {

class Shard;

/// One connection: reads, answers every request that is there, writes all answers at once, reads
/// on.
///
///     serving ──last answer sent──▶ lingering ──client closed, or limits──▶ closed
///        └────────broken, or a silent deadline passed──────────────────────▶ closed
///
/// While a request waits for the engine or a reader thread, nothing is read and the input stays
/// where it is, because the call's views point into it. A session goes back to its shard when it is
/// closed and no call is under way. An event stream is an answer that goes on until its last state,
/// once a tick, and then ends the connection. An idle one holds no buffers but a kilobyte at most.
///
/// One turn answers a bounded number of requests; then the others of the shard have theirs.
///
/// A deadline is set when its wait begins and never moved by progress, so that a client that drips
/// bytes gains nothing. It is looked at about once a second.
///
/// Threads:  its shard's only.
/// Lifetime: owned by the shard, used for one connection after the other.
class Session final : public Watched {
 public:
  explicit Session(Shard& shard);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Serves a connection that was counted in.
  void start(base::UniqueFd socket, const boost::asio::ip::address& peer);
  /// Tells a connection that was not counted in why, and closes it.
  void refuse(base::UniqueFd socket, Problem problem);

  void on_ready(std::uint32_t events) override;
  /// The turn it was promised by Shard::resume_later().
  void take_turn();

  /// The call it waits for is back.
  void complete();

  /// A second has passed. Returns whether it did more than look: said something, or closed.
  [[nodiscard]] bool tick();
  /// No request may follow; what is under way is answered.
  void drain();
  /// Closes it at once. It is released when its call is back.
  void abort();

  /// The peer of a connection that was counted in.
  [[nodiscard]] const std::optional<boost::asio::ip::address>& peer() const noexcept {
    return peer_;
  }

  std::size_t slot = 0;  ///< the shard's

 private:
  enum class Phase : std::uint8_t { serving, lingering, closed };
  enum class Wait : std::uint8_t { none, idle, header, body, write, linger };

  void open(base::UniqueFd socket);
  /// Begins a turn.
  void resume();
  /// Goes on until there is something to wait for, or the turn is over.
  void advance();
  /// Answers requests until one waits, the last is answered, the output is full, the turn is over
  /// or no whole request is left.
  void answer_buffered();
  void answer_request();
  void answer_problem(Problem problem);
  void finish_request();
  void prepare_answer();
  void submit_read();
  void complete_read(const Reading& reading);
  void begin_stream();
  /// Returns whether it said something.
  [[nodiscard]] bool tick_stream();
  void end_stream();
  [[nodiscard]] bool is_turn_over() const noexcept;

  /// True if all output is sent. Else it waits, or is closed.
  [[nodiscard]] bool flush();
  /// Bytes read into the reader's room; 0: there are none now; none: the connection has ended.
  [[nodiscard]] std::optional<std::size_t> receive();
  /// True if there is more input. Else it waits, or is closed.
  [[nodiscard]] bool read_more();
  [[nodiscard]] bool has_arrived() const;
  void linger();
  void read_rest();
  void close();
  void release_if_done();

  void wait_for(Wait wait);
  void wait_for_input();

  Shard& shard_;
  base::UniqueFd socket_;
  std::optional<boost::asio::ip::address> peer_;
  RequestReader reader_;
  std::string output_;
  std::size_t sent_ = 0;
  Exchange exchange_;

  Phase phase_ = Phase::closed;
  Wait wait_ = Wait::none;
  std::chrono::nanoseconds deadline_{0};  // by the shard's time
  std::uint64_t requests_ = 0;
  std::size_t lingered_bytes_ = 0;
  RequestReader::State input_ = RequestReader::State::empty;
  std::size_t turn_requests_ = 0;
  std::size_t turn_bytes_ = 0;  // read, and of answers made
  // What the edges said and no call has used up since.
  bool is_readable_ = false;
  bool is_writable_ = false;
  bool is_hung_up_ = false;        // the peer will send no more: reading goes on to the end
  bool is_turn_promised_ = false;  // it stands in the shard's list
  bool is_awaiting_ = false;
  bool keeps_alive_ = true;
  bool is_streaming_ = false;  // then it is awaiting, too
  bool is_last_ = false;       // the last answer is in the output
};

}  // namespace fluxgate::http
