#pragma once

#include <cstddef>
#include <string_view>

#include "http/status_map.hpp"

namespace fluxgate::http {

/// Finds the end of a request's header and refuses every byte that two readers of HTTP could read
/// differently.
///
/// Beast's parser, which reads the header afterwards, takes obs-fold, has no bound on the number of
/// fields and would let a target of 16 KiB through; here it is only ever given headers that are
/// plain: lines end in CR LF and hold no other control character than tab, names are tokens that
/// touch their colon, no line begins with a space. One empty line before the request is skipped
/// (RFC 9112, 2.2).
///
/// Threads: one at a time.
class HeaderScan {
 public:
  enum class State { more, complete, refused };

  /// Looks at the bytes that came since the last call. `bytes` always begins at the same request.
  [[nodiscard]] State feed(std::string_view bytes);

  /// Bytes before the request line, 0 or 2. Valid once complete.
  [[nodiscard]] std::size_t header_begin() const noexcept { return header_begin_; }
  /// Behind the empty line. Valid once complete.
  [[nodiscard]] std::size_t header_end() const noexcept { return line_begin_; }
  /// True if there was an empty line and nothing else.
  [[nodiscard]] bool is_blank(std::string_view bytes) const noexcept {
    return header_begin_ != 0 && bytes.size() == header_begin_;
  }
  /// Why it was refused.
  [[nodiscard]] Problem problem() const noexcept { return problem_; }

  void reset() noexcept { *this = HeaderScan(); }

 private:
  State refuse(Problem problem) noexcept;
  [[nodiscard]] State take_line(std::string_view line);
  [[nodiscard]] State check_unfinished(std::string_view bytes);

  std::size_t header_begin_ = 0;
  std::size_t fields_begin_ = 0;  // 0: the request line is not over
  std::size_t line_begin_ = 0;
  std::size_t scanned_ = 0;
  std::size_t fields_ = 0;
  Problem problem_ = Problem::malformed_request;
};

/// True if `c` may be part of a method or a field name (RFC 9110 token).
[[nodiscard]] bool is_token_char(char c) noexcept;

}  // namespace fluxgate::http
