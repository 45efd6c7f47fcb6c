// Unique keys and ids by the million, over HTTP: how much memory do they leave behind?
//
//     growth_campaign --first N --count M
//
// sends requests N..N+M-1 (flood_requests()) to a server of its own in this process, with the
// limits per user and address on, and ends with `ok requests=M grown_bytes_max=B`, or 1 if B is
// over the promise. The first requests of a range warm the server and are not counted.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

#include "fluxgate/server.hpp"
#include "orderlog/memory_storage.hpp"
#include "security/growth.hpp"
#include "support/http_client.hpp"

namespace fluxgate {
namespace {

using testing::HttpClient;

constexpr std::size_t grown_bytes_max = 16u << 20;
constexpr std::uint64_t at_once = 64;  // requests under way on the one connection
constexpr std::uint64_t warm_count = 200'000;

struct Range {
  std::uint64_t first = 1;
  std::uint64_t count = 1'000'000;
};

std::uint64_t number(const char* text) {
  std::uint64_t value = 0;
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) throw std::runtime_error("not a number");
  return value;
}

Range read_range(int count, char** words) {
  Range range;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    if (name == "--first") {
      range.first = number(words[i + 1]);
    } else if (name == "--count") {
      range.count = number(words[i + 1]);
    } else {
      throw std::runtime_error("unknown argument: " + name);
    }
  }
  return range;
}

// 404, 409 or, over the limits, 429: nothing of the flood is ever accepted.
void flood(HttpClient& client, Range range) {
  for (std::uint64_t i = 0; i < range.count; i += at_once) {
    const std::uint64_t count = std::min(at_once, range.count - i);
    client.write(testing::flood_requests(range.first + i, count));
    for (std::uint64_t k = 0; k < count; ++k) {
      const int status = client.read_response().status;
      if (status != 404 && status != 409 && status != 429) {
        throw std::runtime_error("answer " + std::to_string(status) + " to request " +
                                 std::to_string(range.first + i + k));
      }
    }
  }
}

std::size_t grow(Range range) {
  orderlog::MemoryStorage storage;
  auto engine = Engine::open({.commit_threads = 1, .storage = &storage});
  if (!engine) throw std::runtime_error(engine.error().message);
  static_cast<void>((*engine)->init({.product_id = "sold-out", .quantity = 0, .max_per_user = 1}));
  ServerOptions options;
  options.port = 0;
  options.threads = 1;
  // Their tables are of a fixed size; a flood of users and addresses must not change that.
  options.user_rate = options.client_rate = 1'000'000;
  auto server = Server::start(**engine, options);
  if (!server) throw std::runtime_error(server.error().message);
  HttpClient client((*server)->port());
  flood(client, {range.first + range.count, warm_count});
  const std::size_t before = testing::resident_bytes();
  flood(client, range);
  const std::size_t after = testing::resident_bytes();
  return after > before ? after - before : 0;
}

}  // namespace
}  // namespace fluxgate

int main(int count, char** words) {
  try {
    const fluxgate::Range range = fluxgate::read_range(count, words);
    const std::size_t grown = fluxgate::grow(range);
    if (grown > fluxgate::grown_bytes_max) {
      std::printf("memory grew by %zu bytes; again: growth_campaign --first %llu --count %llu\n",
                  grown, static_cast<unsigned long long>(range.first),
                  static_cast<unsigned long long>(range.count));
      return 1;
    }
    std::printf("ok requests=%llu grown_bytes_max=%zu\n",
                static_cast<unsigned long long>(range.count), grown);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "growth_campaign: %s\n", error.what());
    return 1;
  }
}
