// The path of a sold-out answer allocates nothing once it is warm: no request can be slowed by the
// allocator, and a flood does not move the heap.

// The sanitizers bring an allocator of their own, and count on no other.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <string>

#include "http/fixture.hpp"

namespace {

// Counts on every thread but the test's own.
std::atomic<std::size_t> allocations{0};
std::atomic<bool> counts{false};
thread_local bool is_test_thread = false;

void* count_and_allocate(std::size_t size) {
  if (counts.load(std::memory_order_relaxed) && !is_test_thread) ++allocations;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) {
  return count_and_allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace fluxgate::http {

TEST_CASE("Server: warm, a sold-out answer → no allocation", "[http][socket]") {
  is_test_thread = true;
  ServerOptions options;
  options.threads = 1;
  Sale sale(options);
  sale.init("p", 0);
  HttpClient client = sale.client();
  const auto orders = [&](int count, const std::string& name) {
    for (int i = 0; i < count; ++i) {
      const std::string key = name + std::to_string(i);
      REQUIRE(verdict(client.request(order("p", key, key))) == "409 sold_out");
    }
  };
  orders(10, "warm");
  counts = true;
  orders(1000, "k");
  counts = false;
  CHECK(allocations == 0);
  // The counting itself works: a page of text is made on the heap.
  counts = true;
  CHECK(client.request(get("/metrics")).status == 200);
  counts = false;
  CHECK(allocations > 0);
  is_test_thread = false;
}

}  // namespace fluxgate::http

#endif
