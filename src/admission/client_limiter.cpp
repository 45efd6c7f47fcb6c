#include "admission/client_limiter.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "base/spin_wait.hpp"

namespace fluxgate::admission {

namespace {

constexpr std::uint64_t ns_per_second = 1'000'000'000;

// Rounded up: never more than the rate.
std::uint64_t interval_of(const ClientLimiter::Limit& limit) noexcept {
  FLUXGATE_CHECK(limit.rate >= 1 && limit.rate <= ClientLimiter::rate_max);
  FLUXGATE_CHECK(limit.burst >= 1 && limit.burst <= ClientLimiter::burst_max);
  return (ns_per_second + limit.rate - 1) / limit.rate;
}

}  // namespace

ClientLimiter::ClientLimiter(const Limit& limit, std::chrono::nanoseconds now)
    : start_(now),
      interval_ns_(interval_of(limit)),
      tolerance_ns_((limit.burst - 1) * interval_ns_),
      sets_(std::make_unique<Set[]>(sets_count)) {}

void ClientLimiter::lock(Set& set) noexcept {
  base::SpinWait spin;
  while (set.is_locked.exchange(true, std::memory_order_acquire)) spin.wait();
}

// The client's own, else the one that gives way, made his.
ClientLimiter::Entry& ClientLimiter::entry_of(Set& set, std::uint64_t client) noexcept {
  Entry* first_whole = &set.entries[0];
  for (Entry& entry : set.entries) {
    if (entry.client == client) return entry;
    if (entry.arrival < first_whole->arrival) first_whole = &entry;
  }
  *first_whole = {client, 0};
  return *first_whole;
}

// The proof of rate_limiter.cpp, with ticks of a nanosecond, in which every moment is whole.
std::chrono::nanoseconds ClientLimiter::try_admit(const base::Hash128& client,
                                                  std::chrono::nanoseconds now) noexcept {
  const auto elapsed =
      static_cast<std::uint64_t>(std::max<std::int64_t>((now - start_).count(), 0));
  Set& set = sets_[client.low % sets_count];
  lock(set);
  Entry& entry = entry_of(set, client.high);
  std::uint64_t wait = 0;
  if (entry.arrival > elapsed + tolerance_ns_) {
    wait = entry.arrival - tolerance_ns_ - elapsed;
  } else {
    entry.arrival = std::max(entry.arrival, elapsed) + interval_ns_;
  }
  set.is_locked.store(false, std::memory_order_release);
  return std::chrono::nanoseconds(wait);
}

}  // namespace fluxgate::admission
