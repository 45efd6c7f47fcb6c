#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace fluxgate::testing {

/// One connection to 127.0.0.1 that sends bytes as they are.
///
/// Threads: one. Errors: throws std::runtime_error, also when an answer takes too long.
class RawConnection {
 public:
  static constexpr std::chrono::seconds answer_wait_max{60};

  explicit RawConnection(std::uint16_t port)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      const int reason = errno;
      ::close(fd_);
      throw std::runtime_error("connect: " + std::generic_category().message(reason));
    }
  }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  ~RawConnection() { ::close(fd_); }

  /// Sends all of it.
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0) throw std::runtime_error("send: " + std::generic_category().message(errno));
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  /// Sends `bytes` again and again and reads nothing, until the peer has taken none for a while:
  /// then it is stuck with answers it cannot get rid of.
  void clog(std::string_view bytes) {
    constexpr int quiet_ms = 500;
    pollfd writable{fd_, POLLOUT, 0};
    while (::poll(&writable, 1, quiet_ms) > 0) {
      if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
          errno != EAGAIN) {
        throw std::runtime_error("send: " + std::generic_category().message(errno));
      }
    }
  }

  /// Reads until the peer closes.
  std::string read_to_end() {
    std::string text;
    std::array<char, 65'536> buffer;
    pollfd readable{fd_, POLLIN, 0};
    for (;;) {
      const auto wait = std::chrono::milliseconds(answer_wait_max).count();
      if (::poll(&readable, 1, static_cast<int>(wait)) <= 0) {
        throw std::runtime_error("no answer in time; so far: " + text);
      }
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count <= 0) return text;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  int fd_;
};

/// Sends one JSON request on its own connection and returns the whole answer.
/// `head` is for example "POST /init".
inline std::string request(std::uint16_t port, std::string_view head, std::string_view fields,
                           std::string_view body) {
  RawConnection connection(port);
  std::string text = std::string(head) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
  text += fields;
  if (!body.empty()) {
    text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size());
    text += "\r\n";
  }
  connection.send(text + "\r\n" + std::string(body));
  return connection.read_to_end();
}

/// POST /init of 100 units.
inline std::string init(std::uint16_t port, const std::string& product) {
  return request(port, "POST /init", "", R"({"productId":")" + product + R"(","quantity":100})");
}

/// POST /order of one unit.
inline std::string order(std::uint16_t port, const std::string& product, const std::string& user,
                         const std::string& key) {
  return request(port, "POST /order", "x-idempotency-key: " + key + "\r\n",
                 R"({"productId":")" + product + R"(","userId":")" + user + R"("})");
}

}  // namespace fluxgate::testing
