// The load generator: orders over many connections from one thread, and how long each took.
//
// Closed loop: each connection sends its next order when it has the answer to the last. It finds
// what a server can do, but not how long people wait: when the server stalls, so does the load.
// Open loop (--rate): orders are due at fixed times whatever the server does; one that finds no
// free connection waits, and its latency counts from the time it was due. With --patience-ms it
// waits no longer than that and is given up unsent, so that a load above what a server can do goes
// on for ever without a queue that does.
//
// Every order has a fresh key and user. The bytes are those of a k6 order, about 330.
//
// One JSON object on stdout: requests (all that were sent), and of those that were due behind the
// warm-up their number, rate, answers by status, and quantiles of latency in microseconds. Also
// given_up, and accepted_per_s: the answers 200 a second that came behind the warm-up, whenever
// their orders were due.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "latency_histogram.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using fluxgate::compare::LatencyHistogram;

struct Options {
  std::uint64_t port = 3000;
  std::uint64_t connections = 100;
  std::uint64_t seconds = 3;
  std::uint64_t warmup_ms = 500;
  std::uint64_t rate = 0;           ///< orders per second; 0: closed loop
  std::uint64_t patience_ms = 0;    ///< how long one may wait to be sent; 0: for ever
  std::uint64_t pipeline = 1;       ///< orders sent at once on a connection
  std::uint64_t products = 1;       ///< spread over product, product-2, product-3, ...
  std::uint64_t open_permille = 0;  ///< of the orders go to `open_product`
  std::uint64_t seed = 0;           ///< 0: a new one
  std::string product = "iphone-15";
  std::string open_product = "open";
};

[[noreturn]] void fail(const std::string& what, int exit_code = 1) {
  std::fprintf(stderr, "load_generator: %s\n", what.c_str());
  std::exit(exit_code);
}

[[noreturn]] void fail_system(const char* call) {
  fail(std::string(call) + ": " + std::generic_category().message(errno));
}

Options parse_options(int argc, char** argv) {
  Options options;
  const std::map<std::string_view, std::uint64_t*> numbers{
      {"--port", &options.port},         {"--connections", &options.connections},
      {"--seconds", &options.seconds},   {"--warmup-ms", &options.warmup_ms},
      {"--rate", &options.rate},         {"--pipeline", &options.pipeline},
      {"--products", &options.products}, {"--open-permille", &options.open_permille},
      {"--seed", &options.seed},         {"--patience-ms", &options.patience_ms}};
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) fail("a flag without a value: " + std::string(flag), 2);
    const std::string_view value = argv[i + 1];
    if (flag == "--product") {
      options.product = value;
    } else if (flag == "--open-product") {
      options.open_product = value;
    } else if (const auto found = numbers.find(flag); found != numbers.end()) {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), *found->second);
      if (error != std::errc{} || end != value.data() + value.size()) {
        fail("bad value for " + std::string(flag), 2);
      }
    } else {
      fail("unknown flag " + std::string(flag), 2);
    }
  }
  const bool good = options.port >= 1 && options.port <= 65'535 && options.connections >= 1 &&
                    options.connections <= 20'000 && options.seconds >= 1 &&
                    options.seconds <= 3600 && options.pipeline >= 1 && options.pipeline <= 64 &&
                    options.products >= 1 && options.products <= 100'000 &&
                    options.open_permille <= 1000 && options.rate <= 10'000'000;
  if (!good) fail("a value is out of range", 2);
  if (options.rate != 0 && options.pipeline != 1) fail("--rate does not go with --pipeline", 2);
  if (options.seed == 0) options.seed = std::random_device{}();
  return options;
}

/// The bytes of one order after the other, made in place from a template.
class OrderWriter {
 public:
  OrderWriter(const Options& options, const std::string& product) {
    const std::string id(id_bytes, '0');
    const std::string body = "{\"productId\":\"" + product + "\",\"userId\":\"" + id + "\"}";
    text_ = "POST /order HTTP/1.1\r\nHost: localhost:" + std::to_string(options.port) +
            "\r\nUser-Agent: k6/1.8.1 (https://k6.io/)\r\nContent-Length: " +
            std::to_string(body.size()) +
            "\r\nContent-Type: application/json\r\nx-idempotency-key: ";
    key_at_ = text_.size();
    text_ += id + "\r\nAccept-Encoding: gzip\r\n\r\n";
    user_at_ = text_.size() + body.size() - id_bytes - 2;
    text_ += body;
  }

  /// Appends the order with this number.
  void append(std::string& output, std::uint64_t high, std::uint64_t low) {
    write_id(text_.data() + key_at_, high, low);
    write_id(text_.data() + user_at_, high, ~low);
    output += text_;
  }

