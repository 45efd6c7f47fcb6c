#pragma once

#include <span>
#include <string_view>

#include "http/header_scan.hpp"
#include "http/request.hpp"

namespace fluxgate::http {

/// Reads a header that asks for nothing unusual: nearly every one. GET, HEAD or POST in HTTP/1.1,
/// one Host, at most one plain Content-Length, key and content type, nothing that changes the
/// connection or the framing. What it has no opinion about it passes over, as Beast's way does.
///
/// `input` is what the scan was given. With it a k6 order's header takes 200 ns, with Beast's
/// parser 500 (bench/http); wherever it says true, parse_header() says the same (a test compares
/// them).
///
/// Returns: false if there is something else in it, or something wrong: ask parse_header().
[[nodiscard]] bool read_common_header(std::string_view input, const HeaderScan& scan,
                                      Request& request) noexcept;

}  // namespace fluxgate::http
