#include "support/history_index.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace fluxgate::testing {
namespace {

bool is_same(const Attempt& attempt, const LoggedOrder& order) {
  return attempt.quantity == order.quantity && attempt.product_id == order.product_id;
}

std::vector<std::size_t> numbers(std::size_t count) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

}  // namespace

std::string describe(const Attempt& attempt) {
  static constexpr const char* words[] = {"unknown", "accepted", "sold_out", "refused"};
  std::string text = "user " + attempt.user_id + " key " + attempt.key + " " + attempt.product_id +
                     " x" + std::to_string(attempt.quantity) + " at " +
                     std::to_string(attempt.invoked) + ".." +
                     (attempt.completed == never ? "never" : std::to_string(attempt.completed)) +
                     " " + words[static_cast<std::size_t>(attempt.outcome)];
  if (!attempt.code.empty()) text += " " + attempt.code;
  if (!attempt.order_id.empty()) text += " " + attempt.order_id;
  if (attempt.replayed) text += " replayed";
  return text;
}

std::string describe(const LoggedOrder& order) {
  return "order " + std::to_string(order.sequence) + " (" + order.order_id + ") user " +
         order.user_id + " key " + order.key + " " + order.product_id + " round " +
         std::to_string(order.round) + " x" + std::to_string(order.quantity);
}

HistoryIndex::HistoryIndex(const OrderHistory& history, const FinalLog& log)
    : history_(history),
      log_(log),
      lives_(history.lives()),
      tries_(history.attempts().size()),
      made_(log.orders.size()),
      attempts_by_key_(numbers(history.attempts().size())),
      orders_by_key_(numbers(log.orders.size())) {
  if (lives_.empty()) lives_.push_back({});
  for (std::size_t i = 0; i < tries_.size(); ++i) {
    const Attempt& attempt = attempts()[i];
    tries_[i].life = life_at(attempt.invoked);
    const Instant end = lives_[tries_[i].life].ended;
    tries_[i].ended = attempt.outcome == Outcome::unknown ? end : attempt.completed;
  }
  find_keys();
  std::sort(attempts_by_key_.begin(), attempts_by_key_.end(), [&](std::size_t a, std::size_t b) {
    const Attempt& left = attempts()[a];
    const Attempt& right = attempts()[b];
    return std::tie(left.user_id, left.key, left.invoked, a) <
           std::tie(right.user_id, right.key, right.invoked, b);
  });
  std::sort(orders_by_key_.begin(), orders_by_key_.end(), [&](std::size_t a, std::size_t b) {
    return std::tie(orders()[a].user_id, made_[a].key, orders()[a].sequence) <
           std::tie(orders()[b].user_id, made_[b].key, orders()[b].sequence);
  });
  find_groups();
  for (const Group& group : groups_) join(group);
}

std::size_t HistoryIndex::life_at(Instant at) const noexcept {
  const auto after =
      std::upper_bound(lives_.begin(), lives_.end(), at,
                       [](Instant when, const Life& life) { return when < life.began; });
  return after == lives_.begin() ? 0 : static_cast<std::size_t>(after - lives_.begin()) - 1;
}

bool HistoryIndex::may_be_lost(std::size_t from, std::size_t to, Sequence sequence) const {
  for (std::size_t life = from; life < std::min(to, lives_.size()); ++life) {
    if (lives_[life].durable < sequence) return true;
  }
  return false;
}