 private:
  static constexpr std::size_t id_bytes = 36;

  // Laid out as a UUID.
  static void write_id(char* to, std::uint64_t high, std::uint64_t low) {
    static constexpr std::string_view digits = "0123456789abcdef";
    for (std::size_t i = id_bytes; i-- > 0;) {
      if (i == 8 || i == 13 || i == 18 || i == 23) {
        to[i] = '-';
        continue;
      }
      to[i] = digits[low & 15U];
      low = low >> 4U | high << 60U;
      high >>= 4U;
    }
  }

  std::string text_;
  std::size_t key_at_ = 0;
  std::size_t user_at_ = 0;
};

/// An answer at the front of some bytes.
struct Answer {
  std::size_t bytes = 0;  ///< 0: not all of it is here
  unsigned status = 0;
};

Answer find_answer(std::string_view input) {
  const std::size_t head_end = input.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return {};
  if (!input.starts_with("HTTP/1.1 ") || head_end < 12) fail("the answer is no HTTP/1.1");
  static constexpr std::string_view name = "\r\ncontent-length:";
  std::size_t length = 0;
  bool has_length = false;
  for (std::size_t line = 0; line < head_end; line = input.find("\r\n", line + 2)) {
    const std::string_view text = input.substr(line, name.size());
    const auto is_same = [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
    };
    if (!std::equal(text.begin(), text.end(), name.begin(), name.end(), is_same)) continue;
    std::size_t at = line + name.size();
    while (input[at] == ' ') ++at;
    std::from_chars(input.data() + at, input.data() + head_end, length);
    has_length = true;
    break;
  }
  if (!has_length) fail("the answer has no Content-Length");
  Answer answer;
  std::from_chars(input.data() + 9, input.data() + 12, answer.status);
  if (input.size() >= head_end + 4 + length) answer.bytes = head_end + 4 + length;
  return answer;
}

struct Connection {
  int socket = -1;
  std::string output;
  std::size_t sent = 0;
  std::array<char, 16 * 1024> input;
  std::size_t input_bytes = 0;
  std::size_t in_flight = 0;
  Clock::time_point due;  ///< of what is in flight
};

