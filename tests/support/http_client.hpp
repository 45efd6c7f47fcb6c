#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace fluxgate::testing {

struct HttpHeader {
  std::string name;
  std::string value;
};

/// What is sent. Host and, if there is a body, Content-Length are added.
struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";
  std::vector<HttpHeader> headers{};
  std::string body{};
};

/// What came back.
struct HttpResponse {
  int status = 0;
  std::string head;  ///< as it was sent, without the empty line
  std::vector<HttpHeader> headers;
  std::string body;

  /// The value of a header, whatever the case of its name; empty if it is not there.
  [[nodiscard]] std::string header(std::string_view name) const {
    for (const HttpHeader& each : headers) {
      if (std::equal(each.name.begin(), each.name.end(), name.begin(), name.end(),
                     [](unsigned char a, unsigned char b) {
                       return std::tolower(a) == std::tolower(b);
                     })) {
        return each.value;
      }
    }
    return {};
  }
};

/// A small blocking HTTP/1.1 client over one connection to this machine, for tests: it sends
/// anything, also what is no HTTP, and is strict about what comes back.
///
/// Threads: one at a time.
/// Errors:  throws std::runtime_error if the connection fails or ends, the answer is not HTTP, or
///          nothing comes in time.
///
/// Example:
///     HttpClient client(port);
///     HttpResponse answer = client.request({.method = "GET", .target = "/healthz"});
class HttpClient {
 public:
  static constexpr std::chrono::milliseconds deadline_default{30'000};

  explicit HttpClient(std::uint16_t port, std::chrono::milliseconds deadline = deadline_default)
      : port_(port), deadline_(deadline) {}
  HttpClient(HttpClient&& other) noexcept
      : port_(other.port_),
        deadline_(other.deadline_),
        socket_(std::exchange(other.socket_, -1)),
        is_connected_(std::exchange(other.is_connected_, false)),
        input_(std::move(other.input_)) {}
  HttpClient& operator=(HttpClient&&) = delete;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient() { close(); }

  /// Makes its socket, unconnected, if it has none.
  void open(bool to_v6 = false) {
    if (socket_ >= 0) return;
    input_.clear();
    socket_ = ::socket(to_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) fail("socket");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }

  /// Connects to 127.0.0.1, or ::1, if it is not connected.
  void connect(bool to_v6 = false) {
    if (is_connected_) return;
    open(to_v6);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port_);
    v6.sin6_addr = in6addr_loopback;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port_);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* address =
        to_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
    const socklen_t size = to_v6 ? sizeof(v6) : sizeof(v4);
    if (::connect(socket_, address, size) != 0) fail("connect");
    is_connected_ = true;
  }

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
    is_connected_ = false;
  }
  /// Closes with a reset, as a client that dies does.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close();
  }
  /// Says that nothing more will be sent.
  void shutdown_send() { ::shutdown(socket_, SHUT_WR); }
  /// Makes the kernel take little of what the server sends before it is read.
  void set_receive_buffer(int bytes) {
    connect();
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }

  [[nodiscard]] bool is_connected() const noexcept { return is_connected_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// Sends a request and reads its answer. Connects if it must, and closes if the answer says so.
  HttpResponse request(const HttpRequest& request) {
    connect();
    write(text_of(request));
    HttpResponse response = read_response(request.method == "HEAD");
    if (response.header("Connection") == "close") close();
    return response;
  }

  /// The bytes of a request.
  [[nodiscard]] static std::string text_of(const HttpRequest& request) {
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\nHost: localhost\r\n";
    for (const HttpHeader& header : request.headers) {
      text += header.name + ": " + header.value + "\r\n";
    }
    if (!request.body.empty() || request.method == "POST") {
      text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    }
    return text + "\r\n" + request.body;
  }

  void write(std::string_view bytes) {
    connect();
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("send");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  /// Reads one answer. `is_head`: it has no body whatever it says.
  HttpResponse read_response(bool is_head = false) {
    std::size_t end = std::string::npos;
    while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_some()) throw std::runtime_error("the connection ended: \"" + input_ + "\"");
    }
    HttpResponse response = parse_head(input_.substr(0, end));
    input_.erase(0, end + 4);
    if (is_head || response.status == 100) return response;
    const std::size_t size = length_of(response);
    while (input_.size() < size) {
      if (!read_some()) throw std::runtime_error("the connection ended inside a body");
    }
    response.body = input_.substr(0, size);
    input_.erase(0, size);
    return response;
  }

  /// Reads until the server closes; what came and was not read before.
  std::string read_to_end() {
    while (read_some()) {
    }
    close();
    return std::exchange(input_, {});
  }

  /// Reads until `mark` has come; what came, which the next reading has in it, too.
  const std::string& read_until(std::string_view mark) {
    while (input_.find(mark) == std::string::npos) {
      if (!read_some()) throw std::runtime_error("the connection ended: \"" + input_ + "\"");
    }
    return input_;
  }

  /// What came and was not read, after a reset too.
  [[nodiscard]] std::string take_input() { return std::exchange(input_, {}); }

  /// True if nothing comes within `time`.
  [[nodiscard]] bool is_silent_for(std::chrono::milliseconds time) {
    pollfd readable{socket_, POLLIN, 0};
    return input_.empty() && ::poll(&readable, 1, static_cast<int>(time.count())) == 0;
  }

 private:
  [[noreturn]] static void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::generic_category().message(errno));
  }

  // False at the end.
  bool read_some() {
    if (!is_connected_) throw std::runtime_error("the connection was closed");  // poll would wait
    pollfd readable{socket_, POLLIN, 0};
    const int ready = ::poll(&readable, 1, static_cast<int>(deadline_.count()));
    if (ready == 0) throw std::runtime_error("no answer in time");
    if (ready < 0 && errno != EINTR) fail("poll");
    char buffer[16'384];
    const ssize_t count = ::recv(socket_, buffer, sizeof(buffer), 0);
    if (count < 0 && errno == EINTR) return true;
    if (count < 0) fail("recv");
    input_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  static HttpResponse parse_head(const std::string& head) {
    HttpResponse response;
    response.head = head;
    if (head.size() < 13 || !head.starts_with("HTTP/1.1 ")) {
      throw std::runtime_error("not HTTP: \"" + head + "\"");
    }
    std::from_chars(head.data() + 9, head.data() + 12, response.status);
    std::size_t begin = head.find("\r\n");
    while (begin != std::string::npos) {
      begin += 2;
      const std::size_t end = head.find("\r\n", begin);
      const std::string line = head.substr(begin, end - begin);
      const std::size_t colon = line.find(": ");
      if (colon == std::string::npos) throw std::runtime_error("no header: \"" + line + "\"");
      response.headers.push_back({line.substr(0, colon), line.substr(colon + 2)});
      begin = end;
    }
    return response;
  }

  static std::size_t length_of(const HttpResponse& response) {
    const std::string digits = response.header("Content-Length");
    std::size_t size = 0;
    const char* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, size);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      throw std::runtime_error("no Content-Length: \"" + response.head + "\"");
    }
    return size;
  }

  std::uint16_t port_;
  std::chrono::milliseconds deadline_;
  int socket_ = -1;
  bool is_connected_ = false;
  std::string input_;
};

/// The value of a text or number that stands in a JSON answer; empty if it is not there.
inline std::string field(const HttpResponse& response, std::string_view name) {
  const std::string start = "\"" + std::string(name) + "\":";
  const std::size_t begin = response.body.find(start);
  if (begin == std::string::npos) return {};
  const std::string_view rest = std::string_view(response.body).substr(begin + start.size());
  if (rest.starts_with('"')) return std::string(rest.substr(1, rest.find('"', 1) - 1));
  return std::string(rest.substr(0, rest.find_first_of(",}")));
}

/// "409 sold_out", "422 over_limit", "200 success": the status and the word a program looks at.
inline std::string verdict(const HttpResponse& response) {
  const std::string status = field(response, "status");
  return std::to_string(response.status) + " " +
         (status == "error" ? field(response, "code") : status);
}

}  // namespace fluxgate::testing
