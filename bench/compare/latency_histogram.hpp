#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace fluxgate::compare {

/// Counts durations so that every quantile is known to 1 %, in 60 KB, however many there are.
///
/// Values below 128 ns have a bucket each; above, each power of two has 128 of equal width.
///
/// Threads: one.
/// Source:  G. Tene's HdrHistogram, whose layout of buckets this is.
class LatencyHistogram {
 public:
  void record(std::uint64_t ns) noexcept {
    ++buckets_[index_of(ns)];
    ++count_;
    if (ns > max_) max_ = ns;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  /// The smallest recorded duration that `share` of all (0..1) do not exceed, within 1 %; 0: none.
  [[nodiscard]] std::uint64_t quantile(double share) const noexcept {
    if (count_ == 0) return 0;
    auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_) + 0.5);
    if (wanted == 0) wanted = 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return upper_end(i) < max_ ? upper_end(i) : max_;
    }
    return max_;
  }

 private:
  static constexpr unsigned sub_bits = 7;
  static constexpr std::size_t subs = std::size_t{1} << sub_bits;

  static std::size_t index_of(std::uint64_t ns) noexcept {
    if (ns < subs) return static_cast<std::size_t>(ns);
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - sub_bits;
    return (shift + 1) * subs + (static_cast<std::size_t>(ns >> shift) - subs);
  }
  static std::uint64_t upper_end(std::size_t index) noexcept {
    if (index < subs) return index;
    const std::size_t shift = index / subs - 1;
    return ((std::uint64_t{index % subs} + subs + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - sub_bits + 1) * subs> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace fluxgate::compare
