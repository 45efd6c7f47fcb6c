#include "http/admin_rule.hpp"

#include <sodium.h>

#include <algorithm>

#include "base/check.hpp"
#include "http/ascii.hpp"

namespace fluxgate::http {
namespace {

bool is_number_up_to(std::string_view digits, unsigned max) noexcept {
  if (digits.empty() || digits.size() > 5) return false;
  unsigned value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= max;
}

// 127.a.b.c, written in full: shorthands mean different things to different readers.
bool is_loopback_v4(std::string_view host) noexcept {
  if (!host.starts_with("127.")) return false;
  host.remove_prefix(4);
  for (int part = 0; part < 2; ++part) {
    const std::size_t dot = host.find('.');
    if (dot == std::string_view::npos || !is_number_up_to(host.substr(0, dot), 255)) return false;
    host.remove_prefix(dot + 1);
  }
  return is_number_up_to(host, 255);
}

}  // namespace

bool is_local_host(std::string_view host) noexcept {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    // "localhost:" names the default port (RFC 3986, 3.2.3).
    const std::string_view port = host.substr(colon + 1);
    if (!port.empty() && !is_number_up_to(port, 65'535)) return false;
    host = host.substr(0, colon);
  }
  return equals_any_case(host, "localhost") || host == "[::1]" || is_loopback_v4(host);
}

AdminRule::AdminRule(std::string_view token, bool is_local_only) {
  FLUXGATE_CHECK(::sodium_init() >= 0);
  mode_ = is_local_only ? Mode::local : Mode::off;
  if (token.empty()) return;
  mode_ = Mode::token;
  token_hash_ = hash_of(token);
}

AdminRule::Hash AdminRule::hash_of(std::string_view token) noexcept {
  Hash hash;
  ::crypto_generichash(hash.data(), hash.size(),
                       reinterpret_cast<const unsigned char*>(token.data()), token.size(), nullptr,
                       0);
  return hash;
}

// Hashes are compared, not tokens, so that neither length nor content shows in the time it takes.
bool AdminRule::has_token(std::string_view authorization) const noexcept {
  static constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size() ||
      !equals_any_case(authorization.substr(0, scheme.size()), scheme)) {
    return false;
  }
  const std::size_t begin = authorization.find_first_not_of(' ', scheme.size());
  if (begin == std::string_view::npos) return false;
  const Hash hash = hash_of(authorization.substr(begin));
  return ::sodium_memcmp(hash.data(), token_hash_.data(), hash.size()) == 0;
}

bool AdminRule::allows(const Request& request, std::string_view authority,
                       bool is_loopback_peer) const noexcept {
  if (mode_ == Mode::token) return has_token(request.authorization);
  if (mode_ == Mode::off) return false;
  const bool is_local_target = authority.empty() || is_local_host(authority);
  return is_loopback_peer && !request.http_1_0 && !request.came_by_detour && is_local_target &&
         is_local_host(request.host);
}

}  // namespace fluxgate::http
