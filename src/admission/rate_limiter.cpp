#include "admission/rate_limiter.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.hpp"

// Units. The TAT is counted in ticks since the construction; U ticks are a second, I ticks are an
// interval, and U/I, the rate that is kept, is never above the one asked for.
//   Up to 5 million a second, and at all rates that fit, a nanosecond is 1 to 5 whole ticks and the
// interval is rounded up: that costs at most a thousandth of the rate, and far less at low ones.
//   Else the interval is as many ticks as the word has room for, a second is that many times the
// rate, so the rate is kept exactly, and the present moment is rounded instead: down where it
// permits, up where it starts a new interval. That costs nothing while there are always orders;
// after a quiet time, the last order of a burst comes a tick late, which is below 0.3 ns.
//
// Proof of the bound. Let c(t) be the time t in ticks, exactly, and B = burst·I. An admission at t
// replaces the TAT a by max(a, ceil c(t)) + I, if
//   (1) a <= floor c(t), or
//   (2) a + I <= floor c(t) + B.
// Take any window from s to e, and of its admissions the first and the k-th in the order of changes
// of the word; their times need not be in that order, but are within s..e. The first leaves a TAT
// of at least ceil c(s) + I, each further one adds at least I.
//   If the k-th came by (2), then c(s) + k·I <= c(e) + B, so k <= burst + (c(e) - c(s))/I.
//   If it came by (1), then c(s) + (k - 1)·I <= c(e), so k <= 1 + (c(e) - c(s))/I.
// As (c(e) - c(s))/I <= rate·(e - s) and burst >= 1: k <= burst + rate·(e - s).
//
// (1) is implied by (2) but for the rounding: with burst 1 and a moment between two ticks, (2)
// alone could refuse for ever.
//
// A charge also replaces a by max(a, ceil c(t)) + I, without (1) or (2). The proof does not ask how
// those before the k-th came, so it holds for every window that ends with an admission by
// try_admit(), charges in it counted; what charges alone may do is up to who charges.
//
// A change closes the word: the last value is what all admissions before it have made, and whoever
// finds it closed goes on to the next bucket. So each admission is before the change or after it,
// and those of one bucket are proved above, whatever its first word was.
//   Over a change at x, from rate r, burst b (word a, interval I) to r', b' (a', I'): what is saved
// up is n = (floor c(x) + b·I - a)/I admissions, negative if they are owed, and the new word is
// a' >= c'(x) + b'·I' - n·I'. Take a window from s to e with k admissions before x and j after it,
// and x <= e. The k leave a >= c(s) + k·I, so n <= b + r·(x - s) - k (for k = 0: n <= b).
//   If the last came by (2), then a' + j·I' <= c'(e) + b'·I', so j <= n + r'·(e - x).
//   If it came by (1), then a' + (j - 1)·I' <= c'(e), so j <= n + 1 - b' + r'·(e - x), which is no
// more. Hence k + j <= b + r·(x - s) + r'·(e - x); further changes add their parts in the same way.

namespace fluxgate::admission {

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
// 101 years. Later the limiter stands still and refuses, rather than to wrap around.
constexpr std::uint64_t seconds_max = 3'200'000'000;
// A greater burst means the same: at rate_max it would take 31 years to save it up.
constexpr std::uint64_t burst_max = 1'000'000'000'000'000'000;
// 6 ticks a nanosecond do not fit in the word for seconds_max.
constexpr std::uint64_t ticks_per_ns_max = 5;
// Rounding the interval up may take one part in this many of the rate.
constexpr std::uint64_t rounding_parts = 1000;
constexpr std::uint64_t word_max = std::numeric_limits<std::uint64_t>::max();

// The word of a bucket that is no longer current. Always too early, as choose_ticks() leaves room:
// so only refusals ask whether it is this one.
constexpr std::uint64_t closed = word_max;
constexpr std::uint64_t arrival_max = closed - 1;

static_assert(ticks_per_ns_max <= word_max / (seconds_max * ns_per_second));

}  // namespace

RateLimiter::RateLimiter(std::uint64_t rate_per_second, std::uint64_t burst,
                         std::chrono::nanoseconds now, bool start_full) noexcept
    : start_(now), rate_(rate_per_second), burst_(burst) {
  FLUXGATE_CHECK(rate_per_second <= rate_max);
  if (rate_per_second == 0) return;
  first_.fill(rate_per_second, burst, start_);
  // relaxed, both: nobody else has the limiter yet.
  if (!start_full) first_.arrival.store(first_.burst_ticks, std::memory_order_relaxed);
  current_.store(&first_, std::memory_order_relaxed);
}

void RateLimiter::Bucket::fill(std::uint64_t rate, std::uint64_t burst,
                               std::chrono::nanoseconds beginning) noexcept {
  FLUXGATE_CHECK(burst >= 1);
  start = beginning;
  burst = std::min(burst, burst_max);
  choose_ticks(rate, burst);
  burst_ticks = burst * interval_ticks;
}

void RateLimiter::Bucket::choose_ticks(std::uint64_t rate, std::uint64_t burst) noexcept {
  // The greatest TAT is the end of time, plus the burst, plus one more and the rounding.
  for (std::uint64_t ticks_per_ns = ticks_per_ns_max; ticks_per_ns > 0; --ticks_per_ns) {
    const std::uint64_t second = ticks_per_ns * ns_per_second;
    const std::uint64_t interval = (second + rate - 1) / rate;
    const std::uint64_t lost = interval * rate - second;
    const std::uint64_t room = (word_max - second * seconds_max) / interval;
    if (lost <= second / rounding_parts && burst + 2 <= room) {
      interval_ticks = interval;
      ticks_per_second = second;
      return;
    }
  }
  interval_ticks = word_max / (rate * seconds_max + burst + 2);
  ticks_per_second = rate * interval_ticks;
}

