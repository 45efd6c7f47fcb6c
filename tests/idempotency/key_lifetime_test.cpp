#include "idempotency/key_lifetime.hpp"

#include <catch2/catch.hpp>

using fluxgate::idempotency::KeyLifetime;
using namespace std::chrono_literals;

TEST_CASE("KeyLifetime: ttl 0 → nothing is ever forgotten", "[idempotency][unit]") {
  KeyLifetime lifetime(0ms);
  lifetime.note(7, 1000ms);
  CHECK_FALSE(lifetime.expire(1'000'000'000ms));
  CHECK(lifetime.expired_through() == 0);
  CHECK_FALSE(lifetime.is_over(0ms, 1'000'000'000ms));
  CHECK_FALSE(lifetime.next_expiry().has_value());
}

TEST_CASE("KeyLifetime: a key lives its ttl and at most a tenth longer", "[idempotency][unit]") {
  KeyLifetime lifetime(5000ms);
  lifetime.note(1, 10'001ms);
  lifetime.note(2, 10'099ms);
  lifetime.note(3, 10'100ms);
  REQUIRE(lifetime.next_expiry() == 15'100ms);
  CHECK_FALSE(lifetime.expire(15'099ms));
  CHECK(lifetime.expired_through() == 0);
  CHECK(lifetime.expire(15'100ms));
  CHECK(lifetime.expired_through() == 2);
  REQUIRE(lifetime.next_expiry() == 15'200ms);
  CHECK(lifetime.expire(20'000ms));
  CHECK(lifetime.expired_through() == 3);
  CHECK_FALSE(lifetime.next_expiry().has_value());
}

TEST_CASE("KeyLifetime: is_over → agrees with expire", "[idempotency][unit]") {
  KeyLifetime lifetime(5000ms);
  CHECK_FALSE(lifetime.is_over(10'001ms, 15'099ms));
  CHECK(lifetime.is_over(10'001ms, 15'100ms));
}

TEST_CASE("KeyLifetime: accepted_about → a time of the order's tenth, none if forgotten",
          "[idempotency][unit]") {
  KeyLifetime lifetime(5000ms);
  CHECK_FALSE(lifetime.accepted_about(1).has_value());
  lifetime.note(2, 10'050ms);
  lifetime.note(3, 10'100ms);
  lifetime.note(7, 10'999ms);
  CHECK(lifetime.accepted_about(1) == 10'000ms);
  CHECK(lifetime.accepted_about(2) == 10'000ms);
  CHECK(lifetime.accepted_about(3) == 10'100ms);
  CHECK(lifetime.accepted_about(4) == 10'900ms);
  CHECK_FALSE(lifetime.accepted_about(8).has_value());
  CHECK(lifetime.expire(15'200ms));
  CHECK_FALSE(lifetime.accepted_about(3).has_value());
  CHECK(lifetime.accepted_about(4) == 10'900ms);
}

TEST_CASE("KeyLifetime: a changed ttl → of earlier orders too, but not where all were kept",
          "[idempotency][unit]") {
  KeyLifetime lifetime(5000ms);
  lifetime.note(1, 10'000ms);
  lifetime.change_ttl(1000ms, 1);
  CHECK(lifetime.next_expiry() == 11'100ms);
  lifetime.change_ttl(0ms, 1);
  CHECK_FALSE(lifetime.next_expiry().has_value());
  CHECK_FALSE(lifetime.expire(99'000ms));
  lifetime.note(2, 20'000ms);  // for ever: no time is kept
  lifetime.change_ttl(1000ms, 2);
  CHECK(lifetime.expired_through() == 2);
  lifetime.note(3, 30'000ms);
  CHECK_FALSE(lifetime.accepted_about(2).has_value());
  CHECK(lifetime.accepted_about(3) == 30'000ms);
}
