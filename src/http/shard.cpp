#include "http/shard.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/prefetch.hpp"
#include "fluxgate/clock.hpp"
#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

constexpr std::chrono::seconds tick_length{1};
// The ticks of the connections are spread over the second. Closing one takes some 20 us, and taking
// the one that comes in its place as much again: 4,000 that came together and have one deadline
// would hold the others up for 160 ms. So few are closed at a time; more are looked at, for each
// slice wakes the shard: 4,000 idle connections cost 1 % of a core, not 2.6 %.
constexpr std::size_t tick_slice_acts = 4;
constexpr std::size_t tick_slice_size = 16;
// Between two ticks: a few connections have theirs together, each second at the same time.
constexpr std::chrono::milliseconds tick_spacing_max{1};
// Between two looks at the connections that are there already: half a millisecond.
constexpr std::size_t accepts_at_once = 16;
// Sessions kept for connections to come: 1.6 KiB each.
constexpr std::size_t sessions_kept = 1024;

// Out of descriptors or memory, trying again at once would spin. Ten tries a second cost nothing
// that can be measured, and who waits is let in a tenth of a second after there is room.
constexpr std::chrono::milliseconds accept_rest{100};
// Between two lines about it, per shard: a server of 64 shards writes six a second.
constexpr std::uint64_t accept_warning_ticks = 10;

bool must_rest(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// For who is served next. Of a thousand connections none is in a cache nearby when its turn comes,
// and the 26 lines of its session would be waited for one by one: asked for beforehand, an accepted
// order costs 2 to 8 % less CPU time. Of a hundred connections it costs the same. A listener is
// smaller: what is asked for behind it does no harm.
void prefetch_session(const void* session) noexcept {
  base::prefetch(session, sizeof(Session));
}

boost::asio::ip::address address_of(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
    boost::asio::ip::address_v6::bytes_type bytes;
    std::copy(std::begin(v6.sin6_addr.s6_addr), std::end(v6.sin6_addr.s6_addr), bytes.begin());
    return boost::asio::ip::address_v6(bytes, v6.sin6_scope_id);
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
  return boost::asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
}

}  // namespace

Shard::Shard(Services& services, ConnectionLimits& limits, std::vector<ListeningSocket> listeners)
    : services_(services),
      limits_(limits),
      looked_at_clock_(std::chrono::steady_clock::now()),
      next_tick_(looked_at_clock_ + tick_length) {
  date_.set(system_clock().utc());
  for (ListeningSocket& socket : listeners) {
    listeners_.push_back(std::make_unique<Listener>(*this, std::move(socket.fd)));
  }
}

Shard::~Shard() {
  FLUXGATE_CHECK(!thread_.joinable());
}

void Shard::start(std::function<void()> ended) {
  for (auto& listener : listeners_) {
    if (!poller_.watch(listener->socket.get(), *listener)) {
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
  }
  looked_at_clock_ = std::chrono::steady_clock::now();
  next_tick_ = looked_at_clock_ + tick_length;
  thread_ = std::thread([this, end = std::move(ended)] {
    run();
    end();
  });
}

void Shard::join() {
  if (thread_.joinable()) thread_.join();
  while (delivering_.load(std::memory_order_acquire) != 0) std::this_thread::yield();
}

void Shard::run() {
  while (!is_over()) {
    serve_round(has_more_to_do() ? std::chrono::steady_clock::duration(0)
                                 : next_due() - std::chrono::steady_clock::now());
  }
}

void Shard::serve_round(std::chrono::nanoseconds wait_max) {
  const auto events = poller_.wait(wait_max);
  look_at_clock();
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i + 1 < events.size()) prefetch_session(events[i + 1].data.ptr);
    static_cast<Watched*>(events[i].data.ptr)->on_ready(events[i].events);
  }
  take_delivered();
  run_posted();
  run_resumed();
  run_listeners();
  const auto now = std::chrono::steady_clock::now();
  if (owed_wake_.is_due(events.size(), now)) services_.engine.wake();
  // Behind the batch: what its events name must live as long.
  tick_slices(now);
  if (now >= next_tick_) tick(now);
  if (now >= rested_at_) end_rest();
}

std::chrono::steady_clock::time_point Shard::next_due() const noexcept {
  const auto next = std::min(next_tick_, rested_at_);
  return unticked_ != 0 ? std::min(next, next_slice_) : next;
}

bool Shard::has_more_to_do() const noexcept {
  return owed_wake_.is_owed() || !resumed_.empty() ||
         std::any_of(listeners_.begin(), listeners_.end(),
                     [](const auto& listener) { return listener->is_due; });
}

void Shard::run_listeners() {
  for (auto& listener : listeners_) {
    if (std::exchange(listener->is_due, false)) listen(*listener);
  }
}

void Shard::run_posted() {
  if (!has_posted_.load(std::memory_order_acquire)) return;
  has_posted_.store(false, std::memory_order_release);
  io_.restart();
  io_.poll();
}

void Shard::run_resumed() {
  resuming_.swap(resumed_);
  for (Session* session : resuming_) session->take_turn();
  resuming_.clear();
}

// ---- Connections ------------------------------------------------------------------------------

