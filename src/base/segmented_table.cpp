#include "base/segmented_table.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/check.hpp"
#include "base/spin_wait.hpp"

namespace fluxgate::base {

namespace {

constexpr std::size_t slots_count = 1024;
constexpr std::size_t slot_mask = slots_count - 1;
static_assert(std::has_single_bit(slots_count));

// 90 %. Above it, insertions shift tens of entries; below it, memory is wasted.
constexpr std::size_t entries_max = 921;
// What a purge must free to be worth its scan of all slots (about 2 µs), in place of a split.
constexpr std::size_t purged_min = slots_count / 8;
// 2^24 full segments are 480 GB. A deeper directory means that the hashes are not uniform.
constexpr int depth_max = 24;

constexpr std::uint64_t top_bit = std::uint64_t{1} << 63;

// A zero low word marks an empty slot.
std::uint64_t stored_low(const Hash128& hash) noexcept {
  return hash.low != 0 ? hash.low : 1;
}

struct Entry {
  std::uint64_t low;
  std::uint64_t high;
  SegmentedTable::Value value;
};

}  // namespace

/// 1024 slots and the lock over them.
///
/// Invariant: between the slot an entry likes best (the last ten bits of its low word) and the slot
/// it is in, no slot is empty, and the entries are in order of the slots they like best.
///
/// Each column has its own array, because a search reads little but low words: eight of them lie in
/// a cache line.
struct alignas(cache_line_bytes) SegmentedTable::Segment {
  std::atomic<std::uint64_t> version{0};  // odd while it is being written
  // The hashes that live here: (high & mask) == prefix. The mask grows by one bit with a split.
  std::atomic<std::uint64_t> mask{0};
  std::uint64_t prefix = 0;  // fixed before the segment is published
  std::size_t count = 0;     // entries; only for the holder of the lock

  alignas(cache_line_bytes) std::array<std::atomic<std::uint64_t>, slots_count> lows{};
  std::array<std::atomic<std::uint64_t>, slots_count> highs{};
  std::array<std::atomic<std::uint64_t>, slots_count> numbers{};
  std::array<std::atomic<std::uint32_t>, slots_count> tags{};

  struct Position {
    std::size_t slot;
    bool found;
  };

  /// For readers: nothing was written since `version` was read, nor between the loads after it.
  [[nodiscard]] bool is_still(std::uint64_t read_version) const noexcept {
    // relaxed: stays behind the loads of the words, because those acquire.
    return version.load(std::memory_order_relaxed) == read_version;
  }

  [[nodiscard]] bool covers(std::uint64_t high) const noexcept {
    return (high & mask.load(std::memory_order_acquire)) == prefix;
  }

  /// Where the hash is or should be inserted. A reader may meet a segment half written: then the
  /// answer is nonsense, but it comes.
  [[nodiscard]] Position search(const Hash128& hash) const noexcept {
    const std::uint64_t low = stored_low(hash);
    std::size_t slot = low & slot_mask;
    for (std::size_t distance = 0; distance < slots_count; ++distance) {
      const std::uint64_t here = lows[slot].load(std::memory_order_acquire);
      if (here == low && highs[slot].load(std::memory_order_acquire) == hash.high) {
        return {slot, true};
      }
      // Empty, or an entry nearer to its best slot than ours would be here: ours is not further on.
      if (here == 0 || ((slot - here) & slot_mask) < distance) return {slot, false};
      slot = (slot + 1) & slot_mask;
    }
    return {slot, false};
  }

  [[nodiscard]] Value value(std::size_t slot) const noexcept {
    return {.tag = tags[slot].load(std::memory_order_acquire),
            .number = numbers[slot].load(std::memory_order_acquire)};
  }

  // ---- For the holder of the lock ----------------------------------------------------------

  [[nodiscard]] std::uint64_t low_at(std::size_t slot) const noexcept {
    return lows[slot].load(std::memory_order_relaxed);
  }

  [[nodiscard]] Entry entry_at(std::size_t slot) const noexcept {
    return {low_at(slot), highs[slot].load(std::memory_order_relaxed), value(slot)};
  }

  void put_value(std::size_t slot, Value value) noexcept {
    tags[slot].store(value.tag, std::memory_order_release);
    numbers[slot].store(value.number, std::memory_order_release);
  }

  void put(std::size_t slot, const Entry& entry) noexcept {
    lows[slot].store(entry.low, std::memory_order_release);
    highs[slot].store(entry.high, std::memory_order_release);
    put_value(slot, entry.value);
  }

  void clear(std::size_t slot) noexcept { lows[slot].store(0, std::memory_order_release); }

  /// Puts an entry where search() said, and what lies from there on one slot further.
  void insert(std::size_t slot, const Entry& entry) noexcept {
    std::size_t empty = slot;
    while (low_at(empty) != 0) empty = (empty + 1) & slot_mask;
    while (empty != slot) {
      const std::size_t before = (empty - 1) & slot_mask;
      put(empty, entry_at(before));
      empty = before;
    }
    put(slot, entry);
    ++count;
  }

