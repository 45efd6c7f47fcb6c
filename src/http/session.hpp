#pragma once

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "http/exchange.hpp"
#include "http/request_reader.hpp"

namespace fluxgate::http {

class Shard;

/// A socket of a shard. The executor's type is the real one: the type-erased default costs an
/// allocation's worth of time per operation.
using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

/// One connection: reads, answers every request that is there, writes all answers at once, reads
/// on.
///
///     serving ──last answer sent──▶ lingering ──client closed, or limits──▶ closed
///        └────────broken, or a silent deadline passed──────────────────────▶ closed
///
/// While a request waits for the engine or a reader thread, nothing is read and the input stays
/// where it is, because the call's views point into it. At most one read and one wait for
/// writability are under way; a session goes back to its shard when it is closed and neither they
/// nor a call are.
///
/// Deadlines are ticks of the shard, one a second; each is set when its wait begins and never moved
/// by progress, so that a client that drips bytes gains nothing.
///
/// Threads:  its shard's only.
/// Lifetime: owned by the shard, used for one connection after the other.
class Session {
 public:
  explicit Session(Shard& shard);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Serves a connection that was counted in.
  void start(Socket socket, const boost::asio::ip::address& peer);
  /// Tells a connection that was not counted in why, and closes it.
  void refuse(Socket socket, Problem problem);

  /// The call it waits for is back.
  void complete();

  /// A second has passed.
  void tick();
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

  void open(Socket socket);
  /// Goes on until there is something to wait for.
  void advance();
  /// Answers requests until one waits, the last is answered, the output is full or no whole request
  /// is left.
  void answer_buffered();
  void answer_request();
  void answer_problem(Problem problem);
  void finish_request();
  void prepare_answer();
  void submit_read();
  void complete_read(const Reading& reading);

  /// True if all output is sent. Else it waits, or is closed.
  [[nodiscard]] bool flush();
  void wait_until_writable();
  void read_more();
  [[nodiscard]] bool has_arrived() const;
  void on_input(std::size_t bytes, bool failed);
  void linger();
  void close();
  void release_if_done();

  void wait_for(Wait wait);

  Shard& shard_;
  Socket socket_;
  std::optional<boost::asio::ip::address> peer_;
  RequestReader reader_;
  std::string output_;
  std::size_t sent_ = 0;
  Exchange exchange_;

  Phase phase_ = Phase::closed;
  Wait wait_ = Wait::none;
  std::uint64_t deadline_ = 0;  // tick
  std::uint64_t requests_ = 0;
  std::size_t lingered_bytes_ = 0;
  RequestReader::State input_ = RequestReader::State::empty;
  bool is_reading_ = false;
  bool is_writing_ = false;  // waits until the socket takes more
  bool is_awaiting_ = false;
  bool keeps_alive_ = true;
  bool is_last_ = false;  // the last answer is in the output
};

}  // namespace fluxgate::http