// A log that shows no keys: the key of the try that was told the id, else of one that fits.
void HistoryIndex::find_keys() {
  std::vector<std::size_t> by_id;
  std::vector<std::size_t> by_user;
  for (std::size_t i = 0; i < made_.size(); ++i) {
    const LoggedOrder& order = orders()[i];
    made_[i].key = order.key;
    if (!order.key.empty()) continue;
    if (by_id.empty()) {
      by_id = by_user = numbers(tries_.size());
      std::sort(by_id.begin(), by_id.end(), [&](std::size_t a, std::size_t b) {
        return attempts()[a].order_id < attempts()[b].order_id;
      });
      std::sort(by_user.begin(), by_user.end(), [&](std::size_t a, std::size_t b) {
        return attempts()[a].user_id < attempts()[b].user_id;
      });
    }
    auto at = std::lower_bound(
        by_id.begin(), by_id.end(), order.order_id,
        [&](std::size_t a, const std::string& id) { return attempts()[a].order_id < id; });
    for (; at != by_id.end() && attempts()[*at].order_id == order.order_id; ++at) {
      if (attempts()[*at].user_id == order.user_id) made_[i].key = attempts()[*at].key;
    }
    if (!made_[i].key.empty()) continue;
    at = std::lower_bound(
        by_user.begin(), by_user.end(), order.user_id,
        [&](std::size_t a, const std::string& user) { return attempts()[a].user_id < user; });
    for (; at != by_user.end() && attempts()[*at].user_id == order.user_id; ++at) {
      const Attempt& attempt = attempts()[*at];
      const bool is_likely = attempt.outcome == Outcome::unknown && is_same(attempt, order);
      if (is_likely || made_[i].key.empty()) made_[i].key = attempt.key;
    }
  }
}

void HistoryIndex::find_groups() {
  const std::size_t* attempt = attempts_by_key_.data();
  const std::size_t* const attempts_end = attempt + attempts_by_key_.size();
  const std::size_t* order = orders_by_key_.data();
  const std::size_t* const orders_end = order + orders_by_key_.size();
  using Name = std::pair<std::string_view, std::string_view>;
  const auto name_of_attempt = [&] {
    return Name(attempts()[*attempt].user_id, attempts()[*attempt].key);
  };
  const auto name_of_order = [&] { return Name(orders()[*order].user_id, made_[*order].key); };
  while (attempt != attempts_end || order != orders_end) {
    Name name;
    if (attempt == attempts_end) {
      name = name_of_order();
    } else if (order == orders_end) {
      name = name_of_attempt();
    } else {
      name = std::min(name_of_attempt(), name_of_order());
    }
    Group group{attempt, attempt, order, order};
    while (attempt != attempts_end && name_of_attempt() == name) ++attempt;
    while (order != orders_end && name_of_order() == name) ++order;
    group.attempts_end = attempt;
    group.orders_end = order;
    groups_.push_back(group);
  }
}

void HistoryIndex::join(const Group& group) {
  for (const std::size_t* at = group.attempts_begin; at != group.attempts_end; ++at) {
    const Attempt& attempt = attempts()[*at];
    if (attempt.outcome == Outcome::accepted) {
      join_accepted(*at, group);
    } else if (attempt.outcome == Outcome::unknown) {
      tries_[*at].held_until = tries_[*at].ended;
      for (const std::size_t* order = group.orders_begin; order != group.orders_end; ++order) {
        if (!is_same(attempt, orders()[*order])) continue;
        OrderFacts& made = made_[*order];
        ++made.unknowns;
        made.invoked = std::min(made.invoked, attempt.invoked);
        made.ended = std::max(made.ended, tries_[*at].ended);
        made.last_life = std::max(made.last_life, tries_[*at].life);
      }
    }
  }
}

void HistoryIndex::join_accepted(std::size_t number, const Group& group) {
  const Attempt& attempt = attempts()[number];
  AttemptFacts& facts = tries_[number];
  const Sequence sequence = sequence_of(attempt.order_id);
  for (const std::size_t* order = group.orders_begin; order != group.orders_end; ++order) {
    if (orders()[*order].order_id != attempt.order_id) continue;
    if (!is_same(attempt, orders()[*order])) continue;
    facts.order = *order;
    OrderFacts& made = made_[*order];
    made.acknowledged = std::min(made.acknowledged, attempt.completed);
    if (!may_be_lost(facts.life, lives_.size(), sequence)) {
      made.settled = std::min(made.settled, attempt.completed);
    }
    made.invoked = std::min(made.invoked, attempt.invoked);
    made.ended = std::max(made.ended, facts.ended);
    made.last_life = std::max(made.last_life, facts.life);
    return;
  }
  facts.is_lost = may_be_lost(facts.life, lives_.size(), sequence);
  for (std::size_t life = facts.life; life < lives_.size(); ++life) {
    if (lives_[life].durable < sequence) facts.held_until = lives_[life].ended;
  }
}

}  // namespace fluxgate::testing
