#pragma once

#include <optional>
#include <string_view>

#include "http/request.hpp"
#include "http/status_map.hpp"

namespace fluxgate::http {

/// Reads one header that HeaderScan let through, from the request line to the empty line, and
/// applies the rules about single fields: which may not be repeated, how the body is framed, that
/// HTTP/1.1 names its host.
///
/// Beast's parser does the reading; no container of fields is built.
///
/// Returns: none: `request` is filled, but for `body`. Else what to answer before closing.
[[nodiscard]] std::optional<Problem> parse_header(std::string_view header, Request& request);

}  // namespace fluxgate::http
