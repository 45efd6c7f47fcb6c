#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/crash_disk.hpp"

namespace fluxgate::testing {

/// A file or directory of a CrashDisk: what its users see, and what of it is durable.
struct CrashDisk::Node {
  /// Names that changed at once: to a node, or to none.
  struct Change {
    std::uint64_t number = 0;  // over all directories
    std::vector<std::pair<std::string, NodePtr>> names;
  };

  bool is_directory = false;

  std::string bytes;                                         // as read now
  std::string durable;                                       // as synced last
  std::map<std::size_t, std::vector<std::string>> unsynced;  // of a sector: each content since
  std::vector<std::size_t> sizes;                            // each since, where it changed

  std::map<std::string, NodePtr> names;
  std::map<std::string, NodePtr> durable_names;
  std::vector<Change> pending;

  void write(std::size_t offset, std::string_view written);
  void resize(std::size_t size);
  void sync();
  /// What a failed fdatasync leaves: the bytes can be read, and count as written.
  void drop_unsynced();
  /// What a cut leaves of the bytes.
  [[nodiscard]] std::string surviving_bytes(std::mt19937_64& random,
                                            const Survival& survival) const;
};

/// A copy of everything; two names of one node stay two names of one node.
[[nodiscard]] CrashDisk::NodePtr clone_tree(const CrashDisk::NodePtr& root);
/// What a cut leaves; of names on a journaling file system the first `journaled` changes.
[[nodiscard]] CrashDisk::NodePtr surviving_tree(const CrashDisk::NodePtr& root,
                                                std::mt19937_64& random, const Survival& survival,
                                                std::uint64_t journaled);
void list_files(const CrashDisk::Node& directory, const std::string& path,
                std::vector<std::string>* paths);

}  // namespace fluxgate::testing
