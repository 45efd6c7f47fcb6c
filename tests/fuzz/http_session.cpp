#include "fuzz/http_session.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/check.hpp"
#include "base/unique_fd.hpp"
#include "fluxgate/engine.hpp"
#include "fluxgate/server.hpp"
#include "http/connection_limits.hpp"
#include "http/services.hpp"
#include "http/shard.hpp"
#include "orderlog/memory_storage.hpp"
#include "support/manual_clock.hpp"

namespace fluxgate::fuzz {
namespace {

// Rounds without a deadline in which a connection that is not streaming must come to its end.
constexpr int rounds_max = 20'000;

// The same bytes in every life, so that answers can be compared.
class FixedEntropy final : public Entropy {
 public:
  void fill(std::span<std::byte> bytes) noexcept override {
    for (std::byte& each : bytes) each = std::byte(static_cast<std::uint8_t>(++count_ * 37U));
  }

 private:
  std::uint64_t count_ = 0;
};

const http::WaitingRoomPage& page() {
  static const http::WaitingRoomPage* const made = [] {
    auto page = http::WaitingRoomPage::make({});
    FLUXGATE_CHECK(page.has_value());
    return new http::WaitingRoomPage(*std::move(page));
  }();
  return *made;
}

// A server without threads, but for the one that reads the log.
class Life {
 public:
  explicit Life(const SessionSetup& setup)
      : engine_(open(setup)), options_(options_of(setup)), limits_({.all = 4}) {
    const bool is_local_only = !setup.trusts_proxy;
    services_ = std::make_unique<http::Services>(
        *engine_, options_, http::AdminRule(options_.admin_token, is_local_only), page());
    shard_ =
        std::make_unique<http::Shard>(*services_, limits_, std::vector<http::ListeningSocket>());
    services_->counters.push_back(&shard_->counters());
    before_ = state();
    connect(setup.is_remote ? "203.0.113.7" : "127.0.0.1");
  }
  ~Life() { services_->reads.stop(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  void receive(std::string_view piece) {
    while (!piece.empty() && shard_->open_connections() != 0) {
      const ssize_t sent = ::send(client_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
      if (sent > 0) piece.remove_prefix(static_cast<std::size_t>(sent));
      serve();
    }
  }

  SessionOutcome finish() {
    FLUXGATE_CHECK(::shutdown(client_.get(), SHUT_WR) == 0 || shard_->open_connections() == 0);
    for (int i = 0; i < rounds_max && shard_->open_connections() != 0; ++i) {
      if (serve_once() || shard_->open_connections() == 0) continue;
      // Only a reader thread or a stream makes it wait now; who streams is told by a real end.
      if (is_streaming()) client_ = base::UniqueFd();
      start_reader();
      shard_->serve_round(std::chrono::milliseconds{1});
    }
    FLUXGATE_CHECK(shard_->open_connections() == 0);
    take_output();
    SessionOutcome outcome{std::move(output_), state(), is_balanced_};
    outcome.is_changed = outcome.products != before_ || engine_->settings() != settings_;
    return outcome;
  }

 private:
  std::unique_ptr<Engine> open(const SessionSetup& setup) {
    EngineOptions options;
    options.durability = Durability::memory;
    options.storage = &storage_;
    options.clock = &clock_;
    options.entropy = &entropy_;
    options.commit_threads = 0;
    options.rate_limit = setup.has_line ? 1 : 0;
    auto opened = Engine::open(std::move(options));
    FLUXGATE_CHECK(opened.has_value());
    std::unique_ptr<Engine> engine = *std::move(opened);
    for (const auto& [product, quantity] : {std::pair{"p", 3}, {"iphone-15", 0}, {"a b/é", 100}}) {
      const auto result = engine->init(
          {.product_id = product, .quantity = static_cast<Units>(quantity), .max_per_user = 5});
      FLUXGATE_CHECK(result.status == InitStatus::ok);
    }
    settings_ = engine->settings();
    return engine;
  }

  ServerOptions options_of(const SessionSetup& setup) {
    ServerOptions options;
    if (setup.has_token) options.admin_token = session_token;
    if (setup.trusts_proxy) options.trusted_proxy = "203.0.113.0/24";
    if (setup.has_limits) {
      options.max_requests_per_connection = 3;
      options.client_rate = options.client_burst = 4;
      options.user_rate = options.user_burst = 2;
    }
    // None ends within a test.
    options.header_timeout = options.body_timeout = std::chrono::hours{1};
    options.write_timeout = options.idle_timeout = std::chrono::hours{1};
    options.clock = &clock_;
    options.entropy = &entropy_;
    return options;
  }

  void connect(const char* peer) {
    std::array<int, 2> pair{};
    FLUXGATE_CHECK(
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
    client_ = base::UniqueFd(pair[0]);
    shard_->take(base::UniqueFd(pair[1]), boost::asio::ip::make_address(peer));
  }

  // The thread that reads the log; at a low priority, so that its start alone can take 20 ms.
  void start_reader() {
    if (!std::exchange(has_reader_, true)) services_->reads.start(1);
  }

  [[nodiscard]] bool is_streaming() const {
    return output_.find("text/event-stream") != std::string::npos;
  }

  // True if something was got.
  bool take_output() {
    if (client_.get() < 0) return false;
    std::array<char, 65'536> buffer;
    bool got_some = false;
    ssize_t got = 0;
    while ((got = ::recv(client_.get(), buffer.data(), buffer.size(), 0)) > 0) {
      output_.append(buffer.data(), static_cast<std::size_t>(got));
      got_some = true;
    }
    return got_some;
  }

  // True if it may have brought something about.
  bool serve_once() {
    shard_->serve_round(std::chrono::nanoseconds{0});
    const bool stepped = engine_->step();
    return take_output() || stepped;
  }

  // What is left for a wake-up of its own comes in the round after.
  void serve() {
    for (int quiet = 0; quiet < 2;) quiet = serve_once() ? 0 : quiet + 1;
  }

  std::string state() {
    std::string all;
    for (const ProductSnapshot& product : engine_->products({}, 1000)) {
      all += std::string(product.product_id) + ' ' + std::to_string(product.round) + ' ' +
             std::to_string(product.quantity) + '\n';
      is_balanced_ = is_balanced_ && product.pending == 0 &&
                     product.quantity == product.stock + product.accepted;
    }
    return all;
  }

  orderlog::MemoryStorage storage_;
  testing::ManualClock clock_;
  FixedEntropy entropy_;
  SaleSettings settings_;
  bool is_balanced_ = true;
  bool has_reader_ = false;
  std::unique_ptr<Engine> engine_;
  ServerOptions options_;
  http::ConnectionLimits limits_;
  std::unique_ptr<http::Services> services_;
  std::unique_ptr<http::Shard> shard_;
  base::UniqueFd client_;
  std::string before_;
  std::string output_;
};

}  // namespace

SessionOutcome serve_session(const SessionSetup& setup,
                             const std::vector<std::string_view>& pieces) {
  Life life(setup);
  for (const std::string_view piece : pieces) life.receive(piece);
  return life.finish();
}

}  // namespace fluxgate::fuzz
