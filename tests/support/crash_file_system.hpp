#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "support/crash_disk.hpp"

namespace fluxgate::testing {

/// RocksDB's view of a CrashDisk. There is no file system below it: what it does not know fails
/// instead of reaching the machine's disk.
///
/// Threads:  as rocksdb::FileSystem.
/// Lifetime: the disk must outlive it and all its files.
[[nodiscard]] std::shared_ptr<rocksdb::FileSystem> crash_file_system(CrashDisk& disk);

}  // namespace fluxgate::testing
