#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "fluxgate/entropy.hpp"

namespace fluxgate::testing {

/// splitmix64: the same numbers for the same seed, on every machine.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31);
  }
  /// 0..bound-1; `bound` is small, so the bias is nothing.
  std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
  /// first..last.
  std::uint64_t between(std::uint64_t first, std::uint64_t last) noexcept {
    return first + below(last - first + 1);
  }
  bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }
  template <typename T, std::size_t size>
  const T& pick(const std::array<T, size>& values) noexcept {
    return values[below(size)];
  }

 private:
  std::uint64_t state_;
};

/// What the engine takes for secret bytes.
class SimulatedEntropy final : public Entropy {
 public:
  explicit SimulatedEntropy(std::uint64_t seed) noexcept : random_(seed) {}

  void fill(std::span<std::byte> bytes) noexcept override {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_.next());
  }

 private:
  Random random_;
};

}  // namespace fluxgate::testing
