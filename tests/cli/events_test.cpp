#include "cli/events.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <semaphore>
#include <thread>

using fluxgate::cli::Event;
using fluxgate::cli::Events;

namespace {

// Sent to the main thread only, so that other tests' threads do not matter.
void send_to_self(int signal) {
  REQUIRE(::pthread_kill(::pthread_self(), signal) == 0);
}

}  // namespace

TEST_CASE("Events: SIGTERM, then SIGINT → two signal events", "[cli][unit]") {
  Events events;
  send_to_self(SIGTERM);
  REQUIRE(events.wait() == Event::signal);
  send_to_self(SIGINT);
  REQUIRE(events.wait() == Event::signal);
  REQUIRE(events.wait(std::chrono::milliseconds{0}) == Event::timeout);
}

TEST_CASE("Events: a failure and a signal at once → the failure first", "[cli][unit]") {
  Events events;
  send_to_self(SIGTERM);
  std::thread([&events] { events.storage_failed(); }).join();
  REQUIRE(events.wait() == Event::storage_failed);
  REQUIRE(events.wait() == Event::signal);
}

TEST_CASE("Events: work that ends → done, and what it did is seen", "[cli][unit]") {
  Events events;
  int result = 0;
  REQUIRE(events.run([&result] { result = 7; }) == Event::done);
  REQUIRE(result == 7);
  REQUIRE(events.run([&result] { result = 8; }, std::chrono::seconds{60}) == Event::done);
  REQUIRE(result == 8);
}

TEST_CASE("Events: work that takes long → the signal comes through, the end later", "[cli][unit]") {
  Events events;
  std::binary_semaphore may_end{0};
  send_to_self(SIGINT);
  REQUIRE(events.run([&may_end] { may_end.acquire(); }) == Event::signal);
  REQUIRE(events.wait(std::chrono::milliseconds{0}) == Event::timeout);
  may_end.release();
  REQUIRE(events.wait() == Event::done);
}

TEST_CASE("Events: a broken pipe → an error, not an end", "[cli][unit]") {
  const Events events;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  REQUIRE(::write(ends[1], "x", 1) == -1);
  REQUIRE(errno == EPIPE);
  ::close(ends[1]);
}
