#include "http/metrics.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "fluxgate/version.hpp"

namespace fluxgate::http {
namespace {

struct Family {
  std::string_view name;
  std::string_view type;
  std::string_view help;
};

class Writer {
 public:
  void family(const Family& family) {
    name_ = family.name;
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", family.name,
                   family.help, family.type);
  }
  template <typename Value>
  void sample(std::string_view labels, Value value) {
    fmt::format_to(std::back_inserter(text_), "{}{} {}\n", name_, labels, value);
  }
  template <typename Value>
  void single(const Family& one, Value value) {
    family(one);
    sample("", value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view name_;
};

using Shards = std::span<const ShardCounters* const>;

std::uint64_t sum(Shards shards, Counter ShardCounters::*counter) {
  std::uint64_t total = 0;
  for (const ShardCounters* shard : shards) total += (shard->*counter).read();
  return total;
}

void write_requests(Writer& writer, Shards shards) {
  writer.family({"fluxgate_http_requests_total", "counter",
                 "Requests answered, by route and class of status"});
  for (std::size_t route = 0; route < route_count; ++route) {
    for (std::size_t status = 0; status < status_class_count; ++status) {
      std::uint64_t total = 0;
      for (const ShardCounters* shard : shards) total += shard->requests[route][status].read();
      writer.sample(fmt::format("{{route=\"{}\",status=\"{}xx\"}}",
                                facts(static_cast<Route>(route)).name, status + 2),
                    total);
    }
  }
}

void write_orders(Writer& writer, Shards shards) {
  writer.family({"fluxgate_orders_total", "counter", "Orders answered, by result"});
  for (std::size_t status = 0; status < order_status_count; ++status) {
    std::uint64_t total = 0;
    for (const ShardCounters* shard : shards) total += shard->orders[status].read();
    writer.sample(fmt::format("{{result=\"{}\"}}", to_string(static_cast<OrderStatus>(status))),
                  total);
  }
  writer.single({"fluxgate_order_replays_total", "counter",
                 "Accepted orders whose answer was that of an earlier or simultaneous copy"},
                sum(shards, &ShardCounters::replays));
}

void write_connections(Writer& writer, Shards shards) {
  writer.single({"fluxgate_http_connections", "gauge", "Connections open now"},
                sum(shards, &ShardCounters::connections_open));
  writer.single({"fluxgate_http_connections_opened_total", "counter", "Connections accepted"},
                sum(shards, &ShardCounters::connections_opened));
  writer.single({"fluxgate_http_connections_refused_total", "counter",
                 "Connections closed because of a limit on connections"},
                sum(shards, &ShardCounters::connections_refused));
  writer.single(
      {"fluxgate_http_request_timeouts_total", "counter", "Requests that did not arrive in time"},
      sum(shards, &ShardCounters::timeouts));
  writer.single({"fluxgate_http_accept_failures_total", "counter",
                 "Connections not accepted for want of descriptors or memory"},
                sum(shards, &ShardCounters::accept_failures));
}

void write_limits(Writer& writer, Shards shards) {
  writer.family({"fluxgate_http_requests_limited_total", "counter",
                 "Requests answered 429, by the limit that refused them"});
  writer.sample("{limit=\"client\"}", sum(shards, &ShardCounters::limited_clients));
  writer.sample("{limit=\"user\"}", sum(shards, &ShardCounters::limited_users));
}

double seconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) * 1e-9;
}

void write_engine(Writer& writer, const EngineStats& stats) {
  writer.single({"fluxgate_engine_running", "gauge", "1 while the engine takes orders, else 0"},
                stats.state == EngineState::running ? 1 : 0);
  writer.single({"fluxgate_rate_limit", "gauge", "Admissions per second as set; 0: off"},
                stats.settings.rate_limit);
  writer.single({"fluxgate_line_closed", "gauge", "1 while nobody may join the line, else 0"},
                stats.settings.line_closed ? 1 : 0);
  writer.single({"fluxgate_admit_all", "gauge", "1 while everybody is admitted, else 0"},
                stats.settings.admit_all ? 1 : 0);
  writer.single({"fluxgate_sale_paused", "gauge", "1 while the sale is paused, else 0"},
                stats.settings.sale_paused ? 1 : 0);
  writer.single({"fluxgate_products", "gauge", "Products known"}, stats.products);
  writer.single({"fluxgate_log_orders_total", "counter", "Orders in the log"}, stats.orders_total);
  writer.single({"fluxgate_log_units_total", "counter", "Units in the orders in the log"},
                stats.units_total);
  writer.single({"fluxgate_log_blocks_total", "counter", "Blocks in the log"}, stats.blocks_total);
  writer.single({"fluxgate_keys", "gauge", "Idempotency keys remembered"}, stats.keys);
  writer.single({"fluxgate_key_index_bytes", "gauge", "Memory of the key index, bytes"},
                stats.key_bytes);
  writer.single({"fluxgate_line_waiting", "gauge", "People in line"}, stats.line_waiting);
  writer.single({"fluxgate_line_bytes", "gauge", "Memory of the line, bytes"}, stats.line_bytes);
  writer.single({"fluxgate_tickets_total", "counter", "Tickets in the log"}, stats.tickets_total);
  writer.single({"fluxgate_admissions_total", "counter", "Passes issued since start"},
                stats.admissions_total);
  writer.single({"fluxgate_orders_pending", "gauge", "Orders that await their commit"},
                stats.pending_orders);
  writer.single({"fluxgate_commits_total", "counter", "Log writes since start"}, stats.commits);
  writer.single({"fluxgate_commit_seconds_total", "counter", "Time in log writes, seconds"},
                seconds(stats.commit_ns_total));
  writer.single({"fluxgate_commit_seconds_max", "gauge", "The longest log write, seconds"},
                seconds(stats.commit_ns_max));
}

}  // namespace

std::string metrics_text(Shards shards, const EngineStats& engine) {
  Writer writer;
  writer.family({"fluxgate_build_info", "gauge", "Always 1; the label tells the release"});
  writer.sample("{version=\"" FLUXGATE_VERSION "\"}", 1);
  write_requests(writer, shards);
  write_orders(writer, shards);
  write_connections(writer, shards);
  write_limits(writer, shards);
  write_engine(writer, engine);
  return writer.take();
}

}  // namespace fluxgate::http
