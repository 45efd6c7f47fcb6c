#include "simulation/simulation.hpp"

#include <catch2/catch.hpp>

#include "support/seed.hpp"

namespace fluxgate::testing {

TEST_CASE("Simulation: the same seed twice → the same events and answers", "[simulation][unit]") {
  const std::uint64_t first = make_seed("simulation");
  for (std::uint64_t seed = first; seed < first + 200; ++seed) {
    const SimulationResult one = Simulation(seed, false).run();
    const SimulationResult other = Simulation(seed, false).run();
    INFO("seed " << seed);
    CHECK(one.violations == std::vector<std::string>{});
    CHECK(one.trace_hash == other.trace_hash);
    CHECK(one.orders == other.orders);
  }
}

TEST_CASE("Simulation: different seeds → different events", "[simulation][unit]") {
  CHECK(Simulation(1, false).run().trace_hash != Simulation(2, false).run().trace_hash);
}

}  // namespace fluxgate::testing
