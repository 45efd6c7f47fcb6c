// The null server: what the kernel, the socket calls and the client cost, with no server in it.
//
// Everything in bench/compare is measured against this program, so it stays as it is: a change here
// moves every published ratio.
//
// 1. Each thread has its own SO_REUSEPORT listener and its own edge-triggered epoll; connections
//    never leave their thread, nothing is shared.
// 2. A request costs one read and one write. Nothing is parsed and nothing is routed: a read whose
//    last byte can end a request ('}' of a JSON body, '\n' of a head without a body) is answered
//    with the same bytes, whatever it said.
// 3. It does not frame: pipelined requests in one read get one answer, and a client that sends head
//    and body apart gets two. k6, wrk and curl do neither.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

namespace {

constexpr int events_max = 256;
constexpr int backlog_max = 4096;
constexpr std::size_t request_bytes_max = 16 * 1024;
constexpr unsigned threads_max = 256;

struct Options {
  std::uint16_t port = 3001;
  unsigned threads = 1;
  std::string answer;
};

[[noreturn]] void fail(std::string_view what, int exit_code) {
  std::fprintf(stderr, "null_server: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(exit_code);
}

[[noreturn]] void fail_system(const char* call) {
  fail(std::string(call) + ": " + std::generic_category().message(errno), 1);
}

/// The bytes fluxgate-server sends when an order finds nothing left. The date does not move: its
/// length is what counts.
std::string sold_out_answer() {
  constexpr std::string_view body = R"({"status":"sold_out","msg":"Inventory empty"})";
  return "HTTP/1.1 409 Conflict\r\n"
         "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
         "Content-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) +
         "\r\n"
         "Cache-Control: no-store\r\n"
         "\r\n" +
         std::string(body);
}

std::string read_answer(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string answer{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file || answer.empty()) fail("cannot read an answer from " + path, 1);
  return answer;
}

template <typename Number>
Number parse_number(std::string_view flag, std::string_view text, Number max) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > max) {
    fail("bad value for " + std::string(flag), 2);
  }
  return number;
}

Options parse_options(int argc, char** argv) {
  Options options;
  options.answer = sold_out_answer();
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) fail("usage: null_server [--port N] [--threads N] [--answer FILE]", 2);
    const std::string_view value = argv[i + 1];
    if (flag == "--port") {
      options.port = parse_number<std::uint16_t>(flag, value, UINT16_MAX);
    } else if (flag == "--threads") {
      options.threads = parse_number<unsigned>(flag, value, threads_max);
    } else if (flag == "--answer") {
      options.answer = read_answer(std::string(value));
    } else {
      fail("unknown flag " + std::string(flag), 2);
    }
  }
  if (options.threads == 0) fail("bad value for --threads", 2);
  return options;
}

/// Listens on 127.0.0.1; port 0 picks a free one. Several may listen on the same port: the kernel
/// spreads the connections.
int open_listener(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail_system("socket");
  const int on = 1;
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    fail_system("setsockopt");
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail_system("bind");
  }
  if (listen(listener, backlog_max) != 0) fail_system("listen");
  return listener;
}

std::uint16_t port_of(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    fail_system("getsockname");
  }
  return ntohs(address.sin_port);
}

void watch(int poll, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  event.data.fd = descriptor;
  if (epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail_system("epoll_ctl");
}

/// Takes all connections that wait: an edge is reported once.
void accept_all(int poll, int listener) {
  for (;;) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      fail_system("accept4");
    }
    const int on = 1;
    if (setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
      fail_system("setsockopt");
    }
    watch(poll, connection);
  }
}

/// One read, one write. False: the connection is done.
bool serve_one(int connection, std::string_view answer) {
  std::array<char, request_bytes_max> request;
  const ssize_t got = read(connection, request.data(), request.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  const char last = request[static_cast<std::size_t>(got) - 1];
  if (last != '}' && last != '\n') return true;
  // A short write means a client that does not read its answers; it is not part of any measurement.
  const ssize_t sent = write(connection, answer.data(), answer.size());
  return sent == static_cast<ssize_t>(answer.size());
}

/// Threads: one per listener; everything it touches is its own.
[[noreturn]] void serve(int listener, std::string_view answer) {
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  if (poll < 0) fail_system("epoll_create1");
  watch(poll, listener);
  std::array<epoll_event, events_max> events;
  for (;;) {
    const int count = epoll_wait(poll, events.data(), events_max, -1);
    if (count < 0 && errno != EINTR) fail_system("epoll_wait");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == listener) {
        accept_all(poll, listener);
      } else if (!serve_one(event.data.fd, answer) || (event.events & EPOLLRDHUP) != 0) {
        close(event.data.fd);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGTERM, [](int) { _exit(0); });
  std::signal(SIGINT, [](int) { _exit(0); });

  std::vector<int> listeners{open_listener(options.port)};
  const std::uint16_t port = port_of(listeners.front());
  while (listeners.size() < options.threads) listeners.push_back(open_listener(port));

  std::printf("null server listening on http://127.0.0.1:%u\n", static_cast<unsigned>(port));
  std::fflush(stdout);
  for (std::size_t i = 1; i < listeners.size(); ++i) {
    std::thread(serve, listeners[i], std::string_view(options.answer)).detach();
  }
  serve(listeners.front(), options.answer);
}
