#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fluxgate::http {

/// A request target, split and decoded.
struct Target {
  static constexpr std::size_t parts_max = 4;

  /// Of "http://authority/path"; empty for "/path".
  std::string_view authority;
  /// Decoded parts of the path between its slashes: "/a/b%20c" has "a" and "b c", "/" one, empty.
  std::array<std::string_view, parts_max> parts;
  std::size_t count = 0;   ///< parts_max + 1: there are more
  std::string_view query;  ///< behind '?', not decoded

  [[nodiscard]] std::string_view part(std::size_t index) const noexcept { return parts[index]; }
};

/// Splits `text` at '/' and then decodes each part once; '+' stays a plus.
///
/// Returns:  false if it is neither "/path" nor "http://authority/path", or an escape is bad.
/// Lifetime: the parts point into `text` or `scratch`, which is overwritten.
[[nodiscard]] bool parse_target(std::string_view text, Target& target, std::string& scratch);

/// Appends `text` with its %XX escapes decoded. False, with anything appended, if one is bad.
[[nodiscard]] bool append_decoded(std::string& output, std::string_view text);

/// Appends `text` with all but unreserved characters (RFC 3986) as %XX.
void append_encoded(std::string& output, std::string_view text);

/// The parameters behind '?', decoded as paths are. Those nobody asks for are not looked at.
class Query {
 public:
  explicit Query(std::string_view text) noexcept : text_(text) {}

  /// The value of a parameter; none if it is not there. Sets is_bad() if it is there twice or has a
  /// bad escape.
  [[nodiscard]] std::optional<std::string> text(std::string_view name);
  /// The same for a decimal number min..max without sign; anything else sets is_bad().
  struct Range {
    std::uint64_t min;
    std::uint64_t max;
  };
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view name, Range range);

  [[nodiscard]] bool is_bad() const noexcept { return is_bad_; }

 private:
  std::string_view text_;
  bool is_bad_ = false;
};

}  // namespace fluxgate::http