class Generator {
 public:
  explicit Generator(const Options& options)
      : options_(options),
        random_(options.seed),
        run_(random_()),
        open_writer_(options, options.open_product) {
    for (std::uint64_t i = 1; i <= options.products; ++i) {
      writers_.emplace_back(options,
                            i == 1 ? options.product : options.product + "-" + std::to_string(i));
    }
    // A sleep may be as exact as it can: by default it is up to 50 us longer.
    if (prctl(PR_SET_TIMERSLACK, 1) != 0) fail_system("prctl");
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) fail_system("epoll_create1");
    connections_.resize(options.connections);
    for (Connection& connection : connections_) connect(connection);
  }

  void run() {
    start_ = Clock::now();
    counted_from_ = start_ + std::chrono::milliseconds(options_.warmup_ms);
    const auto end = counted_from_ + std::chrono::seconds(options_.seconds);
    next_due_ = start_;
    for (Connection& connection : connections_) idle_.push_back(&connection);
    std::array<epoll_event, 256> events;
    for (auto now = start_; now < end; now = Clock::now()) {
      give_work(now);
      const timespec timeout = wait_max(now);
      const int count =
          epoll_pwait2(poll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
      if (count < 0 && errno != EINTR) fail_system("epoll_wait");
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        on_ready(*static_cast<Connection*>(event.data.ptr));
      }
    }
    counted_s_ = std::chrono::duration<double>(Clock::now() - counted_from_).count();
  }

  void print() const {
    const auto us = [&](double share) {
      return static_cast<double>(latency_.quantile(share)) / 1000;
    };
    std::printf("{\"requests\":%llu,\"counted\":%llu,\"seconds\":%.3f,\"requests_per_s\":%.1f,",
                static_cast<unsigned long long>(sent_total_),
                static_cast<unsigned long long>(latency_.count()), counted_s_,
                static_cast<double>(latency_.count()) / counted_s_);
    std::printf("\"us_p50\":%.1f,\"us_p90\":%.1f,\"us_p99\":%.1f,\"us_p999\":%.1f,\"us_max\":%.1f,",
                us(0.5), us(0.9), us(0.99), us(0.999), static_cast<double>(latency_.max()) / 1000);
    std::printf("\"given_up\":%llu,\"accepted_per_s\":%.1f,\"seed\":%llu,\"statuses\":{",
                static_cast<unsigned long long>(given_up_),
                static_cast<double>(accepted_) / counted_s_,
                static_cast<unsigned long long>(options_.seed));
    const char* comma = "";
    for (const auto& [status, count] : statuses_) {
      std::printf("%s\"%u\":%llu", comma, status, static_cast<unsigned long long>(count));
      comma = ",";
    }
    std::printf("}}\n");
  }

 private:
  void connect(Connection& connection) {
    connection.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection.socket < 0) fail_system("socket");
    const int on = 1;
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);  // and never anywhere else
    if (::connect(connection.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
      fail_system("connect");
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = &connection;
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, connection.socket, &event) != 0) fail_system("epoll_ctl");
  }

  // Open loop: wakes 100 us before the next due time, because waking up takes some 50, and does not
  // sleep at all if that is near. Where it is far, others on the client's core have their turn
  // then; a program that never sleeps would be made to wait for them, 4 ms at a time.
  [[nodiscard]] timespec wait_max(Clock::time_point now) const {
    if (options_.rate == 0) return {.tv_sec = 0, .tv_nsec = 100'000'000};
    const auto left = std::chrono::nanoseconds(next_due_ - now) - std::chrono::microseconds(100);
    if (left < std::chrono::microseconds(100)) return {.tv_sec = 0, .tv_nsec = 0};
    return {.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
  }

  void give_work(Clock::time_point now) {
    if (options_.rate == 0) {
      for (Connection* connection : idle_) send(*connection, now);
      idle_.clear();
      return;
    }
    const auto interval = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(1.0 / static_cast<double>(options_.rate)));
    if (options_.patience_ms != 0) {
      const auto oldest = now - std::chrono::milliseconds(options_.patience_ms);
      if (next_due_ < oldest) {
        const auto given_up = (oldest - next_due_) / interval + 1;
        given_up_ += static_cast<std::uint64_t>(given_up);
        next_due_ += given_up * interval;
      }
    }
    while (!idle_.empty() && next_due_ <= now) {
      Connection* connection = idle_.front();
      idle_.pop_front();
      send(*connection, next_due_);
      next_due_ += interval;
    }
  }

  void send(Connection& connection, Clock::time_point due) {
    connection.output.clear();
    for (std::uint64_t i = 0; i < options_.pipeline; ++i) {
      ++sent_total_;
      const bool is_open = options_.open_permille != 0 && random_() % 1000 < options_.open_permille;
      OrderWriter& writer =
          is_open ? open_writer_
                  : writers_[options_.products == 1 ? 0 : random_() % options_.products];
      writer.append(connection.output, run_, sent_total_);
    }
    connection.in_flight = options_.pipeline;
    connection.due = due;
    const ssize_t sent =
        ::send(connection.socket, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
    // The socket is empty when its last answer has come, so all of it fits.
    if (sent != static_cast<ssize_t>(connection.output.size())) fail_system("send");
  }

  void on_ready(Connection& connection) {
    const std::size_t room = connection.input.size() - connection.input_bytes;
    const ssize_t got = recv(connection.socket, connection.input.data() + connection.input_bytes,
                             room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) fail("the server closed a connection");
    connection.input_bytes += static_cast<std::size_t>(got);
    const auto now = Clock::now();
    std::string_view input(connection.input.data(), connection.input_bytes);
    while (connection.in_flight > 0) {
      const Answer answer = find_answer(input);
      if (answer.bytes == 0) break;
      input.remove_prefix(answer.bytes);
      --connection.in_flight;
      if (answer.status == 200 && now >= counted_from_) ++accepted_;
      if (connection.due >= counted_from_) {
        latency_.record(static_cast<std::uint64_t>((now - connection.due).count()));
        ++statuses_[answer.status];
      }
    }
    std::memmove(connection.input.data(), input.data(), input.size());
    connection.input_bytes = input.size();
    if (connection.in_flight == 0) {
      if (options_.rate == 0) {
        send(connection, now);
      } else {
        idle_.push_back(&connection);
      }
    }
  }

  const Options options_;
  std::mt19937_64 random_;
  const std::uint64_t run_;  // half of every id: no two runs share one
  std::vector<OrderWriter> writers_;
  OrderWriter open_writer_;
  int poll_ = -1;
  std::vector<Connection> connections_;
  std::deque<Connection*> idle_;
  Clock::time_point start_;
  Clock::time_point counted_from_;
  Clock::time_point next_due_;
  std::uint64_t sent_total_ = 0;
  std::uint64_t given_up_ = 0;
  std::uint64_t accepted_ = 0;
  double counted_s_ = 0;
  LatencyHistogram latency_;
  std::map<unsigned, std::uint64_t> statuses_;
};

}  // namespace

int main(int argc, char** argv) {
  Generator generator(parse_options(argc, argv));
  generator.run();
  generator.print();
}
