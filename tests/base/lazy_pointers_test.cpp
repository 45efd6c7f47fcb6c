#include "base/lazy_pointers.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <vector>

#include "base/run_together.hpp"

namespace fluxgate::base {

namespace {

// Pages of this process that are in memory, from the kernel.
std::size_t resident_pages() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident;
}

}  // namespace

TEST_CASE("LazyPointers: new → all null", "[base][unit]") {
  const LazyPointers<int> pointers(1000);
  REQUIRE(pointers.size() == 1000);
  for (std::size_t i = 0; i < pointers.size(); ++i) REQUIRE(pointers.load(i) == nullptr);
}

TEST_CASE("LazyPointers: stored → loaded at that index only", "[base][unit]") {
  LazyPointers<int> pointers(1000);
  int number = 7;
  pointers.store(999, &number);
  REQUIRE(pointers.load(999) == &number);
  REQUIRE(pointers.load(998) == nullptr);
  pointers.store(999, nullptr);
  REQUIRE(pointers.load(999) == nullptr);
}

TEST_CASE("LazyPointers: 64 MiB of them, one written → memory for few pages", "[base][unit]") {
  const std::size_t before = resident_pages();
  LazyPointers<int> pointers(std::size_t{1} << 23);
  int number = 7;
  pointers.store(5'000'000, &number);
  const std::size_t after = resident_pages();
  REQUIRE(pointers.load(5'000'000) == &number);
  // 64 MiB are 16,384 pages; the rest is the allocator's and a sanitizer's noise.
  REQUIRE(after < before + 4'000);
}

TEST_CASE("LazyPointers: a pointer is found by another thread → so is what it points to",
          "[base][race]") {
  constexpr int rounds = 20'000;
  LazyPointers<int> pointers(rounds);
  std::vector<int> numbers(rounds, 0);
  std::atomic<int> wrong{0};
  testing::run_together(2, [&](int thread) {
    for (std::size_t i = 0; i < rounds; ++i) {
      if (thread == 0) {
        numbers[i] = static_cast<int>(i) + 1;
        pointers.store(i, &numbers[i]);
      } else if (const int* number = pointers.load(i)) {
        if (*number != static_cast<int>(i) + 1) ++wrong;
      }
    }
  });
  REQUIRE(wrong == 0);
}

}  // namespace fluxgate::base
