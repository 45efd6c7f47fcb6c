// A server that runs out of descriptors: it must neither spin, nor fill the disk with its log, nor
// stay deaf when there are some again.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/http_client.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

using std::chrono::steady_clock;

const HttpRequest health{.method = "GET", .target = "/healthz"};

/// The number the next descriptor of a process would have.
rlim_t next_descriptor(pid_t pid) {
  rlim_t next = 0;
  const auto folder = std::filesystem::path("/proc") / std::to_string(pid) / "fd";
  while (std::filesystem::exists(std::filesystem::symlink_status(folder / std::to_string(next)))) {
    ++next;
  }
  return next;
}

rlimit change_descriptor_limit(pid_t pid, rlim_t limit) {
  rlimit before{};
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &before) == 0);
  const rlimit changed{limit, before.rlim_max};
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &changed, nullptr) == 0);
  return before;
}

/// CPU seconds of all threads of a process.
double cpu_seconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::stringstream text;
  text << file.rdbuf();
  // The fields behind the name, which may hold anything; the first is number 3 of proc(5).
  std::istringstream fields(text.str().substr(text.str().rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

int accept_failures(HttpClient& watcher) {
  const std::string text = watcher.request({.method = "GET", .target = "/metrics"}).body;
  const std::string name = "\nfluxgate_http_accept_failures_total ";
  return std::stoi(text.substr(text.find(name) + name.size()));
}

std::size_t count_lines(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("descriptors: none left → little CPU time, few lines, and back within a second",
          "[system][limits]") {
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data", .arguments = {"--threads", "1"}});
  const pid_t pid = server.process().pid();
  HttpClient watcher(server.port());
  REQUIRE(watcher.request(health).status == 200);
  // Not yet /metrics' own: what it needs once is there before the limit falls.
  REQUIRE(accept_failures(watcher) == 0);

  const rlimit before = change_descriptor_limit(pid, next_descriptor(pid));
  std::vector<HttpClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(server.port());
    clients.back().connect();
    clients.back().write(HttpClient::text_of(health));
  }
  const auto began = steady_clock::now();
  const double cpu_before = cpu_seconds(pid);
  // Some two seconds of its tries. The looks are few, because they cost its time, too.
  int failures = 0;
  while (failures < 20 && steady_clock::now() - began < std::chrono::seconds{30}) {
    std::this_thread::sleep_for(std::chrono::milliseconds{200});
    failures = accept_failures(watcher);
  }
  const double cpu = cpu_seconds(pid) - cpu_before;
  const double seconds = std::chrono::duration<double>(steady_clock::now() - began).count();
  REQUIRE(failures >= 20);
  const std::size_t lines = count_lines(server.log(), "cannot accept connections");

  const auto freed = steady_clock::now();
  change_descriptor_limit(pid, before.rlim_cur);
  for (HttpClient& client : clients) REQUIRE(client.read_response().status == 200);
  const double back_seconds = std::chrono::duration<double>(steady_clock::now() - freed).count();

  INFO(failures << " tries, " << lines << " lines, " << cpu << " s of CPU time in " << seconds
                << " s; back after " << back_seconds << " s");
  // It listens on two addresses: 50 to 200 ms between two tries of each.
  CHECK(failures / seconds <= 2 * 20 + 2);
  CHECK(cpu / seconds <= 0.05);
  CHECK(lines >= 1);
  CHECK(static_cast<double>(lines) / seconds <= 10);
  CHECK(back_seconds <= 1);
  CHECK(server.terminate().exit_code == 0);
}

}  // namespace fluxgate::testing
