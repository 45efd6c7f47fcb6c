#pragma once

#include <cstdint>
#include <string_view>

namespace fluxgate::orderlog {

/// XXH3-64 (seed 0) of `first` followed by `second`. It finds damage, not forgery.
///
/// Threads:  any.
[[nodiscard]] std::uint64_t checksum(std::string_view first, std::string_view second) noexcept;

}  // namespace fluxgate::orderlog
