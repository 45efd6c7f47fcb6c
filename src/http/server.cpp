#include "fluxgate/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "admission/client_limiter.hpp"
#include "http/address.hpp"
#include "http/connection_limits.hpp"
#include "http/listener.hpp"
#include "http/services.hpp"
#include "http/shard.hpp"

namespace fluxgate {
namespace {

using http::ConnectionLimits;
using http::Network;

// Descriptors beside the connections: what the log's storage may have open (128 tables and a few
// files), standard streams and the like; and of each shard its listeners, its poller and the
// connection it is about to refuse. Connections never get them: a log that cannot open a file ends
// the sale.
constexpr rlim_t descriptors_reserved = 192;
constexpr rlim_t descriptors_per_shard = 8;
// Of the connections there is room for, one part in this is for telling others that there is none.
constexpr rlim_t refusal_parts = 8;
constexpr unsigned threads_max = 1024;
constexpr unsigned read_threads_max = 16;
constexpr std::size_t connections_max = 1'000'000;
constexpr std::uint64_t client_rate_max = 1'000'000;
static_assert(client_rate_max <= admission::ClientLimiter::rate_max &&
              client_rate_max <= admission::ClientLimiter::burst_max);

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// What is wrong with the options, if anything.
std::optional<Error> defect_of(const ServerOptions& options) {
  const auto bad = [](const char* message) { return Error{ErrorCode::invalid_argument, message}; };
  if (options.max_streams < 1 || options.max_streams > connections_max) {
    return bad("max_streams must be 1 to 1000000");
  }
  if (options.max_connections < 1 || options.max_connections > connections_max) {
    return bad("max_connections must be 1 to 1000000");
  }
  if (options.threads > threads_max) return bad("threads must be 0 to 1024");
  if (options.read_threads < 1 || options.read_threads > read_threads_max) {
    return bad("read_threads must be 1 to 16");
  }
  for (const std::uint64_t number :
       {options.client_rate, options.client_burst, options.user_rate, options.user_burst}) {
    if (number > client_rate_max) {
      return bad("client_rate, client_burst, user_rate and user_burst must be at most 1000000");
    }
  }
  for (const auto timeout : {options.header_timeout, options.body_timeout, options.write_timeout,
                             options.idle_timeout}) {
    if (timeout < std::chrono::seconds{1}) return bad("a timeout must be 1 second at least");
  }
  if (options.drain_timeout < std::chrono::seconds{0}) return bad("drain_timeout is negative");
  if (options.waiting_room_url.empty() || !is_visible_ascii(options.waiting_room_url)) {
    return bad("waiting_room_url must be a URL");
  }
  if (!is_visible_ascii(options.admin_token)) {
    return bad("admin_token must be visible ASCII without spaces");
  }
  if (!options.trusted_proxy.empty() && !Network::parse(options.trusted_proxy)) {
    return bad("trusted_proxy must be an address or a network");
  }
  return std::nullopt;
}

/// How many connections there are descriptors for, after the limit was raised as far as it may be.
///
/// Errors: unavailable (not for a few).
Result<ConnectionLimits::Bounds> connection_bounds(const ServerOptions& options, unsigned shards) {
  ConnectionLimits::Bounds bounds{options.max_connections, options.max_connections_per_address,
                                  http::refusals_max, Network::parse(options.trusted_proxy)};
  const rlim_t reserved = descriptors_reserved + descriptors_per_shard * shards;
  const rlim_t wanted = options.max_connections + http::refusals_max + reserved;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return bounds;
  rlimit raised = limit;
  raised.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : std::min(wanted, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) raised = limit;
  if (raised.rlim_cur >= wanted) return bounds;

  const std::string found = "the descriptor limit of " + std::to_string(raised.rlim_cur);
  if (raised.rlim_cur < reserved + refusal_parts) {
    return Error{ErrorCode::unavailable,
                 found + " is too low: " + std::to_string(reserved + refusal_parts) +
                     " are needed, and one more for each connection"};
  }
  const rlim_t room = raised.rlim_cur - reserved;
  bounds.refusals = std::min<std::size_t>(bounds.refusals, room / refusal_parts);
  bounds.all = std::min<std::size_t>(bounds.all, room - bounds.refusals);
  if (options.log && bounds.all < options.max_connections) {
    options.log(LogLevel::warning,
                found + " has room for " + std::to_string(bounds.all) + " connections only");
  }
  return bounds;
}

Result<http::WaitingRoomPage> make_page_of(const ServerOptions& options) {
  return http::WaitingRoomPage::make({options.waiting_room_template, options.waiting_room_texts});
}

/// What can fail before the server is there.
struct Parts {
  ConnectionLimits::Bounds bounds;
  http::WaitingRoomPage page;
  http::Listeners listeners;
};

/// Listens last: a server that cannot be started must not have taken the port.
///
/// Errors: as Server::start().
Result<Parts> make_parts(const ServerOptions& options, unsigned threads) {
  Result<http::WaitingRoomPage> page = make_page_of(options);
  if (!page) return page.error();
  Result<ConnectionLimits::Bounds> bounds = connection_bounds(options, threads);
  if (!bounds) return bounds.error();
  Result<http::Listeners> listeners = http::open_listeners(options.host, options.port, threads);
  if (!listeners) return listeners.error();
  return Parts{*std::move(bounds), *std::move(page), *std::move(listeners)};
}

}  // namespace

/// The shards and what they share.
///
/// Threads: `ended_` counts under `mutex_`; the rest belongs to the thread that calls Server.
class Server::Impl {
 public:
  Impl(Engine& engine, const ServerOptions& options, Parts parts)
      : services_(engine, options,
                  http::AdminRule(options.admin_token,
                                  parts.listeners.is_loopback && options.trusted_proxy.empty()),
                  std::move(parts.page)),
        limits_(parts.bounds),
        port_(parts.listeners.port) {
    for (auto& sockets : parts.listeners.shards) {
      shards_.push_back(std::make_unique<http::Shard>(services_, limits_, std::move(sockets)));
      services_.counters.push_back(&shards_.back()->counters());
    }
  }

