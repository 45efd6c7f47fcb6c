#include "cli/value_rules.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "fluxgate/types.hpp"

namespace fluxgate::cli {
namespace {

// The whole Authorization header must fit into the server's header limit of 16 KiB.
constexpr std::size_t token_bytes_max = 4096;
constexpr std::size_t host_bytes_max = 253;  // RFC 1035

bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x21 && c <= 0x7E; });
}

/// Bits of an address of this form: 32, 128, or 0 if it is none.
unsigned address_bits(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  if (::inet_pton(AF_INET, text.c_str(), address.data()) == 1) return 32;
  if (::inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return 128;
  return 0;
}

}  // namespace

Problem check_number(std::string_view value, NumberRange range, std::uint64_t& number) {
  const char* end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end && number >= range.least &&
      number <= range.most) {
    return std::nullopt;
  }
  return "must be a whole number from " + std::to_string(range.least) + " to " +
         std::to_string(range.most);
}

Problem set_boolean(std::string_view value, bool& target) {
  if (value != "true" && value != "false") return "must be true or false";
  target = value == "true";
  return std::nullopt;
}

Problem set_text(std::string_view value, std::string& target) {
  const bool has_control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (value.empty() || has_control) return "must not be empty or hold control characters";
  target = value;
  return std::nullopt;
}

Problem set_host(std::string_view value, std::string& target) {
  if (value.size() > 2 && value.front() == '[' && value.back() == ']') {
    value = value.substr(1, value.size() - 2);
    if (address_bits(std::string(value)) != 128) return "must hold an IPv6 address in brackets";
  }
  if (value.empty() || value.size() > host_bytes_max || !is_visible_ascii(value) ||
      value.find_first_of("/[]") != std::string_view::npos) {
    return "must be a host name or an address";
  }
  target = value;
  return std::nullopt;
}

Problem set_url(std::string_view value, std::string& target) {
  const bool starts_well =
      value.starts_with('/') || value.starts_with("http://") || value.starts_with("https://");
  // A query goes behind it, which no client would see behind a '#'.
  if (!starts_well || !is_visible_ascii(value) || value.find('#') != std::string_view::npos) {
    return "must be a path that begins with / or an http(s) URL, percent-encoded, without #";
  }
  target = value;
  return std::nullopt;
}

Problem set_token(std::string_view value, std::string& target) {
  if (value.empty() || value.size() > token_bytes_max || !is_visible_ascii(value)) {
    return "must be 1 to " + std::to_string(token_bytes_max) +
           " visible ASCII characters without spaces";
  }
  target = value;
  return std::nullopt;
}

Problem set_network(std::string_view value, std::string& target) {
  const std::size_t slash = value.find('/');
  const unsigned bits = address_bits(std::string(value.substr(0, slash)));
  std::uint64_t prefix = 0;
  const bool prefix_fits = slash == std::string_view::npos ||
                           !check_number(value.substr(slash + 1), {0, bits}, prefix).has_value();
  if (bits == 0 || value.find('\0') != std::string_view::npos || !prefix_fits) {
    return "must be an IP address or a network such as 10.0.0.0/8";
  }
  target = value;
  return std::nullopt;
}

Problem set_id(std::string_view value, std::string& target) {
  if (!is_valid_id(value)) return "must be 1 to 128 bytes of UTF-8 without control characters";
  target = value;
  return std::nullopt;
}

}  // namespace fluxgate::cli
