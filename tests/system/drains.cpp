// Stops under load: is every request that was fully received answered, and is nothing unknown?
//
//     drains [--first SEED] [--count N]
//
// A server sells to people on kept connections, on pipelined ones and on a new one for each order,
// and gets SIGTERM in the middle; then the next one begins on the same log. An order that was all
// sent before the signal must be answered. One sent later, or pipelined behind an answer that says
// close, may find the connection at its end; then it must not be in the log. At the end the checker
// of histories compares all answers with the whole log: who was not answered is not in the history,
// so that his order would be a phantom.
//
// The last line is "ok drains=… …"; else 1 and how to try it again.

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fluxgate/engine.hpp"
#include "support/http_client.hpp"
#include "support/order_history.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

using std::chrono::steady_clock;

constexpr Units scarce_units = 200;

struct Options {
  std::uint64_t first = 1;
  std::uint64_t count = 10;
};

struct Totals {
  std::uint64_t accepted = 0;
  std::uint64_t draining = 0;
  std::uint64_t cut = 0;  ///< sent too late, and not answered
  std::int64_t stop_ms_max = 0;
};

Instant now() {
  return static_cast<Instant>(steady_clock::now().time_since_epoch().count());
}

enum class Way { kept, pipelined, anew };

/// One life of the server and who orders in it.
class Life {
 public:
  Life(const TempDir& folder, OrderHistory& history, FinalLog& log, std::uint64_t seed)
      : history_(history),
        log_(log),
        seed_(seed),
        random_(seed),
        server_({.data_dir = folder / "data", .arguments = {"--threads", "2"}}) {}

  /// What is wrong, if anything.
  std::string run(Totals& totals) {
    history_.begin_life(now());
    open("plenty-" + std::to_string(seed_), 1'000'000);
    open("scarce-" + std::to_string(seed_), scarce_units);
    const std::size_t enough = 20 + random_() % 2'000;
    std::vector<std::thread> people;
    for (const Way way :
         {Way::kept, Way::kept, Way::kept, Way::pipelined, Way::pipelined, Way::anew, Way::anew}) {
      people.emplace_back([this, way, number = people.size()] { buy(way, number); });
    }
    // A wait for progress, with an end: a server that answers nobody must not keep us.
    const auto deadline = steady_clock::now() + std::chrono::seconds{60};
    while (answered_ < enough && !has_failed_ && steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    signalled_ = true;
    const auto began = steady_clock::now();
    server_.process().send(SIGTERM);
    const ProcessResult& result = server_.wait();
    const auto took =
        std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - began);
    for (std::thread& person : people) person.join();
    history_.end_life(now());
    totals.accepted += accepted_;
    totals.draining += draining_;
    totals.cut += cut_;
    totals.stop_ms_max = std::max<std::int64_t>(totals.stop_ms_max, took.count());
    if (result.exit_code != 0) return "the server ended with " + std::to_string(result.exit_code);
    if (answered_ < enough && failure_.empty()) return "nobody was answered";
    return failure_;
  }

 private:
  struct Order {
    std::string product;
    std::string name;  // of the user, and the key
    Instant invoked = 0;
  };

  void open(const std::string& product, Units quantity) {
    const std::size_t opening =
        history_.begin(Opening{.product_id = product, .quantity = quantity, .invoked = now()});
    HttpClient client(server_.port());
    const HttpResponse answer =
        client.request({.method = "POST",
                        .target = "/init",
                        .headers = {{"Content-Type", "application/json"}},
                        .body = "{\"productId\":\"" + product +
                                "\",\"quantity\":" + std::to_string(quantity) + "}"});
    if (answer.status != 200) throw std::runtime_error("/init: " + answer.body);
    history_.opened(opening, now(), 1);
    log_.openings.push_back({.product_id = product, .round = 1, .quantity = quantity});
  }

  void buy(Way way, std::size_t person) {
    const std::size_t depth = way == Way::pipelined ? 4 : 1;
    HttpClient client(server_.port());
    bool goes_on = true;
    for (std::uint64_t number = 0; goes_on; number += depth) {
      if (way == Way::anew) client.close();
      goes_on = order(client, depth, person, number);
    }
  }

  // Sends so many orders at once and reads their answers. False: the connection has ended.
  bool order(HttpClient& client, std::size_t depth, std::size_t person, std::uint64_t number) {
    std::vector<Order> orders;
    bool must_be_answered = false;
    try {
      std::string bytes;
      for (std::size_t i = 0; i < depth; ++i) {
        const std::string product = (number + i) % 10 == 0 ? "scarce-" : "plenty-";
        orders.push_back({product + std::to_string(seed_),
                          std::to_string(seed_) + "-" + std::to_string(person) + "-" +
                              std::to_string(number + i),
                          now()});
        bytes += bytes_of(orders.back());
      }
      client.write(bytes);
      must_be_answered = !signalled_;
      for (const Order& each : orders) {
        const HttpResponse answer = client.read_response();
        note(each, answer);
        if (answer.header("Connection") == "close") {
          // What is pipelined behind it has not begun, and the log will show it.
          client.close();
          return signalled_ ? false : fail("closed before the stop");
        }
        must_be_answered = must_be_answered && depth == 1;
      }
      return true;
    } catch (const std::runtime_error& failure) {
      if (must_be_answered) return fail(std::string("sent before the stop: ") + failure.what());
      ++cut_;
      return signalled_ ? false : fail(std::string("before the stop: ") + failure.what());
    }
  }

