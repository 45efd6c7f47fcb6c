#include "http/uri.hpp"

#include <charconv>

#include "http/ascii.hpp"

namespace fluxgate::http {
namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

constexpr std::string_view scheme = "http://";

// The host is not looked at here, but nothing that is no authority may pass for one.
bool is_authority(std::string_view text) noexcept {
  return !text.empty() && text.find_first_of("@\\?#\"<>,") == std::string_view::npos;
}

}  // namespace

bool append_decoded(std::string& output, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      output.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return false;
    output.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

void append_encoded(std::string& output, std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      output.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    output.push_back('%');
    output.push_back(digits[byte >> 4U]);
    output.push_back(digits[byte & 15U]);
  }
}

bool parse_target(std::string_view text, Target& target, std::string& scratch) {
  target = Target();
  scratch.clear();
  // Decoding never lengthens, so the views into it stay good.
  scratch.reserve(text.size());
  if (starts_with_any_case(text, scheme)) {
    text.remove_prefix(scheme.size());
    const std::size_t end = text.find_first_of("/?");
    target.authority = text.substr(0, end);
    if (!is_authority(target.authority)) return false;
    text.remove_prefix(target.authority.size());
    // "http://host" and "http://host?query" mean its root (RFC 9112, 3.2.2 and RFC 3986, 6.2.3).
    if (!text.starts_with('/')) {
      if (!text.empty()) target.query = text.substr(1);
      text = "/";
    }
  }
  if (!text.starts_with('/')) return false;
  const std::size_t mark = text.find('?');
  if (mark != std::string_view::npos) target.query = text.substr(mark + 1);
  std::string_view rest = text.substr(1, mark == std::string_view::npos ? mark : mark - 1);
  for (;;) {
    const std::size_t slash = rest.find('/');
    std::string_view part = rest.substr(0, slash);
    if (part.find('%') != std::string_view::npos) {
      const std::size_t begin = scratch.size();
      if (!append_decoded(scratch, part)) return false;
      part = std::string_view(scratch).substr(begin);
    }
    if (target.count < Target::parts_max) target.parts[target.count] = part;
    if (target.count <= Target::parts_max) ++target.count;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

std::optional<std::string> Query::text(std::string_view name) {
  std::optional<std::string> found;
  std::string_view rest = text_;
  std::string decoded;
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t equal = pair.find('=');
    decoded.clear();
    if (!append_decoded(decoded, pair.substr(0, equal))) {
      is_bad_ = true;
      return std::nullopt;
    }
    if (decoded != name) continue;
    std::string value;
    if (equal != std::string_view::npos) is_bad_ |= !append_decoded(value, pair.substr(equal + 1));
    is_bad_ |= found.has_value();
    found = std::move(value);
  }
  if (is_bad_) return std::nullopt;
  return found;
}

std::optional<std::uint64_t> Query::number(std::string_view name, Range range) {
  const std::optional<std::string> digits = text(name);
  if (!digits) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = digits->data() + digits->size();
  const auto [stop, error] = std::from_chars(digits->data(), end, value);
  if (error != std::errc() || stop != end || value < range.min || value > range.max) {
    is_bad_ = true;
    return std::nullopt;
  }
  return value;
}

}  // namespace fluxgate::http
