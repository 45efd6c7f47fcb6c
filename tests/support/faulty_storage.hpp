#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "fluxgate/log_storage.hpp"
#include "orderlog/memory_storage.hpp"

namespace fluxgate::testing {

/// When a call fails, and what becomes of the block it was given.
struct Fault {
  std::uint64_t nth = 1;         ///< the nth call from now on fails
  bool for_ever = true;          ///< and all after it
  bool reaches_storage = false;  ///< the block is kept although the caller is told it failed
};

/// Passes everything to another storage, but fails, waits and forgets on demand.
///
/// Threads:  faults and waits from any thread; else as LogStorage.
/// Lifetime: the other storage must outlive it.
class FaultyStorage final : public LogStorage {
 public:
  static constexpr std::string_view append_failure = "injected append failure";
  static constexpr std::string_view mark_failure = "injected mark failure";
  static constexpr std::string_view failure_behind = "injected failure of a background write";

  explicit FaultyStorage(LogStorage& inner) : inner_(inner) {}

  // ---- What a test does ---------------------------------------------------------------------

  void fail_append(const Fault& fault) {
    const std::lock_guard lock(mutex_);
    append_fault_.set(fault, appends_);
  }
  void fail_mark(const Fault& fault) {
    const std::lock_guard lock(mutex_);
    mark_fault_.set(fault, marks_);
  }

  /// The next look at the space finds that a write nobody waited for has failed.
  void fail_behind() {
    const std::lock_guard lock(mutex_);
    has_failed_behind_ = true;
  }

  /// How much room it says there is.
  void set_space(LogSpace space) {
    const std::lock_guard lock(mutex_);
    space_ = space;
  }

  /// Called by each look at the space, before it answers.
  void when_space_is_asked_for(std::function<void()> act) {
    const std::lock_guard lock(mutex_);
    on_space_ = std::move(act);
  }

  /// From now on append() waits before it does anything.
  void block_appends() {
    const std::lock_guard lock(mutex_);
    blocked_ = true;
  }
  /// Lets the waiting append() and all later ones go on.
  void release_appends() {
    const std::lock_guard lock(mutex_);
    blocked_ = false;
    changed_.notify_all();
  }
  /// Returns when an append() waits.
  void wait_until_blocked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ > 0; });
  }

  /// What a power cut now would leave: the mark, and the blocks that were synced.
  [[nodiscard]] std::unique_ptr<orderlog::MemoryStorage> after_power_cut() {
    auto left = std::make_unique<orderlog::MemoryStorage>();
    auto cursor = inner_.scan(0);
    auto mark = inner_.mark();
    if (!cursor || !mark) throw std::runtime_error("the storage cannot be read");
    const std::uint64_t last = synced_block();
    for (; (*cursor)->valid() && (*cursor)->key().block <= last; (*cursor)->next()) {
      (void)left->append((*cursor)->key(), (*cursor)->block(), true);
    }
    (void)left->set_mark(*mark);
    return left;
  }

  [[nodiscard]] std::uint64_t appends() const { return read(appends_); }
  [[nodiscard]] std::uint64_t syncs() const { return read(syncs_); }
  [[nodiscard]] std::uint64_t marks() const { return read(marks_); }
  /// The last block known to be durable; 0: none.
  [[nodiscard]] std::uint64_t synced_block() const { return read(synced_block_); }

  // ---- LogStorage ---------------------------------------------------------------------------

  [[nodiscard]] Result<LogPosition> mark() override { return inner_.mark(); }

  [[nodiscard]] Result<void> start_writing(const LogPosition& tail) override {
    Result<void> started = inner_.start_writing(tail);
    const std::lock_guard lock(mutex_);
    if (started) synced_block_ = tail.block;
    return started;
  }

  [[nodiscard]] Result<void> append(const BlockKey& key, std::string_view block,
                                    bool sync) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !blocked_; });
    --waiting_;
    ++appends_;
    if (sync) ++syncs_;
    const bool fails = append_fault_.hits(appends_);
    if (fails && !append_fault_.fault.reaches_storage) return failure(append_failure);
    if (Result<void> appended = inner_.append(key, block, sync); !appended) return appended;
    if (sync) synced_block_ = key.block;
    if (fails) return failure(append_failure);
    return {};
  }

  [[nodiscard]] Result<void> set_mark(const LogPosition& position) override {
    const std::lock_guard lock(mutex_);
    ++marks_;
    if (mark_fault_.hits(marks_)) return failure(mark_failure);
    return inner_.set_mark(position);
  }

  [[nodiscard]] Result<LogSpace> space() override {
    const std::lock_guard lock(mutex_);
    if (on_space_) on_space_();
    if (has_failed_behind_) return failure(failure_behind);
    return space_;
  }

  [[nodiscard]] Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override {
    return inner_.scan(from);
  }

 private:
  struct Armed {
    Fault fault;
    std::uint64_t at = 0;  // number of the first call that fails; 0: none

    void set(const Fault& wanted, std::uint64_t calls) {
      fault = wanted;
      at = calls + wanted.nth;
    }
    [[nodiscard]] bool hits(std::uint64_t call) const {
      return at != 0 && (call == at || (fault.for_ever && call > at));
    }
  };

  static Error failure(std::string_view what) {
    return Error{ErrorCode::unavailable, std::string(what)};
  }

  [[nodiscard]] std::uint64_t read(const std::uint64_t& count) const {
    const std::lock_guard lock(mutex_);
    return count;
  }

  LogStorage& inner_;
  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  Armed append_fault_;
  Armed mark_fault_;
  LogSpace space_ = LogSpace::plenty;
  bool has_failed_behind_ = false;
  std::function<void()> on_space_;
  bool blocked_ = false;
  int waiting_ = 0;
  std::uint64_t appends_ = 0;
  std::uint64_t syncs_ = 0;
  std::uint64_t marks_ = 0;
  std::uint64_t synced_block_ = 0;
};

}  // namespace fluxgate::testing
