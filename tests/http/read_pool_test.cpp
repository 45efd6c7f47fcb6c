#include "http/read_pool.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <string>
#include <thread>

#include "http/limits.hpp"

namespace fluxgate::http {

TEST_CASE("ReadPool: jobs → each done once, with what its work returned", "[http][unit]") {
  ReadPool pool;
  pool.start(2);
  std::atomic<int> sum{0};
  for (int i = 1; i <= 50; ++i) {
    ReadJob job{.work = [i]() -> Reading {
                  return {std::nullopt, std::to_string(i)};
                },
                .done = [&](Reading reading) { sum += std::stoi(reading.body); },
                .is_audit = i % 5 == 0};
    while (!pool.try_submit(job)) std::this_thread::yield();
  }
  while (sum != 50 * 51 / 2) std::this_thread::yield();
  pool.stop();
  CHECK(sum == 50 * 51 / 2);
}

TEST_CASE("ReadPool: audits → one at a time, and reads do not wait for them", "[http][race]") {
  ReadPool pool;
  pool.start(2);
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> audits{0};
  const auto audit = [&](std::function<void()> wait) {
    return ReadJob{.work = [&, wait]() -> Reading {
                     most = std::max(most.load(), ++running);
                     wait();
                     --running;
                     return {};
                   },
                   .done = [&](const Reading&) { ++audits; },
                   .is_audit = true};
  };
  REQUIRE(pool.try_submit(audit([&] {
    begun.set_value();
    go_on.get_future().wait();
  })));
  begun.get_future().wait();
  REQUIRE(pool.try_submit(audit([] {})));
  std::promise<void> read;
  REQUIRE(pool.try_submit(
      {.work = [] { return Reading{}; }, .done = [&](const Reading&) { read.set_value(); }}));
  read.get_future().wait();
  CHECK(audits == 0);
  go_on.set_value();
  while (audits != 2) std::this_thread::yield();
  CHECK(most == 1);
}

TEST_CASE("ReadPool: a full queue → refused; stop() → what waits is told", "[http][unit]") {
  ReadPool pool;
  pool.start(1);
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> done{0};
  std::atomic<int> told{0};
  REQUIRE(pool.try_submit({.work =
                               [&] {
                                 begun.set_value();
                                 go_on.get_future().wait();
                                 return Reading{};
                               },
                           .done = [&](const Reading&) { ++done; }}));
  begun.get_future().wait();
  const auto queued = [&](bool is_audit) {
    return ReadJob{
        .work = [&] { return Reading{}; },
        .done = [&](const Reading& reading) { told += reading.problem == Problem::draining; },
        .is_audit = is_audit};
  };
  for (std::size_t i = 0; i < read_queue_max; ++i) CHECK(pool.try_submit(queued(i % 2 == 0)));
  CHECK_FALSE(pool.try_submit(queued(false)));
  CHECK_FALSE(pool.try_submit(queued(true)));
  std::thread stopper([&] { pool.stop(); });
  while (told != static_cast<int>(read_queue_max)) std::this_thread::yield();
  go_on.set_value();
  stopper.join();
  CHECK(done == 1);
  CHECK_FALSE(pool.try_submit(queued(false)));
}

}  // namespace fluxgate::http
