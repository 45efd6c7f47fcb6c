#include "http/session.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/check.hpp"
#include "http/handlers.hpp"
#include "http/limits.hpp"
#include "http/shard.hpp"

namespace fluxgate::http {
namespace {

constexpr std::chrono::seconds deadline_max = std::chrono::hours(24 * 365);
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

bool would_block(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Session::Session(Shard& shard)
    : shard_(shard),
      reader_(shard.buffers(), shard.header_memo()),
      exchange_(shard.services(), shard.counters(), shard.json(),
                AnswerWriter(shard.services().answers, shard.date(), output_), shard, this) {}

void Session::open(base::UniqueFd socket) {
  socket_ = std::move(socket);
  // Answers are small and leave in one piece: there is nothing to gather them with.
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  // Else a read stops short at an urgent byte, with more behind it.
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
  lingered_bytes_ = 0;
  requests_ = 0;
  phase_ = Phase::serving;
  wait_ = Wait::none;
  is_last_ = false;
  input_ = RequestReader::State::empty;
  is_readable_ = is_hung_up_ = false;
  is_writable_ = true;
}

void Session::start(base::UniqueFd socket, const boost::asio::ip::address& peer) {
  open(std::move(socket));
  peer_ = peer;
  exchange_.peer = peer;
  exchange_.is_loopback_peer = unmapped(peer).is_loopback();
  if (!shard_.poller().watch(socket_.get(), *this)) return close();
  wait_for_input();
}

void Session::refuse(base::UniqueFd socket, Problem problem) {
  open(std::move(socket));
  peer_.reset();
  if (!shard_.poller().watch(socket_.get(), *this)) return close();
  answer_problem(problem);
  advance();
}

void Session::on_ready(std::uint32_t events) {
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) is_hung_up_ = true;
  if ((events & EPOLLIN) != 0 || is_hung_up_) is_readable_ = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) is_writable_ = true;
  resume();
}

void Session::take_turn() {
  is_turn_promised_ = false;
  resume();
}

void Session::resume() {
  // What comes meanwhile waits for the turn that is promised; else there would be one for each
  // edge.
  if (is_turn_promised_) return;
  turn_requests_ = turn_bytes_ = 0;
  if (phase_ == Phase::lingering) return read_rest();
  advance();
}

void Session::advance() {
  while (phase_ == Phase::serving) {
    // What a stream's client sends is not asked for; that it has gone is.
    if (is_streaming_ && is_hung_up_) return close();
    if (!is_awaiting_ && sent_ == output_.size()) answer_buffered();
    if (!flush() || is_awaiting_) return;
    if (is_last_) return linger();
    if (input_ == RequestReader::State::request) {  // the output was full, or the turn is over
      if (!is_turn_over()) continue;
      is_turn_promised_ = true;
      return shard_.resume_later(*this);
    }
    if (shard_.is_draining() && reader_.buffered() == 0 && !has_arrived()) return linger();
    if (!read_more()) return;
  }
}

bool Session::is_turn_over() const noexcept {
  return turn_requests_ >= turn_requests_max || turn_bytes_ >= turn_bytes_max;
}

void Session::answer_buffered() {
  shard_.buffers().take_output(output_);
  while (!is_awaiting_ && !is_last_ && output_.size() < output_bytes_high) {
    input_ = reader_.next();
    if (input_ == RequestReader::State::refused) return answer_problem(reader_.problem());
    if (input_ != RequestReader::State::request) {
      const bool waits_for_body = input_ == RequestReader::State::body;
      if (waits_for_body && reader_.take_continue_wish()) output_.append(continue_line);
      return;
    }
    if (is_turn_over()) return;
    answer_request();
  }
}

void Session::answer_request() {
  ++requests_;
  ++turn_requests_;
  wait_ = Wait::none;
  exchange_.request = &reader_.request();
  exchange_.body = reader_.body();
  prepare_answer();
  switch (handle(exchange_)) {
    case Handled::answered:
      finish_request();
      break;
    case Handled::called:
      is_awaiting_ = true;
      shard_.owe_wake();
      break;
    case Handled::reading:
      submit_read();
      break;
    case Handled::streaming:
      begin_stream();
      break;
    case Handled::ending:
      keeps_alive_ = false;
      finish_request();
      break;
  }
}

void Session::prepare_answer() {
  const Request& request = reader_.request();
  const std::uint64_t requests_max = shard_.services().options.max_requests_per_connection;
  keeps_alive_ = request.keep_alive && !shard_.is_draining() &&
                 (requests_max == 0 || requests_ < requests_max);
  const Connection kept = request.http_1_0 ? Connection::keep_explicit : Connection::keep;
  exchange_.out.begin(keeps_alive_ ? kept : Connection::close, request.method == Method::head);
}

void Session::finish_request() {
  FLUXGATE_CHECK(exchange_.out.status() != 0);
  shard_.counters().count_request(exchange_.route, exchange_.out.status());
  turn_bytes_ += exchange_.out.body_bytes() + reader_.request_bytes();
  is_last_ = !keeps_alive_;
  reader_.consume();
}

void Session::answer_problem(Problem problem) {
  exchange_.out.begin(Connection::close, reader_.request().method == Method::head);
  exchange_.out.problem(problem);
  shard_.counters().count_request(Route::none, exchange_.out.status());
  is_last_ = true;
}

void Session::complete() {
  is_awaiting_ = false;
  if (phase_ == Phase::closed) return release_if_done();
  // Asked again: the server may have begun to drain.
  prepare_answer();
  finish_call(exchange_);
  finish_request();
  resume();
}

void Session::submit_read() {
  is_awaiting_ = true;
  exchange_.read.done = [this](Reading reading) {
    shard_.post([this, found = std::move(reading)] { complete_read(found); });
  };
  if (shard_.services().reads.try_submit(std::move(exchange_.read))) return;
  is_awaiting_ = false;
  exchange_.out.problem(Problem::overloaded);
  finish_request();
}

void Session::complete_read(const Reading& reading) {
  is_awaiting_ = false;
  if (phase_ == Phase::closed) return release_if_done();
  prepare_answer();
  finish_read(exchange_, reading);
  finish_request();
  resume();
}

// It is an answer like others, the last of its connection, whose rest the session awaits.
void Session::begin_stream() {
  // Who is gone without a word must not count as present for as long as the kernel would wait.
  const unsigned gone_ms = stream_gone_ms;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms));
  is_streaming_ = is_awaiting_ = true;
  exchange_.stream.spoke_at = shard_.ticks();
  keeps_alive_ = false;
  finish_request();
  reader_.reset();  // nothing more is read of it
  if (exchange_.stream.is_over) end_stream();
}

