#pragma once

#include <cstdint>

#include "faults/figures.hpp"

namespace fluxgate::testing {

/// Makes a data directory with tables and a write-ahead log, then `damages` copies of it with one
/// damage each: in turn in every file, bytes flipped, zeroed, cut off or swapped, or all of it
/// gone. A server is started on each: it must refuse and leave every byte as it was, or have
/// everything that was acknowledged.
///
/// Returns: `damages`, `refused_78`, `refused_75`, `refused_1`, `harmless`.
/// Errors:  throws std::runtime_error with the damage that was neither.
[[nodiscard]] Figures damage_files(std::uint64_t seed, std::uint64_t damages);

}  // namespace fluxgate::testing
