#pragma once

#include <cstddef>

namespace fluxgate::base {

/// What the processor moves between cores at once. Fixed, not
/// std::hardware_destructive_interference_size: that one changes with compiler flags, and with it
/// the layout of our types.
inline constexpr std::size_t cache_line_bytes = 64;

}  // namespace fluxgate::base
