#pragma once

#include <cstdint>

#include "faults/figures.hpp"

namespace fluxgate::testing {

/// How much is ordered in one data directory.
struct OnceShape {
  std::uint64_t seed = 0;
  std::uint64_t requests = 100'000;
  int kills = 4;
};

/// Pipelined orders, half of them earlier ones sent again, over several kills: one order per key.
///
/// Returns: `requests` sent, of them `retries`; `orders` in the log; `kills`; `load_ms`.
/// Errors:  throws std::runtime_error, for example with a key that bought twice.
[[nodiscard]] Figures order_exactly_once(const OnceShape& shape);

}  // namespace fluxgate::testing
