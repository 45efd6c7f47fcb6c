#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fluxgate::http {

/// The methods some route takes, or may; `other` is every further method of RFC 9110.
enum class Method : std::uint8_t { get, head, post, patch, other };

/// A request's header, as far as anything here asks for it.
///
/// Lifetime: the views point into the connection's input buffer and are good until the request has
/// been answered.
struct Request {
  Method method = Method::other;
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  bool is_chunked = false;
  bool has_content_type = false;
  bool has_key = false;
  /// Two key lines of one name, or of both names with different values.
  bool has_key_conflict = false;
  /// Forwarded, X-Forwarded-*, X-Real-IP, Via, Origin, or Sec-Fetch-Site: cross-site.
  bool came_by_detour = false;
  bool accepts_json = false;
  // Of forwarded_for(). Where there was room: a larger Request costs every request some 15 ns.
  std::uint16_t forwarded_begin = 0;  ///< from the target's
  std::uint16_t forwarded_bytes = 0;
  std::string_view target;
  std::string_view host;
  std::string_view content_type;
  std::string_view authorization;
  std::string_view key;
  std::string_view pass;
  std::string_view cookie;           ///< of the first such line
  std::string_view accept_language;  ///< of the first such line
  std::size_t content_length = 0;
  std::string_view body;  ///< decoded; followed by input_padding_bytes that may be read

  /// From the first X-Forwarded-For line's value to the last one's end, with the lines between:
  /// see client_address().
  [[nodiscard]] std::string_view forwarded_for() const noexcept {
    return {target.data() + forwarded_begin, forwarded_bytes};
  }

  friend bool operator==(const Request&, const Request&) = default;
};

}  // namespace fluxgate::http