RateLimiter::Moment RateLimiter::Bucket::moment(std::chrono::nanoseconds now) const noexcept {
  const std::int64_t signed_elapsed = (now - start).count();
  const std::uint64_t elapsed =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(signed_elapsed, 0)),
               seconds_max * ns_per_second);
  // Fits: less than 10^9 ns times at most 2^64 / seconds_max = 5.8·10^9 ticks a second.
  const std::uint64_t fraction = elapsed % ns_per_second * ticks_per_second;
  const std::uint64_t floor = elapsed / ns_per_second * ticks_per_second + fraction / ns_per_second;
  return {floor, floor + (fraction % ns_per_second != 0 ? 1 : 0)};
}

// Loops, not calls of `next`: who was asleep may find ten thousand changes behind him.
bool RateLimiter::Bucket::would_admit(std::chrono::nanoseconds now) const noexcept {
  for (const Bucket* bucket = this; bucket != nullptr; bucket = bucket->next) {
    const std::uint64_t word = bucket->arrival.load(std::memory_order_acquire);
    if (!bucket->is_too_early(word, bucket->moment(now))) return true;
    if (word != closed) [[likely]]
      return false;
  }
  return true;
}

bool RateLimiter::Bucket::try_admit(std::chrono::nanoseconds now) noexcept {
  for (Bucket* bucket = this; bucket != nullptr; bucket = bucket->next) {
    const Moment present = bucket->moment(now);
    std::uint64_t word = bucket->arrival.load(std::memory_order_acquire);
    while (!bucket->is_too_early(word, present)) {
      const std::uint64_t moved = std::max(word, present.ceil) + bucket->interval_ticks;
      if (bucket->arrival.compare_exchange_weak(word, moved, std::memory_order_acq_rel,
                                                std::memory_order_acquire)) {
        return true;
      }
    }
    if (word != closed) [[likely]]
      return false;
  }
  return true;
}

void RateLimiter::charge(std::chrono::nanoseconds now) noexcept {
  Bucket* bucket = current_.load(std::memory_order_acquire);
  for (; bucket != nullptr; bucket = bucket->next) {
    const Moment present = bucket->moment(now);
    std::uint64_t arrival = bucket->arrival.load(std::memory_order_acquire);
    while (arrival != closed) {
      const std::uint64_t from = std::max(arrival, present.ceil);
      const std::uint64_t interval = std::min(bucket->interval_ticks, arrival_max - from);
      if (bucket->arrival.compare_exchange_weak(arrival, from + interval, std::memory_order_acq_rel,
                                                std::memory_order_acquire)) {
        return;
      }
    }
  }
}

void RateLimiter::change(std::uint64_t rate_per_second, std::uint64_t burst,
                         std::chrono::nanoseconds now) {
  FLUXGATE_CHECK(rate_per_second <= rate_max);
  if (rate_per_second == rate_ && (burst == burst_ || rate_per_second == 0)) return;
  Bucket* next = nullptr;
  if (rate_per_second != 0) {
    auto bucket = std::make_unique<Bucket>();
    bucket->fill(rate_per_second, burst, start_);
    next = bucket.get();
    later_.push_back(std::move(bucket));
  }
  // relaxed: only this function writes it once the limiter is built.
  Bucket* const old = current_.load(std::memory_order_relaxed);
  if (old != nullptr) {
    replace(*old, next, now);
  } else {
    // relaxed: not yet published.
    next->arrival.store(next->moment(now).ceil + next->burst_ticks, std::memory_order_relaxed);
  }
  // release: who finds the bucket finds its ticks and its word.
  current_.store(next, std::memory_order_release);
  rate_ = rate_per_second;
  burst_ = burst;
}

void RateLimiter::replace(Bucket& old, Bucket* next, std::chrono::nanoseconds now) noexcept {
  old.next = next;
  std::uint64_t arrival = old.arrival.load(std::memory_order_acquire);
  do {
    if (next == nullptr) continue;
    // relaxed: published by the exchange.
    next->arrival.store(carried_over(old, arrival, *next, now), std::memory_order_relaxed);
  } while (!old.arrival.compare_exchange_weak(arrival, closed, std::memory_order_acq_rel,
                                              std::memory_order_acquire));
}

// The new word, a' of the proof: the same number of admissions saved up or owed, rounded against
// the client.
std::uint64_t RateLimiter::carried_over(const Bucket& old, std::uint64_t arrival,
                                        const Bucket& next, std::chrono::nanoseconds now) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide empty_before = Wide{old.moment(now).floor} + old.burst_ticks;
  const Wide empty = Wide{next.moment(now).ceil} + next.burst_ticks;
  if (arrival <= empty_before) {
    const Wide saved = std::min<Wide>(empty_before - arrival, old.burst_ticks);
    const Wide kept = saved * next.interval_ticks / old.interval_ticks;
    return static_cast<std::uint64_t>(empty - std::min<Wide>(kept, next.burst_ticks));
  }
  const Wide debt = (arrival - empty_before) * next.interval_ticks;
  const Wide owed = debt / old.interval_ticks + (debt % old.interval_ticks != 0 ? 1 : 0);
  return static_cast<std::uint64_t>(std::min<Wide>(empty + owed, arrival_max));
}

}  // namespace fluxgate::admission
