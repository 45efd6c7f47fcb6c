#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/fixture.hpp"

namespace fluxgate::testing {

inline constexpr std::chrono::milliseconds pace_point{5};

/// An engine with a line at `rate` for product "p", in virtual time.
struct Room {
  Life life;
  Engine* engine = nullptr;

  explicit Room(std::uint64_t rate, Units quantity = 100'000) {
    life.options.rate_limit = rate;
    engine = &life.open();
    REQUIRE(engine->init({.product_id = "p", .quantity = quantity}).status == InitStatus::ok);
  }

  void restart() { engine = &life.open(); }

  void settle() {
    while (engine->step()) {
    }
  }

  /// Time goes by, in points of the pace.
  void run(std::chrono::milliseconds time) {
    for (; time > std::chrono::milliseconds(0); time -= pace_point) {
      life.clock.advance(pace_point);
      settle();
    }
  }

  std::string join(std::string_view user, std::string_view product = "p") {
    JoinResult joined = engine->join({.product_id = product, .user_id = user});
    REQUIRE(joined.status == JoinStatus::joined);
    return joined.ticket;
  }

  /// "u0", "u1", ... come at once.
  std::vector<std::string> join_many(std::size_t people) {
    std::vector<std::string> tickets;
    for (std::size_t i = 0; i < people; ++i) tickets.push_back(join("u" + std::to_string(i)));
    return tickets;
  }

  Place look(std::string_view ticket) {
    const std::optional<Place> place = engine->look(ticket);
    REQUIRE(place.has_value());
    return *place;
  }

  /// The pass of somebody who is admitted.
  std::string pass(std::string_view ticket) {
    const Place place = look(ticket);
    REQUIRE(place.state == PlaceState::admitted);
    REQUIRE_FALSE(place.pass.empty());
    return place.pass;
  }

  OrderResult buy_with(std::string_view pass, std::string_view user, std::string_view key,
                       std::string_view product = "p") {
    return engine->order({.product_id = product, .user_id = user, .key = key, .pass = pass});
  }

  std::uint64_t admissions() { return engine->stats().admissions_total; }
};

}  // namespace fluxgate::testing