  static std::string bytes_of(const Order& order) {
    return HttpClient::text_of(
        {.method = "POST",
         .target = "/order",
         .headers = {{"Content-Type", "application/json"}, {"x-idempotency-key", order.name}},
         .body = "{\"productId\":\"" + order.product + "\",\"userId\":\"" + order.name + "\"}"});
  }

  void note(const Order& order, const HttpResponse& answer) {
    const std::string found = verdict(answer);
    const std::lock_guard lock(mutex_);
    const std::size_t attempt = history_.begin(Attempt{.product_id = order.product,
                                                       .user_id = order.name,
                                                       .key = order.name,
                                                       .invoked = order.invoked});
    if (found == "200 success") {
      history_.accepted(attempt, now(), field(answer, "orderId"), false);
      ++accepted_;
    } else if (found == "409 sold_out") {
      history_.sold_out(attempt, now());
    } else {
      history_.refused(attempt, now(), field(answer, "code"));
      ++draining_;
      if (found != "503 draining" && failure_.empty()) failure_ = "answered " + found;
    }
    ++answered_;
  }

  bool fail(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) failure_ = what;
    has_failed_ = true;
    return false;
  }

  OrderHistory& history_;  // under the mutex while people order
  FinalLog& log_;
  const std::uint64_t seed_;
  std::mt19937_64 random_;
  ServerProcess server_;

  std::atomic<bool> signalled_{false};
  std::atomic<bool> has_failed_{false};
  std::atomic<std::size_t> answered_{0};
  std::atomic<std::uint64_t> cut_{0};
  std::mutex mutex_;
  // Under the mutex.
  std::string failure_;
  std::uint64_t accepted_ = 0;
  std::uint64_t draining_ = 0;
};

void read_log(const TempDir& folder, FinalLog& log) {
  auto engine = Engine::open({.data_dir = folder / "data"});
  if (!engine) throw std::runtime_error("the log: " + engine.error().message);
  Sequence after = 0;
  for (bool is_over = false; !is_over;) {
    const auto page = (*engine)->orders({.after = after, .limit = 1'000});
    if (!page) throw std::runtime_error("the log: " + page.error().message);
    for (const OrderRecord& order : page->orders) {
      log.orders.push_back({.sequence = order.sequence,
                            .order_id = order.order_id.str(),
                            .product_id = order.product_id,
                            .round = order.round,
                            .user_id = order.user_id,
                            .key = order.key,
                            .quantity = order.quantity,
                            .accepted_at = order.accepted_at});
    }
    is_over = !page->next.has_value();
    if (page->next) after = *page->next;
  }
}

int run(const Options& options) {
  const TempDir folder;
  OrderHistory history;
  FinalLog log;
  Totals totals;
  for (std::uint64_t seed = options.first; seed < options.first + options.count; ++seed) {
    const std::string failure = Life(folder, history, log, seed).run(totals);
    if (failure.empty()) continue;
    std::printf("drain %llu: %s\ndrains --first %llu --count 1\n",
                static_cast<unsigned long long>(seed), failure.c_str(),
                static_cast<unsigned long long>(seed));
    return 1;
  }
  read_log(folder, log);
  const std::vector<std::string> violations = history.check(log);
  for (const std::string& violation : violations) std::printf("%s\n", violation.c_str());
  if (!violations.empty()) {
    std::printf("drains --first %llu --count %llu\n",
                static_cast<unsigned long long>(options.first),
                static_cast<unsigned long long>(options.count));
    return 1;
  }
  std::printf(
      "ok drains=%llu accepted=%llu refused_draining=%llu sent_too_late=%llu unknown=0 "
      "stop_ms_max=%lld\n",
      static_cast<unsigned long long>(options.count),
      static_cast<unsigned long long>(totals.accepted),
      static_cast<unsigned long long>(totals.draining), static_cast<unsigned long long>(totals.cut),
      static_cast<long long>(totals.stop_ms_max));
  return 0;
}

}  // namespace
}  // namespace fluxgate::testing

int main(int argc, char** argv) {
  fluxgate::testing::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--first") {
      options.first = value;
    } else if (flag == "--count") {
      options.count = value;
    } else {
      std::fprintf(stderr, "drains: unknown flag %s\n", argv[i]);
      return 2;
    }
  }
  try {
    return fluxgate::testing::run(options);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "drains: %s\n", failure.what());
    return 1;
  }
}
