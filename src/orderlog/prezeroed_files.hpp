#pragma once

#include <cstddef>
#include <memory>

namespace rocksdb {
class FileSystem;
}

namespace fluxgate::orderlog {

/// So many bytes at a time RocksDB's write-ahead log is filled with zeros ahead of its end. One
/// synced write in some thirty pays for it (batches of 100 orders are 8 KB).
inline constexpr std::size_t zeros_ahead_bytes = std::size_t{256} << 10;

/// The machine's files, but write-ahead logs (*.log) are written into space that was filled with
/// zeros before.
///
/// A file that grows with every write makes every fdatasync write its inode, too: two disk requests
/// instead of one. Over bytes that are already there it writes the bytes only: a batch of 16 orders
/// is durable in 136 us instead of 165, at 63 us of CPU time instead of 80, on the machine of
/// docs/BENCHMARKS.md (`bench_orderlog`, BM_Commit_sync and ..._growing). RocksDB's own remedy,
/// recycled logs, is off in every recovery mode that the order log could use. A new stretch of
/// zeros is made durable by the sync of the append that reached its beginning.
///
/// For logs in which every append is synced before the next only: else a power cut could keep a
/// later append and leave zeros where an earlier one was. RocksDB takes zeros for the end of the
/// log; a log that is closed is cut to its size.
///
/// Errors:   a stretch that cannot be written (no space) is done without.
/// Threads:  as rocksdb::FileSystem.
[[nodiscard]] std::shared_ptr<rocksdb::FileSystem> prezeroed_files(
    const std::shared_ptr<rocksdb::FileSystem>& files);

}  // namespace fluxgate::orderlog
