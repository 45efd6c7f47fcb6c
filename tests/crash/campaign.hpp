#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace fluxgate::testing {

/// What a stretch of a campaign counted, by name; or what broke.
struct Tally {
  std::map<std::string, std::uint64_t> counts;
  std::string broken;  ///< empty: nothing
};

/// One directory of a sale, of which the power is cut eight times.
[[nodiscard]] Tally run_power_cuts(std::uint64_t seed);

/// Cases of the sweep: each step of one scenario fails in each way.
[[nodiscard]] std::uint64_t count_io_errors();
[[nodiscard]] Tally run_io_error(std::uint64_t number);

/// One damage of one file of a sale that was closed.
[[nodiscard]] Tally run_damage(std::uint64_t seed);

}  // namespace fluxgate::testing
