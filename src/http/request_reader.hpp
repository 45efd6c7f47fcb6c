#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "http/buffer_pool.hpp"
#include "http/chunked_decoder.hpp"
#include "http/header_memo.hpp"
#include "http/header_scan.hpp"
#include "http/request.hpp"

namespace fluxgate::http {

/// The input of one connection: a flat buffer, and the requests in it one after the other. It has a
/// buffer only while there is input.
///
///     while (reader.next() == RequestReader::State::request) { answer(reader.request());
///     reader.consume(); }
///
/// Threads:  one at a time.
/// Lifetime: the request's views are good until consume(); room() may move the buffer and so must
///           not be called between.
class RequestReader {
 public:
  enum class State {
    empty,    ///< nothing of a request is here
    header,   ///< its header is not all here
    body,     ///< its header is, its body is not
    request,  ///< all of it is: see request()
    refused,  ///< it is not acceptable: see problem(); nothing behind it can be trusted
  };

  RequestReader(BufferPool& buffers, HeaderMemo& memo) : buffers_(buffers), memo_(memo) { reset(); }

  /// Looks at what is there.
  [[nodiscard]] State next();

  [[nodiscard]] const Request& request() const noexcept { return request_; }
  /// The body may be changed in place, and the bytes up to input_padding_bytes behind it read.
  [[nodiscard]] char* body() noexcept { return data_.get() + begin_ + header_end_; }
  [[nodiscard]] Problem problem() const noexcept { return problem_; }

  /// Once per request, in state `body`: true if the client waits for "100 Continue".
  [[nodiscard]] bool take_continue_wish() noexcept;

  /// Bytes the request took, framing and all.
  [[nodiscard]] std::size_t request_bytes() const noexcept { return raw_end_; }
  /// Forgets the request that next() found.
  void consume() noexcept;

  /// Where to put further input; never empty in the states empty, header and body.
  [[nodiscard]] std::span<char> room();
  /// Says that `bytes` were put there.
  void commit(std::size_t bytes) noexcept { end_ += bytes; }
  /// Gives the buffer back if there is no input.
  void rest() noexcept;

  [[nodiscard]] std::size_t buffered() const noexcept { return end_ - begin_; }

  /// Empties it for another connection.
  void reset() noexcept;

 private:
  [[nodiscard]] State read_header();
  [[nodiscard]] bool recall_header(std::string_view input) noexcept;
  [[nodiscard]] State read_body();
  [[nodiscard]] State refuse(Problem problem) noexcept;
  void move_to(char* target) noexcept;

  BufferPool& buffers_;
  HeaderMemo& memo_;
  BufferPool::Input data_;    // capacity_ + input_padding_bytes
  std::size_t capacity_ = 0;  // 0: no buffer
  std::size_t begin_ = 0;     // of the present request
  std::size_t end_ = 0;       // of the input

  // The present request; all offsets from begin_.
  HeaderScan scan_;
  ChunkedDecoder chunks_;
  Request request_;
  bool has_header_ = false;
  bool is_parsed_ = false;    // request_'s views are good
  bool is_recalled_ = false;  // by the memo: the scan has not seen it
  bool is_complete_ = false;
  bool wished_continue_ = false;
  bool has_skipped_line_ = false;  // an empty one before it, which is no longer here
  std::size_t header_end_ = 0;
  std::size_t body_bytes_ = 0;  // decoded so far
  std::size_t raw_end_ = 0;     // of the input the body was decoded from
  Problem problem_ = Problem::malformed_request;
};

}  // namespace fluxgate::http
