// Every byte in every field a client has: the log stays one object a line, no answer shows it, and
// the metrics count without naming.
#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/answers.hpp"
#include "http/fixture.hpp"
#include "http/json_grammar.hpp"
#include "security/growth.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::http {
namespace {

using testing::ServerProcess;
using testing::TempDir;

std::string order_text(const std::string& product, const std::string& user,
                       const std::string& key) {
  return HttpClient::text_of(order(product, user, key));
}

// A request with `bad` in one field after the other.
std::vector<std::string> requests_with(const std::string& bad) {
  const std::string end = " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  return {order_text("p" + bad, "u", "k"),
          order_text("p", "u" + bad, "k"),
          order_text("p", "u", "k" + bad),
          "GET /products/x" + bad + end,
          "GET /waiting-room?productId=" + bad + "&userId=u" + end,
          "G" + bad + "T /" + end,
          "GET / HTTP/1.1\r\nHost: a" + bad + "\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\nX-" + bad + ": 1\r\n\r\n",
          "GET /admin/settings HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + bad + "\r\n\r\n",
          "GET /products HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + bad + "\r\n\r\n",
          "GET /waiting-room?productId=p&userId=u HTTP/1.1\r\nHost: a\r\nCookie: " + bad +
              "\r\nAccept-Language: " + bad + "\r\n\r\n"};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Names and labels of all samples.
std::set<std::string> series_of(const Sale& sale) {
  std::set<std::string> series;
  for (const std::string& line : lines_of(sale.client().request(get("/metrics")).body)) {
    if (!line.starts_with('#')) series.insert(line.substr(0, line.rfind(' ')));
  }
  return series;
}

}  // namespace

TEST_CASE("every byte in every field: json log → one object a line; no header shows it",
          "[security][process]") {
  const TempDir dir;
  ServerProcess server(
      {.data_dir = dir.path() / "data",
       .arguments = {"--log-format", "json", "--log-level", "debug", "--rate-limit", "1000"}});
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bad = std::string(1, static_cast<char>(byte)) + "evil";
    for (const std::string& request : requests_with(bad)) {
      HttpClient client(server.port());
      client.write(request);
      client.shutdown_send();
      // Strict: no byte of an answer's head is a control character, none follows the last answer.
      const bool may_be_head = false;
      static_cast<void>(fuzz::answers_of(client.read_to_end(), may_be_head));
    }
  }
  REQUIRE(server.terminate().exit_code == 0);
  const testing::ProcessResult& result = server.wait();
  CHECK(lines_of(result.out).size() == 1);
  const std::vector<std::string> lines = lines_of(result.err);
  CHECK_FALSE(lines.empty());
  for (const std::string& line : lines) {
    INFO(line);
    CHECK(line.starts_with('{'));
    CHECK(JsonGrammar(line).accepts(2));
    CHECK(line.find("evil") == std::string::npos);
  }
}

TEST_CASE("metrics: 100,000 unknown ids, and products of odd names → the same series",
          "[security][socket]") {
  ServerOptions options;
  options.threads = 1;
  Sale sale(options);
  sale.init("sold-out", 0);
  HttpClient client = sale.client();
  client.write(testing::flood_requests(1, 1));
  static_cast<void>(client.read_response());
  const std::set<std::string> before = series_of(sale);
  REQUIRE(before.size() > 50);
  constexpr std::uint64_t at_once = 50;
  for (std::uint64_t first = 1; first < 100'000; first += at_once) {
    client.write(testing::flood_requests(first, at_once));
    for (std::uint64_t i = 0; i < at_once; ++i) static_cast<void>(client.read_response());
  }
  for (const char* name : {"a\"b", "a\\b", "{x=\"y\"}", "\xE6\x97\xA5\xE6\x9C\xAC", "a b/c"}) {
    sale.init(name, 1);
    CHECK(sale.engine->order({.product_id = name, .user_id = name, .key = "k"}).status ==
          OrderStatus::accepted);
  }
  CHECK(series_of(sale) == before);
}

}  // namespace fluxgate::http