  /// Takes an entry out and moves those after it, which would like that, one slot back.
  void erase(std::size_t slot) noexcept {
    for (;;) {
      const std::size_t after = (slot + 1) & slot_mask;
      const std::uint64_t low = low_at(after);
      if (low == 0 || ((low ^ after) & slot_mask) == 0) break;
      put(slot, entry_at(after));
      slot = after;
    }
    clear(slot);
    --count;
  }

  /// Drops the entries for which keep(Entry) is false. Returns how many.
  template <typename Keep>
  std::size_t filter(const Keep& keep) noexcept {
    // Starts behind an empty slot, so that no entry lies on the other side of it than its best
    // slot. Places are counted from there; each entry moves to its best place or, if that is
    // taken, behind the entry before.
    std::size_t start = 0;
    while (low_at(start) != 0) ++start;
    std::size_t free_place = 1;
    std::size_t dropped = 0;
    for (std::size_t place = 1; place < slots_count; ++place) {
      const std::size_t slot = (start + place) & slot_mask;
      if (low_at(slot) == 0) continue;
      const Entry entry = entry_at(slot);
      if (!keep(entry)) {
        clear(slot);
        ++dropped;
        continue;
      }
      const std::size_t best = (entry.low - start) & slot_mask;
      const std::size_t target = std::max(best, free_place);
      if (target != place) {
        put((start + target) & slot_mask, entry);
        clear(slot);
      }
      free_place = target + 1;
    }
    count -= dropped;
    return dropped;
  }
};

/// Segments by the first bits of the hash. A segment of fewer bits is named several times.
struct SegmentedTable::Directory {
  explicit Directory(int bits)
      : depth(bits), segments(new std::atomic<Segment*>[std::size_t{1} << bits]) {}

  [[nodiscard]] std::size_t size() const noexcept { return std::size_t{1} << depth; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return sizeof(*this) + size() * sizeof(segments[0]);
  }
  // In two steps, because a shift by 64 is undefined and depth may be 0.
  [[nodiscard]] std::size_t index(std::uint64_t high) const noexcept {
    return (high >> 1) >> (63 - depth);
  }

  [[nodiscard]] Segment& segment(std::uint64_t high) const noexcept {
    return *segments[index(high)].load(std::memory_order_acquire);
  }

