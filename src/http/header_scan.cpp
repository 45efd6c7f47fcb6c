#include "http/header_scan.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

// No method is longer; what is goes on being read only to be refused.
constexpr std::size_t method_bytes_max = 32;

constexpr std::array<bool, 256> token_table = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned>(c)] = true;
  return table;
}();

bool is_token(std::string_view text) noexcept {
  bool good = !text.empty();
  for (const char c : text) good &= token_table[static_cast<unsigned char>(c)];
  return good;
}

// How many control characters other than tab. Branch-free and with sums of one byte, so that the
// compiler makes it a vector loop.
std::size_t count_controls(std::string_view text) noexcept {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, 255);
    std::uint8_t part_count = 0;
    for (const char each : part) {
      const auto c = static_cast<std::uint8_t>(each);
      const bool is_control = (c < 0x20 && c != '\t') || c == 0x7F;
      part_count = static_cast<std::uint8_t>(part_count + (is_control ? 1 : 0));
    }
    count += part_count;
    text.remove_prefix(part.size());
  }
  return count;
}

// Visible ASCII, and bytes of UTF-8, which people paste into clients that send them as they are.
bool is_target(std::string_view text) noexcept {
  unsigned bad = text.empty() ? 1 : 0;
  for (const char each : text) {
    const auto c = static_cast<unsigned char>(each);
    bad |= static_cast<unsigned>(c <= 0x20) | static_cast<unsigned>(c == 0x7F) |
           static_cast<unsigned>(c == '#');
  }
  return bad == 0;
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// What is wrong with a request line, if anything: Problem or problem_count for nothing.
bool check_request_line(std::string_view line, Problem& problem) noexcept {
  problem = Problem::malformed_request;
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos || first > method_bytes_max) return false;
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos || !is_token(line.substr(0, first))) return false;
  const std::string_view target = line.substr(first + 1, second - first - 1);
  if (target.size() > target_bytes_max) {
    problem = Problem::uri_too_long;
    return false;
  }
  const std::string_view version = line.substr(second + 1);
  if (!is_target(target) || version.size() != 8 || !version.starts_with("HTTP/")) return false;
  if (!is_digit(version[5]) || version[6] != '.' || !is_digit(version[7])) return false;
  problem = Problem::version_not_supported;
  return version == "HTTP/1.1" || version == "HTTP/1.0";
}

// Where the colon behind the name is; 0 if the line is no field.
std::size_t find_colon(std::string_view line) noexcept {
  std::size_t i = 0;
  while (i < line.size() && token_table[static_cast<unsigned char>(line[i])]) ++i;
  return i < line.size() && line[i] == ':' ? i : 0;
}

static_assert(input_bytes_max <= std::numeric_limits<std::uint16_t>::max());

}  // namespace

HeaderScan::State HeaderScan::refuse(Problem problem) noexcept {
  problem_ = problem;
  return State::refused;
}

HeaderScan::State HeaderScan::feed(std::string_view bytes) {
  for (;;) {
    const void* found = scanned_ == bytes.size()
                            ? nullptr
                            : std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    if (found == nullptr) {
      return are_lines_clean(bytes) ? check_unfinished(bytes) : refuse(Problem::malformed_request);
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (end == line_begin_ || bytes[end - 1] != '\r') return refuse(Problem::malformed_request);
    const std::string_view line = bytes.substr(line_begin_, end - 1 - line_begin_);
    scanned_ = line_begin_ = end + 1;
    ++lines_;
    const State state = take_line(line);
    if (state == State::more) continue;
    return are_lines_clean(bytes) ? state : refuse(Problem::malformed_request);
  }
}

HeaderScan::State HeaderScan::take_line(std::string_view line) {
  if (fields_begin_ == 0) {
    if (line.empty() && header_begin_ == 0) {
      header_begin_ = line_begin_;
      return State::more;
    }
    Problem problem{};
    if (!check_request_line(line, problem)) return refuse(problem);
    fields_begin_ = line_begin_;
    return State::more;
  }
  if (line.empty()) return State::complete;
  if (line_begin_ - fields_begin_ > header_bytes_max) return refuse(Problem::headers_too_large);
  const std::size_t colon = find_colon(line);
  if (colon == 0) return refuse(Problem::malformed_request);
  if (fields_count_ == header_fields_max) return refuse(Problem::headers_too_large);
  const std::size_t begin = line_begin_ - 2 - line.size();
  fields_[fields_count_++] = {static_cast<std::uint16_t>(begin),
                              static_cast<std::uint16_t>(begin + colon),
                              static_cast<std::uint16_t>(begin + line.size())};
  return State::more;
}

// All at once: one pass over a whole header instead of one a line.
bool HeaderScan::are_lines_clean(std::string_view bytes) noexcept {
  const std::string_view fresh = bytes.substr(clean_end_, line_begin_ - clean_end_);
  const bool is_clean = count_controls(fresh) == 2 * lines_;  // their CR LF
  clean_end_ = line_begin_;
  lines_ = 0;
  return is_clean;
}

// A line that has not ended is refused as soon as nothing could make it good, so that a client that
// speaks something else is told at once and no line is gathered for nothing.
HeaderScan::State HeaderScan::check_unfinished(std::string_view bytes) {
  std::string_view fresh = bytes.substr(scanned_);
  // A CR is good only if the LF is still to come.
  if (!fresh.empty() && fresh.back() == '\r') fresh.remove_suffix(1);
  if (count_controls(fresh) != 0) return refuse(Problem::malformed_request);
  scanned_ += fresh.size();
  const std::string_view line = bytes.substr(line_begin_);
  if (fields_begin_ != 0) {
    const bool too_long = bytes.size() - fields_begin_ > header_bytes_max + 2;
    return too_long ? refuse(Problem::headers_too_large) : State::more;
  }
  if (line.size() <= method_bytes_max) return State::more;
  const std::size_t first = line.substr(0, method_bytes_max + 1).find(' ');
  if (first == std::string_view::npos) return refuse(Problem::malformed_request);
  if (line.size() <= first + 1 + target_bytes_max) return State::more;
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return refuse(Problem::uri_too_long);
  return line.size() - second > 16 ? refuse(Problem::malformed_request) : State::more;
}

}  // namespace fluxgate::http
