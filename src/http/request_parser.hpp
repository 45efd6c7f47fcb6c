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
/// Any header may be read so; read_common_header() spares most of them the way.
///
/// Returns: none: `request` is filled, but for `body`. Else what to answer before closing.
[[nodiscard]] std::optional<Problem> parse_header(std::string_view header, Request& request);

/// True if a Host line's value may name a host. A list of them or a path in it is an attempt to be
/// understood differently by two servers.
[[nodiscard]] bool is_host(std::string_view host) noexcept;

}  // namespace fluxgate::http