  const int depth;
  const std::unique_ptr<std::atomic<Segment*>[]> segments;
};

SegmentedTable::SegmentedTable() {
  segments_.push_back(std::make_unique<Segment>());
  directories_.push_back(std::make_unique<Directory>(0));
  Directory& directory = *directories_.back();
  directory.segments[0].store(segments_.back().get(), std::memory_order_relaxed);
  directory_.store(&directory, std::memory_order_release);
  bytes_.store(sizeof(Segment) + directory.bytes(), std::memory_order_relaxed);
}

SegmentedTable::~SegmentedTable() = default;

std::size_t SegmentedTable::size() const noexcept {
  return size_.load(std::memory_order_relaxed);
}

std::size_t SegmentedTable::bytes() const noexcept {
  return bytes_.load(std::memory_order_relaxed);
}

std::optional<SegmentedTable::Value> SegmentedTable::find(const Hash128& hash) const noexcept {
  SpinWait spin;
  for (;;) {
    const Segment& segment = directory_.load(std::memory_order_acquire)->segment(hash.high);
    const std::uint64_t version = segment.version.load(std::memory_order_acquire);
    if (version % 2 != 0) {
      spin.wait();
      continue;
    }
    // It was split since the directory was read. The version is acquired, so the next round sees
    // the directory as that split left it, or the split still at work.
    if (!segment.covers(hash.high)) continue;
    const Segment::Position position = segment.search(hash);
    // Two ways out with a value each: one optional for both is written in parts and read whole,
    // which costs the processor a stall of 10 ns.
    if (position.found) {
      const Value value = segment.value(position.slot);
      if (segment.is_still(version)) return value;
    } else if (segment.is_still(version)) {
      return std::nullopt;
    }
  }
}

void SegmentedTable::prefetch(const Hash128& hash) const noexcept {
  const Segment& segment = directory_.load(std::memory_order_acquire)->segment(hash.high);
  const std::size_t slot = stored_low(hash) & slot_mask;
  __builtin_prefetch(&segment.version);
  __builtin_prefetch(&segment.lows[slot]);
  __builtin_prefetch(&segment.highs[slot]);
  __builtin_prefetch(&segment.numbers[slot]);
  __builtin_prefetch(&segment.tags[slot]);
}

SegmentedTable::Segment& SegmentedTable::lock(std::uint64_t high) noexcept {
  SpinWait spin;
  for (;;) {
    Segment& segment = directory_.load(std::memory_order_acquire)->segment(high);
    std::uint64_t version = segment.version.load(std::memory_order_relaxed);
    if (version % 2 != 0 ||
        !segment.version.compare_exchange_strong(version, version + 1, std::memory_order_acquire,
                                                 std::memory_order_relaxed)) {
      spin.wait();
      continue;
    }
    if (segment.covers(high)) return segment;
    unlock(segment);
  }
}

void SegmentedTable::unlock(Segment& segment) noexcept {
  // relaxed load: only the holder of the lock changes it.
  const std::uint64_t version = segment.version.load(std::memory_order_relaxed);
  segment.version.store(version + 1, std::memory_order_release);
}

SegmentedTable::Access SegmentedTable::lock_with_room(const Hash128& hash, Droppable droppable) {
  std::unique_ptr<Segment> spare;
  for (;;) {
    {
      Access access(lock(hash.high));
      Segment& segment = access.segment();
      // With a spare in hand: unless somebody else has made room, a purge has made too little.
      const std::size_t enough = spare == nullptr ? entries_max : entries_max - purged_min + 1;
      if (segment.count < enough || segment.search(hash).found) return access;
      if (spare != nullptr) {
        split(segment, spare);
        continue;
      }
      if (droppable.call != nullptr && purge(segment, droppable)) return access;
    }
    // Outside the lock: the kernel clears seven pages for it meanwhile.
    spare = std::make_unique<Segment>();
  }
}

bool SegmentedTable::purge(Segment& segment, Droppable droppable) noexcept {
  const std::size_t dropped = segment.filter(
      [&](const Entry& entry) { return !droppable.call(droppable.test, entry.value); });
  size_.fetch_sub(dropped, std::memory_order_relaxed);
  return dropped >= purged_min;
}

void SegmentedTable::split(Segment& segment, std::unique_ptr<Segment>& spare) {
  const std::uint64_t mask_before = segment.mask.load(std::memory_order_relaxed);
  const std::uint64_t mask = (mask_before >> 1) | top_bit;
  const std::uint64_t bit = mask ^ mask_before;
  const int depth = std::popcount(mask);
  FLUXGATE_CHECK(depth <= depth_max);

  const std::lock_guard growth(growth_mutex_);
  // relaxed: changed under this mutex only.
  if (depth > directory_.load(std::memory_order_relaxed)->depth) double_directory();
  segments_.push_back(std::move(spare));
  bytes_.fetch_add(sizeof(Segment), std::memory_order_relaxed);
  // From here on nothing can fail.

  Segment& added = *segments_.back();
  added.prefix = segment.prefix | bit;
  added.mask.store(mask, std::memory_order_relaxed);  // published below
  segment.filter([&](const Entry& entry) {
    if ((entry.high & bit) == 0) return true;
    added.insert(added.search({.high = entry.high, .low = entry.low}).slot, entry);
    return false;
  });
  segment.mask.store(mask, std::memory_order_release);

  Directory& directory = *directory_.load(std::memory_order_relaxed);
  const std::size_t first = directory.index(added.prefix);
  const std::size_t end = first + (std::size_t{1} << (directory.depth - depth));
  for (std::size_t i = first; i < end; ++i) {
    directory.segments[i].store(&added, std::memory_order_release);
  }
}

void SegmentedTable::double_directory() {
  const Directory& old = *directory_.load(std::memory_order_relaxed);
  directories_.push_back(std::make_unique<Directory>(old.depth + 1));
  Directory& doubled = *directories_.back();
  for (std::size_t i = 0; i < doubled.size(); ++i) {
    doubled.segments[i].store(old.segments[i / 2].load(std::memory_order_relaxed),
                              std::memory_order_relaxed);
  }
  bytes_.fetch_add(doubled.bytes(), std::memory_order_relaxed);
  directory_.store(&doubled, std::memory_order_release);
}

SegmentedTable::Cell::Cell(SegmentedTable& table, Segment& segment, const Hash128& hash) noexcept
    : table_(table), segment_(segment), hash_(hash) {
  const Segment::Position position = segment.search(hash);
  slot_ = position.slot;
  present_ = position.found;
}

SegmentedTable::Value SegmentedTable::Cell::value() const noexcept {
  FLUXGATE_CHECK(present_);
  return segment_.value(slot_);
}

void SegmentedTable::Cell::assign(Value value) noexcept {
  if (present_) {
    segment_.put_value(slot_, value);
    return;
  }
  segment_.insert(slot_, {stored_low(hash_), hash_.high, value});
  present_ = true;
  table_.size_.fetch_add(1, std::memory_order_relaxed);
}

void SegmentedTable::Cell::erase() noexcept {
  FLUXGATE_CHECK(present_);
  // What moves into the slot likes a later one or the same, so the hash would still go here.
  segment_.erase(slot_);
  present_ = false;
  table_.size_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace fluxgate::base