  ~Impl() { stop(); }

  /// Throws std::system_error if a thread cannot be had; the destructor stops those that run.
  void start() {
    if (services_.admin.is_off() && services_.options.log) {
      services_.options.log(LogLevel::warning,
                            "the admin routes are off: they need an admin token when a proxy is "
                            "trusted or the host is not loopback");
    }
    services_.reads.start(services_.options.read_threads);
    for (const auto& shard : shards_) {
      shard->start([this] { count_ended(); });
      ++running_;
    }
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  bool stop() {
    if (is_stopped_) return in_time_;
    is_stopped_ = true;
    services_.engine.drain();
    for (const auto& shard : running()) shard->drain();
    const auto deadline = std::chrono::steady_clock::now() + services_.options.drain_timeout;
    in_time_ = wait_for_shards(deadline);
    services_.reads.stop();
    for (const auto& shard : running()) shard->abort();
    // A session stays until its call is back, because the engine holds the call.
    wait_for_shards(std::nullopt);
    for (const auto& shard : running()) shard->join();
    return in_time_;
  }

 private:
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;

  [[nodiscard]] std::span<const std::unique_ptr<http::Shard>> running() const {
    return {shards_.data(), running_};
  }

  void count_ended() {
    const std::lock_guard lock(mutex_);
    ++ended_;
    changed_.notify_all();
  }

  /// Commits while it waits: in a host that steps the engine itself, the thread that would is
  /// often the one that stops the server.
  bool wait_for_shards(Deadline deadline) {
    static constexpr std::chrono::milliseconds between_steps{1};
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, between_steps, [&] { return ended_ == running_; })) {
      if (deadline && std::chrono::steady_clock::now() >= *deadline) return false;
      lock.unlock();
      services_.engine.step();
      lock.lock();
    }
    return true;
  }

  http::Services services_;
  ConnectionLimits limits_;
  const std::uint16_t port_;
  std::vector<std::unique_ptr<http::Shard>> shards_;
  std::size_t running_ = 0;
  bool is_stopped_ = false;
  bool in_time_ = true;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t ended_ = 0;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::uint16_t Server::port() const noexcept {
  return impl_->port();
}
bool Server::stop() {
  return impl_->stop();
}

Result<void> Server::check(const ServerOptions& options) {
  if (auto error = defect_of(options)) return std::move(*error);
  const auto page = make_page_of(options);
  if (!page) return page.error();
  return {};
}

Result<std::unique_ptr<Server>> Server::start(Engine& engine, ServerOptions options) {
  if (auto error = defect_of(options)) return std::move(*error);
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned threads = options.threads != 0 ? options.threads : cores;
  Result<Parts> parts = make_parts(options, threads);
  if (!parts) return parts.error();
  try {
    auto impl = std::make_unique<Impl>(engine, options, *std::move(parts));
    impl->start();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
  } catch (const std::runtime_error& failure) {
    // The system errors of Asio and std::thread: no descriptors or threads to be had.
    return Error{ErrorCode::unavailable, std::string("cannot serve: ") + failure.what()};
  }
}

}  // namespace fluxgate
