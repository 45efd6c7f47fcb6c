// A shard without a thread, whose rounds a test drives: what comes between two steps of one round.
#include "http/shard.hpp"

#include <sys/socket.h>

#include <array>
#include <string>

#include "http/fixture.hpp"
#include "http/services.hpp"

namespace fluxgate::http {
namespace {

/// A shard that serves a sold-out product "p".
class DrivenShard {
 public:
  DrivenShard() {
    auto opened = Engine::open({.durability = Durability::memory, .storage = &storage_});
    REQUIRE(opened.has_value());
    engine_ = *std::move(opened);
    REQUIRE(engine_->init({.product_id = "p", .quantity = 0}).status == InitStatus::ok);
    auto page = WaitingRoomPage::make({});
    REQUIRE(page.has_value());
    services_.emplace(*engine_, ServerOptions{}, AdminRule("", true), *std::move(page));
    shard_.emplace(*services_, limits_, std::vector<ListeningSocket>());
  }

  /// The client's end of a new connection.
  [[nodiscard]] base::UniqueFd connect() {
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
    shard_->take(base::UniqueFd(pair[1]), boost::asio::ip::make_address("127.0.0.1"));
    return base::UniqueFd(pair[0]);
  }

  void serve_round() { shard_->serve_round(std::chrono::nanoseconds{0}); }
  [[nodiscard]] Shard& shard() noexcept { return *shard_; }

 private:
  orderlog::MemoryStorage storage_;
  std::unique_ptr<Engine> engine_;
  ConnectionLimits limits_{{.all = 4}};
  std::optional<Services> services_;
  std::optional<Shard> shard_;
};

void send_order(const base::UniqueFd& client) {
  const std::string request = HttpClient::text_of(order("p", "ann", "k"));
  REQUIRE(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size()));
}

/// What came since; "(end)" behind it if the connection has ended.
std::string received(const base::UniqueFd& client) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    if (got == 0) return text + "(end)";
    if (got < 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

TEST_CASE("Shard: a drain begins while a request has arrived that nobody has read → answered",
          "[http][unit]") {
  DrivenShard driven;
  const base::UniqueFd asks = driven.connect();
  const base::UniqueFd idles = driven.connect();
  send_order(asks);
  driven.serve_round();
  REQUIRE(received(asks).starts_with("HTTP/1.1 409 "));
  REQUIRE(received(idles).empty());

  // Behind the look at what is ready, before the drain of the same round.
  driven.shard().post([&] { send_order(asks); });
  driven.shard().drain();
  driven.serve_round();
  CHECK(received(idles) == "(end)");
  driven.serve_round();
  const std::string answer = received(asks);
  CHECK(answer.starts_with("HTTP/1.1 409 "));
  CHECK(answer.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(answer.ends_with("(end)"));
}

}  // namespace fluxgate::http
