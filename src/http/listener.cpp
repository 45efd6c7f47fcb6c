#include "http/listener.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

// A port that was free on one address may be taken on the other, or between looking and taking.
constexpr int port_attempts_max = 16;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool is_optional = false;

  [[nodiscard]] bool is_v6() const noexcept { return storage.ss_family == AF_INET6; }
  [[nodiscard]] bool is_loopback() const noexcept {
    if (is_v6()) {
      const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
      return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return (ntohl(v4.sin_addr.s_addr) >> 24U) == 127;
  }
  void set_port(std::uint16_t port) noexcept {
    if (is_v6()) {
      reinterpret_cast<sockaddr_in6&>(storage).sin6_port = htons(port);
    } else {
      reinterpret_cast<sockaddr_in&>(storage).sin_port = htons(port);
    }
  }
  [[nodiscard]] const sockaddr* raw() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

Result<std::vector<Address>> resolve(const std::string& host) {
  const bool is_localhost = host == "localhost";
  std::vector<Address> addresses;
  // Not asked of the resolver: what "localhost" is must not depend on the machine's hosts file.
  for (const char* name : {"127.0.0.1", "::1"}) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | (is_localhost ? AI_NUMERICHOST : 0);
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(is_localhost ? name : host.c_str(), nullptr, &hints, &found);
    if (failure != 0) {
      return Error{ErrorCode::invalid_argument, "host " + host + ": " + ::gai_strerror(failure)};
    }
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
      Address address;
      std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
      address.size = entry->ai_addrlen;
      address.is_optional = is_localhost && address.is_v6();
      addresses.push_back(address);
    }
    ::freeaddrinfo(found);
    if (!is_localhost) break;
  }
  return addresses;
}

Error error_of(int number, const std::string& what) {
  const std::string message = what + ": " + std::generic_category().message(number);
  switch (number) {
    case EADDRINUSE:
      return {ErrorCode::in_use, message};
    case EACCES:
    case EPERM:
      return {ErrorCode::permission, message};
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return {ErrorCode::invalid_argument, message};
    default:
      return {ErrorCode::unavailable, message};
  }
}

bool set_flag(int descriptor, int level, int name) {
  const int on = 1;
  return ::setsockopt(descriptor, level, name, &on, sizeof(on)) == 0;
}

// A socket bound to `address`; none, and errno, if it cannot be had.
std::optional<base::UniqueFd> bind_socket(const Address& address, bool shares_port) {
  base::UniqueFd fd(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return std::nullopt;
  const bool good = set_flag(fd.get(), SOL_SOCKET, SO_REUSEADDR) &&
                    (!shares_port || set_flag(fd.get(), SOL_SOCKET, SO_REUSEPORT)) &&
                    (!address.is_v6() || set_flag(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY));
  if (!good || ::bind(fd.get(), address.raw(), address.size) != 0) return std::nullopt;
  return fd;
}

// Its connections inherit it. Where the system does not know it the kernel keeps more for those who
// do not read, up to its own bound.
void bound_unsent(const base::UniqueFd& fd) {
  static_cast<void>(::setsockopt(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kernel_unsent_bytes_max,
                                 sizeof(kernel_unsent_bytes_max)));
}

std::uint16_t port_of(const base::UniqueFd& fd) {
  Address address;
  address.size = sizeof(address.storage);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return ntohs(address.is_v6() ? reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port
                               : reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

// Binds every address once without sharing, which fails if anybody listens there, however they
// bound. Fills in the port, and drops optional addresses that this machine does not have.
// Returns: 0 or errno.
int probe(std::vector<Address>& addresses, std::uint16_t& port) {
  std::vector<base::UniqueFd> held;
  for (std::size_t i = 0; i < addresses.size();) {
    addresses[i].set_port(port);
    std::optional<base::UniqueFd> fd = bind_socket(addresses[i], false);
    if (!fd) {
      const bool is_missing = errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
      if (!addresses[i].is_optional || !is_missing) return errno;
      addresses.erase(addresses.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    if (port == 0) port = port_of(*fd);
    held.push_back(std::move(*fd));
    ++i;
  }
  for (Address& address : addresses) address.set_port(port);
  return 0;
}

// Returns: 0 or errno.
int listen_all(const std::vector<Address>& addresses, std::size_t shards, Listeners& listeners) {
  listeners.shards.clear();
  listeners.shards.resize(shards);
  for (auto& shard : listeners.shards) {
    for (const Address& address : addresses) {
      std::optional<base::UniqueFd> fd = bind_socket(address, true);
      if (!fd) return errno;
      bound_unsent(*fd);
      if (::listen(fd->get(), backlog_max) != 0) return errno;
      shard.push_back({std::move(*fd), address.is_v6()});
    }
  }
  return 0;
}

}  // namespace

Result<Listeners> open_listeners(const std::string& host, std::uint16_t port, std::size_t shards) {
  Result<std::vector<Address>> addresses = resolve(host);
  if (!addresses) return addresses.error();
  Listeners listeners;
  int failure = 0;
  const int attempts = port == 0 ? port_attempts_max : 1;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    listeners.port = port;
    failure = probe(*addresses, listeners.port);
    if (failure == 0) failure = listen_all(*addresses, shards, listeners);
    if (failure != EADDRINUSE) break;
  }
  if (failure != 0) {
    return error_of(failure, "cannot listen on " + host + " port " + std::to_string(port));
  }
  listeners.is_loopback = true;
  for (const Address& address : *addresses) listeners.is_loopback &= address.is_loopback();
  return listeners;
}

}  // namespace fluxgate::http
