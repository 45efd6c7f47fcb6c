#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/cache_line.hpp"
#include "base/hash.hpp"

namespace fluxgate::base {

/// A map from Hash128 to a small value that many threads read without a lock while it grows.
///
/// Problem:    every order looks its key up, most of them in vain; ten million keys must fit, and
///             no order may wait for a table that is being copied.
/// Guarantees: a find that an insert happened before (by any synchronization) sees it, and never
///             a torn value; visit() runs exactly once, alone in its segment.
///
/// Extendible hashing: a directory, indexed by the first bits of the hash, of segments of 1024
/// slots. A full segment splits in two by the next bit: one new segment is allocated, half of the
/// entries move: some ten microseconds for those who need this segment. A directory that is too
/// short is doubled: a copy of 8 bytes a segment, 80 KB at 10^7 entries, while one segment waits.
/// Nothing is freed before the table, so readers need no reclamation: all old directories together
/// are smaller than the newest. In a segment, entries lie in linear probing order, sorted by the
/// slot they would like best, so a search in vain ends as early as a successful one. Memory: 28
/// bytes a slot, 45 to 90 % of them used: 31 to 62 bytes an entry.
///
/// The hash must be uniform: one that an outsider can steer is a defect (depth check, aborts). The
/// low words 0 and 1 are one and the same; that adds nothing to the chance of a collision.
///
/// Threads:  all of it any thread, any number at once. find() writes nothing and takes no lock; it
///           waits while its segment is being written.
/// Memory:   a sequence lock in each segment: odd while it is written, and the writers' lock. All
///           words are atomics: the writer stores them with release after the version became
///           odd, readers load them with acquire before they look at the version again. So who
///           has read one new word sees a version that is odd or newer. No fence is needed.
/// Errors:   update() may throw std::bad_alloc; the table is then as before.
/// Source:   Fagin et al., "Extendible hashing", TODS 1979. Celis, "Robin Hood hashing", 1986.
///           Boehm, "Can seqlocks get along with programming language memory models?", MSPC 2012.
class SegmentedTable {
  struct Segment;

 public:
  struct Value {
    std::uint32_t tag = 0;
    std::uint64_t number = 0;
    friend bool operator==(const Value&, const Value&) noexcept = default;
  };

  /// The place of one hash, while its segment is locked for it.
  class Cell {
   public:
    Cell(const Cell&) = delete;
    Cell& operator=(const Cell&) = delete;

    [[nodiscard]] bool present() const noexcept { return present_; }
    /// Only if present().
    [[nodiscard]] Value value() const noexcept;
    /// Inserts or overwrites.
    void assign(Value value) noexcept;
    /// Only if present().
    void erase() noexcept;

   private:
    friend class SegmentedTable;
    Cell(SegmentedTable& table, Segment& segment, const Hash128& hash) noexcept;

    SegmentedTable& table_;
    Segment& segment_;
    const Hash128 hash_;
    std::size_t slot_;  // where it is, or would be inserted
    bool present_;
  };

  SegmentedTable();
  SegmentedTable(const SegmentedTable&) = delete;
  SegmentedTable& operator=(const SegmentedTable&) = delete;
  ~SegmentedTable();

  [[nodiscard]] std::optional<Value> find(const Hash128& hash) const noexcept;

  /// Begins to fetch what a find() or update() of this hash will read or write.
  void prefetch(const Hash128& hash) const noexcept;

  /// Calls visit(Cell&) exactly once, while nobody else writes or reads the hash's segment. It must
  /// be short and must not use this table.
  template <typename Visit>
  void update(const Hash128& hash, Visit&& visit) {
    const Access access = lock_with_room(hash, Droppable{});
    Cell cell(*this, access.segment(), hash);
    visit(cell);
  }

  /// As above; a full segment first drops the entries for which droppable(Value) is true, and
  /// splits only if that frees less than an eighth of it.
  template <typename Visit, typename DroppableTest>
  void update(const Hash128& hash, Visit&& visit, const DroppableTest& droppable) {
    const auto call = [](const void* test, Value value) noexcept {
      return static_cast<bool>((*static_cast<const DroppableTest*>(test))(value));
    };
    const Access access = lock_with_room(hash, Droppable{&droppable, call});
    Cell cell(*this, access.segment(), hash);
    visit(cell);
  }

  /// Entries. Exact at rest.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Memory of all segments and directories.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Directory;

  struct Droppable {
    const void* test = nullptr;
    bool (*call)(const void* test, Value value) noexcept = nullptr;
  };

  /// Holds the lock of a segment.
  class Access {
   public:
    explicit Access(Segment& segment) noexcept : segment_(&segment) {}
    Access(Access&& other) noexcept : segment_(std::exchange(other.segment_, nullptr)) {}
    Access& operator=(Access&&) = delete;
    ~Access() {
      if (segment_ != nullptr) unlock(*segment_);
    }

    [[nodiscard]] Segment& segment() const noexcept { return *segment_; }

   private:
    Segment* segment_;
  };

  [[nodiscard]] Segment& lock(std::uint64_t high) noexcept;
  static void unlock(Segment& segment) noexcept;
  /// A segment that has the hash, or has room for it.
  [[nodiscard]] Access lock_with_room(const Hash128& hash, Droppable droppable);
  [[nodiscard]] bool purge(Segment& segment, Droppable droppable) noexcept;
  void split(Segment& segment, std::unique_ptr<Segment>& spare);
  void double_directory();

  // Read by everybody, written with each doubling only.
  std::atomic<Directory*> directory_{nullptr};

  // Guards the entries of the newest directory and both lists; taken inside a segment's lock.
  std::mutex growth_mutex_;
  std::vector<std::unique_ptr<Directory>> directories_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::atomic<std::size_t> bytes_{0};

  // Written with every insert and erase; on a line of its own, away from directory_.
  alignas(cache_line_bytes) std::atomic<std::size_t> size_{0};
};

}  // namespace fluxgate::base
