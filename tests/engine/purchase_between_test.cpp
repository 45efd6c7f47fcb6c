// What happens between an order's first look and its taking, one step after the other: the check of
// a pass reads the clock, and there others come in.

#include <array>
#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "engine/fixture.hpp"
#include "engine/purchase.hpp"

using namespace fluxgate;
using namespace fluxgate::testing;

namespace {

/// A clock at whose readings of utc() something happens, one act a reading; in an act nothing does.
class ScriptedClock final : public Clock {
 public:
  void script(std::deque<std::function<void()>> acts) { acts_ = std::move(acts); }
  [[nodiscard]] std::size_t left() const { return acts_.size(); }

  [[nodiscard]] std::chrono::nanoseconds monotonic() const noexcept override {
    return clock_.monotonic();
  }
  [[nodiscard]] std::chrono::milliseconds utc() const noexcept override {
    if (!acts_.empty() && !is_acting_) {
      const auto act = std::move(acts_.front());
      acts_.pop_front();
      is_acting_ = true;
      act();
      is_acting_ = false;
    }
    return clock_.utc();
  }

 private:
  ManualClock clock_;  // stands still
  mutable std::deque<std::function<void()>> acts_;
  mutable bool is_acting_ = false;
};

/// An engine in which "ann" has a pass for product "p".
struct Sale {
  ScriptedClock clock;
  Life life;
  Engine* engine = nullptr;
  Inbox inbox;
  std::string pass;

  explicit Sale(const InitRequest& round) {
    life.options.clock = &clock;
    engine = &life.open();
    REQUIRE(engine->init(round).status == InitStatus::ok);
    const JoinResult joined = engine->join({.product_id = "p", .user_id = "ann"});
    REQUIRE(joined.status == JoinStatus::joined);
    const auto place = engine->look(joined.ticket);
    REQUIRE(place.has_value());
    pass = place->pass;
    REQUIRE_FALSE(pass.empty());
  }

  /// An order of ann's under the key "k".
  OrderRequest anns(Units quantity) const { return {"p", "ann", "k", quantity, pass}; }
  OrderRequest anns_without_pass(Units quantity) const { return {"p", "ann", "k", quantity, {}}; }

  Submission submit(OrderOperation& order, const OrderRequest& request) {
    order.request = request;
    return engine->submit(order);
  }
  void reset(Units quantity) {
    CHECK(engine->init({.product_id = "p", .quantity = quantity}).status == InitStatus::ok);
  }
  void others_take(std::string_view user, Units quantity) {
    CHECK(buy(*engine, user, "k", quantity).status == OrderStatus::accepted);
  }
  void settle() {
    while (engine->step()) {
    }
    CHECK(clock.left() == 0);
  }
};

}  // namespace

TEST_CASE("Purchase: units go between the look and the taking → sold_out, and nothing is used up",
          "[engine][unit]") {
  const Units max_per_user = GENERATE(Units{0}, Units{3});
  Sale sale({.product_id = "p", .quantity = 3, .max_per_user = max_per_user});
  OrderOperation order(sale.inbox);
  sale.clock.script({[&] { sale.others_take("bob", 1); }});
  CHECK(sale.submit(order, sale.anns(3)) == Submission::completed);
  CHECK(order.result.status == OrderStatus::sold_out);
  CHECK(sale.engine->product("p")->stock == 2);
  CHECK(sale.engine->stats().pending_orders == 0);
  CHECK(sale.engine->stats().keys == 1);  // bob's
  // The key, the pass and the three units of hers are free again.
  CHECK(sale.submit(order, sale.anns(2)) == Submission::pending);
  sale.settle();
  CHECK(order.result.status == OrderStatus::accepted);
  CHECK(sale.engine->product("p")->accepted == 3);
}

TEST_CASE(
    "Purchase: her other order uses up her limit between the look and the taking → over_limit",
    "[engine][unit]") {
  Sale sale({.product_id = "p", .quantity = 9, .max_per_user = 3});
  OrderOperation order(sale.inbox), other(sale.inbox);
  sale.clock.script({[&] {
    CHECK(sale.submit(other, {"p", "ann", "other", 1, {}}) == Submission::pending);
  }});
  CHECK(sale.submit(order, sale.anns(3)) == Submission::completed);
  CHECK(order.result.status == OrderStatus::over_limit);
  CHECK(sale.engine->product("p")->stock == 8);
  CHECK(sale.submit(order, sale.anns(2)) == Submission::pending);
  sale.settle();
  CHECK(order.result.status == OrderStatus::accepted);
  CHECK(other.result.status == OrderStatus::accepted);
}

