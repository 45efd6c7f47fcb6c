// Clients that would keep a server's connections for ever: they send the header of a request a byte
// a second, or its body, or read its answers so, spread evenly over the second. Who is closed comes
// again at once, so that as many are there all the time.
//
//     slow_clients --port P [--connections 4000] [--seconds 20]
//
// Prints "connected" when all are there; at the end one JSON object: how many connections there
// were, how many the server closed, and how long such a one lived, in seconds. Those that are open
// at the end are not counted, so what it says of lives is worth something after the longest life.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// The second a connection has for each byte, in slices: who drips in which is by its number.
constexpr std::size_t slices = 1000;
constexpr std::chrono::milliseconds slice_length{1};
// More answers than the kernel's buffers take.
constexpr int unread_requests = 400;
constexpr int receive_buffer_bytes = 4096;

enum class Kind { header, body, read };
constexpr std::array kinds{Kind::header, Kind::body, Kind::read};

struct Options {
  std::uint64_t port = 3000;
  std::uint64_t connections = 4000;
  std::uint64_t seconds = 20;
};

struct Connection {
  int socket = -1;
  Kind kind = Kind::header;
  Clock::time_point began;
};

[[noreturn]] void fail(const std::string& what, int exit_code = 1) {
  std::fprintf(stderr, "slow_clients: %s\n", what.c_str());
  std::exit(exit_code);
}

[[noreturn]] void fail_system(const char* call) {
  fail(std::string(call) + ": " + std::generic_category().message(errno));
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) fail("a flag without a value: " + std::string(flag), 2);
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--port") {
      options.port = value;
    } else if (flag == "--connections") {
      options.connections = value;
    } else if (flag == "--seconds") {
      options.seconds = value;
    } else {
      fail("unknown flag " + std::string(flag), 2);
    }
  }
  const bool good = options.port >= 1 && options.port <= 65'535 && options.connections >= 1 &&
                    options.connections <= 20'000 && options.seconds >= 1 &&
                    options.seconds <= 3600;
  if (!good) fail("a value is out of range", 2);
  return options;
}

std::string first_bytes(Kind kind) {
  switch (kind) {
    case Kind::header:
      return "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ";
    case Kind::body:
      return "POST /order HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             "x-idempotency-key: slow\r\nContent-Length: 16384\r\n\r\n";
    case Kind::read:
      break;
  }
  std::string requests;
  for (int i = 0; i < unread_requests; ++i) {
    requests += "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  return requests;
}

class SlowClients {
 public:
  explicit SlowClients(const Options& options) : options_(options) {
    for (const Kind kind : kinds) openings_.push_back(first_bytes(kind));
    poll_ = epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0) fail_system("epoll_create1");
    connections_.resize(options.connections);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].kind = kinds[i % kinds.size()];
      open(connections_[i]);
    }
    std::printf("connected\n");
    std::fflush(stdout);
  }

  void run() {
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::seconds(options_.seconds);
    std::array<epoll_event, 256> events;
    std::uint64_t slice = 0;
    for (auto now = begin; now < end; now = Clock::now()) {
      const int count = epoll_wait(poll_, events.data(), events.size(), 1);
      if (count < 0 && errno != EINTR) fail_system("epoll_wait");
      for (int i = 0; i < count; ++i) {
        auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        end_life(connection);
      }
      const auto due = static_cast<std::uint64_t>((Clock::now() - begin) / slice_length);
      while (slice < due) drip(slice++ % slices);
    }
  }

  void print() const {
    std::printf(
        "{\"opened\":%llu,\"closed\":%llu,\"life_s_min\":%.2f,\"life_s_max\":%.2f,"
        "\"oldest_open_s\":%.2f}\n",
        static_cast<unsigned long long>(opened_), static_cast<unsigned long long>(closed_),
        closed_ == 0 ? 0 : life_s_min_, life_s_max_, oldest_open_s());
  }

 private:
  void open(Connection& connection) {
    connection.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection.socket < 0) fail_system("socket");
    if (connection.kind == Kind::read) {
      setsockopt(connection.socket, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                 sizeof receive_buffer_bytes);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);  // and never anywhere else
    if (connect(connection.socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
        0) {
      fail_system("connect");
    }
    const std::string& bytes = openings_[static_cast<std::size_t>(connection.kind)];
    send(connection.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    connection.began = Clock::now();
    ++opened_;
    epoll_event event{};
    event.events = EPOLLRDHUP;
    event.data.ptr = &connection;
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, connection.socket, &event) != 0) fail_system("epoll_ctl");
  }

  void drip(std::size_t slice) {
    for (std::size_t i = slice; i < connections_.size(); i += slices) {
      Connection& connection = connections_[i];
      char byte = 'x';
      if (connection.kind == Kind::read) {
        static_cast<void>(recv(connection.socket, &byte, 1, MSG_DONTWAIT));
      } else {
        static_cast<void>(send(connection.socket, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT));
      }
    }
  }

  // The server will send no more, or has gone.
  void end_life(Connection& connection) {
    const double life_s = std::chrono::duration<double>(Clock::now() - connection.began).count();
    ++closed_;
    life_s_min_ = std::min(life_s_min_, life_s);
    life_s_max_ = std::max(life_s_max_, life_s);
    close(connection.socket);
    open(connection);
  }

  [[nodiscard]] double oldest_open_s() const {
    double oldest_s = 0;
    for (const Connection& connection : connections_) {
      oldest_s = std::max(oldest_s,
                          std::chrono::duration<double>(Clock::now() - connection.began).count());
    }
    return oldest_s;
  }

  const Options options_;
  std::vector<std::string> openings_;
  int poll_ = -1;
  std::vector<Connection> connections_;
  std::uint64_t opened_ = 0;
  std::uint64_t closed_ = 0;
  double life_s_min_ = 1e9;
  double life_s_max_ = 0;
};

// As many descriptors as may be.
void raise_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail_system("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail_system("setrlimit");
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  raise_limit();
  SlowClients clients(options);
  clients.run();
  clients.print();
}
