#pragma once

#include <string>
#include <string_view>

#include "cli/exit_code.hpp"
#include "cli/settings.hpp"

namespace fluxgate::cli {

/// Opens the engine, serves over HTTP and ends as a signal or a storage failure asks.
///
/// Prints `fluxgate listening on http://HOST:PORT` as the first line on stdout once connections
/// are accepted. The first SIGTERM or SIGINT drains and ends with `ok`; the second, or a storage
/// failure, ends the process from inside this call, because what still runs may never end.
///
/// Threads: the main thread, before any other exists.
[[nodiscard]] ExitCode serve(const Settings& settings);

/// `http://localhost:3000`: the host as given, IPv6 addresses in brackets.
[[nodiscard]] std::string base_url(std::string_view host, std::uint16_t port);

}  // namespace fluxgate::cli
