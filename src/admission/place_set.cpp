#include "admission/place_set.hpp"

#include <bit>

namespace fluxgate::admission {

std::optional<PlaceSet::At> PlaceSet::find(std::uint64_t place) const noexcept {
  const std::uint64_t number = place / block_bits;
  if (number < first_block_ || number - first_block_ >= blocks_.size()) return std::nullopt;
  const std::size_t in_block = place % block_bits;
  return At{.block = static_cast<std::size_t>(number - first_block_),
            .word = in_block / word_bits,
            .bit = std::uint64_t{1} << (in_block % word_bits)};
}

void PlaceSet::insert(std::uint64_t place) {
  const std::uint64_t number = place / block_bits;
  if (blocks_.empty()) first_block_ = number;
  // Who comes back may stand before all that are left.
  while (number < first_block_) {
    blocks_.emplace_front();
    --first_block_;
  }
  while (number - first_block_ >= blocks_.size()) {
    blocks_.emplace_back();
  }
  const At at = *find(place);
  Block& block = blocks_[at.block];
  if ((block.bits->words[at.word] & at.bit) != 0) return;
  block.bits->words[at.word] |= at.bit;
  ++block.bits->members[at.word / part_words];
  ++block.members;
  ++size_;
}

void PlaceSet::erase(std::uint64_t place) noexcept {
  const auto at = find(place);
  if (!at) return;
  Block& block = blocks_[at->block];
  if ((block.bits->words[at->word] & at->bit) == 0) return;
  block.bits->words[at->word] &= ~at->bit;
  --block.bits->members[at->word / part_words];
  --block.members;
  --size_;
  drop_empty_front();
}

void PlaceSet::drop_empty_front() noexcept {
  while (!blocks_.empty() && blocks_.front().members == 0) {
    blocks_.pop_front();
    ++first_block_;
  }
}

bool PlaceSet::contains(std::uint64_t place) const noexcept {
  const auto at = find(place);
  return at && (blocks_[at->block].bits->words[at->word] & at->bit) != 0;
}

std::uint64_t PlaceSet::rank(std::uint64_t place) const noexcept {
  if (place / block_bits < first_block_) return 0;
  const auto at = find(place);
  if (!at) return size_;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < at->block; ++i) count += blocks_[i].members;
  const Bits& block = *blocks_[at->block].bits;
  const std::size_t part = at->word / part_words;
  for (std::size_t i = 0; i < part; ++i) count += block.members[i];
  for (std::size_t i = part * part_words; i < at->word; ++i) {
    count += static_cast<std::uint64_t>(std::popcount(block.words[i]));
  }
  return count + static_cast<std::uint64_t>(std::popcount(block.words[at->word] & (at->bit - 1)));
}

std::optional<std::uint64_t> PlaceSet::first() const noexcept {
  if (empty()) return std::nullopt;
  std::size_t at = 0;
  while (blocks_[at].members == 0) ++at;
  const Bits& block = *blocks_[at].bits;
  std::size_t part = 0;
  while (block.members[part] == 0) ++part;
  std::size_t word = part * part_words;
  while (block.words[word] == 0) ++word;
  const auto bit = static_cast<std::uint64_t>(std::countr_zero(block.words[word]));
  return (first_block_ + at) * block_bits + word * word_bits + bit;
}

}  // namespace fluxgate::admission
