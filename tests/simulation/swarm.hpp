#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "fluxgate/types.hpp"
#include "simulation/random.hpp"

namespace fluxgate::testing {

/// What can happen next.
enum class Event : std::uint8_t {
  order,      ///< somebody wants something
  retry,      ///< the same again: a copy, or a replay
  reuse_key,  ///< a key that was used, for something else
  order_by_pass,
  join,
  look,
  init,
  change_settings,
  phase,    ///< the committer's next phase
  step,     ///< all of its phases
  advance,  ///< time goes on
  jump,     ///< somebody sets the wall clock
  fail_append,
  fail_mark,
  fail_behind,  ///< a write that nobody waits for
  space,        ///< runs out, or comes back
  read_log,
  kill,
  cut_power,
  stop,  ///< cleanly
};
inline constexpr std::size_t event_kinds = 20;

/// What one seed is like. Each draws its own weights, and many of them zero, so that what is rare
/// on average is common somewhere.
/// Source: Groce et al., "Swarm testing", ISSTA 2012.
struct Swarm {
  std::array<std::uint32_t, event_kinds> weights{};
  std::uint32_t weights_total = 0;
  std::uint64_t products = 1;
  std::uint64_t users = 1;
  std::uint64_t keys = 1;  ///< of each user
  Units quantity_max = 1;  ///< of an order
  Units stock_max = 1;     ///< of a round
  bool has_limits = false;
  std::uint64_t lives = 1;
  std::uint64_t events = 1;  ///< of each life
  bool may_sync = true;      ///< durability
  bool may_os = false;
  std::array<std::uint64_t, 3> rates{};
  std::array<std::chrono::seconds, 2> ttls{};
  std::size_t pending_max = 1'000;
  std::chrono::nanoseconds advance_max{0};

  [[nodiscard]] static Swarm draw(Random& random);
  [[nodiscard]] Event next_event(Random& random) const;
};

}  // namespace fluxgate::testing
