#pragma once

#include <cstddef>

#include "base/cache_line.hpp"

namespace fluxgate::base {

/// Asks for the cache lines of `bytes` bytes (one at least) from `begin`, which will be read and
/// written soon. The memory is not touched: it need not be there.
inline void prefetch(const void* begin, std::size_t bytes) noexcept {
  const char* const line = static_cast<const char*>(begin);
  for (std::size_t at = 0; at < bytes; at += cache_line_bytes) __builtin_prefetch(line + at, 1);
  __builtin_prefetch(line + bytes - 1, 1);  // where begin is not that of a line
}

}  // namespace fluxgate::base
