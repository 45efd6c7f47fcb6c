#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "admission/rate_limiter.hpp"
#include "engine/commit_thread.hpp"
#include "engine/committer.hpp"
#include "engine/gate.hpp"
#include "engine/order_id.hpp"
#include "engine/purchase.hpp"
#include "engine/sale_control.hpp"
#include "engine/waiting_room.hpp"
#include "fluxgate/log_storage.hpp"
#include "fluxgate/operation.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "fluxgate/stats.hpp"
#include "idempotency/idempotency_index.hpp"
#include "inventory/inventory.hpp"
#include "orderlog/log_writer.hpp"

namespace fluxgate::engine {

struct Recovered;

/// All rooms of one engine, built in the order they need each other and closed in reverse.
///
/// Threads:  submit, wait, wake, gate and the const accessors from any thread; step() from any, one
///           at a time by a mutex; close() from any, but, as step(), not from a completion.
class Core {
 public:
  /// Opens the storage, recovers, and starts the commit thread the options ask for.
  [[nodiscard]] static Result<std::unique_ptr<Core>> open(EngineOptions options);
  ~Core();

  [[nodiscard]] Submission submit(OrderOperation& order, Wake wake = Wake::now) {
    return purchase_.submit(order, wake);
  }
  [[nodiscard]] Submission submit(InitOperation& init);
  [[nodiscard]] Submission submit(JoinOperation& join);
  [[nodiscard]] Submission submit(SettingsOperation& operation);
  [[nodiscard]] std::optional<Place> look(std::string_view ticket);
  [[nodiscard]] bool knows_key(OrderOperation& order) const noexcept {
    return purchase_.knows_key(order);
  }

  bool step();
  /// Its phases, for a simulator that stops between them: instead of step(), on one thread.
  [[nodiscard]] Committer& committer() noexcept { return committer_; }
  void wait() { committer_.wait(next_step()); }
  void wake() noexcept { committer_.wake(); }
  void wake_for_pushed() noexcept { committer_.wake_for_pushed(); }
  [[nodiscard]] std::optional<std::chrono::nanoseconds> next_step();
  /// True if a thread of the engine calls step().
  [[nodiscard]] bool steps_itself() const noexcept { return options_.commit_threads != 0; }

  void drain() noexcept { gate_.shut(EngineState::draining); }
  [[nodiscard]] Result<void> close();

  /// Checks (aborts) that this is not a completion run by step(), which would wait for itself.
  void check_may_wait() const noexcept;

  [[nodiscard]] EngineStats stats() const;
  [[nodiscard]] Sequence orders_total() const noexcept { return committer_.orders_total(); }
  [[nodiscard]] const Gate& gate() const noexcept { return gate_; }
  [[nodiscard]] const WaitingRoom& room() const noexcept { return room_; }
  [[nodiscard]] const SaleControl& control() const noexcept { return control_; }
  [[nodiscard]] const inventory::Inventory& inventory() const noexcept { return *inventory_; }
  [[nodiscard]] const LogStorage& storage() const noexcept { return storage_; }
  [[nodiscard]] const OrderIdCodec& order_ids() const noexcept { return order_ids_; }

 private:
  /// The storage to use, and who owns it.
  struct Storage {
    std::unique_ptr<LogStorage> owned;
    LogStorage* used = nullptr;
  };

  Core(EngineOptions options, Storage storage, Recovered& recovered, const SaleSettings& settings);

  [[nodiscard]] static Result<Storage> open_storage(const EngineOptions& options);

  EngineOptions options_;
  std::unique_ptr<LogStorage> owned_storage_;
  LogStorage& storage_;
  OrderIdCodec order_ids_;
  std::unique_ptr<inventory::Inventory> inventory_;
  std::unique_ptr<idempotency::IdempotencyIndex> index_;
  Gate gate_;
  admission::RateLimiter limiter_;
  WaitingRoom room_;
  SaleControl control_;
  orderlog::LogWriter log_;
  Committer committer_;
  Purchase purchase_;
  std::mutex step_mutex_;
  std::atomic<std::thread::id> stepping_;  // who is in step(); relaxed: one asks for oneself only
  std::mutex close_mutex_;                 // taken before step_mutex_
  std::optional<Result<void>> closed_;     // guarded by close_mutex_; set under step_mutex_, too
  std::optional<CommitThread> commit_thread_;
};

}  // namespace fluxgate::engine
