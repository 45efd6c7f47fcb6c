#pragma once

#include <chrono>
#include <cstddef>

namespace fluxgate::http {

/// Bounds of one request. The first five are promised in docs/HTTP_API.md.
inline constexpr std::size_t target_bytes_max = 8 * 1024;   ///< over it: 414
inline constexpr std::size_t header_bytes_max = 16 * 1024;  ///< all field lines; over it: 431
inline constexpr std::size_t header_fields_max = 64;        ///< over it: 431
inline constexpr std::size_t body_bytes_max = 16 * 1024;    ///< decoded; over it: 413
inline constexpr std::size_t json_depth_max = 64;           ///< nesting; over it: invalid_json
/// Framing of a chunked body: sizes, extensions and line ends, all together. Clients send none or a
/// few bytes of extension; without a bound a body could be all framing.
inline constexpr std::size_t chunk_framing_bytes_max = 16 * 1024;

/// Input buffer of a connection: what it starts with (a request has about 330 bytes, so this holds
/// twenty pipelined ones) and what it grows to (one request of every part's largest size and room
/// to read on).
inline constexpr std::size_t input_bytes_first = 8 * 1024;
inline constexpr std::size_t input_bytes_max =
    target_bytes_max + header_bytes_max + body_bytes_max + 8 * 1024;
/// simdjson may read this far behind a body.
inline constexpr std::size_t input_padding_bytes = 64;

/// Unsent answers of a connection over which its next request waits: a turn's refusals fit in it.
inline constexpr std::size_t output_bytes_high = 16 * 1024;
/// And of those the kernel was given. Without a bound it takes up to 4 MiB for a client that does
/// not read (tcp_wmem); what is on its way to a client that does is not counted.
inline constexpr int kernel_unsent_bytes_max = 16 * 1024;
/// What a connection may have answered before others have their turn: some 100 us of work.
inline constexpr std::size_t turn_requests_max = 64;
inline constexpr std::size_t turn_bytes_max = 64 * 1024;  ///< read, and of bodies, sent or not
/// For a client to take the last answer while it still sends; looked at about once a second.
inline constexpr std::chrono::seconds linger_length{1};
/// Input thrown away after the last answer of a connection, so that the client can read it.
inline constexpr std::size_t linger_bytes_max = 64 * 1024;
/// Connections over the limit that are told so at one time; more are closed without a word.
inline constexpr std::size_t refusals_max = 256;
/// Reads of the log that may wait for a reader thread; one more is `overloaded`.
inline constexpr std::size_t read_queue_max = 64;

}  // namespace fluxgate::http