TEST_CASE("Purchase: a reset between the look and the claim → decided in the new round",
          "[engine][unit]") {
  const Units quantity = GENERATE(Units{5}, Units{0});
  Sale sale({.product_id = "p", .quantity = 1});
  OrderOperation order(sale.inbox);
  sale.clock.script({[&] { sale.reset(quantity); }});
  const Submission submission = sale.submit(order, sale.anns(1));
  sale.settle();
  if (quantity == 0) {
    CHECK(submission == Submission::completed);
    CHECK(order.result.status == OrderStatus::sold_out);
    CHECK(sale.engine->stats().keys == 0);
    CHECK(sale.engine->audit("p", 1)->units_in_log == 0);
  } else {
    CHECK(submission == Submission::pending);
    CHECK(order.result.status == OrderStatus::accepted);
    CHECK(sale.engine->audit("p", 1)->units_in_log == 0);
    CHECK(sale.engine->audit("p", 2)->units_in_log == 1);
  }
}

TEST_CASE("Purchase: the owner of a key is refused → its copies share that, others are decided",
          "[engine][unit]") {
  Sale sale({.product_id = "p", .quantity = 3});
  OrderOperation owner(sale.inbox), copy(sale.inbox), greater(sale.inbox), smaller(sale.inbox);
  sale.clock.script(
      {[&] { sale.reset(3); },
       [&] {
         // The key is the owner's now.
         for (const auto& [order, units] : {std::pair(&copy, 3U), {&greater, 4U}, {&smaller, 2U}}) {
           CHECK(sale.submit(*order, sale.anns_without_pass(units)) == Submission::pending);
         }
         sale.others_take("bob", 1);
       }});
  CHECK(sale.submit(owner, sale.anns(3)) == Submission::completed);
  CHECK(owner.result.status == OrderStatus::sold_out);
  CHECK_FALSE(owner.result.replayed);
  CHECK(sale.inbox.operations == 2);
  CHECK(copy.result.status == OrderStatus::sold_out);
  CHECK(copy.result.replayed);
  CHECK(greater.result.status == OrderStatus::sold_out);
  CHECK_FALSE(greater.result.replayed);
  sale.settle();
  CHECK(sale.inbox.operations == 3);
  CHECK(smaller.result.status == OrderStatus::accepted);
  CHECK_FALSE(smaller.result.replayed);
  CHECK(sale.engine->product("p")->accepted == 3);
}

TEST_CASE("Purchase: copies of each other waited for a refused order → they share one answer",
          "[engine][unit]") {
  Sale sale({.product_id = "p", .quantity = 3});
  OrderOperation first(sale.inbox), one(sale.inbox), other(sale.inbox), another(sale.inbox);
  sale.clock.script(
      {[&] { sale.reset(3); },
       [&] {
         for (const auto& [order, units] : {std::pair(&one, 2U), {&another, 1U}, {&other, 2U}}) {
           CHECK(sale.submit(*order, sale.anns(units)) == Submission::pending);
         }
         sale.others_take("bob", 2);
       }});
  CHECK(sale.submit(first, sale.anns(3)) == Submission::completed);
  CHECK(one.result.status == OrderStatus::sold_out);
  CHECK(other.result.status == OrderStatus::sold_out);
  CHECK(one.result.replayed != other.result.replayed);
  CHECK(sale.inbox.operations == 2);
  sale.settle();
  CHECK(sale.inbox.operations == 3);
  CHECK(another.result.status == OrderStatus::accepted);
  CHECK_FALSE(another.result.replayed);
}

TEST_CASE("Purchase: who waited for a refused order is refused in turn → who waited for him is not",
          "[engine][unit]") {
  Sale sale({.product_id = "p", .quantity = 3});
  OrderOperation first(sale.inbox), second(sale.inbox), third(sale.inbox);
  sale.clock.script({[&] { sale.reset(3); },
                     [&] {
                       CHECK(sale.submit(second, sale.anns(2)) == Submission::pending);
                       sale.others_take("bob", 1);
                     },
                     // The second is being decided now.
                     [&] { sale.reset(3); },
                     [&] {
                       CHECK(sale.submit(third, sale.anns(1)) == Submission::pending);
                       sale.others_take("cyd", 2);
                     },
                     [] {}});
  CHECK(sale.submit(first, sale.anns(3)) == Submission::completed);
  CHECK(first.result.status == OrderStatus::sold_out);
  CHECK(sale.inbox.operations == 1);
  CHECK(second.result.status == OrderStatus::sold_out);
  sale.settle();
  CHECK(sale.inbox.operations == 2);
  CHECK(third.result.status == OrderStatus::accepted);
  CHECK(sale.engine->product("p")->accepted == 3);
}
