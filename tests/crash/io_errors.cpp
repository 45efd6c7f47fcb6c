#include "crash/campaign.hpp"
namespace fluxgate::testing {
std::uint64_t count_io_errors() {
  return 0;
}
Tally run_io_error(std::uint64_t) {
  return {};
}
Tally run_damage(std::uint64_t) {
  return {};
}
}  // namespace fluxgate::testing