bool Session::tick_stream() {
  // A client that does not take what it was sent has until its write deadline.
  if (sent_ < output_.size()) return false;
  if (!continue_stream(exchange_, shard_.ticks())) return false;
  if (exchange_.stream.is_over) end_stream();
  advance();
  return true;
}

void Session::end_stream() {
  if (!std::exchange(is_streaming_, false)) return;
  is_awaiting_ = false;
  exchange_.stream = {};
  shard_.services().streams.close();
}

bool Session::flush() {
  while (sent_ < output_.size()) {
    if (!is_writable_) {
      wait_for(Wait::write);
      return false;
    }
    const ssize_t sent =
        ::send(socket_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (sent >= 0) {
      sent_ += static_cast<std::size_t>(sent);
    } else if (would_block(errno)) {
      is_writable_ = false;
    } else if (errno != EINTR) {
      close();
      return false;
    }
  }
  output_.clear();
  sent_ = 0;
  if (is_streaming_) shard_.buffers().give_output(output_);
  if (wait_ == Wait::write) wait_ = Wait::none;
  return true;
}

std::optional<std::size_t> Session::receive() {
  while (is_readable_) {
    const std::span<char> room = reader_.room();
    const ssize_t got = ::recv(socket_.get(), room.data(), room.size(), 0);
    if (got > 0) {
      const auto bytes = static_cast<std::size_t>(got);
      // What is read short is empty: what comes later is an edge of its own.
      is_readable_ = is_hung_up_ || bytes == room.size();
      return bytes;
    }
    if (got < 0 && would_block(errno)) {
      is_readable_ = false;
    } else if (got == 0 || errno != EINTR) {
      return std::nullopt;
    }
  }
  return 0;
}

bool Session::read_more() {
  const std::optional<std::size_t> bytes = receive();
  if (bytes == 0U) wait_for_input();
  if (!bytes) close();
  if (bytes.value_or(0) == 0) return false;
  reader_.commit(*bytes);
  return true;
}

void Session::wait_for_input() {
  reader_.rest();
  shard_.buffers().give_output(output_);
  switch (input_) {
    case RequestReader::State::header:
      return wait_for(Wait::header);
    case RequestReader::State::body:
      return wait_for(Wait::body);
    default:
      return wait_for(Wait::idle);
  }
}

// Says that nothing more will come, and then reads until the client has closed: closing with unread
// input would send a reset, which can destroy the answer on its way.
void Session::linger() {
  phase_ = Phase::lingering;
  wait_ = Wait::none;
  wait_for(Wait::linger);
  if (::shutdown(socket_.get(), SHUT_WR) != 0) return close();
  reader_.reset();
  read_rest();
}

void Session::read_rest() {
  for (;;) {
    const std::optional<std::size_t> bytes = receive();
    if (bytes == 0U) return reader_.rest();
    lingered_bytes_ += bytes.value_or(0);
    if (!bytes || lingered_bytes_ > linger_bytes_max) return close();
  }
}

void Session::close() {
  end_stream();
  phase_ = Phase::closed;
  wait_ = Wait::none;
  socket_ = base::UniqueFd();
  release_if_done();
}

// Also makes it ready for the next connection.
void Session::release_if_done() {
  if (is_awaiting_) return;
  reader_.reset();
  output_.clear();
  sent_ = 0;
  shard_.buffers().give_output(output_);
  shard_.release(*this);
}

void Session::wait_for(Wait wait) {
  if (wait == wait_ || phase_ == Phase::closed) return;
  if (wait_ == Wait::linger) return;
  wait_ = wait;
  const ServerOptions& options = shard_.services().options;
  const auto length = [&]() -> std::chrono::seconds {
    switch (wait) {
      case Wait::idle:
        return options.idle_timeout;
      case Wait::header:
        return options.header_timeout;
      case Wait::body:
        return options.body_timeout;
      case Wait::write:
        return options.write_timeout;
      case Wait::linger:
        return linger_length;
      case Wait::none:
        break;
    }
    return std::chrono::seconds(0);
  };
  // Whoever wants no deadline names one that the clock does not reach.
  deadline_ = shard_.time() + std::min<std::chrono::seconds>(length(), deadline_max);
}

bool Session::tick() {
  const bool has_spoken = is_streaming_ && tick_stream();
  if (wait_ == Wait::none || shard_.time() < deadline_) return has_spoken;
  if (wait_ == Wait::header || wait_ == Wait::body) {
    shard_.counters().timeouts.add();
    answer_problem(Problem::request_timeout);
    if (flush()) linger();
  } else {
    close();
  }
  return true;
}

void Session::drain() {
  if (is_streaming_) return close();
  if (phase_ != Phase::serving || wait_ != Wait::idle) return;
  if (!has_arrived()) close();
}

// Input the kernel holds and nobody has read yet is under way, too.
bool Session::has_arrived() const {
  int bytes = 0;
  return ::ioctl(socket_.get(), FIONREAD, &bytes) == 0 && bytes != 0;
}

void Session::abort() {
  if (phase_ != Phase::closed) close();
}

}  // namespace fluxgate::http
