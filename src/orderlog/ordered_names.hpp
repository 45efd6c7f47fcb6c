#pragma once

#include <memory>

namespace rocksdb {
class FileSystem;
}

namespace fluxgate::orderlog {

/// `files`, but before RocksDB's CURRENT is renamed into place the directory's names are durable.
///
/// RocksDB makes a new MANIFEST, then renames CURRENT to point at it, and syncs the directory only
/// then. A file system that keeps changes of names in order (ext4, XFS) loses either both or the
/// second; POSIX promises no order, and CURRENT without its MANIFEST is a database nobody can open.
/// One more sync of a directory at each start.
///
/// Threads:  as rocksdb::FileSystem.
[[nodiscard]] std::shared_ptr<rocksdb::FileSystem> ordered_names(
    const std::shared_ptr<rocksdb::FileSystem>& files);

}  // namespace fluxgate::orderlog
