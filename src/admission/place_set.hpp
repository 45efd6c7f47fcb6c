#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

namespace fluxgate::admission {

/// A set of places in line, in order, that knows how many come before any of them.
///
/// A bitmap in blocks of 32,768 places, each with its number of members, and the number in each
/// 512 of it. rank() adds up the blocks before (31 at a million places), the parts of one block
/// and at most eight words: about 50 ns. Empty blocks at the front are dropped; numbers before them
/// are not members. Memory: 0.13 bytes a place.
///
/// Threads: one at a time.
class PlaceSet {
 public:
  /// Throws std::bad_alloc, and has changed nothing. A number is at least that of the first block
  /// kept: places are given in order, and come back only while they are near.
  void insert(std::uint64_t place);
  void erase(std::uint64_t place) noexcept;

  [[nodiscard]] bool contains(std::uint64_t place) const noexcept;
  /// Members smaller than `place`.
  [[nodiscard]] std::uint64_t rank(std::uint64_t place) const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> first() const noexcept;
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  static constexpr std::size_t word_bits = 64;
  static constexpr std::size_t part_words = 8;
  static constexpr std::size_t block_parts = 64;
  static constexpr std::size_t block_words = part_words * block_parts;
  static constexpr std::size_t block_bits = block_words * word_bits;

  struct Bits {
    std::array<std::uint64_t, block_words> words{};
    std::array<std::uint16_t, block_parts> members{};  // of each part
  };
  // The count stands here, so that adding them up touches few cache lines.
  struct Block {
    std::unique_ptr<Bits> bits = std::make_unique<Bits>();
    std::uint64_t members = 0;
  };

  // Where a number stands; `block` counts from the first one kept.
  struct At {
    std::size_t block;
    std::size_t word;
    std::uint64_t bit;
  };
  [[nodiscard]] std::optional<At> find(std::uint64_t place) const noexcept;
  void drop_empty_front() noexcept;

  std::uint64_t first_block_ = 0;  // number of blocks_[0]
  std::deque<Block> blocks_;
  std::uint64_t size_ = 0;
};

}  // namespace fluxgate::admission
