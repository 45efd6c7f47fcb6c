// The three kinds of durability, as far as the end of a process can show them.

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/sale_client.hpp"
#include "support/server_process.hpp"
#include "support/skip.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

ServerProcessOptions with_durability(const TempDir& folder, const std::string& mode) {
  return {.data_dir = folder / "data", .arguments = {"--durability", mode}};
}

Wish wish_number(int number) {
  const std::string text = std::to_string(number);
  return {.product_id = "iphone-15", .user_id = "user-" + text, .key = "key-" + text};
}

TEST_CASE("Durability: os, sync, os on one directory, killed each time → one log", "[system]") {
  const TempDir folder;
  std::vector<std::string> ids;
  int number = 0;
  for (const char* mode : {"os", "sync", "os"}) {
    ServerProcess server(with_durability(folder, mode));
    SaleClient client(server.port());
    if (number == 0) client.init("iphone-15", {.quantity = 100});
    for (int i = 0; i < number; ++i) {
      const OrderAnswer replay = client.order(wish_number(i));
      REQUIRE(replay.replayed);
      REQUIRE(replay.order_id == ids[static_cast<std::size_t>(i)]);
    }
    for (int i = 0; i < 10; ++i) ids.push_back(client.order(wish_number(number++)).order_id);
    server.crash();
  }
  ServerProcess server(with_durability(folder, "sync"));
  SaleClient client(server.port());
  const std::vector<LoggedOrder> log = client.orders();
  REQUIRE(log.size() == ids.size());
  for (std::size_t i = 0; i < log.size(); ++i) CHECK(log[i].order_id == ids[i]);
  CHECK(client.product("iphone-15").accepted == 30);
  CHECK(server.terminate().exit_code == 0);
}

TEST_CASE("Durability: memory → every route works and nothing is written", "[system]") {
  const TempDir folder;
  {
    ServerProcess server(with_durability(folder, "memory"));
    SaleClient client(server.port());
    client.init("iphone-15", {.quantity = 2});
    CHECK(client.order(wish_number(1)).status == 200);
    CHECK(client.order(wish_number(1)).replayed);
    CHECK(client.orders().size() == 1);
    CHECK(client.audit("iphone-15", 1).units_in_log == 1);
    CHECK(server.terminate().exit_code == 0);
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

/// Runs a server under strace while `orders` are placed one after the other; the number of calls
/// in that time that make a file durable.
class TracedServer {
 public:
  static constexpr int orders = 40;

  static int syncs_while_selling(const std::string& mode) {
    const TempDir folder;
    const std::filesystem::path trace = folder / "trace";
    ServerProcessOptions options = with_durability(folder, mode);
    // -D: strace is the grandchild, so that the server is ours to signal.
    options.wrapper = {"strace",
                       "-D",
                       "-f",
                       "-e",
                       "trace=fsync,fdatasync,sync_file_range,msync,exit_group",
                       "-o",
                       trace.string()};
    // The leak checker cannot work under a tracer.
    options.environment = {"ASAN_OPTIONS=detect_leaks=0"};
    ServerProcess server(options);
    SaleClient client(server.port());
    client.init("iphone-15", {.quantity = orders});
    const int before = count_syncs(trace);
    for (int i = 0; i < orders; ++i) REQUIRE(client.order(wish_number(i)).status == 200);
    const int after = count_syncs(trace);
    server.terminate();
    return after - before;
  }

 private:
  /// strace writes a call's line before the call returns to the server.
  static int count_syncs(const std::filesystem::path& trace) {
    std::ifstream file(trace);
    int count = 0;
    for (std::string line; std::getline(file, line);) {
      // A call that another thread interrupts has two lines; the second one has no "(".
      count += line.find("sync(") != std::string::npos ? 1 : 0;
    }
    return count;
  }
};

TEST_CASE("Durability: sync → each order in its turn is fsynced, os → not", "[system][.strace]") {
  if (std::system("strace -V > /dev/null 2>&1") != 0) skip("strace is not installed");
  if (std::system("strace -o /dev/null true > /dev/null 2>&1") != 0) skip("strace may not trace");
  CHECK(TracedServer::syncs_while_selling("sync") >= TracedServer::orders);
  // Synced once a second; shows that the test above counts orders, not something else.
  CHECK(TracedServer::syncs_while_selling("os") < TracedServer::orders);
}

}  // namespace
}  // namespace fluxgate::testing
