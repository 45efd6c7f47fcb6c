#include "http/cookie.hpp"

#include <sodium.h>

#include <array>

#include "http/ascii.hpp"

namespace fluxgate::http {
namespace {

// A place is kept for minutes and a line for hours: a day outlives both.
constexpr std::string_view lifetime = "86400";
constexpr std::size_t name_hash_bytes = crypto_generichash_BYTES_MIN;

}  // namespace

std::string_view find_cookie(std::string_view header, std::string_view name) noexcept {
  while (!header.empty()) {
    const std::size_t semicolon = header.find(';');
    const std::string_view pair = trimmed(header.substr(0, semicolon));
    header.remove_prefix(semicolon == std::string_view::npos ? header.size() : semicolon + 1);
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

std::string ticket_cookie_name(std::string_view product_id) {
  std::array<unsigned char, name_hash_bytes> hash{};
  ::crypto_generichash(hash.data(), hash.size(),
                       reinterpret_cast<const unsigned char*>(product_id.data()), product_id.size(),
                       nullptr, 0);
  std::array<char, 2 * name_hash_bytes + 1> text{};
  ::sodium_bin2hex(text.data(), text.size(), hash.data(), hash.size());
  return std::string("fluxgate-") + text.data();
}

std::string ticket_cookie_line(std::string_view product_id, std::string_view ticket) {
  return "Set-Cookie: " + ticket_cookie_name(product_id) + "=" + std::string(ticket) +
         "; Path=/waiting-room; Max-Age=" + std::string(lifetime) + "; HttpOnly; SameSite=Lax\r\n";
}

}  // namespace fluxgate::http
