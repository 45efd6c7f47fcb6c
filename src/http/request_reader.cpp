#include "http/request_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "http/common_header.hpp"
#include "http/limits.hpp"
#include "http/request_parser.hpp"

namespace fluxgate::http {

void RequestReader::reset() noexcept {
  end_ = begin_ = raw_end_ = 0;
  consume();
  rest();
}

void RequestReader::rest() noexcept {
  if (begin_ != end_) return;
  if (capacity_ == input_bytes_first) buffers_.give_input(std::move(data_));
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

RequestReader::State RequestReader::refuse(Problem problem) noexcept {
  problem_ = problem;
  return State::refused;
}

RequestReader::State RequestReader::next() {
  if (is_complete_) return State::request;
  if (end_ == begin_) return State::empty;
  if (!has_header_ || !is_parsed_) {
    const State state = read_header();
    if (state != State::body) return state;
  }
  return read_body();
}

RequestReader::State RequestReader::read_header() {
  const std::string_view input(data_.get() + begin_, end_ - begin_);
  if (!has_header_) {
    if (!scan_.has_begun() && recall_header(input)) return State::body;
    const HeaderScan::State state = scan_.feed(input);
    // However the bytes are cut: one is skipped, and not one each time there is no more.
    if (has_skipped_line_ && scan_.has_skipped_line()) return refuse(Problem::malformed_request);
    switch (state) {
      case HeaderScan::State::more:
        if (!scan_.is_blank(input)) return State::header;
        // An empty line and no more: some clients send one behind a body. No request begins by it.
        raw_end_ = input.size();
        consume();
        has_skipped_line_ = true;
        return State::empty;
      case HeaderScan::State::refused:
        return refuse(scan_.problem());
      case HeaderScan::State::complete:
        break;
    }
    has_header_ = true;
    header_end_ = raw_end_ = scan_.header_end();
  }
  // Read again if the buffer has moved: the bytes are the same, and so is the outcome.
  const std::string_view header =
      input.substr(scan_.header_begin(), header_end_ - scan_.header_begin());
  if (read_common_header(input, scan_, request_)) {
    memo_.remember(header, request_);
  } else if (const auto problem = parse_header(header, request_)) {
    return refuse(*problem);
  }
  is_parsed_ = true;
  return State::body;
}

bool RequestReader::recall_header(std::string_view input) noexcept {
  const std::size_t bytes = memo_.recall(input, request_);
  if (bytes == 0) return false;
  header_end_ = raw_end_ = bytes;
  has_header_ = is_parsed_ = is_recalled_ = true;
  return true;
}

RequestReader::State RequestReader::read_body() {
  if (request_.is_chunked) {
    const std::string_view fresh(data_.get() + begin_ + raw_end_, end_ - begin_ - raw_end_);
    const ChunkedDecoder::State state = chunks_.feed(fresh, body() + body_bytes_);
    raw_end_ += chunks_.taken();
    body_bytes_ += chunks_.written();
    if (state == ChunkedDecoder::State::refused) return refuse(chunks_.problem());
    if (state == ChunkedDecoder::State::more) {
      // What was decoded is behind us: the next input goes where its framing was.
      end_ = begin_ + header_end_ + body_bytes_;
      raw_end_ = header_end_ + body_bytes_;
      return State::body;
    }
  } else {
    if (end_ - begin_ - header_end_ < request_.content_length) return State::body;
    body_bytes_ = request_.content_length;
    raw_end_ = header_end_ + body_bytes_;
  }
  request_.body = {body(), body_bytes_};
  is_complete_ = true;
  return State::request;
}

bool RequestReader::take_continue_wish() noexcept {
  const bool wish = request_.expects_continue && !request_.http_1_0 && !wished_continue_;
  wished_continue_ = true;
  // A client that already sends its body does not wait.
  return wish && end_ - begin_ == header_end_;
}

void RequestReader::consume() noexcept {
  begin_ = std::min(begin_ + raw_end_, end_);
  if (begin_ == end_) begin_ = end_ = 0;
  scan_.reset();
  chunks_.reset();
  // Of a refused request that was never parsed this must not be the one before.
  request_.method = Method::other;
  has_header_ = is_parsed_ = is_recalled_ = is_complete_ = wished_continue_ = false;
  has_skipped_line_ = false;
  header_end_ = body_bytes_ = raw_end_ = 0;
}

void RequestReader::move_to(char* target) noexcept {
  std::memmove(target, data_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  is_parsed_ = false;
  if (!is_recalled_) return;
  // The scan knows nothing of it: it is read from its beginning.
  has_header_ = is_recalled_ = false;
  header_end_ = raw_end_ = 0;
}

std::span<char> RequestReader::room() {
  FLUXGATE_CHECK(!is_complete_);
  if (capacity_ == 0) {
    data_ = buffers_.take_input();
    capacity_ = input_bytes_first;
  }
  // A quarter of the buffer at least, so that a long request does not come in crumbs.
  const std::size_t wanted = capacity_ / 4;
  if (capacity_ - end_ < wanted && begin_ != 0) move_to(data_.get());
  if (capacity_ - end_ < wanted && capacity_ < input_bytes_max) {
    const std::size_t capacity = std::min(capacity_ * 2, input_bytes_max);
    auto data = std::make_unique_for_overwrite<char[]>(capacity + input_padding_bytes);
    move_to(data.get());
    if (capacity_ == input_bytes_first) buffers_.give_input(std::move(data_));
    data_ = std::move(data);
    capacity_ = capacity;
  }
  FLUXGATE_CHECK(end_ < capacity_);
  return {data_.get() + end_, capacity_ - end_};
}

}  // namespace fluxgate::http
