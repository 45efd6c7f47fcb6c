#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/limits.hpp"
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
  /// A field line's places in the bytes: its name, its colon, the end of its value.
  struct Field {
    std::uint16_t begin;
    std::uint16_t colon;
    std::uint16_t end;
  };

  /// Looks at the bytes that came since the last call. `bytes` always begins at the same request.
  [[nodiscard]] State feed(std::string_view bytes);

  /// False: feed() has kept nothing since reset().
  [[nodiscard]] bool has_begun() const noexcept { return scanned_ != 0; }
  /// Bytes before the request line, 0 or 2. Valid once complete.
  [[nodiscard]] std::size_t header_begin() const noexcept { return header_begin_; }
  /// Behind the empty line. Valid once complete.
  [[nodiscard]] std::size_t header_end() const noexcept { return line_begin_; }
  /// True if it began with an empty line.
  [[nodiscard]] bool has_skipped_line() const noexcept { return header_begin_ != 0; }
  /// True if there was an empty line and nothing else.
  [[nodiscard]] bool is_blank(std::string_view bytes) const noexcept {
    return header_begin_ != 0 && bytes.size() == header_begin_;
  }
  /// Without its line end. Valid once complete; `bytes` are those it was fed.
  [[nodiscard]] std::string_view request_line(std::string_view bytes) const noexcept {
    return bytes.substr(header_begin_, fields_begin_ - 2 - header_begin_);
  }
  /// In their order. Valid once complete.
  [[nodiscard]] std::span<const Field> fields() const noexcept {
    return {fields_.data(), fields_count_};
  }
  /// Why it was refused.
  [[nodiscard]] Problem problem() const noexcept { return problem_; }

  void reset() noexcept {
    header_begin_ = fields_begin_ = line_begin_ = scanned_ = clean_end_ = lines_ = 0;
    fields_count_ = 0;
  }

 private:
  State refuse(Problem problem) noexcept;
  [[nodiscard]] State take_line(std::string_view line);
  [[nodiscard]] State check_unfinished(std::string_view bytes);
  /// Checks the lines that ended since the last call for control characters.
  [[nodiscard]] bool are_lines_clean(std::string_view bytes) noexcept;

  std::size_t header_begin_ = 0;
  std::size_t fields_begin_ = 0;  // 0: the request line is not over
  std::size_t line_begin_ = 0;
  std::size_t scanned_ = 0;
  std::size_t clean_end_ = 0;  // of the lines that were checked
  std::size_t lines_ = 0;      // ended since
  std::size_t fields_count_ = 0;
  std::array<Field, header_fields_max> fields_;  // the first fields_count_
  Problem problem_ = Problem::malformed_request;
};

}  // namespace fluxgate::http
