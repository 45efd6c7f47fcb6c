#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/request.hpp"

namespace fluxgate::http {

/// The last header a shard has read, so that the next one like it need not be read again.
///
/// A shop's servers send the same header over and over: all that changes from order to order is the
/// key. If every byte of a header but those of the key is the same, the key is as long, and has no
/// byte that could end or split a line, then its lines are the same lines, and whatever was read
/// from them holds. Comparing 250 bytes takes some 10 ns, reading them 180.
///
/// Threads: one.
class HeaderMemo {
 public:
  /// If `input` begins with a header like the one remembered: fills in `request`.
  /// Returns: the header's length; 0: it is another one, or not all of it is there.
  [[nodiscard]] std::size_t recall(std::string_view input, Request& request) const noexcept;

  /// Remembers `header`, from request line to empty line, and what was read from it. Only headers
  /// that have a key, are common (read_common_header()), and are not longer than most.
  void remember(std::string_view header, const Request& request) noexcept;

 private:
  static constexpr std::size_t bytes_max = 512;

  struct Part {
    std::uint16_t begin = 0;
    std::uint16_t size = 0;
  };
  [[nodiscard]] static Part part_of(std::string_view header, std::string_view view) noexcept;
  [[nodiscard]] static std::string_view view_of(std::string_view input, Part part) noexcept {
    return input.substr(part.begin, part.size);
  }

  std::array<char, bytes_max> bytes_;
  std::size_t size_ = 0;  // 0: nothing is remembered
  // What was read; its views are the parts below.
  Request request_;
  Part target_;
  Part host_;
  Part content_type_;
  Part authorization_;
  Part key_;
};

}  // namespace fluxgate::http