// An edge is reported once, so what is not accepted now must be asked for again.
void Shard::listen(Listener& listener) {
  if (is_draining_ || listener.is_resting) return;
  switch (accept_some(listener, accepts_at_once)) {
    case Accepted::all:
      break;
    case Accepted::some:
      listener.is_due = true;
      break;
    case Accepted::no_room:
      rest(listener);
      break;
  }
}

Shard::Accepted Shard::accept_some(Listener& listener, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    base::UniqueFd socket(::accept4(listener.socket.get(), reinterpret_cast<sockaddr*>(&peer),
                                    &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.get() >= 0) {
      take(std::move(socket), address_of(peer));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return Accepted::all;
    } else if (must_rest(errno)) {
      counters_.accept_failures.add();
      return Accepted::no_room;
    }
    // Others are the connection's own bad luck, for example a reset before it was accepted.
  }
  return Accepted::some;
}

void Shard::rest(Listener& listener) {
  listener.is_resting = true;
  rested_at_ = std::chrono::steady_clock::now() + accept_rest;
  if (services_.options.log && ticks_ >= next_accept_warning_) {
    next_accept_warning_ = ticks_ + accept_warning_ticks;
    services_.options.log(LogLevel::warning,
                          "cannot accept connections: out of descriptors or memory");
  }
}

void Shard::end_rest() {
  rested_at_ = never;
  for (auto& listener : listeners_) {
    if (std::exchange(listener->is_resting, false)) listen(*listener);
  }
}

void Shard::take(base::UniqueFd socket, const boost::asio::ip::address& peer) {
  const auto entry = limits_.try_open(peer);
  if (entry == ConnectionLimits::Entry::opened) {
    counters_.connections_opened.add();
    make_session().start(std::move(socket), peer);
    return;
  }
  counters_.connections_refused.add();
  if (!limits_.try_refuse()) return;  // closes it
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
    limits_.end_refusal();
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
}

// ---- Time -------------------------------------------------------------------------------------

// The loop waits a tick at most, so that what is over it is a pause.
void Shard::look_at_clock() {
  const auto now = std::chrono::steady_clock::now();
  time_ += std::min<std::chrono::nanoseconds>(now - looked_at_clock_, tick_length);
  looked_at_clock_ = now;
}

void Shard::tick(std::chrono::steady_clock::time_point now) {
  ++ticks_;
  // From the last one, not from now: ticks do not drift. After a pause they do not catch up.
  next_slice_ = next_tick_;
  next_tick_ += tick_length;
  if (next_tick_ <= now) {
    next_slice_ = now;
    next_tick_ = now + tick_length;
  }
  date_.set(system_clock().utc());
  if (free_.size() > sessions_kept && resumed_.empty()) free_.resize(sessions_kept);
  FLUXGATE_CHECK(unticked_ == 0);  // all slices of a tick are due before the next
  if (open_.empty()) return;
  unticked_ = open_.size();
  tick_spacing_ = std::min<std::chrono::steady_clock::duration>(
      std::chrono::steady_clock::duration(tick_length) / unticked_, tick_spacing_max);
  tick_slices(now);
}

// All that are due: under load a round may be as long as many slices, and each second every
// connection has its tick all the same.
void Shard::tick_slices(std::chrono::steady_clock::time_point now) {
  while (unticked_ != 0 && now >= next_slice_) tick_slice();
}

// Backwards: a connection that closes, here or between two slices, is replaced by the last one,
// which had its tick or came after it.
void Shard::tick_slice() {
  std::size_t acts = 0;
  for (std::size_t i = 0; i < tick_slice_size && acts < tick_slice_acts; ++i) {
    unticked_ = std::min(unticked_, open_.size());
    if (unticked_ == 0) return;
    if (open_[--unticked_]->tick()) ++acts;
    next_slice_ += tick_spacing_;
  }
}

// ---- Completions ------------------------------------------------------------------------------

void Shard::deliver(Operation* first) noexcept {
  Call& call = call_of(*first);
  call.first = first;
  // Only who found the list empty wakes the shard: one wake-up takes all there is.
  // Counted, because the shard may take the call, and end, before wake() has returned.
  delivering_.fetch_add(1, std::memory_order_relaxed);
  if (delivered_.push(call)) poller_.wake();
  delivering_.fetch_sub(1, std::memory_order_release);
}

void Shard::take_delivered() {
  Call* batch = delivered_.take_all().first;
  while (batch != nullptr) {
    Call* const next_batch = batch->next_delivered;
    Operation* operation = batch->first;
    while (operation != nullptr) {
      // Read first: the session may use its call again at once.
      Operation* const next = operation->next();
      if (next != nullptr) prefetch_session(call_of(*next).session);
      call_of(*operation).session->complete();
      operation = next;
    }
    batch = next_batch;
  }
}

// ---- Ending -----------------------------------------------------------------------------------

void Shard::drain() {
  post([this] { begin_drain(); });
}

void Shard::begin_drain() {
  is_draining_ = true;
  for (auto& listener : listeners_) {
    // Clients in the backlog count themselves connected and may have sent their request.
    [[maybe_unused]] const Accepted last = accept_some(*listener, backlog_max);
    listener->socket = base::UniqueFd();
  }
  for (std::size_t i = open_.size(); i-- > 0;) open_[i]->drain();
}

void Shard::abort() {
  post([this] {
    for (std::size_t i = open_.size(); i-- > 0;) open_[i]->abort();
  });
}

}  // namespace fluxgate::http
