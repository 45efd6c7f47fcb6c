#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fluxgate::testing {

/// What one step on a disk is.
enum class DiskStep : std::uint8_t { look, read, write, sync, name, sync_names };

/// Which step fails, and how.
struct DiskFault {
  enum class Lasts : std::uint8_t {
    once,
    on_this_file,  ///< every later step of the same kind on the same file fails, too
    for_ever,      ///< every later step fails, too
  };
  std::uint64_t nth = 0;  ///< this step from now on, 1 is the next one; 0: none
  Lasts lasts = Lasts::once;
  int error = 0;            ///< errno. ENOSPC lets reads and looks pass
  bool is_partial = false;  ///< a write leaves its first half; others fail as a whole
  bool is_done = false;     ///< the step is done although it is told to have failed
};

/// How much of what was not synced a power cut leaves.
struct Survival {
  /// As a journaling file system has it: names change in one order, and any sync makes all names
  /// changed before it durable. Else each name's change is durable only by its directory's sync,
  /// and any subset of the others survives.
  bool is_journaled = true;
  /// A file grows on disk only when what it grew by is there, as ext4, XFS and btrfs have it. Else
  /// it may have grown by zeros; but for a MANIFEST, of which RocksDB would call the end damaged.
  bool data_comes_first = true;
  unsigned kept_percent = 50;  ///< of sectors, sizes and names that were not synced
  unsigned torn_percent = 0;   ///< of the kept sectors: the first bytes new, the rest old
};

/// A disk in memory whose power can be cut and whose steps can fail.
///
/// Nothing is durable but what was synced: a file's bytes and size by sync(), a directory's names
/// by sync_names(). At a cut each 512-byte sector that was written since has its synced content or
/// that of any write since, whatever became of the others; a file has its synced size or any since;
/// what was never written reads as zeros. A failed sync leaves its pages clean, as Linux does: the
/// next one succeeds and writes nothing.
///
/// Threads:  any; one lock.
class CrashDisk {
 public:
  static constexpr std::size_t sector_bytes = 512;

  struct Node;  // a file or directory
  using NodePtr = std::shared_ptr<Node>;
  enum class Open : std::uint8_t { existing, existing_or_new, empty };

  CrashDisk();
  ~CrashDisk();
  CrashDisk(const CrashDisk&) = delete;
  CrashDisk& operator=(const CrashDisk&) = delete;

  // ---- Steps: each returns 0 or an errno, and counts as one step ------------------------------

  int open(const std::string& path, Open how, NodePtr* node);
  int read(Node& node, std::size_t offset, std::size_t size, char* to, std::size_t* got);
  /// Writes all, or `*written` bytes and then fails.
  int write(Node& node, std::size_t offset, std::string_view bytes, std::size_t* written);
  int truncate(Node& node, std::size_t size);
  int sync(Node& node);
  int rename(const std::string& from, const std::string& to);
  int remove(const std::string& path);  ///< a file or an empty directory
  int make_directory(const std::string& path);
  int sync_names(const std::string& path);
  int names(const std::string& path, std::vector<std::string>* names);
  int look(const std::string& path, bool* is_directory, std::size_t* bytes);
  int lock(const std::string& path);  ///< EWOULDBLOCK: it is locked
  int unlock(const std::string& path);

  // ---- What a test does -----------------------------------------------------------------------

  /// The disk as it is before step `nth` from now on (the next is 1) is done, with that step under
  /// way, is kept for after_cut(); this one goes on for those who do not know that they are dead.
  void cut_at(std::uint64_t nth);
  [[nodiscard]] bool is_cut() const;
  /// What the power cut left; without cut_at() that of a cut now. All of it is durable then.
  [[nodiscard]] std::unique_ptr<CrashDisk> after_cut(std::mt19937_64& random,
                                                     const Survival& survival) const;

  void set_fault(const DiskFault& fault);
  /// Steps that failed by the fault.
  [[nodiscard]] std::uint64_t failures() const;
  [[nodiscard]] std::optional<DiskStep> first_failed() const;
  [[nodiscard]] std::uint64_t failed_syncs() const;

  [[nodiscard]] std::uint64_t steps() const;  ///< all that were done
  /// A copy on which nothing is locked, with all that is pending: a cut, a fault, unsynced bytes.
  [[nodiscard]] std::unique_ptr<CrashDisk> copy() const;
  /// Paths of all files, sorted.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::string content(const std::string& path) const;
  /// Changes a file behind everybody's back; the file must be there.
  void damage(const std::string& path, std::string content);

 private:
  struct Image {
    NodePtr root;
    std::uint64_t journaled = 0;
    std::uint64_t changes = 0;
  };
  struct Place {
    NodePtr directory;
    std::string name;
    NodePtr node;  // none: there is no such name
  };
  /// What becomes of a step.
  struct Verdict {
    int error = 0;
    bool is_done = true;
    bool is_partial = false;
  };

  Verdict begin(DiskStep step, const void* file);
  void end();
  [[nodiscard]] Image image() const;
  [[nodiscard]] int find(const std::string& path, Place* place) const;
  void change_name(Node& directory, std::vector<std::pair<std::string, NodePtr>> changes);

  mutable std::mutex mutex_;  // guards everything below
  NodePtr root_;
  std::set<std::string> locks_;
  std::uint64_t changes_ = 0;    // of names, over all directories
  std::uint64_t journaled_ = 0;  // so many of them are durable on a journaling file system
  std::uint64_t steps_ = 0;
  std::uint64_t cut_at_ = 0;
  bool cuts_behind_ = false;  // this step is the one, and is in the image
  std::optional<Image> cut_;
  DiskFault fault_;
  std::uint64_t fault_at_ = 0;
  std::uint64_t failures_ = 0;
  std::optional<DiskStep> first_failed_;
  const void* failed_file_ = nullptr;
  std::uint64_t failed_syncs_ = 0;
};

}  // namespace fluxgate::testing
