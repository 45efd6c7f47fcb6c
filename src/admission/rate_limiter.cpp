#include "admission/rate_limiter.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.hpp"

// Units. The TAT is counted in ticks since the construction. An interval (one order's share of
// time, 1/rate seconds) is a whole number of ticks, so a busy limiter never rounds and loses nothing
// of its rate. A nanosecond is a whole number of ticks as well if the word has room for that over
// seconds_max; else an interval has as many ticks as there is room for, and the present moment is
// rounded: down where it permits, up where it starts a new interval.
//
// Proof of the bound. Let c(t) be the time t in ticks, exactly; I the interval, B = burst·I. An
// admission at t replaces the TAT a by max(a, ceil c(t)) + I, if
//   (1) a <= floor c(t), or
//   (2) a + I <= floor c(t) + B.
// Take any window from s to e, and of its admissions the first and the k-th in the order of changes
// of the word; their times need not be in that order, but are within s..e. The first leaves a TAT
// of at least ceil c(s) + I, each further one adds at least I.
//   If the k-th came by (2), then c(s) + k·I <= c(e) + B, so k <= burst + (c(e) - c(s))/I.
//   If it came by (1), then c(s) + (k - 1)·I <= c(e), so k <= 1 + (c(e) - c(s))/I.
// As (c(e) - c(s))/I = rate·(e - s) and burst >= 1: k <= burst + rate·(e - s).
//
// (1) is implied by (2) but for the rounding: with burst 1 and a moment between two ticks, (2) alone
// could refuse for ever.
//
// What rounding costs: with burst 1, every interval ends at a whole nanosecond, and up to a tick
// late where nanoseconds are not whole ticks; a tick is then below 0.7 ns. With burst 2 or more,
// nothing, while there are always orders.

namespace fluxgate::admission {

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;
// 101 years. Later the limiter stands still and refuses, rather than to wrap around.
constexpr std::uint64_t seconds_max = 3'200'000'000;
// A greater burst means the same: at rate_max it would take 31 years to save it up.
constexpr std::uint64_t burst_max = 1'000'000'000'000'000'000;

}  // namespace

RateLimiter::RateLimiter(std::uint64_t rate_per_second, std::uint64_t burst,
                         std::chrono::nanoseconds now, bool start_full) noexcept
    : start_(now) {
  FLUXGATE_CHECK(rate_per_second <= rate_max);
  if (rate_per_second == 0) return;
  FLUXGATE_CHECK(burst >= 1);
  burst = std::min(burst, burst_max);

  // The greatest TAT: the end of time, plus the burst, plus one more and the rounding.
  const std::uint64_t intervals_max = rate_per_second * seconds_max + burst + 2;
  const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() / intervals_max;
  const std::uint64_t exact = ns_per_second / std::gcd(rate_per_second, ns_per_second);
  interval_ticks_ = std::min(room, exact);
  ticks_per_second_ = rate_per_second * interval_ticks_;
  burst_ticks_ = burst * interval_ticks_;
  // relaxed: nobody else has the limiter yet.
  if (!start_full) arrival_.store(burst_ticks_, std::memory_order_relaxed);
}

bool RateLimiter::try_admit(std::chrono::nanoseconds now) noexcept {
  if (!enabled()) return true;

  const std::int64_t signed_elapsed = (now - start_).count();
  const std::uint64_t elapsed =
      std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(signed_elapsed, 0)),
               seconds_max * ns_per_second);
  // Below 2^63: less than 10^9 ns times less than 2^64 / seconds_max = 5.8·10^9 ticks a second.
  const std::uint64_t fraction = elapsed % ns_per_second * ticks_per_second_;
  const std::uint64_t now_floor =
      elapsed / ns_per_second * ticks_per_second_ + fraction / ns_per_second;
  const std::uint64_t now_ceil = now_floor + (fraction % ns_per_second != 0 ? 1 : 0);

  std::uint64_t arrival = arrival_.load(std::memory_order_relaxed);
  do {
    const bool ahead = arrival > now_floor;
    if (ahead && arrival - now_floor > burst_ticks_ - interval_ticks_) return false;
  } while (!arrival_.compare_exchange_weak(arrival, std::max(arrival, now_ceil) + interval_ticks_,
                                           std::memory_order_relaxed));
  return true;
}

}  // namespace fluxgate::admission
