#pragma once

#include <memory>
#include <utility>

#include "fluxgate/log_storage.hpp"
#include "orderlog/block.hpp"
#include "support/crash_disk.hpp"

namespace fluxgate::testing {

/// Passes everything on, and remembers up to which order the log was synced while there was power.
///
/// Threads:  as LogStorage.
/// Lifetime: the disk must outlive it.
class SyncedStorage final : public LogStorage {
 public:
  SyncedStorage(std::unique_ptr<LogStorage> storage, const CrashDisk& disk, Sequence synced)
      : storage_(std::move(storage)), disk_(disk), synced_(synced) {}

  [[nodiscard]] Sequence synced() const noexcept { return synced_; }

  [[nodiscard]] Result<LogPosition> mark() override { return storage_->mark(); }
  [[nodiscard]] Result<void> start_writing(const LogPosition& tail) override {
    Result<void> started = storage_->start_writing(tail);
    if (started) note(tail.sequence);
    return started;
  }
  [[nodiscard]] Result<void> append(const BlockKey& key, std::string_view block,
                                    bool sync) override {
    Result<void> appended = storage_->append(key, block, sync);
    if (!appended || !sync) return appended;
    if (Result<orderlog::BlockView> view = orderlog::open_block(key, block)) {
      note(view->end.sequence);
    }
    return appended;
  }
  [[nodiscard]] Result<void> set_mark(const LogPosition& position) override {
    return storage_->set_mark(position);
  }
  [[nodiscard]] Result<LogSpace> space() override { return storage_->space(); }
  [[nodiscard]] Result<std::unique_ptr<BlockCursor>> scan(Sequence from) const override {
    return storage_->scan(from);
  }

 private:
  void note(Sequence sequence) {
    if (!disk_.is_cut()) synced_ = sequence;
  }

  std::unique_ptr<LogStorage> storage_;
  const CrashDisk& disk_;
  Sequence synced_;
};

}  // namespace fluxgate::testing
