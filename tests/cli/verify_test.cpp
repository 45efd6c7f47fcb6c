#include "cli/verify.hpp"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/raw_http.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

using namespace fluxgate::testing;

namespace {

ProcessResult run_verify(const std::string& data_dir, const std::vector<std::string>& more = {}) {
  ProcessOptions options{{server_binary(), "verify", "--data-dir", data_dir}};
  options.command.insert(options.command.end(), more.begin(), more.end());
  return run_process(options);
}

}  // namespace

TEST_CASE("verify: beside a running server and after its kill → 0 and the same figures",
          "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  ServerProcess server({.data_dir = data});
  REQUIRE(init(server.port(), "p").starts_with("HTTP/1.1 200 "));
  for (const char* key : {"k1", "k2", "k3"}) {
    REQUIRE(order(server.port(), "p", "ann", key).starts_with("HTTP/1.1 200 "));
  }
  const ProcessResult beside = run_verify(data);
  INFO(beside.err);
  REQUIRE(beside.exit_code == 0);
  REQUIRE(beside.err.empty());
  REQUIRE(beside.out.starts_with(data + ": all is well\n"));
  REQUIRE(beside.out.find("  orders        3\n") != std::string::npos);
  server.crash();

  const ProcessResult after = run_verify(data, {"--json"});
  REQUIRE(after.exit_code == 0);
  simdjson::dom::parser parser;
  const simdjson::dom::object found = parser.parse(after.out);
  REQUIRE(bool(found["ok"]));
  REQUIRE(std::string_view(found["dataDir"]) == data);
  REQUIRE(std::uint64_t(found["orders"]) == 3);
  REQUIRE(std::uint64_t(found["lastSequence"]) == 3);
  REQUIRE(std::uint64_t(found["units"]) == 3);
  REQUIRE(std::uint64_t(found["products"]) == 1);
  REQUIRE(std::uint64_t(found["rounds"]) == 1);
  REQUIRE(std::uint64_t(found["tickets"]) == 0);
  REQUIRE(std::uint64_t(found["blocks"]) >= 3);
  REQUIRE(std::uint64_t(found["bytes"]) > 0);
  REQUIRE(bool(found["keysCompared"]));
  REQUIRE(std::uint64_t(found["mark"]["sequence"]) <= 3);
  REQUIRE(found["fault"].is_null());
}

TEST_CASE("verify: a log that ends too early → 3 and the place, as the server's 78",
          "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  {
    ServerProcess server({.data_dir = data});
    REQUIRE(init(server.port(), "p").starts_with("HTTP/1.1 200 "));
    REQUIRE(order(server.port(), "p", "ann", "k").starts_with("HTTP/1.1 200 "));
    REQUIRE(server.terminate().exit_code == 0);
  }
  for (const auto& entry : std::filesystem::directory_iterator(data + "/orders")) {
    if (entry.path().extension() == ".log") std::filesystem::resize_file(entry.path(), 0);
  }
  const std::string fault =
      "the log ends at order 0 (block 0), but orders up to 1 (block 3) were acknowledged";
  const ProcessResult text = run_verify(data);
  REQUIRE(text.exit_code == 3);
  REQUIRE(text.err == "fluxgate-server: " + fault + "\n");
  REQUIRE(text.out.starts_with(data + ": FAULT\n"));
  REQUIRE(text.out.ends_with("  first fault   " + fault + "\n"));

  const ProcessResult json = run_verify(data, {"--json"});
  REQUIRE(json.exit_code == 3);
  simdjson::dom::parser parser;
  const simdjson::dom::object found = parser.parse(json.out);
  REQUIRE_FALSE(bool(found["ok"]));
  REQUIRE(std::uint64_t(found["fault"]["block"]) == 1);
  REQUIRE(std::uint64_t(found["fault"]["firstOrder"]) == 1);
  REQUIRE(found["fault"]["sequence"].is_null());
  REQUIRE(std::string_view(found["fault"]["what"]) == fault);

  ChildProcess server(ServerProcess::launch({.data_dir = data}));
  REQUIRE(server.wait().exit_code == 78);
  REQUIRE(server.wait().err.find(fault) != std::string::npos);
}

TEST_CASE("verify: no log, a word too many, a full stdout → 1, 2, 1", "[cli][process]") {
  const TempDir dir;
  const std::string missing = (dir / "missing").string();
  ProcessResult result = run_verify(missing);
  REQUIRE(result.exit_code == 1);
  REQUIRE(result.out.empty());
  REQUIRE(result.err == "fluxgate-server: there is no order log in " + missing + "\n");
  REQUIRE_FALSE(std::filesystem::exists(missing));
  REQUIRE(run_verify(missing, {"--upto", "3"}).exit_code == 2);

  const std::string data = (dir / "data").string();
  ServerProcess server({.data_dir = data});
  const std::string command = "exec '" + server_binary() + "' verify --data-dir '" + data + "'";
  result = run_process({{"sh", "-c", command + " > /dev/full"}});
  REQUIRE(result.exit_code == 1);
  REQUIRE(result.err == "fluxgate-server: cannot write to stdout\n");
}
