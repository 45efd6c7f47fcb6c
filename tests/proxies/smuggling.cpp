// Requests that two readers of HTTP may take for different things, through a proxy in front of a
// server: do both always agree where one ends and the next begins?
//
//     smuggling --proxy nginx|haproxy|apache|varnish|all [--first SEED] [--count N]
//
// Each request is followed by a marked one on the same connection and by another on a new one,
// which the proxy sends over the connection to the server that the first had gone over. Out of step
// are they if
//   - the server answers a request the proxy does not know of: it gives all it knows a token, and
//     the hidden one, which asks for orders, has none: it is counted as refused;
//   - a marked request gets an answer that is not its own;
//   - or none, because the server waits for the rest of something.
//
// The last line is "ok requests=… desyncs=0 …"; else 1 and how to try it again; 77: no proxy here.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fluxgate/server.hpp"
#include "proxies/mutation.hpp"
#include "proxies/proxy.hpp"
#include "support/http_client.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::size_t marks = 1'000;
constexpr const char* token = "s3cret-of-the-proxy";
// Less than any of the server's and the proxies' own deadlines, so that who waits is found out.
constexpr std::chrono::seconds answer_time_max{5};

struct Options {
  std::string proxy = "all";
  std::uint64_t first = 1;
  std::uint64_t count = 300;
};

/// What was done and seen, over all proxies.
struct Totals {
  std::uint64_t requests = 0;
  std::uint64_t reached = 0;   ///< the server
  std::uint64_t followed = 0;  ///< by an answer to the marked request on the same connection
  std::uint64_t hidden = 0;    ///< taken for requests by both
};

std::string mark_of(std::uint64_t number) {
  return "mark-" + std::to_string(number % marks);
}

std::string request_for(const std::string& mark) {
  return "GET /products/" + mark + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
}

/// The server, in this process, with a product for each mark.
class Target {
 public:
  Target() {
    auto opened = Engine::open({.durability = Durability::memory});
    if (!opened) throw std::runtime_error(opened.error().message);
    engine_ = std::move(*opened);
    for (std::uint64_t i = 0; i < marks; ++i) {
      static_cast<void>(engine_->init({.product_id = mark_of(i), .quantity = 1}));
    }
    ServerOptions options;
    options.port = 0;
    options.threads = 1;
    options.admin_token = token;
    auto started = Server::start(*engine_, options);
    if (!started) throw std::runtime_error(started.error().message);
    server_ = std::move(*started);
    watcher_ = std::make_unique<HttpClient>(server_->port());
  }

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }

  struct Seen {
    std::uint64_t all = 0;
    std::uint64_t refused_orders = 0;
    std::uint64_t answered_orders = 0;
  };
  /// Requests answered up to now, but for those of this function.
  [[nodiscard]] Seen seen() {
    const std::string text = watcher_->request({.method = "GET", .target = "/metrics"}).body;
    static constexpr std::string_view name = "\nfluxgate_http_requests_total{route=\"";
    Seen seen;
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      const std::string_view labels = std::string_view(text).substr(at + name.size());
      const std::uint64_t count = std::strtoull(labels.data() + labels.find('}') + 2, nullptr, 10);
      if (!labels.starts_with("metrics\"")) seen.all += count;
      if (labels.starts_with(R"(orders",status="4xx)")) seen.refused_orders = count;
      if (labels.starts_with(R"(orders",status="2xx)")) seen.answered_orders = count;
    }
    return seen;
  }

 private:
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<HttpClient> watcher_;
};

/// All that comes until the peer closes; `is_late` if it does not in time.
std::string read_all(HttpClient& client, bool& is_late) {
  try {
    return client.read_to_end();
  } catch (const std::runtime_error& failure) {
    is_late = std::string_view(failure.what()) == "no answer in time";
    return client.take_input();
  }
}

bool names_other_mark(std::string_view text, const std::string& mark) {
  static constexpr std::string_view start = "\"productId\":\"mark-";
  for (std::size_t at = text.find(start); at != std::string_view::npos;
       at = text.find(start, at + 1)) {
    const std::string_view rest = text.substr(at + 13);
    if (rest.substr(0, rest.find('"')) != mark) return true;
  }
  return false;
}

bool names_mark(std::string_view text, const std::string& mark) {
  return text.find("\"productId\":\"" + mark + "\"") != std::string_view::npos;
}

class Campaign {
 public:
  Campaign(Target& target, Proxy& proxy, Totals& totals)
      : target_(target), proxy_(proxy), totals_(totals) {}

  /// What is out of step, if anything.
  [[nodiscard]] std::string run(std::uint64_t seed) {
    const std::string mark = mark_of(2 * seed);
    const Target::Seen before = target_.seen();
    bool is_late = false;
    const std::string answers = send(make_mutation(seed) + request_for(mark), is_late);
    const std::string failure = failure_of_follower(mark_of(2 * seed + 1));
    const Target::Seen after = target_.seen();

    ++totals_.requests;
    if (after.all > before.all + 1) ++totals_.reached;
    if (names_mark(answers, mark)) ++totals_.followed;
    if (after.answered_orders != before.answered_orders) ++totals_.hidden;
    if (after.refused_orders != before.refused_orders) {
      return "the server answered a request the proxy does not know of";
    }
    if (names_other_mark(answers, mark)) return "an answer to somebody else came: " + answers;
    if (is_late) return "no end of the answers in time; so far: " + answers;
    return failure;
  }

