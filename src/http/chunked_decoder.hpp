#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/status_map.hpp"

namespace fluxgate::http {

/// Decodes a chunked body in place, as it comes in.
///
///     body      = *( size *ext CRLF data CRLF ) 1*"0" *ext CRLF CRLF
///     size      = 1*8HEXDIG
///     ext       = any bytes but controls, from the first ';' or space to the end of the line
///
/// That is RFC 9112, 7.1 without trailers (they could carry fields that count as headers), with
/// line ends that are CR LF and nothing else, and with all framing together bounded by
/// chunk_framing_bytes_max.
///
/// Threads: one at a time.
class ChunkedDecoder {
 public:
  enum class State { more, complete, refused };

  /// Takes `input`, which begins where the last call stopped taking, and writes the data in it
  /// to `output`, which lies before it in the same buffer, behind the data written so far.
  [[nodiscard]] State feed(std::string_view input, char* output);

  /// Bytes the last call took of its input, and wrote.
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
  [[nodiscard]] std::size_t written() const noexcept { return written_; }
  [[nodiscard]] Problem problem() const noexcept { return problem_; }

  void reset() noexcept { *this = ChunkedDecoder(); }

 private:
  enum class Part : std::uint8_t {
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    end_cr,
    end_lf
  };

  State refuse(Problem problem) noexcept;
  /// Takes one byte of framing.
  [[nodiscard]] State step(char c);
  [[nodiscard]] State end_size_line() noexcept;

  Part part_ = Part::size;
  unsigned digits_ = 0;
  std::size_t chunk_left_ = 0;
  std::size_t body_bytes_ = 0;
  std::size_t framing_bytes_ = 0;
  std::size_t taken_ = 0;
  std::size_t written_ = 0;
  Problem problem_ = Problem::malformed_request;
};

}  // namespace fluxgate::http
