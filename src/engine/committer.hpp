#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/mpsc_list.hpp"
#include "engine/commit_delay.hpp"
#include "engine/gate.hpp"
#include "engine/order_id.hpp"
#include "engine/sale_control.hpp"
#include "engine/waiting_room.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/operation.hpp"
#include "fluxgate/stats.hpp"
#include "idempotency/idempotency_index.hpp"
#include "inventory/inventory.hpp"
#include "orderlog/log_writer.hpp"

namespace fluxgate::engine {

/// Makes taken orders durable and answers them, a block at a time.
///
/// A state machine without a thread of its own: gather (what was pushed becomes one block), write
/// (the block goes to the log), settle (everyone in it gets his answer). While one block is written
/// the next gathers in the list of pushed operations. step() runs one round of it; whoever drives
/// it (CommitThread, a host, a simulator) calls step() again when wait() or next_step() says so.
///
/// Fail-stop: after the first error of the log nothing is acknowledged any more, no unit is given
/// back and no key is freed, because the record may be on disk; only a restart knows. Running out
/// of memory between two phases is such an error, too.
///
/// Threads:  push() from any thread; wake() and wait() from any; all else by one thread at a time,
///           which Core's step mutex sees to.
/// Memory:   push releases the operation, gather acquires it (MpscList). What settle() writes is
///           released by the index, the round and the sink before anybody is answered.
class Committer {
 public:
  struct Parts {
    inventory::Inventory& inventory;
    idempotency::IdempotencyIndex& index;
    orderlog::LogWriter& log;
    Gate& gate;
    WaitingRoom& room;
    SaleControl& control;
    const OrderIdCodec& order_ids;
    const Clock& clock;
    std::chrono::nanoseconds delay_max;
    std::chrono::nanoseconds owed_max;  ///< how long an owed wake-up may be waited for
    std::function<void(std::string_view)> on_failure;
  };

  /// Totals of the log at open, which checkpoints go on from.
  struct Totals {
    Sequence orders = 0;
    Units units = 0;
    Sequence orders_at_checkpoint = 0;
    /// Rounds that took orders since that checkpoint.
    std::vector<inventory::Round*> rounds_since_checkpoint;
  };

  Committer(Parts parts, Totals totals);

  /// Hands over an operation the gate let in. Wakes whoever waits, or leaves that to
  /// wake_for_pushed().
  void push(Operation& operation, Wake wake) noexcept;
  /// Wakes whoever waits, if a push since the last wake-up asks for it.
  void wake_for_pushed() noexcept {
    if (owes_wake_.load(std::memory_order_relaxed) &&
        owes_wake_.exchange(false, std::memory_order_acquire)) {
      wake();
    }
  }

  /// One round: gather, write, settle, and what is due by time. True if it did anything. Orders
  /// whose wake-up is owed, and those that CommitDelay holds, are left for a later one.
  bool step();

  // The phases of step(), for drivers that stop between them (a simulator that crashes there).

  /// Turns pushed operations into a block. False: there is nothing to write or answer.
  bool gather();
  /// Writes the block. After a failure settle() answers `storage_unavailable`.
  void write();
  /// Answers everyone in the batch; one delivery per sink.
  void settle();
  /// Syncs, marks and forgets keys that are due. True if anything was.
  bool tend();

  /// When step() is next needed though nothing is pushed; zero: at once; none: never.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> next_step() const;

  /// Blocks until something is pushed, wake() is called, or `due` is there.
  void wait(std::optional<std::chrono::nanoseconds> due);
  void wake() noexcept;

  /// Syncs and marks all that is written. Nothing may be pending.
  [[nodiscard]] Result<void> close();

  /// Orders in the log. Any thread.
  [[nodiscard]] Sequence orders_total() const noexcept {
    return orders_total_.load(std::memory_order_relaxed);
  }
  /// Adds the committer's counts. Any thread.
  void add_stats(EngineStats& stats) const noexcept;

 private:
  struct Next {
    static Operation*& next(Operation& operation) noexcept { return operation.next_; }
  };

  [[nodiscard]] bool may_hold(std::chrono::nanoseconds now) const;
  [[nodiscard]] bool awaits_payment(std::chrono::nanoseconds now);
  void gather_all();
  void gather_operation(Operation& operation);
  void settle_all();
  void settle_operation(Operation& operation, Sequence sequence);
  void gather_order(OrderOperation& order);
  void gather_init(InitOperation& init);
  void gather_checkpoint();
  void prefetch(const Operation& operation) const noexcept;
  void settle_order(OrderOperation& order, Sequence sequence);
  void settle_init(InitOperation& init);
  void answer_waiters(OrderOperation* waiter, const OrderOperation& owner);
  [[nodiscard]] bool is_full() const noexcept { return parts_.gate.state() == EngineState::full; }
  void watch_space();
  void look_at_space(std::chrono::nanoseconds now);
  /// When space is looked at, at the latest.
  [[nodiscard]] std::chrono::nanoseconds next_look() const noexcept;
  void fail(Error why);
  void fail_pending();
  void fail_operation(Operation& operation);
  void hand_back(Operation& operation) noexcept;
  void deliver_batch() noexcept;
  void publish_stats() noexcept;

  Parts parts_;
  CommitDelay delay_;
  // Written by pushers and whoever pays. Release and acquire: who pays for another's push has it
  // before its wake-up, so that the woken driver finds it.
  std::atomic<bool> owes_wake_{false};
  // Since when step() sees waiting what is owed a wake-up; none: paid.
  std::optional<std::chrono::nanoseconds> owed_since_;
  // Written by step(), and by the pusher that ends the hold. Relaxed: read late it costs the rest
  // of a hold.
  std::atomic<bool> is_holding_{false};
  base::MpscList<Operation, Next> pushed_;
  // Taken from pushed_ but not yet in a block, oldest first.
  Operation* backlog_ = nullptr;
  Operation* backlog_last_ = nullptr;
  std::vector<Operation*> batch_;
  std::size_t settled_ = 0;                              // of batch_
  std::unordered_set<std::string_view> inits_in_batch_;  // by product id
  std::size_t products_in_batch_ = 0;
  std::optional<orderlog::Written> written_;
  std::optional<Error> failure_;
  bool failure_told_ = false;
  std::chrono::nanoseconds space_looked_at_{0};  // Clock::monotonic
  CompletionSink* sinks_ = nullptr;

  // Written by step(), read by add_stats(); relaxed: counts that publish nothing.
  std::atomic<Sequence> orders_total_;
  std::atomic<Units> units_total_;
  std::atomic<std::uint64_t> blocks_total_;
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> commit_ns_total_{0};
  std::atomic<std::uint64_t> commit_ns_max_{0};
  Sequence orders_at_checkpoint_;
  std::vector<inventory::Round*> rounds_since_checkpoint_;

  std::mutex mutex_;
  std::condition_variable woken_;
  bool signalled_ = false;  // guarded by mutex_
};

}  // namespace fluxgate::engine
