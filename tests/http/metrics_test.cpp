#include "http/metrics.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace fluxgate::http {
namespace {

// Reads the text as Prometheus does, strictly: HELP and TYPE before the samples of a family.
std::map<std::string, double> samples_of(const std::string& text) {
  std::map<std::string, double> samples;
  std::set<std::string> families;
  std::string family;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      CHECK(families.insert(family).second);
      CHECK(family.starts_with("fluxgate_"));
      continue;
    }
    if (line.starts_with("# TYPE ")) {
      CHECK(line.starts_with("# TYPE " + family + " "));
      const bool is_counter = line.ends_with(" counter");
      CHECK((is_counter || line.ends_with(" gauge")));
      CHECK(is_counter == family.ends_with("_total"));
      continue;
    }
    const std::size_t space = line.rfind(' ');
    const std::string name = line.substr(0, space);
    CHECK((name == family || name.starts_with(family + "{")));
    CHECK(samples.emplace(name, std::stod(line.substr(space + 1))).second);
  }
  return samples;
}

OrderResult result_of(OrderStatus status, bool replayed) {
  OrderResult result;
  result.status = status;
  result.replayed = replayed;
  return result;
}

}  // namespace

TEST_CASE("metrics_text: shards' counts → summed; the engine's → shown", "[http][unit]") {
  ShardCounters first;
  ShardCounters second;
  const std::array<const ShardCounters*, 2> shards{&first, &second};
  first.count_request(Route::order, 409);
  first.count_request(Route::order, 409);
  second.count_request(Route::order, 404);
  second.count_request(Route::none, 501);
  first.count_order(result_of(OrderStatus::sold_out, true));
  first.count_order(result_of(OrderStatus::accepted, true));
  second.count_order(result_of(OrderStatus::accepted, false));
  first.limited_clients.add();
  second.limited_clients.add();
  second.limited_users.add();
  first.connections_open.set(3);
  second.connections_open.set(4);
  EngineStats stats;
  stats.orders_total = 1'000'000'000'000;
  stats.commits = 2;
  stats.commit_ns_total = 1'500'000'000;
  stats.line_waiting = 37;
  stats.admissions_total = 5;
  stats.settings = {.rate_limit = 50, .admit_all = true};
  const auto samples = samples_of(metrics_text(shards, stats));
  CHECK(samples.at("fluxgate_http_requests_total{route=\"order\",status=\"4xx\"}") == 3);
  CHECK(samples.at("fluxgate_http_requests_total{route=\"none\",status=\"5xx\"}") == 1);
  CHECK(samples.at("fluxgate_http_requests_total{route=\"init\",status=\"2xx\"}") == 0);
  CHECK(samples.at("fluxgate_orders_total{result=\"sold_out\"}") == 1);
  CHECK(samples.at("fluxgate_orders_total{result=\"accepted\"}") == 2);
  CHECK(samples.at("fluxgate_order_replays_total") == 1);
  CHECK(samples.at("fluxgate_http_requests_limited_total{limit=\"client\"}") == 2);
  CHECK(samples.at("fluxgate_http_requests_limited_total{limit=\"user\"}") == 1);
  CHECK(samples.at("fluxgate_rate_limit") == 50);
  CHECK(samples.at("fluxgate_line_closed") == 0);
  CHECK(samples.at("fluxgate_admit_all") == 1);
  CHECK(samples.at("fluxgate_sale_paused") == 0);
  CHECK(samples.at("fluxgate_http_connections") == 7);
  CHECK(samples.at("fluxgate_log_orders_total") == 1e12);
  CHECK(samples.at("fluxgate_commits_total") == 2);
  CHECK(samples.at("fluxgate_commit_seconds_total") == 1.5);
  CHECK(samples.at("fluxgate_line_waiting") == 37);
  CHECK(samples.at("fluxgate_admissions_total") == 5);
  CHECK(samples.at("fluxgate_engine_running") == 1);
  stats.state = EngineState::failed;
  CHECK(samples_of(metrics_text(shards, stats)).at("fluxgate_engine_running") == 0);
}

}  // namespace fluxgate::http
