#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fluxgate::admission {

/// Which ticket a person holds for a product: from a keyed hash of both to the ticket's number.
///
/// It stores ticket numbers only; the hash of each is asked for again by `tag_of`. 256 small
/// tables, each with linear probing, half full on average, grow on their own: at a million people
/// a step of growth moves four thousand entries, some 100 us. Memory: 11 to 22 bytes an entry.
///
/// Two people whose 64-bit hashes are the same (at a million people with a probability of 3·10^-8,
/// and nobody without the secret can aim at it) would share one place.
///
/// Threads: one at a time. Throws std::bad_alloc from assign(), and has changed nothing.
class PersonIndex {
 public:
  /// The ticket of this hash; 0: none.
  template <typename TagOf>
  [[nodiscard]] std::uint64_t find(std::uint64_t tag, const TagOf& tag_of) const {
    const Table& table = tables_[tag >> 56];
    if (table.slots.empty()) return 0;
    for (std::size_t at = home(table, tag); table.slots[at] != 0; at = next(table, at)) {
      if (tag_of(table.slots[at]) == tag) return table.slots[at];
    }
    return 0;
  }

  /// Makes `ticket` the one of this hash, in place of another it may have.
  template <typename TagOf>
  void assign(std::uint64_t tag, std::uint64_t ticket, const TagOf& tag_of) {
    Table& table = tables_[tag >> 56];
    if ((table.count + 1) * 3 > table.slots.size() * 2) grow(table, tag_of);
    std::size_t at = home(table, tag);
    while (table.slots[at] != 0 && tag_of(table.slots[at]) != tag) at = next(table, at);
    if (table.slots[at] == 0) ++table.count;
    table.slots[at] = ticket;
  }

  /// Forgets `ticket`, if it is still the one of this hash.
  template <typename TagOf>
  void erase(std::uint64_t tag, std::uint64_t ticket, const TagOf& tag_of) {
    Table& table = tables_[tag >> 56];
    if (table.slots.empty()) return;
    std::size_t at = home(table, tag);
    while (table.slots[at] != 0 && table.slots[at] != ticket) at = next(table, at);
    if (table.slots[at] == 0) return;
    --table.count;
    // Those behind move up, unless that would put them before their home.
    std::size_t gap = at;
    for (at = next(table, at); table.slots[at] != 0; at = next(table, at)) {
      const std::size_t mask = table.slots.size() - 1;
      const std::size_t wish = home(table, tag_of(table.slots[at]));
      if (((at - wish) & mask) >= ((at - gap) & mask)) {
        table.slots[gap] = table.slots[at];
        gap = at;
      }
    }
    table.slots[gap] = 0;
  }

  [[nodiscard]] std::size_t bytes() const noexcept {
    std::size_t sum = sizeof(*this);
    for (const Table& table : tables_) sum += table.slots.capacity() * sizeof(std::uint64_t);
    return sum;
  }

 private:
  static constexpr std::size_t slots_first = 8;

  struct Table {
    std::vector<std::uint64_t> slots;  // a power of two of them; 0: free
    std::size_t count = 0;
  };

  // The first byte chose the table, so the slot is chosen by others.
  static std::size_t home(const Table& table, std::uint64_t tag) noexcept {
    return static_cast<std::size_t>(tag) & (table.slots.size() - 1);
  }
  static std::size_t next(const Table& table, std::size_t at) noexcept {
    return (at + 1) & (table.slots.size() - 1);
  }

  template <typename TagOf>
  static void grow(Table& table, const TagOf& tag_of) {
    const std::size_t slots = table.slots.empty() ? slots_first : table.slots.size() * 2;
    Table larger{std::vector<std::uint64_t>(slots, 0), table.count};
    for (const std::uint64_t ticket : table.slots) {
      if (ticket == 0) continue;
      std::size_t at = home(larger, tag_of(ticket));
      while (larger.slots[at] != 0) at = next(larger, at);
      larger.slots[at] = ticket;
    }
    table = std::move(larger);
  }

  std::array<Table, 256> tables_;
};

}  // namespace fluxgate::admission
