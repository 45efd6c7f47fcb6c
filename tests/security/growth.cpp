#include "security/growth.hpp"

#include <unistd.h>

#include <fstream>
#include <stdexcept>

namespace fluxgate::testing {

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  if (!(file >> all >> resident)) throw std::runtime_error("/proc/self/statm cannot be read");
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::string flood_requests(std::uint64_t first, std::uint64_t count) {
  std::string all;
  for (std::uint64_t i = first; i < first + count; ++i) {
    const std::string id = std::to_string(i);
    if (i % 8 == 7) {
      static constexpr const char* places[] = {"/products/", "/orders/", "/waiting-room/tickets/"};
      all += std::string("GET ") + places[i / 8 % 3] + "x" + id +
             " HTTP/1.1\r\nHost: localhost\r\n\r\n";
      continue;
    }
    const std::string product = i % 2 == 0 ? "sold-out" : "unknown-" + id;
    const std::string body = R"({"productId":")" + product + R"(","userId":"user-)" + id + "\"}";
    all +=
        "POST /order HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "x-idempotency-key: key-" +
        id + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  return all;
}

}  // namespace fluxgate::testing
