#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace fluxgate::testing {

/// A seed for a random test: $FLUXGATE_SEED, else a new one. Printed, so that a failure can be
/// tried again.
inline std::uint64_t make_seed(const char* test) {
  std::uint64_t seed = std::random_device{}();
  if (const char* given = std::getenv("FLUXGATE_SEED")) seed = std::strtoull(given, nullptr, 10);
  std::printf("%s: FLUXGATE_SEED=%llu\n", test, static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

}  // namespace fluxgate::testing
