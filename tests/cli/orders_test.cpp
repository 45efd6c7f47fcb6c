#include "cli/orders.hpp"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/raw_http.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

using namespace fluxgate::testing;

namespace {

using Words = std::vector<std::string>;

ProcessResult run_orders(const std::string& data_dir, const Words& arguments) {
  ProcessOptions options{{server_binary(), "orders", "--data-dir", data_dir}};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  return run_process(options);
}

/// Output of a call that must succeed.
std::string orders(const std::string& data_dir, const Words& arguments) {
  const ProcessResult result = run_orders(data_dir, arguments);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  REQUIRE(result.err.empty());
  return result.out;
}

std::vector<Words> table(const std::string& text) {
  std::vector<Words> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    Words row;
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) row.push_back(cell);
    rows.push_back(row);
  }
  return rows;
}

/// Two products, the first in two rounds: orders 1 and 2 (p, round 1), 3 (q), 4 (p, round 2).
void sell_four(std::uint16_t port) {
  for (const char* product : {"p", "q"}) {
    REQUIRE(init(port, product).starts_with("HTTP/1.1 200 "));
  }
  REQUIRE(order(port, "p", "ann", "k-1").starts_with("HTTP/1.1 200 "));
  REQUIRE(order(port, "p", "日本 \\\"bob", "k-2").starts_with("HTTP/1.1 200 "));
  REQUIRE(order(port, "q", "ann", "k-3").starts_with("HTTP/1.1 200 "));
  REQUIRE(init(port, "p").starts_with("HTTP/1.1 200 "));
  REQUIRE(order(port, "p", "ann", "k-4").starts_with("HTTP/1.1 200 "));
}

}  // namespace

TEST_CASE("orders: beside a running server and after its kill → the same lines", "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  ServerProcess server({.data_dir = data});
  sell_four(server.port());

  const std::string text = orders(data, {});
  const std::vector<Words> rows = table(text);
  REQUIRE(rows.size() == 4);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    REQUIRE(rows[i].size() == 7);
    REQUIRE(rows[i][0] == std::to_string(i + 1));
    REQUIRE(rows[i][5] == "1");
    REQUIRE(rows[i][6].ends_with("Z"));
    const std::string found = request(server.port(), "GET /orders/" + rows[i][1], "", "");
    REQUIRE(found.starts_with("HTTP/1.1 200 "));
    REQUIRE(found.find("\"sequence\":" + rows[i][0] + ",") != std::string::npos);
    REQUIRE(found.find(rows[i][6]) != std::string::npos);
  }
  REQUIRE(rows[1][2] == "p");
  REQUIRE(rows[1][3] == "1");
  REQUIRE(rows[1][4] == "日本 \"bob");
  REQUIRE(rows[3][3] == "2");

  server.crash();
  REQUIRE(orders(data, {}) == text);
}

TEST_CASE("orders: selections → exactly those orders", "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  ServerProcess server({.data_dir = data});
  REQUIRE(orders(data, {}).empty());
  REQUIRE(orders(data, {"--count"}) == "0\n");
  sell_four(server.port());

  REQUIRE(orders(data, {"--count"}) == "4\n");
  REQUIRE(orders(data, {"--count", "--product", "p"}) == "3\n");
  REQUIRE(orders(data, {"--count", "--product", "p", "--round", "2"}) == "1\n");
  REQUIRE(orders(data, {"--count", "--after", "3"}) == "1\n");
  REQUIRE(orders(data, {"--count", "--after", "4"}) == "0\n");
  REQUIRE(table(orders(data, {"--product", "p", "--after", "1", "--limit", "1"}))[0][0] == "2");
  REQUIRE(table(orders(data, {"--limit", "2"})).size() == 2);
  REQUIRE(init(server.port(), "new").starts_with("HTTP/1.1 200 "));
  REQUIRE(orders(data, {"--count", "--product", "new"}) == "0\n");
}

TEST_CASE("orders: --json → one object a line with the fields of GET /orders", "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  ServerProcess server({.data_dir = data});
  sell_four(server.port());
  std::istringstream lines(orders(data, {"--json"}));
  std::uint64_t sequence = 0;
  for (std::string line; std::getline(lines, line);) {
    simdjson::dom::parser parser;
    const simdjson::dom::object object = parser.parse(line);
    REQUIRE(std::uint64_t(object["sequence"]) == ++sequence);
    REQUIRE(std::string_view(object["orderId"]).size() == 29);
    REQUIRE(object.size() == 7);
    if (sequence == 2) REQUIRE(std::string_view(object["userId"]) == "日本 \"bob");
  }
  REQUIRE(sequence == 4);
}

TEST_CASE("orders: what is not there → 1 and one line", "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  ServerProcess server({.data_dir = data});
  sell_four(server.port());

  ProcessResult result = run_orders(data, {"--product", "nope", "--count"});
  REQUIRE(result.exit_code == 1);
  REQUIRE(result.out.empty());
  REQUIRE(result.err == "fluxgate-server: no such product: \"nope\"\n");
  result = run_orders(data, {"--product", "p", "--round", "3"});
  REQUIRE(result.exit_code == 1);
  REQUIRE(result.err == "fluxgate-server: no such round: 3\n");

  const std::string missing = (dir / "missing").string();
  result = run_orders(missing, {});
  REQUIRE(result.exit_code == 1);
  REQUIRE(result.err.find(missing) != std::string::npos);
  REQUIRE_FALSE(std::filesystem::exists(missing));
}

TEST_CASE("orders: a stdout that is full → 1 and one line", "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  ServerProcess server({.data_dir = data});
  sell_four(server.port());
  const std::string command = "exec '" + server_binary() + "' orders --data-dir '" + data + "'";
  const ProcessResult result = run_process({{"sh", "-c", command + " > /dev/full"}});
  REQUIRE(result.exit_code == 1);
  REQUIRE(result.err == "fluxgate-server: cannot write to stdout\n");
}
