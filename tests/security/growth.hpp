#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fluxgate::testing {

/// Bytes of this process that are in memory now.
[[nodiscard]] std::size_t resident_bytes();

/// A flood of orders that must leave nothing behind: each has a key, a user and, one in two, a
/// product nobody has seen before; the other half asks for what is sold out. Also looks at unknown
/// products, orders and tickets.
///
/// Returns: the bytes of the requests with the numbers [first, first + count).
[[nodiscard]] std::string flood_requests(std::uint64_t first, std::uint64_t count);

}  // namespace fluxgate::testing
