#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "crash/synced_storage.hpp"
#include "fluxgate/engine.hpp"
#include "support/crash_machine.hpp"
#include "support/manual_clock.hpp"
#include "support/order_history.hpp"

namespace fluxgate::testing {

/// What kind of sale and of disk.
struct SaleShape {
  Durability durability = Durability::sync;
  std::size_t write_buffer_bytes = std::size_t{8} << 10;  ///< small: many tables and logs
  bool waits_for_background = true;  ///< each run does the same steps on the disk in one order
  bool has_line = false;             ///< a rate, a line and passes; with `sync` only
  Survival survival = {};
};

/// A shape drawn from all there are.
[[nodiscard]] SaleShape random_shape(std::mt19937_64& random);

/// The shape in words, for who looks at a failure.
[[nodiscard]] std::string describe(const SaleShape& shape);

/// A sale on one data directory, over many lives of its machine. Engine, order log and RocksDB are
/// the real ones; disk, time and secrets are the test's.
///
/// Threads:  one.
class CrashSale {
 public:
  CrashSale(std::uint64_t seed, const SaleShape& shape);
  CrashSale(const CrashSale&) = delete;
  CrashSale& operator=(const CrashSale&) = delete;
  ~CrashSale();

  /// Opens the log and the engine. Errors: theirs; then it may be tried again.
  [[nodiscard]] Result<void> start();
  /// Sells, resets, waits in line and lets time pass, `rounds` times; ends early when the power is
  /// cut or the engine has failed.
  void work(int rounds);
  /// Tries all keys without an answer again.
  void retry_unknown();
  /// Closes in good order.
  Result<void> stop();
  /// After a start that was refused: the process ends.
  void abandon() { leave(); }
  /// The process ends in the middle of things; what it wrote is in the kernel.
  void kill();
  /// The machine ends; the disk keeps what `survival` leaves of the moment of CrashDisk::cut_at(),
  /// or of now.
  void cut_power();
  /// The same machine, with another disk.
  void replace_disk(std::unique_ptr<CrashDisk> disk);

  /// Of a started sale: is the log what clients were told? Empty: it is; else the first faults.
  [[nodiscard]] std::string check();

  [[nodiscard]] CrashDisk& disk() noexcept { return machine_->disk(); }
  [[nodiscard]] bool is_open() const noexcept { return engine_ != nullptr; }
  [[nodiscard]] bool has_failed() const {
    return engine_ != nullptr && engine_->state() == EngineState::failed;
  }
  /// New orders that were accepted.
  [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
  /// Of them, those submitted after a sync of this life had failed.
  [[nodiscard]] std::uint64_t accepted_after_failed_sync() const noexcept {
    return accepted_after_failed_sync_;
  }

 private:
  struct Wish {
    std::string product;
    std::string user;
    std::string key;
    Units quantity = 1;
    std::string pass = {};
    bool is_answered = false;
    bool is_accepted = false;
  };
  class Batch;

  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  [[nodiscard]] Wish new_wish();
  void order_some();
  void order(const std::vector<std::size_t>& wishes);
  void note(std::size_t attempt, std::size_t wish, const OrderResult& result, bool sync_failed);
  void open_round();
  void join();
  void pass_time();
  void leave();  // drops engine and storage
  [[nodiscard]] FinalLog read_log(std::string* fault) const;
  void forget_lost(const FinalLog& log);
  [[nodiscard]] std::string check_products(const FinalLog& log) const;

  std::mt19937_64 random_;
  const SaleShape shape_;
  ManualClock clock_;
  std::unique_ptr<Entropy> entropy_;
  std::unique_ptr<CrashMachine> machine_;
  std::unique_ptr<SyncedStorage> storage_;
  std::unique_ptr<Engine> engine_;

  OrderHistory history_;
  Instant now_ = 0;
  bool is_in_life_ = false;
  Sequence synced_ = 0;             // before the storage that is open now
  std::uint64_t failed_syncs_ = 0;  // before this life
  std::vector<Wish> wishes_;
  struct Ticket {
    std::string text;
    std::string product;
    std::string user;
  };
  std::vector<Ticket> tickets_;
  std::uint64_t keys_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t accepted_after_failed_sync_ = 0;
  std::string stuck_;
};

}  // namespace fluxgate::testing
