#include "support/order_history.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace fluxgate::testing {
namespace {

using std::chrono::milliseconds;

std::string id_of(Sequence sequence) {
  const std::string number = std::to_string(sequence);  // below 10: one digit of base32hex
  return std::string(13 - number.size(), '0') + number + std::string(16, 'x' - 3);
}

/// Good by itself: product "p" with 2 units; "ann" bought one of them. Each test spoils it.
struct Story {
  OrderHistory history;
  FinalLog log;
  Instant now = 100;

  explicit Story(Units quantity = 2) {
    history.begin_life(0);
    open(quantity);
    buy("ann", "k1");
  }

  void open(Units quantity, Units max_per_order = 0, Units max_per_user = 0) {
    const std::size_t opening = history.begin(Opening{.product_id = "p",
                                                      .quantity = quantity,
                                                      .max_per_order = max_per_order,
                                                      .max_per_user = max_per_user,
                                                      .invoked = ++now});
    log.openings.push_back({.product_id = "p",
                            .round = log.openings.size() + 1,
                            .quantity = quantity,
                            .max_per_order = max_per_order,
                            .max_per_user = max_per_user,
                            .next_sequence = log.orders.size() + 1});
    history.opened(opening, ++now, log.openings.size());
  }

  std::size_t begin(const std::string& user, const std::string& key, Units quantity = 1) {
    return history.begin(Attempt{
        .product_id = "p", .user_id = user, .key = key, .quantity = quantity, .invoked = ++now});
  }

