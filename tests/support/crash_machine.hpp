#pragma once

#include <memory>
#include <string>

#include "orderlog/rocksdb_storage.hpp"
#include "support/crash_disk.hpp"

namespace fluxgate::testing {

/// A machine with a CrashDisk: what an order log needs to live on it.
///
/// Threads:  as CrashDisk. RocksDB's background work runs in the process's own pool.
/// Lifetime: must outlive every storage on it.
class CrashMachine {
 public:
  explicit CrashMachine(std::unique_ptr<CrashDisk> disk = std::make_unique<CrashDisk>());
  ~CrashMachine();
  CrashMachine(const CrashMachine&) = delete;
  CrashMachine& operator=(const CrashMachine&) = delete;

  [[nodiscard]] CrashDisk& disk() noexcept { return *disk_; }
  [[nodiscard]] const orderlog::StorageDisk& storage_disk() const noexcept;

  /// Returns when RocksDB has no work in the background: so the order of all steps on the disk is
  /// the same in each run.
  void wait_until_idle();

 private:
  struct Parts;

  std::unique_ptr<CrashDisk> disk_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace fluxgate::testing
