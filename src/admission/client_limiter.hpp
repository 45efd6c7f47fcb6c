#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/cache_line.hpp"
#include "base/hash.hpp"

namespace fluxgate::admission {

/// Admits of each client at most burst + rate·t requests in any t seconds, in 2 MiB, however many
/// clients there are.
///
/// It keeps one theoretical arrival time (GCRA, as RateLimiter) for a client, in nanoseconds. A
/// client's hash says in which of 16'384 sets of seven he may stand. If all seven places are taken,
/// the one whose burst will be whole again first gives way: all clients have the same rate, so that
/// is who has been quiet for longest, weighed by what he had used. Forgotten, he begins with a full
/// burst. So the bound is exact for whoever is kept, which up to some ten thousand busy clients is
/// everybody; and it fails open: a client is never refused because of others. Two clients count as
/// one only if their hashes agree in 78 bits.
///
/// A refusal is not counted: who keeps coming too fast still gets his rate.
///
/// `now` is monotonic time. Values that are out of order may cost requests but never allow more.
///
/// Threads: any, any number at once. A set has a lock of its own, held for some 10 ns.
/// Memory:  the lock is acquired and released; what it guards needs no more.
class ClientLimiter {
 public:
  static constexpr std::uint64_t rate_max = 1'000'000;  ///< an interval is a whole number of ns
  static constexpr std::uint64_t burst_max = 1'000'000;
  static constexpr std::size_t clients_max = std::size_t{7} << 14;  ///< kept at one time

  struct Limit {
    std::uint64_t rate = 1;   ///< a second, 1..rate_max
    std::uint64_t burst = 1;  ///< at once after a quiet time, 1..burst_max
  };

  /// Throws std::bad_alloc.
  ClientLimiter(const Limit& limit, std::chrono::nanoseconds now);

  /// Counts a request of the client whose keyed hash this is.
  /// Returns: zero: admitted. Else refused, and not to be admitted for this long.
  [[nodiscard]] std::chrono::nanoseconds try_admit(const base::Hash128& client,
                                                   std::chrono::nanoseconds now) noexcept;

 private:
  struct Entry {
    std::uint64_t client = 0;   // half of the hash
    std::uint64_t arrival = 0;  // ns since start_; 0: the burst is whole, or nobody is here
  };
  struct alignas(2 * base::cache_line_bytes) Set {
    std::atomic<bool> is_locked{false};
    std::array<Entry, 7> entries;  // under the lock
  };
  static constexpr std::size_t sets_count = clients_max / 7;
  static_assert(sizeof(Set) * sets_count == std::size_t{2} << 20);

  static void lock(Set& set) noexcept;
  [[nodiscard]] static Entry& entry_of(Set& set, std::uint64_t client) noexcept;

  const std::chrono::nanoseconds start_;
  const std::uint64_t interval_ns_;
  const std::uint64_t tolerance_ns_;  // how far ahead an arrival may be: burst - 1 intervals
  const std::unique_ptr<Set[]> sets_;
};

}  // namespace fluxgate::admission
