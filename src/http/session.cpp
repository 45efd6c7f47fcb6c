#include "http/session.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "base/check.hpp"
#include "http/limits.hpp"
#include "http/shard.hpp"

namespace fluxgate::http {
namespace {

using boost::system::error_code;

// Buffers that grew beyond this (a large page of orders) are given back after use.
constexpr std::size_t output_kept_bytes = 2 * output_bytes_high;
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

Session::Session(Shard& shard)
    : shard_(shard),
      socket_(shard.io()),
      exchange_(shard.services(), shard.counters(), shard.json(),
                AnswerWriter(shard.services().answers, shard.date(), output_), shard, this) {}

void Session::open(Socket socket) {
  socket_ = std::move(socket);
  error_code ignored;
  socket_.non_blocking(true, ignored);
  // Answers are small and leave in one piece: there is nothing to gather them with.
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  reader_.reset();
  output_.clear();
  sent_ = lingered_bytes_ = 0;
  requests_ = 0;
  phase_ = Phase::serving;
  wait_ = Wait::none;
  is_last_ = false;
}

void Session::start(Socket socket, const boost::asio::ip::address& peer) {
  open(std::move(socket));
  peer_ = peer;
  exchange_.is_loopback_peer = unmapped(peer).is_loopback();
  advance();
}

void Session::refuse(Socket socket, Problem problem) {
  open(std::move(socket));
  peer_.reset();
  answer_problem(problem);
  advance();
}

void Session::advance() {
  while (phase_ == Phase::serving) {
    answer_buffered();
    if (!flush() || is_awaiting_) return;
    if (is_last_) return linger();
    if (input_ == RequestReader::State::request) continue;  // the output was full
    if (shard_.is_draining() && reader_.buffered() == 0 && !has_arrived()) return linger();
    return read_more();
  }
}

void Session::answer_buffered() {
  while (!is_awaiting_ && !is_last_ && output_.size() < output_bytes_high) {
    input_ = reader_.next();
    if (input_ == RequestReader::State::refused) return answer_problem(reader_.problem());
    if (input_ != RequestReader::State::request) {
      const bool waits_for_body = input_ == RequestReader::State::body;
      if (waits_for_body && reader_.take_continue_wish()) output_.append(continue_line);
      return;
    }
    answer_request();
  }
}

void Session::answer_request() {
  ++requests_;
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
      break;
    case Handled::reading:
      submit_read();
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
  is_last_ = !keeps_alive_;
  reader_.consume();
}

void Session::answer_problem(Problem problem) {
  exchange_.out.begin(Connection::close, false);
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
  advance();
}

void Session::submit_read() {
  is_awaiting_ = true;
  exchange_.read.done = [this](Reading reading) {
    boost::asio::post(shard_.io(), [this, found = std::move(reading)] { complete_read(found); });
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
  advance();
}

bool Session::flush() {
  if (is_writing_) return false;
  while (sent_ < output_.size()) {
    error_code error;
    const auto rest = boost::asio::buffer(output_.data() + sent_, output_.size() - sent_);
    sent_ += socket_.write_some(rest, error);
    if (error == boost::asio::error::would_block) {
      wait_until_writable();
      return false;
    }
    if (error) {
      close();
      return false;
    }
  }
  if (output_.capacity() > output_kept_bytes) output_.shrink_to_fit();
  output_.clear();
  sent_ = 0;
  if (wait_ == Wait::write) wait_ = Wait::none;
  return true;
}

// Waits rather than writes: while it does, a completion may append to the output and so move it.
void Session::wait_until_writable() {
  is_writing_ = true;
  wait_for(Wait::write);
  socket_.async_wait(Socket::wait_write, [this](error_code error) {
    is_writing_ = false;
    if (phase_ == Phase::closed) return release_if_done();
    if (error) return close();
    // First all of what was there, whose deadline this is.
    if (flush()) advance();
  });
}

void Session::read_more() {
  switch (input_) {
    case RequestReader::State::header:
      wait_for(Wait::header);
      break;
    case RequestReader::State::body:
      wait_for(Wait::body);
      break;
    default:
      wait_for(Wait::idle);
      break;
  }
  is_reading_ = true;
  const std::span<char> room = reader_.room();
  socket_.async_read_some(
      boost::asio::buffer(room.data(), room.size()),
      [this](error_code error, std::size_t bytes) { on_input(bytes, error.failed()); });
}

void Session::on_input(std::size_t bytes, bool failed) {
  is_reading_ = false;
  if (phase_ == Phase::closed) return release_if_done();
  if (failed) return close();
  if (phase_ == Phase::serving) {
    reader_.commit(bytes);
    return advance();
  }
  lingered_bytes_ += bytes;
  if (lingered_bytes_ > linger_bytes_max) return close();
  reader_.reset();
  read_more();
}

// Says that nothing more will come, and then reads until the client has closed: closing with unread
// input would send a reset, which can destroy the answer on its way.
void Session::linger() {
  phase_ = Phase::lingering;
  wait_ = Wait::none;
  wait_for(Wait::linger);
  error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) return close();
  if (is_reading_) return;
  reader_.reset();
  read_more();
}

void Session::close() {
  phase_ = Phase::closed;
  wait_ = Wait::none;
  error_code ignored;
  socket_.close(ignored);
  release_if_done();
}

void Session::release_if_done() {
  if (!is_reading_ && !is_writing_ && !is_awaiting_) shard_.release(*this);
}

void Session::wait_for(Wait wait) {
  if (wait == wait_ || phase_ == Phase::closed) return;
  if (wait_ == Wait::linger) return;
  wait_ = wait;
  const ServerOptions& options = shard_.services().options;
  const auto ticks = [&]() -> std::uint64_t {
    switch (wait) {
      case Wait::idle:
        return static_cast<std::uint64_t>(options.idle_timeout.count());
      case Wait::header:
        return static_cast<std::uint64_t>(options.header_timeout.count());
      case Wait::body:
        return static_cast<std::uint64_t>(options.body_timeout.count());
      case Wait::write:
        return static_cast<std::uint64_t>(options.write_timeout.count());
      default:
        return 0;
    }
  };
  // The tick under way is only part of a second.
  deadline_ = shard_.ticks() + ticks() + 1;
}

void Session::tick() {
  if (wait_ == Wait::none || shard_.ticks() < deadline_) return;
  if (wait_ != Wait::header && wait_ != Wait::body) return close();
  shard_.counters().timeouts.add();
  answer_problem(Problem::request_timeout);
  if (flush()) linger();
}

void Session::drain() {
  if (phase_ != Phase::serving || wait_ != Wait::idle) return;
  if (!has_arrived()) close();
}

// Input the kernel holds and nobody has read yet is under way, too.
bool Session::has_arrived() const {
  error_code error;
  return socket_.available(error) != 0 && !error;
}

void Session::abort() {
  if (phase_ != Phase::closed) close();
}

}  // namespace fluxgate::http