 private:
  // Half-closed at once, so that nobody waits for more of what is not whole.
  std::string send(const std::string& bytes, bool& is_late) {
    HttpClient client(proxy_.port(), answer_time_max);
    client.write(bytes);
    client.shutdown_send();
    return read_all(client, is_late);
  }

  // Twice, because the server closes what it kept after a framing error, and that may cross with
  // the next request on its way.
  std::string failure_of_follower(const std::string& mark) {
    std::string answer;
    for (int attempt = 0; attempt < 2; ++attempt) {
      bool is_late = false;
      HttpClient client(proxy_.port(), answer_time_max);
      client.write(request_for(mark));
      answer = read_all(client, is_late);
      if (is_late) return "a request on a new connection is not answered";
      if (names_other_mark(answer, mark)) break;
      const std::string_view head = std::string_view(answer).substr(0, 12);
      if (head == "HTTP/1.1 200" && names_mark(answer, mark)) return {};
      if (head != "HTTP/1.1 502" && head != "HTTP/1.1 503") break;
    }
    return "a request on a new connection is answered with: " + answer;
  }

  Target& target_;
  Proxy& proxy_;
  Totals& totals_;
};

std::string printable(std::string_view bytes) {
  std::string result;
  for (const char c : bytes) {
    if (c >= ' ' && c < 0x7f && c != '\\') {
      result += c;
      continue;
    }
    char code[5];
    std::snprintf(code, sizeof(code), "\\x%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    result += code;
    if (c == '\n') result += "\n    ";
  }
  return result;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) throw std::runtime_error("no value for " + std::string(flag));
    if (flag == "--proxy") {
      options.proxy = argv[i + 1];
    } else if (flag == "--first") {
      options.first = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (flag == "--count") {
      options.count = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      throw std::runtime_error("unknown flag " + std::string(flag));
    }
  }
  if (options.count == 0) throw std::runtime_error("--count must be at least 1");
  return options;
}

/// 0, 1, or 77 if the proxy is not installed.
int run_proxy(const std::string& kind, const Options& options, Totals& totals) {
  Target target;
  const std::unique_ptr<Proxy> proxy = Proxy::start(kind, target.port(), token);
  if (!proxy) {
    std::printf("SKIPPED: %s is not installed; scripts/test installs it\n", kind.c_str());
    return 77;
  }
  Totals own;
  Campaign campaign(target, *proxy, own);
  for (std::uint64_t seed = options.first; seed < options.first + options.count; ++seed) {
    const std::string failure = campaign.run(seed);
    if (failure.empty()) continue;
    std::printf("%s: out of step: %s\n    %s\nsmuggling --proxy %s --first %llu --count 1\n",
                kind.c_str(), failure.c_str(), printable(make_mutation(seed)).c_str(), kind.c_str(),
                static_cast<unsigned long long>(seed));
    return 1;
  }
  std::printf("%s: %llu requests, %llu reached the server, %llu marked ones behind them did\n",
              kind.c_str(), static_cast<unsigned long long>(own.requests),
              static_cast<unsigned long long>(own.reached),
              static_cast<unsigned long long>(own.followed));
  std::fflush(stdout);
  // About a third do; a proxy that refuses all of them would have shown nothing.
  if (own.requests >= 300 && own.reached < own.requests / 10) {
    std::printf("%s let hardly any of them through\n", kind.c_str());
    return 1;
  }
  totals.requests += own.requests;
  totals.reached += own.reached;
  totals.followed += own.followed;
  totals.hidden += own.hidden;
  return 0;
}

bool is_on_a_build_server() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string_view(ci) == "true";
}

int run(const Options& options) {
  std::vector<std::string> kinds{options.proxy};
  if (options.proxy == "all") kinds = {"nginx", "haproxy", "apache", "varnish"};
  Totals totals;
  for (const std::string& kind : kinds) {
    const int result = run_proxy(kind, options, totals);
    if (result == 77 && is_on_a_build_server()) return 1;
    // A campaign through all counts only if it went through all.
    if (result != 0) return result;
  }
  std::printf("ok requests=%llu reached=%llu followed=%llu hidden_for_both=%llu desyncs=0\n",
              static_cast<unsigned long long>(totals.requests),
              static_cast<unsigned long long>(totals.reached),
              static_cast<unsigned long long>(totals.followed),
              static_cast<unsigned long long>(totals.hidden));
  return 0;
}

}  // namespace
}  // namespace fluxgate::testing

int main(int argc, char** argv) {
  try {
    return fluxgate::testing::run(fluxgate::testing::parse(argc, argv));
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "smuggling: %s\n", failure.what());
    return 1;
  }
}
