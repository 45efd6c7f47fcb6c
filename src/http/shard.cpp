#include "http/shard.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "fluxgate/clock.hpp"
#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds tick_length{1};
// Long enough that a server without descriptors sleeps, short enough that nobody notices.
constexpr std::chrono::milliseconds accept_rest{100};
// Between two looks at the connections that are there already.
constexpr std::size_t accepts_at_once = 64;
// Sessions kept for connections to come: about 10 KiB each.
constexpr std::size_t sessions_kept = 1024;

// Out of descriptors or memory: trying again at once would spin.
bool must_rest(error_code error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space ||
         error == boost::system::errc::not_enough_memory;
}

}  // namespace

Shard::Shard(Services& services, ConnectionLimits& limits, std::vector<ListeningSocket> listeners)
    : services_(services), limits_(limits) {
  date_.set(system_clock().utc());
  for (ListeningSocket& socket : listeners) {
    auto listener = std::make_unique<Listener>(io_);
    const tcp protocol = socket.is_v6 ? tcp::v6() : tcp::v4();
    listener->acceptor.assign(protocol, socket.fd.release());
    listener->acceptor.non_blocking(true);
    listeners_.push_back(std::move(listener));
  }
}

Shard::~Shard() {
  FLUXGATE_CHECK(!thread_.joinable());
}

void Shard::start(std::function<void()> ended) {
  for (auto& listener : listeners_) listen(*listener);
  next_tick_ = std::chrono::steady_clock::now();
  schedule_tick();
  thread_ = std::thread([this, end = std::move(ended)] {
    io_.run();
    end();
  });
}

void Shard::join() {
  if (thread_.joinable()) thread_.join();
}

// ---- Connections ------------------------------------------------------------------------------

void Shard::listen(Listener& listener) {
  listener.acceptor.async_wait(Acceptor::wait_read, [this, &listener](error_code error) {
    if (error || is_draining_) return;
    if (accept_some(listener, accepts_at_once) == Accepted::no_room) {
      rest(listener);
    } else {
      listen(listener);
    }
  });
}

Shard::Accepted Shard::accept_some(Listener& listener, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    error_code error;
    tcp::endpoint peer;
    Socket socket(io_);
    listener.acceptor.accept(socket, peer, error);
    if (error == boost::asio::error::would_block) return Accepted::all;
    if (must_rest(error)) {
      counters_.accept_failures.add();
      return Accepted::no_room;
    }
    // Others are the connection's own bad luck, for example a reset before it was accepted.
    if (!error) take(std::move(socket), peer);
  }
  return Accepted::some;
}

void Shard::rest(Listener& listener) {
  if (services_.options.log && (last_accept_warning_ == 0 || ticks_ > last_accept_warning_)) {
    last_accept_warning_ = ticks_ + 1;
    services_.options.log(LogLevel::warning,
                          "cannot accept connections: out of descriptors or memory");
  }
  listener.rest.expires_after(accept_rest);
  listener.rest.async_wait([this, &listener](error_code error) {
    if (!error && !is_draining_) listen(listener);
  });
}

void Shard::take(Socket socket, const tcp::endpoint& peer) {
  const auto entry = limits_.try_open(peer.address());
  if (entry == ConnectionLimits::Entry::opened) {
    counters_.connections_opened.add();
    Session& session = make_session();
    session.start(std::move(socket), peer.address());
    return;
  }
  counters_.connections_refused.add();
  if (refusals_ >= refusals_max) return;  // closes it
  ++refusals_;
  const bool is_full = entry == ConnectionLimits::Entry::full;
  make_session().refuse(std::move(socket),
                        is_full ? Problem::overloaded : Problem::too_many_requests);
}

Session& Shard::make_session() {
  std::unique_ptr<Session> session;
  if (free_.empty()) {
    session = std::make_unique<Session>(*this);
  } else {
    session = std::move(free_.back());
    free_.pop_back();
  }
  session->slot = open_.size();
  open_.push_back(std::move(session));
  counters_.connections_open.set(open_.size());
  return *open_.back();
}

// The session may be running this: it goes to the free list and stays whole until the next tick.
void Shard::release(Session& session) {
  if (session.peer()) {
    limits_.close(*session.peer());
  } else {
    --refusals_;
  }
  const std::size_t slot = session.slot;
  std::unique_ptr<Session> released = std::move(open_[slot]);
  if (slot + 1 != open_.size()) {
    open_[slot] = std::move(open_.back());
    open_[slot]->slot = slot;
  }
  open_.pop_back();
  free_.push_back(std::move(released));
  counters_.connections_open.set(open_.size());
  end_if_empty();
}

// ---- Time -------------------------------------------------------------------------------------

void Shard::schedule_tick() {
  // From the last one, not from now: ticks do not drift. After a pause they do not catch up.
  next_tick_ = std::max(next_tick_ + tick_length, std::chrono::steady_clock::now());
  ticker_.expires_at(next_tick_);
  ticker_.async_wait([this](error_code error) {
    if (!error) tick();
  });
}

void Shard::tick() {
  ++ticks_;
  date_.set(system_clock().utc());
  if (free_.size() > sessions_kept) free_.resize(sessions_kept);
  // A tick that was due when the last session ended is past cancelling: it must not go on either.
  if (is_over()) return;
  schedule_tick();
  // Backwards: a session that closes is replaced by the last one, which had its turn.
  for (std::size_t i = open_.size(); i-- > 0;) open_[i]->tick();
}

// ---- Completions ------------------------------------------------------------------------------

void Shard::deliver(Operation* first) noexcept {
  Call& call = call_of(*first);
  call.first = first;
  // Only who found the list empty wakes the shard: one wake-up takes all there is.
  if (delivered_.push(call)) boost::asio::post(io_, [this] { take_delivered(); });
}

void Shard::take_delivered() {
  Call* batch = delivered_.take_all().first;
  while (batch != nullptr) {
    Call* const next_batch = batch->next_delivered;
    Operation* operation = batch->first;
    while (operation != nullptr) {
      // Read first: the session may use its call again at once.
      Operation* const next = operation->next();
      call_of(*operation).session->complete();
      operation = next;
    }
    batch = next_batch;
  }
}

// ---- Ending -----------------------------------------------------------------------------------

void Shard::drain() {
  boost::asio::post(io_, [this] { begin_drain(); });
}

void Shard::begin_drain() {
  is_draining_ = true;
  for (auto& listener : listeners_) {
    // Clients in the backlog count themselves connected and may have sent their request.
    [[maybe_unused]] const Accepted last = accept_some(*listener, backlog_max);
    error_code ignored;
    listener->acceptor.close(ignored);
    listener->rest.cancel();
  }
  for (std::size_t i = open_.size(); i-- > 0;) open_[i]->drain();
  end_if_empty();
}

void Shard::abort() {
  boost::asio::post(io_, [this] {
    for (std::size_t i = open_.size(); i-- > 0;) open_[i]->abort();
  });
}

void Shard::end_if_empty() {
  if (is_over()) ticker_.cancel();
}

}  // namespace fluxgate::http
