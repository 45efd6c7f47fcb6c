#include "http/client_address.hpp"

#include <array>
#include <optional>

#include "http/ascii.hpp"

namespace fluxgate::http {
namespace {

namespace ip = boost::asio::ip;

constexpr std::string_view field_name = "x-forwarded-for:";

bool is_port(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 5 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Takes brackets and a port off; false: there is something else.
bool take_off_port(std::string_view& entry) noexcept {
  if (entry.starts_with('[')) {
    const std::size_t bracket = entry.find(']');
    if (bracket == std::string_view::npos) return false;
    const std::string_view rest = entry.substr(bracket + 1);
    entry = entry.substr(1, bracket - 1);
    if (entry.find(':') == std::string_view::npos) return false;
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  const std::size_t colon = entry.find(':');
  // More than one: IPv6.
  if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) {
    return true;
  }
  const std::string_view port = entry.substr(colon + 1);
  entry = entry.substr(0, colon);
  return is_port(port);
}

std::optional<ip::address> read_entry(std::string_view entry) {
  // The longest address there is has 45 characters. A zone means something on one machine only.
  std::array<char, 64> text{};
  if (!take_off_port(entry) || entry.size() >= text.size()) return std::nullopt;
  if (entry.find_first_of(std::string_view("%\0", 2)) != std::string_view::npos) {
    return std::nullopt;
  }
  entry.copy(text.data(), entry.size());
  boost::system::error_code error;
  const ip::address address = ip::make_address(text.data(), error);
  if (error) return std::nullopt;
  return unmapped(address);
}

// Takes the last line off `lines`. Only the first has lost its name.
std::string_view take_last_line(std::string_view& lines) noexcept {
  const std::size_t end = lines.rfind("\r\n");
  if (end == std::string_view::npos) {
    const std::string_view line = lines;
    lines = {};
    return line;
  }
  const std::string_view line = lines.substr(end + 2);
  lines = lines.substr(0, end);
  // The lines between are of other fields, too.
  if (!starts_with_any_case(line, field_name)) return {};
  return trimmed(line.substr(field_name.size()));
}

}  // namespace

ip::address client_address(const ip::address& peer, std::string_view lines,
                           const Network& proxies) {
  ip::address found = unmapped(peer);
  if (!proxies.contains(found)) return found;
  while (!lines.empty()) {
    std::string_view line = take_last_line(lines);
    while (!line.empty()) {
      const std::size_t comma = line.rfind(',');
      const bool is_first = comma == std::string_view::npos;
      const std::string_view entry = trimmed(is_first ? line : line.substr(comma + 1));
      line = is_first ? std::string_view() : line.substr(0, comma);
      const std::optional<ip::address> address = read_entry(entry);
      if (!address) return found;
      found = *address;
      if (!proxies.contains(found)) return found;
    }
  }
  return found;
}

}  // namespace fluxgate::http