  Sequence write(const std::string& user, const std::string& key, Units quantity = 1) {
    const Sequence sequence = log.orders.size() + 1;
    log.orders.push_back({.sequence = sequence,
                          .order_id = id_of(sequence),
                          .product_id = "p",
                          .round = log.openings.size(),
                          .user_id = user,
                          .key = key,
                          .quantity = quantity,
                          .accepted_at = milliseconds(1'000 * sequence)});
    return sequence;
  }

  Sequence buy(const std::string& user, const std::string& key, Units quantity = 1) {
    const std::size_t attempt = begin(user, key, quantity);
    const Sequence sequence = write(user, key, quantity);
    history.accepted(attempt, ++now, id_of(sequence), false);
    return sequence;
  }

  void replay(const std::string& user, const std::string& key, Sequence sequence,
              bool replayed = true) {
    const std::size_t attempt = begin(user, key);
    history.accepted(attempt, ++now, id_of(sequence), replayed);
  }

  void sold_out(const std::string& user, const std::string& key) {
    const std::size_t attempt = begin(user, key);
    history.sold_out(attempt, ++now);
  }

  void refuse(const std::string& user, const std::string& key, const std::string& code,
              Units quantity = 1) {
    const std::size_t attempt = begin(user, key, quantity);
    history.refused(attempt, ++now, code);
  }

  void restart(Sequence durable = everything) {
    history.end_life(++now, durable);
    history.begin_life(++now);
  }

  /// The kinds of all violations, each once, in the order they were found.
  [[nodiscard]] std::string kinds() const {
    std::string text;
    for (const std::string& line : history.check(log)) {
      const std::string kind = line.substr(0, line.find(':'));
      if (text.find(kind) == std::string::npos) text += (text.empty() ? "" : " ") + kind;
    }
    return text;
  }
};

}  // namespace

TEST_CASE("OrderHistory: a good history → nothing", "[support][unit]") {
  Story story;
  story.replay("ann", "k1", 1);
  story.buy("bob", "k1");
  story.sold_out("eve", "k1");
  story.refuse("ann", "k1", "key_reused", 2);
  story.restart();
  story.replay("ann", "k1", 1);
  story.open(1, 1, 1);
  story.buy("eve", "k1");
  story.refuse("eve", "k2", "over_limit");
  story.sold_out("joe", "k1");
  CHECK(story.kinds().empty());
}

TEST_CASE("OrderHistory: an acknowledged order is missing → lost", "[support][unit]") {
  Story story;
  story.buy("bob", "k1");
  story.log.orders.pop_back();
  CHECK(story.kinds() == "lost");
}

TEST_CASE("OrderHistory: an acknowledged round is missing → lost", "[support][unit]") {
  Story story;
  story.open(5);
  story.log.openings.pop_back();
  CHECK(story.kinds() == "lost");
}

TEST_CASE("OrderHistory: a logged order differs → altered", "[support][unit]") {
  Story story;
  story.log.orders[0].quantity = 2;
  CHECK(story.kinds().find("altered") == 0);
}

TEST_CASE("OrderHistory: what was not durable is missing at the end → nothing", "[support][unit]") {
  Story story(9);
  story.buy("bob", "k1");
  story.buy("eve", "k1");
  story.restart(1);
  story.log.orders.resize(1);
  story.buy("joe", "k1");  // its sequence and id were bob's
  CHECK(story.kinds().empty());
}

TEST_CASE("OrderHistory: what was durable is missing → lost", "[support][unit]") {
  Story story(9);
  story.buy("bob", "k1");
  story.buy("eve", "k1");
  story.restart(2);
  story.log.orders.resize(1);
  CHECK(story.kinds() == "lost");
}

TEST_CASE("OrderHistory: a hole before what is still there → lost", "[support][unit]") {
  Story story(9);
  story.begin("joe", "k1");  // never answered
  story.buy("bob", "k1");
  story.buy("eve", "k1");
  story.restart(1);
  story.log.orders[1].user_id = "joe";
  CHECK(story.kinds() == "lost");
}

TEST_CASE("OrderHistory: a logged order nobody tried → phantom", "[support][unit]") {
  Story story;
  story.write("joe", "k1");
  CHECK(story.kinds() == "phantom");
}

TEST_CASE("OrderHistory: a logged order whose only try was refused → phantom", "[support][unit]") {
  Story story;
  story.refuse("joe", "k1", "waiting");
  story.write("joe", "k1");
  CHECK(story.kinds() == "phantom");
}

TEST_CASE("OrderHistory: a logged order whose try was never answered → nothing",
          "[support][unit]") {
  Story story;
  story.begin("joe", "k1");
  story.write("joe", "k1");
  story.restart();
  story.replay("joe", "k1", 2);
  CHECK(story.kinds().empty());
}

TEST_CASE("OrderHistory: a round nobody opened → phantom", "[support][unit]") {
  Story story;
  story.log.openings.push_back({.product_id = "p", .round = 2, .quantity = 7});
  CHECK(story.kinds().find("phantom") == 0);
}

TEST_CASE("OrderHistory: a key bought twice → second order", "[support][unit]") {
  Story story;
  story.begin("ann", "k1");
  story.write("ann", "k1");
  CHECK(story.kinds() == "second order");
}

TEST_CASE("OrderHistory: a key bought again → second order, unless its life was over",
          "[support][unit]") {
  for (const int ttl : {1'000, 1'001}) {
    Story story;
    story.history.end_life(++story.now);
    story.history.begin_life(++story.now, milliseconds(ttl));
    const std::size_t attempt = story.history.begin(Attempt{.product_id = "p",
                                                            .user_id = "ann",
                                                            .key = "k1",
                                                            .invoked = ++story.now,
                                                            .utc = milliseconds(2'000)});
    story.history.accepted(attempt, ++story.now, id_of(story.write("ann", "k1")), false);
    CHECK(story.kinds() == (ttl == 1'000 ? "" : "second order"));
  }
}

TEST_CASE("OrderHistory: a key remembered after its life → key life", "[support][unit]") {
  for (const int late : {99, 100}) {
    Story story;
    story.history.end_life(++story.now);
    story.history.begin_life(++story.now, milliseconds(5'000));
    const std::size_t attempt =
        story.history.begin(Attempt{.product_id = "p",
                                    .user_id = "ann",
                                    .key = "k1",
                                    .invoked = ++story.now,
                                    .utc = milliseconds(9'000),
                                    .forgot_at = milliseconds(6'000 + late)});
    story.history.accepted(attempt, ++story.now, id_of(1), true);
    CHECK(story.kinds() == (late < 100 ? "" : "key life"));
  }
}

TEST_CASE("OrderHistory: more units than the round had → oversold", "[support][unit]") {
  Story story;
  story.buy("bob", "k1", 2);
  CHECK(story.kinds() == "oversold");
}

TEST_CASE("OrderHistory: sold out while a unit was left → undersold", "[support][unit]") {
  Story story;
  story.sold_out("bob", "k1");
  CHECK(story.kinds() == "undersold");
}

TEST_CASE("OrderHistory: sold out while a try that may have had the unit was open → nothing",
          "[support][unit]") {
  Story story;
  story.begin("joe", "k1");
  story.sold_out("bob", "k1");
  CHECK(story.kinds().empty());
  story.restart();  // which freed it
  story.sold_out("bob", "k2");
  CHECK(story.kinds() == "undersold");
}

TEST_CASE("OrderHistory: sold out of the round before → nothing only until the next is there",
          "[support][unit]") {
  Story story(1);
  const std::size_t slow = story.begin("bob", "k1");
  story.open(1);
  story.history.sold_out(slow, ++story.now);
  CHECK(story.kinds().empty());
  story.sold_out("bob", "k1");
  CHECK(story.kinds() == "undersold");
}

TEST_CASE("OrderHistory: a sequence is missing → gap", "[support][unit]") {
  Story story(9);
  story.buy("bob", "k1");
  story.log.orders[1].sequence = 3;
  CHECK(story.kinds() == "gap");
}

TEST_CASE("OrderHistory: ids or times do not grow → gap", "[support][unit]") {
  Story story(9);
  story.buy("bob", "k1");
  story.log.orders[0].accepted_at = milliseconds(2'001);
  CHECK(story.kinds() == "gap");
}

TEST_CASE("OrderHistory: a round is skipped → gap", "[support][unit]") {
  Story story;
  story.log.openings.push_back({.product_id = "p", .round = 3, .quantity = 7});
  CHECK(story.kinds() == "gap");
}

TEST_CASE("OrderHistory: an order over a limit → model", "[support][unit]") {
  Story story;
  story.open(5, 2, 3);
  story.buy("bob", "k1", 3);
  CHECK(story.kinds() == "model");
}

TEST_CASE("OrderHistory: a user's orders over his limit → model", "[support][unit]") {
  Story story;
  story.open(5, 2, 3);
  story.buy("bob", "k1", 2);
  story.buy("bob", "k2", 2);
  CHECK(story.kinds() == "model");
}

TEST_CASE("OrderHistory: an order before its round → model", "[support][unit]") {
  Story story;
  story.log.openings[0].next_sequence = 2;
  CHECK(story.kinds() == "model");
}

TEST_CASE("OrderHistory: over_limit without a limit → answer", "[support][unit]") {
  Story story;
  story.refuse("bob", "k1", "over_limit");
  CHECK(story.kinds() == "answer");
}

TEST_CASE("OrderHistory: unknown_product of one that is there → answer", "[support][unit]") {
  Story story;
  story.refuse("bob", "k1", "unknown_product");
  CHECK(story.kinds() == "answer");
}

TEST_CASE("OrderHistory: acknowledged first, logged second → order", "[support][unit]") {
  Story story(9);
  for (const auto& [user, sequence] : {std::pair("bob", 3U), std::pair("eve", 2U)}) {
    const std::size_t attempt = story.begin(user, "k1");
    story.history.accepted(attempt, ++story.now, id_of(sequence), false);
  }
  story.write("eve", "k1");
  story.write("bob", "k1");
  CHECK(story.kinds() == "order");
}

TEST_CASE("OrderHistory: a winner is sent away → answer", "[support][unit]") {
  for (const char* code : {"waiting", "storage_full", "over_limit"}) {
    Story story(1);
    story.refuse("ann", "k1", code);
    CHECK(story.kinds() == "answer");
  }
  Story story(1);
  story.sold_out("ann", "k1");
  CHECK(story.kinds() == "answer");
}

TEST_CASE("OrderHistory: key_reused where nothing else was bought → answer", "[support][unit]") {
  Story story;
  story.refuse("bob", "k1", "key_reused");
  CHECK(story.kinds() == "answer");
}

TEST_CASE("OrderHistory: a copy in flight is refused → answer if tries are in order",
          "[support][unit]") {
  Story story(1);
  const std::size_t owner = story.begin("bob", "k1");
  story.sold_out("bob", "k1");
  story.history.end_life(++story.now);
  story.open(1);
  story.write("bob", "k1");
  story.history.accepted(owner, ++story.now, id_of(2), false);
  CHECK(story.kinds().empty());
  story.history.in_order = true;
  CHECK(story.kinds() == "answer");
}

TEST_CASE("OrderHistory: an order is told twice as new → fresh", "[support][unit]") {
  Story story;
  story.replay("ann", "k1", 1, false);
  CHECK(story.kinds().find("fresh") == 0);
}

TEST_CASE("OrderHistory: an order is told only as a replay → fresh", "[support][unit]") {
  Story story;
  const std::size_t attempt = story.begin("bob", "k1");
  story.history.accepted(attempt, ++story.now, id_of(story.write("bob", "k1")), true);
  CHECK(story.kinds() == "fresh");
}

TEST_CASE("OrderHistory: an order comes back to a key that was free → resurfaced",
          "[support][unit]") {
  Story story;
  story.begin("bob", "k1");
  story.restart();
  story.refuse("bob", "k1", "waiting");
  CHECK(story.kinds().empty());
  story.write("bob", "k1");
  CHECK(story.kinds() == "resurfaced");
}

TEST_CASE("OrderHistory: a pass buys twice → pass", "[support][unit]") {
  Story story(9);
  for (const char* user : {"bob", "eve"}) {
    const std::size_t attempt = story.history.begin(Attempt{
        .product_id = "p", .user_id = user, .key = "k", .pass = "x", .invoked = ++story.now});
    story.history.accepted(attempt, ++story.now, id_of(story.write(user, "k")), false);
  }
  CHECK(story.kinds() == "pass");
  story.log.orders[1].pass = story.log.orders[2].pass = 7;
  CHECK(story.history.check(story.log).size() == 2);
}

TEST_CASE("OrderHistory: used_pass of a pass nobody used → answer", "[support][unit]") {
  Story story;
  const std::size_t attempt = story.history.begin(Attempt{
      .product_id = "p", .user_id = "bob", .key = "k", .pass = "x", .invoked = ++story.now});
  story.history.refused(attempt, ++story.now, "used_pass");
  CHECK(story.kinds() == "answer");
}

TEST_CASE("OrderHistory: an order of a round that was not open → round", "[support][unit]") {
  Story story;
  story.open(5);
  story.buy("bob", "k1");
  story.log.orders[1].round = 1;
  CHECK(story.kinds() == "round");
}

TEST_CASE("OrderHistory: a log without keys → they are found by user", "[support][unit]") {
  Story story(9);
  story.buy("bob", "k1");
  story.begin("eve", "k7");
  story.write("eve", "");
  for (LoggedOrder& order : story.log.orders) order.key.clear();
  CHECK(story.kinds().empty());
  story.log.orders[1].user_id = "joe";
  CHECK(story.kinds() == "lost phantom");
}

TEST_CASE("OrderHistory: an order id → its sequence", "[support][unit]") {
  CHECK(sequence_of("0000000000010" + std::string(16, 'v')) == 32);
  CHECK(sequence_of("short") == 0);
}

}  // namespace fluxgate::testing
