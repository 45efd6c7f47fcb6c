// The canonical load, load-test.k6.js: it passes against the server, and it fails against servers
// that cheat. A test that cannot fail would be worth nothing.

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/sale_client.hpp"
#include "support/server_process.hpp"
#include "support/skip.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

const std::filesystem::path source_dir = FLUXGATE_SOURCE_DIR;
constexpr std::chrono::seconds k6_time_max{240};

/// k6 of scripts/install-k6, or the one in PATH.
std::string k6_program() {
  const std::filesystem::path installed = source_dir / ".cache" / "k6" / "k6";
  if (std::filesystem::is_regular_file(installed)) return installed.string();
  if (std::system("k6 version > /dev/null 2>&1") == 0) return "k6";
  skip("k6 is neither in .cache/k6 nor in PATH; scripts/install-k6 gets it");
}

/// The load test. Made before any server: where there is no k6 nothing is left behind.
class LoadTest {
 public:
  /// Runs it; latency is not judged, because the machine does other things meanwhile.
  [[nodiscard]] ProcessResult run(const std::string& base_url,
                                  const std::vector<std::string>& variables) const {
    ProcessOptions options{.command = {program_, "run", "--quiet", "--no-usage-report", "-e",
                                       "BASE_URL=" + base_url, "-e", "K6_LATENCY=0"}};
    for (const std::string& variable : variables) {
      options.command.emplace_back("-e");
      options.command.push_back(variable);
    }
    options.command.push_back((source_dir / "load-test.k6.js").string());
    return run_process(options, k6_time_max);
  }

 private:
  const std::string program_ = k6_program();
};

std::string url_of(std::uint16_t port) {
  return "http://127.0.0.1:" + std::to_string(port);
}

/// `fluxgate-server orders --count`, which reads the log beside a running server or without one.
std::string count_orders(const TempDir& folder) {
  const ProcessResult result =
      run_process({.command = {server_binary(), "orders", "--data-dir", (folder / "data").string(),
                               "--product", "iphone-15", "--count"}});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return result.out;
}

TEST_CASE("k6: the flash sale, then kill -9 → 100 of 100 sold", "[system][.k6]") {
  const LoadTest load_test;
  const TempDir folder;
  const ServerProcessOptions options{.data_dir = folder / "data"};
  {
    ServerProcess server(options);
    const ProcessResult k6 = load_test.run(url_of(server.port()), {"DURATION_SCALE=0.2"});
    INFO(k6.out << k6.err);
    REQUIRE(k6.exit_code == 0);
    CHECK(count_orders(folder) == "100\n");
    CHECK(SaleClient(server.port()).orders().size() == 100);
    server.crash();
  }
  CHECK(count_orders(folder) == "100\n");
  ServerProcess server(options);
  CHECK(SaleClient(server.port()).orders().size() == 100);
  CHECK(SaleClient(server.port()).product("iphone-15").stock == 0);
  CHECK(count_orders(folder) == "100\n");
}

TEST_CASE("k6: stress, spike and soak, shortened → all pass", "[system][.k6]") {
  const LoadTest load_test;
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data"});
  // The last one does not sell out; the spike sells another product.
  const std::vector<std::vector<std::string>> runs{
      {"SCENARIO=stress", "DURATION_SCALE=0.005", "STOCK=1000"},
      {"SCENARIO=spike", "DURATION_SCALE=0.1", "PRODUCT=телефон 15/б"},
      {"SCENARIO=soak", "DURATION_SCALE=0.001", "STOCK=100000000"},
  };
  for (const std::vector<std::string>& variables : runs) {
    const ProcessResult k6 = load_test.run(url_of(server.port()), variables);
    INFO(k6.out << k6.err);
    CHECK(k6.exit_code == 0);
  }
}

TEST_CASE("k6: with a token and a rate limit → 302s are valid answers", "[system][.k6]") {
  const LoadTest load_test;
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data",
                        .arguments = {"--admin-token", "secret", "--rate-limit", "20"}});
  const ProcessResult k6 =
      load_test.run(url_of(server.port()), {"DURATION_SCALE=0.1", "ADMIN_TOKEN=secret"});
  INFO(k6.out << k6.err);
  CHECK(k6.exit_code == 0);
  CHECK(k6.out.find("rate_limited") != std::string::npos);
  // Without the token the sale cannot be opened, so there is nothing to test.
  CHECK(load_test.run(url_of(server.port()), {"DURATION_SCALE=0.1"}).exit_code == 107);
}

TEST_CASE("k6: the waiting room → in order, at the rate, and the rate is as it was before",
          "[system][.k6]") {
  const LoadTest load_test;
  const TempDir folder;
  ServerProcess server({.data_dir = folder / "data", .arguments = {"--rate-limit", "7"}});
  const ProcessResult k6 = load_test.run(
      url_of(server.port()), {"SCENARIO=waiting_room", "RATE=25", "STOCK=100", "PEOPLE=300"});
  INFO(k6.out << k6.err);
  CHECK(k6.exit_code == 0);
  CHECK(count_orders(folder) == "100\n");
  const std::string settings =
      R"({"rateLimit":7,"rateBurst":0,"lineClosed":false,"admitAll":false,"salePaused":false})";
  HttpClient client(server.port());
  CHECK(client.request({.method = "GET", .target = "/admin/settings"}).body == settings);
}

/// A server that commits one fault; see mock_server.py.
ProcessResult run_against_mock(const LoadTest& load_test, const std::string& fault,
                               const std::vector<std::string>& variables) {
  ChildProcess mock(
      {.command = {FLUXGATE_PYTHON, (source_dir / "tests/system/mock_server.py").string(), fault}});
  const auto line = mock.wait_for_line("mock server listening on ");
  REQUIRE(line.has_value());
  return load_test.run(line->substr(line->rfind("http")), variables);
}

TEST_CASE("k6: a server that cheats → thresholds fail", "[system][.k6]") {
  const LoadTest load_test;
  constexpr int thresholds_failed = 99;  // k6's exit code for it
  const auto check_faults = [&](const std::vector<std::string>& variables,
                                std::initializer_list<const char*> faults) {
    const ProcessResult honest = run_against_mock(load_test, "none", variables);
    INFO(honest.out << honest.err);
    REQUIRE(honest.exit_code == 0);
    for (const char* fault : faults) {
      INFO(fault);
      CHECK(run_against_mock(load_test, fault, variables).exit_code == thresholds_failed);
    }
  };
  check_faults({"DURATION_SCALE=0.1"}, {"oversells", "undersells", "forgets", "errs"});
  check_faults({"SCENARIO=waiting_room", "PEOPLE=150", "STOCK=100"},
               {"overtakes", "hurries", "forgets"});
}

}  // namespace
}  // namespace fluxgate::testing
