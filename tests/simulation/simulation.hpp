#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/core.hpp"
#include "fluxgate/operation.hpp"
#include "simulation/line_watch.hpp"
#include "simulation/random.hpp"
#include "simulation/simulated_storage.hpp"
#include "simulation/swarm.hpp"
#include "support/manual_clock.hpp"
#include "support/order_history.hpp"

namespace fluxgate::testing {

/// What a simulation did and found.
struct SimulationResult {
  std::vector<std::string> violations;
  std::uint64_t trace_hash = 0;  ///< of all events and answers: equal for equal seeds
  std::uint64_t lives = 0;       ///< starts that came to serve, the last, which settles all, too
  std::uint64_t failed_starts = 0;
  std::uint64_t events = 0;
  std::uint64_t attempts = 0;
  std::uint64_t orders = 0;  ///< in the log at the end
  std::uint64_t replays = 0;
  std::uint64_t kills = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t failures = 0;  ///< lives in which a write failed
  std::uint64_t unknowns = 0;  ///< orders that were never answered, or unavailable
  std::uint64_t admissions = 0;
};

/// One seed: a sale that lives, dies and lives again, over a simulated disk and in virtual time,
/// with every event drawn from the seed. The engine is the real one, stepped phase by phase; races
/// between threads are not simulated.
///
/// Threads: one.
class Simulation final : public CompletionSink {
 public:
  /// `trace`: prints what happens.
  Simulation(std::uint64_t seed, bool trace);
  ~Simulation();

  [[nodiscard]] SimulationResult run();

 private:
  enum class Phase : std::uint8_t { idle, gathered, written };
  enum class End : std::uint8_t { kill, cut_power, stop };

  struct Order final : public OrderOperation {
    using OrderOperation::OrderOperation;
    std::string pass_text;
    std::size_t attempt = 0;
    RoundNumber round = 0;  // owners only: whose units it has
    bool is_owner = false;
    bool is_in_flight = false;
    bool is_unknown = false;  // told that storage is unavailable
  };
  struct Join final : public JoinOperation {
    using JoinOperation::JoinOperation;
  };
  struct Init final : public InitOperation {
    using InitOperation::InitOperation;
    std::size_t opening = 0;
  };
  struct Settings final : public SettingsOperation {
    using SettingsOperation::SettingsOperation;
  };
  struct Holder {
    std::string text;
    std::uint64_t number = 0;
    std::size_t product = 0;
    std::size_t user = 0;
    std::string pass = {};
  };
  struct Wish {
    std::size_t product = 0;
    std::size_t user = 0;
    std::size_t key = 0;
    Units quantity = 1;
    std::string pass = {};
  };

  // ---- Lives --------------------------------------------------------------------------------
  void open_products();
  [[nodiscard]] bool start(bool may_fail);
  void read_log();
  void set_rates(const SaleSettings& settings);
  void live();
  void end(End how);
  void crash();
  void forget_life();
  void cut_power();
  void stop();
  void settle_everything();
  void check_history();

  // ---- Events -------------------------------------------------------------------------------
  void happen(Event event);
  void order(Wish wish);
  void order_something();
  void order_by_pass();
  void retry(bool something_else);
  void join();
  void look();
  void init(std::size_t number);
  void change_settings();
  void next_phase();
  void gather();
  void write();
  void settle();
  void tend();
  void show_new_blocks();
  void step();
  void advance();
  void jump();
  void read_something();
  void check_books();

  // ---- Answers ------------------------------------------------------------------------------
  void deliver(Operation* first) noexcept override;
  void answered(Order& order);
  void answered(Join& join);
  void answered(Init& init);
  void answered(Settings& settings);
  void check_pass_refusal(const Order& order);

  void note(const char* what, std::uint64_t a = 0, std::uint64_t b = 0);
  void violate(const char* kind, const std::string& what) { violations_.add(kind, what); }
  [[nodiscard]] bool is_failed() const;

  Random random_;
  const bool is_traced_;
  Swarm swarm_;
  ManualClock clock_;
  SimulatedEntropy entropy_;
  SimulatedStorage storage_;
  Violations violations_;
  OrderHistory history_;
  LineWatch line_{violations_};
  RateWatch rate_;
  SimulationResult result_;

  std::unique_ptr<engine::Core> core_;
  EngineOptions options_;
  Phase phase_ = Phase::idle;
  bool is_dead_ = false;   // answers are not heard
  bool has_lost_ = false;  // the last power cut took what only `os` had
  std::size_t seen_blocks_ = 0;
  Durability durability_ = Durability::sync;  // of the last life
  Instant now_ = 1;
  std::chrono::milliseconds utc_max_{0};
  std::chrono::milliseconds forgot_at_{0};

  std::vector<std::string> products_;
  std::vector<std::string> users_;
  std::vector<std::string> keys_;
  std::vector<Wish> wishes_;
  std::vector<Holder> holders_;
  std::deque<Order> orders_;
  std::deque<Join> joins_;
  std::deque<Init> inits_;
  std::deque<Settings> changes_;
};

}  // namespace fluxgate::testing
