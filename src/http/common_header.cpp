#include "http/common_header.hpp"

#include <cstddef>
#include <cstdint>

#include "base/words.hpp"
#include "http/limits.hpp"
#include "http/request_parser.hpp"

namespace fluxgate::http {
namespace {

// The eight bytes there, letters in lower case. Other bytes a name may have change, too, but to
// none that the names compared with have: those are letters, digits and '-'.
std::uint64_t lower_word(const char* bytes) noexcept {
  return base::load_word(bytes) | base::every_byte * 0x20U;
}

// True if the name is `lower`, which has letters, digits and '-' only.
template <std::size_t Size>
bool is(std::string_view name, const char (&lower)[Size]) noexcept {
  constexpr std::size_t length = Size - 1;
  if (name.size() != length) return false;
  std::uint64_t difference = 0;
  if constexpr (length >= 8) {
    for (std::size_t i = 0; i + 8 <= length; i += 8) {
      difference |= lower_word(name.data() + i) ^ lower_word(lower + i);
    }
    // The last word overlaps the one before.
    difference |= lower_word(name.data() + length - 8) ^ lower_word(lower + length - 8);
  } else {
    for (std::size_t i = 0; i < length; ++i) {
      difference |=
          (static_cast<unsigned char>(name[i]) | 0x20U) ^ static_cast<unsigned char>(lower[i]);
    }
  }
  return difference == 0;
}

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(const char* begin, const char* end) noexcept {
  while (begin != end && is_space(*begin)) ++begin;
  while (begin != end && is_space(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Up to five digits, at most body_bytes_max.
bool read_length(std::string_view value, std::size_t& length) noexcept {
  if (value.empty() || value.size() > 5) return false;
  length = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return false;
    length = length * 10 + static_cast<std::size_t>(c - '0');
  }
  return length <= body_bytes_max;
}

bool read_request_line(std::string_view line, Request& request) noexcept {
  static constexpr std::string_view version = " HTTP/1.1";
  if (!line.ends_with(version)) return false;
  line.remove_suffix(version.size());
  if (line.starts_with("POST ")) {
    request.method = Method::post;
  } else if (line.starts_with("GET ")) {
    request.method = Method::get;
  } else if (line.starts_with("HEAD ")) {
    request.method = Method::head;
  } else {
    return false;
  }
  request.target = line.substr(line.find(' ') + 1);
  return true;
}

/// What one header has had already.
struct Seen {
  bool host = false;
  bool length = false;
  bool authorization = false;
};

// False: Beast's way must look at it.
bool read_field(std::string_view name, std::string_view value, Seen& seen, Request& request) {
  if (is(name.substr(0, 12), "x-forwarded-")) return false;
  switch (name.size()) {
    case 3:
      return !is(name, "via");
    case 4:
      if (!is(name, "host")) return true;
      if (seen.host || !is_host(value)) return false;
      seen.host = true;
      request.host = value;
      return true;
    case 6:
      if (is(name, "accept")) {
        request.accepts_json |= value.find("application/json") != std::string_view::npos;
      } else if (is(name, "cookie") && request.cookie.empty()) {
        request.cookie = value;
      }
      return !is(name, "expect") && !is(name, "origin");
    case 7:
      return !is(name, "upgrade");
    case 9:
      return !is(name, "forwarded") && !is(name, "x-real-ip");
    case 10:
      return !is(name, "connection");
    case 12:
      if (!is(name, "content-type")) return true;
      if (request.has_content_type) return false;
      request.has_content_type = true;
      request.content_type = value;
      return true;
    case 13:
      if (!is(name, "authorization")) return true;
      if (seen.authorization) return false;
      seen.authorization = true;
      request.authorization = value;
      return true;
    case 14:
      if (is(name, "sec-fetch-site")) return false;
      if (!is(name, "content-length")) return true;
      if (seen.length || !read_length(value, request.content_length)) return false;
      seen.length = true;
      return true;
    case 17:
      if (!is(name, "x-idempotency-key")) return !is(name, "transfer-encoding");
      if (request.has_key) return false;
      request.has_key = true;
      request.key = value;
      return true;
    case 15:
      if (is(name, "accept-language") && request.accept_language.empty()) {
        request.accept_language = value;
      }
      return !is(name, "idempotency-key");
    case 16:
      return !is(name, "x-admission-pass") && !is(name, "proxy-connection");
    default:
      return true;
  }
}

}  // namespace

bool read_common_header(std::string_view input, const HeaderScan& scan, Request& request) noexcept {
  request = Request();
  if (!read_request_line(scan.request_line(input), request)) return false;
  Seen seen;
  for (const HeaderScan::Field& field : scan.fields()) {
    const std::string_view name = input.substr(field.begin, field.colon - field.begin);
    const std::string_view value =
        trimmed(input.data() + field.colon + 1, input.data() + field.end);
    if (!read_field(name, value, seen, request)) return false;
  }
  return seen.host;
}

}  // namespace fluxgate::http
