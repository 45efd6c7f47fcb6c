#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fluxgate::testing {

/// What is hidden in bodies: who takes it for a request answers it without having been asked.
inline constexpr std::string_view hidden_target = "/orders?limit=1";

/// The bytes of one request that two readers of HTTP may take for different things: lengths and
/// codings that contradict each other or are spelled oddly, lines that end oddly, hidden requests.
/// The same seed makes the same bytes.
[[nodiscard]] std::string make_mutation(std::uint64_t seed);

}  // namespace fluxgate::testing
