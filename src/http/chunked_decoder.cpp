#include "http/chunked_decoder.hpp"

#include <algorithm>
#include <cstring>

#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

// Enough for 4 GiB, so for every size that is told it is too large; more digits are nonsense.
constexpr unsigned size_digits_max = 8;

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

ChunkedDecoder::State ChunkedDecoder::refuse(Problem problem) noexcept {
  problem_ = problem;
  return State::refused;
}

ChunkedDecoder::State ChunkedDecoder::feed(std::string_view input, char* output) {
  taken_ = written_ = 0;
  while (taken_ < input.size()) {
    if (part_ == Part::data) {
      const std::size_t count = std::min(chunk_left_, input.size() - taken_);
      std::memmove(output + written_, input.data() + taken_, count);
      taken_ += count;
      written_ += count;
      chunk_left_ -= count;
      if (chunk_left_ == 0) part_ = Part::data_cr;
      continue;
    }
    if (++framing_bytes_ > chunk_framing_bytes_max) return refuse(Problem::malformed_request);
    const State state = step(input[taken_++]);
    if (state != State::more) return state;
  }
  return State::more;
}

ChunkedDecoder::State ChunkedDecoder::step(char c) {
  const auto expect = [&](char wanted, Part next) {
    part_ = next;
    return c == wanted ? State::more : refuse(Problem::malformed_request);
  };
  switch (part_) {
    case Part::size:
      if (const int value = hex_value(c); value >= 0) {
        if (++digits_ > size_digits_max) return refuse(Problem::malformed_request);
        chunk_left_ = chunk_left_ * 16 + static_cast<std::size_t>(value);
        return State::more;
      }
      if (digits_ == 0) return refuse(Problem::malformed_request);
      if (c == '\r') return expect('\r', Part::size_lf);
      part_ = Part::extension;
      return c == ';' || c == ' ' || c == '\t' ? State::more : refuse(Problem::malformed_request);
    case Part::extension:
      if (c == '\r') return expect('\r', Part::size_lf);
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) {
        return refuse(Problem::malformed_request);
      }
      return State::more;
    case Part::size_lf:
      if (c != '\n') return refuse(Problem::malformed_request);
      return end_size_line();
    case Part::data_cr:
      return expect('\r', Part::data_lf);
    case Part::data_lf:
      return expect('\n', Part::size);
    case Part::end_cr:
      return expect('\r', Part::end_lf);
    case Part::end_lf:
      return c == '\n' ? State::complete : refuse(Problem::malformed_request);
    case Part::data:
      break;
  }
  return refuse(Problem::internal);
}

ChunkedDecoder::State ChunkedDecoder::end_size_line() noexcept {
  digits_ = 0;
  if (chunk_left_ == 0) {
    part_ = Part::end_cr;
    return State::more;
  }
  if (chunk_left_ > body_bytes_max - body_bytes_) return refuse(Problem::body_too_large);
  body_bytes_ += chunk_left_;
  part_ = Part::data;
  return State::more;
}

}  // namespace fluxgate::http
