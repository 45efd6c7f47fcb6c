#include "engine/gate.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <thread>

#include "fluxgate/types.hpp"
#include "support/two_threads.hpp"

using namespace fluxgate;
using namespace fluxgate::engine;
using namespace fluxgate::testing;

TEST_CASE("Gate: shut or crowded → each operation is told why", "[engine][unit]") {
  Gate gate(1);
  CHECK(refusal_at<OrderStatus>(gate) == std::nullopt);
  CHECK(refusal_at<OrderStatus>(gate) == OrderStatus::overloaded);
  gate.set_space(LogSpace::out);
  CHECK(refusal_at<OrderStatus>(gate) == OrderStatus::storage_full);
  gate.set_space(LogSpace::plenty);
  gate.shut(EngineState::draining);
  CHECK(refusal_at<InitStatus>(gate) == InitStatus::draining);
  gate.shut(EngineState::failed);
  CHECK(refusal_at<JoinStatus>(gate) == JoinStatus::storage_unavailable);
  gate.shut(EngineState::draining);
  CHECK(gate.state() == EngineState::failed);
  CHECK(gate.pending() == 1);
}

TEST_CASE("Gate: full when it was asked, running when it is asked why → storage_full",
          "[engine][unit]") {
  CHECK(refusal_when_shut<OrderStatus>(EngineState::running) == OrderStatus::storage_full);
  CHECK(refusal_when_shut<JoinStatus>(EngineState::running) == JoinStatus::storage_full);
}

TEST_CASE("Gate: shut while space comes and goes → stays shut", "[engine][race]") {
  constexpr int rounds = 5'000;
  constexpr int changes = 20;
  std::optional<Gate> gate;
  std::atomic<int> begun{0};
  int reopened = 0;
  TwoThreads{.prepare =
                 [&](int) {
                   gate.emplace(1);
                   begun = 0;
                 },
             .act =
                 [&](int thread, int) {
                   if (thread == 0) {
                     // Not before the changes have begun, and not behind them.
                     for (int looks = 0; begun.load() == 0; ++looks) {
                       if (looks > 10'000) std::this_thread::yield();
                     }
                     gate->shut(EngineState::draining);
                     return;
                   }
                   for (int i = 0; i < changes; ++i) {
                     gate->set_space(i % 2 == 0 ? LogSpace::out : LogSpace::plenty);
                     begun.store(1);
                   }
                 },
             .check = [&](int) { reopened += gate->state() == EngineState::draining ? 0 : 1; }}
      .run(rounds);
  CHECK(reopened == 0);
}
