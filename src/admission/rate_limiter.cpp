#include "admission/rate_limiter.hpp"

#include <algorithm>
#include <limits>

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

static_assert(ticks_per_ns_max <= word_max / (seconds_max * ns_per_second));

}  // namespace

RateLimiter::RateLimiter(std::uint64_t rate_per_second, std::uint64_t burst,
                         std::chrono::nanoseconds now, bool start_full) noexcept
    : start_(now) {
  FLUXGATE_CHECK(rate_per_second <= rate_max);
  if (rate_per_second == 0) return;
  FLUXGATE_CHECK(burst >= 1);
  burst = std::min(burst, burst_max);
  choose_ticks(rate_per_second, burst);
  burst_ticks_ = burst * interval_ticks_;
  // relaxed: nobody else has the limiter yet.
  if (!start_full) arrival_.store(burst_ticks_, std::memory_order_relaxed);
}

void RateLimiter::choose_ticks(std::uint64_t rate, std::uint64_t burst) noexcept {
  // The greatest TAT is the end of time, plus the burst, plus one more and the rounding.
  for (std::uint64_t ticks_per_ns = ticks_per_ns_max; ticks_per_ns > 0; --ticks_per_ns) {
    const std::uint64_t ticks_per_second = ticks_per_ns * ns_per_second;
    const std::uint64_t interval = (ticks_per_second + rate - 1) / rate;
    const std::uint64_t lost = interval * rate - ticks_per_second;
    const std::uint64_t room = (word_max - ticks_per_second * seconds_max) / interval;
    if (lost <= ticks_per_second / rounding_parts && burst + 2 <= room) {
      interval_ticks_ = interval;
      ticks_per_second_ = ticks_per_second;
      return;
    }
  }
  interval_ticks_ = word_max / (rate * seconds_max + burst + 2);
  ticks_per_second_ = rate * interval_ticks_;
}

RateLimiter::Moment RateLimiter::moment(std::chrono::nanoseconds now) const noexcept {
  const std::int64_t signed_elapsed = (now - start_).count();
  const std::uint64_t elapsed =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(signed_elapsed, 0)),
               seconds_max * ns_per_second);
  // Fits: less than 10^9 ns times at most 2^64 / seconds_max = 5.8·10^9 ticks a second.
  const std::uint64_t fraction = elapsed % ns_per_second * ticks_per_second_;
  const std::uint64_t floor =
      elapsed / ns_per_second * ticks_per_second_ + fraction / ns_per_second;
  return {floor, floor + (fraction % ns_per_second != 0 ? 1 : 0)};
}

bool RateLimiter::would_admit(std::chrono::nanoseconds now) const noexcept {
  return !enabled() || !is_too_early(arrival_.load(std::memory_order_acquire), moment(now));
}

bool RateLimiter::try_admit(std::chrono::nanoseconds now) noexcept {
  if (!enabled()) return true;
  const Moment present = moment(now);
  std::uint64_t arrival = arrival_.load(std::memory_order_acquire);
  do {
    if (is_too_early(arrival, present)) return false;
  } while (!arrival_.compare_exchange_weak(arrival,
                                           std::max(arrival, present.ceil) + interval_ticks_,
                                           std::memory_order_acq_rel, std::memory_order_acquire));
  return true;
}

void RateLimiter::charge(std::chrono::nanoseconds now) noexcept {
  if (!enabled()) return;
  const Moment present = moment(now);
  std::uint64_t arrival = arrival_.load(std::memory_order_acquire);
  while (!arrival_.compare_exchange_weak(arrival, std::max(arrival, present.ceil) + interval_ticks_,
                                         std::memory_order_acq_rel, std::memory_order_acquire)) {
  }
}

}  // namespace fluxgate::admission
