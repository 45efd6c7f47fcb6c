#include "simulation/swarm.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::array<std::uint32_t, event_kinds> usual{12, 8, 3, 6, 6, 8, 2, 2, 24, 8,
                                                       8,  1, 1, 1, 1, 2, 1, 1, 1};

}  // namespace

Swarm Swarm::draw(Random& random) {
  Swarm swarm;
  for (std::size_t i = 0; i < event_kinds; ++i) {
    swarm.weights[i] =
        random.one_in(4) ? 0 : usual[i] * static_cast<std::uint32_t>(random.between(1, 4));
  }
  // Something must be ordered, and something committed, or nothing happens.
  swarm.weights[static_cast<std::size_t>(Event::order)] += 4;
  swarm.weights[static_cast<std::size_t>(Event::step)] += 2;
  for (const std::uint32_t weight : swarm.weights) swarm.weights_total += weight;
  swarm.products = random.between(1, 3);
  swarm.users = random.between(1, 6);
  swarm.keys = random.between(1, 4);
  swarm.quantity_max = random.between(1, 3);
  swarm.stock_max = random.pick(std::array<Units, 4>{1, 2, 5, 20});
  swarm.has_limits = random.one_in(3);
  swarm.lives = random.between(1, 3);
  swarm.events = random.between(8, 60);
  swarm.may_os = random.one_in(3);
  swarm.may_sync = !swarm.may_os || random.one_in(2);
  const std::array<std::uint64_t, 5> rates{0, 0, 1, 3, 20};
  for (std::uint64_t& rate : swarm.rates) rate = random.pick(rates);
  const std::array<std::chrono::seconds, 4> ttls{std::chrono::seconds(0), std::chrono::seconds(1),
                                                 std::chrono::seconds(10),
                                                 std::chrono::seconds(86'400)};
  for (std::chrono::seconds& ttl : swarm.ttls) ttl = random.pick(ttls);
  if (random.one_in(4)) swarm.pending_max = random.between(1, 3);
  const std::array<std::chrono::nanoseconds, 5> times{
      std::chrono::milliseconds(1), std::chrono::milliseconds(60), std::chrono::seconds(1),
      std::chrono::seconds(12), std::chrono::seconds(400)};
  swarm.advance_max = random.pick(times);
  return swarm;
}

Event Swarm::next_event(Random& random) const {
  std::uint64_t at = random.below(weights_total);
  for (std::size_t i = 0; i < event_kinds; ++i) {
    if (at < weights[i]) return static_cast<Event>(i);
    at -= weights[i];
  }
  return Event::step;
}

}  // namespace fluxgate::testing
