#include "support/order_history.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "support/history_index.hpp"
#include "support/sale_model.hpp"

namespace fluxgate::testing {
namespace {

using std::chrono::milliseconds;
using Group = HistoryIndex::Group;

// Answers that are given only after the key was looked up, and found to be free.
bool says_key_is_free(const Attempt& attempt) {
  static constexpr std::array<std::string_view, 8> codes = {
      "waiting",      "over_limit", "unknown_product", "invalid_pass",
      "expired_pass", "used_pass",  "draining",        "storage_full"};
  if (attempt.outcome == Outcome::sold_out) return true;
  return attempt.outcome == Outcome::refused &&
         std::find(codes.begin(), codes.end(), attempt.code) != codes.end();
}

/// Checks orders and answers key by key, and the sequence as a whole.
class OrderChecks {
 public:
  OrderChecks(const HistoryIndex& index, const OrderHistory& history, Violations& violations)
      : index_(index), history_(history), violations_(violations) {}

  void run() {
    check_sequence();
    for (const Group& group : index_.groups()) {
      for (const auto* at = group.attempts_begin; at != group.attempts_end; ++at) {
        check_acknowledged(*at, group);
      }
      for (const auto* at = group.orders_begin; at != group.orders_end; ++at) {
        check_order(*at, group);
      }
      check_answers(group);
      check_reused(group);
      if (history_.in_order) check_copies(group);
    }
    check_lost_suffix();
    check_real_time();
    check_passes();
  }

 private:
  void check_sequence() {
    const auto& orders = index_.orders();
    for (std::size_t i = 0; i < orders.size(); ++i) {
      if (orders[i].sequence != i + 1) {
        violations_.add("gap", "place " + std::to_string(i + 1) + " has " + describe(orders[i]));
        return;
      }
      if (i == 0) continue;
      const bool is_later = orders[i - 1].order_id < orders[i].order_id &&
                            orders[i - 1].accepted_at <= orders[i].accepted_at;
      if (!is_later) violations_.add("gap", describe(orders[i]) + " is not after the one before");
    }
  }

  // The log has what was told, or may have lost it.
  void check_acknowledged(std::size_t number, const Group& group) {
    const Attempt& attempt = index_.attempts()[number];
    const auto& facts = index_.facts(number);
    if (attempt.outcome != Outcome::accepted || facts.order != HistoryIndex::none) return;
    if (facts.is_lost) return;
    for (const auto* at = group.orders_begin; at != group.orders_end; ++at) {
      if (index_.orders()[*at].order_id != attempt.order_id) continue;
      return violations_.add("altered", describe(attempt) + ", " + describe(index_.orders()[*at]));
    }
    violations_.add("lost", describe(attempt));
  }

  // The life of a key as of life `life`; none: for ever.
  [[nodiscard]] std::optional<milliseconds> end_of_key(std::size_t order, std::size_t life) const {
    const milliseconds ttl = index_.lives()[life].key_ttl;
    if (ttl.count() == 0) return std::nullopt;
    return index_.orders()[order].accepted_at + ttl;
  }

  [[nodiscard]] bool is_remembered(std::size_t order, std::size_t attempt) const {
    const auto end = end_of_key(order, index_.facts(attempt).life);
    return !end || index_.attempts()[attempt].utc < *end;
  }

  [[nodiscard]] bool is_forgotten(std::size_t order, std::size_t attempt) const {
    const auto end = end_of_key(order, index_.facts(attempt).life);
    return end && index_.attempts()[attempt].forgot_at >= *end + history_.key_slack;
  }

  void check_order(std::size_t number, const Group& group) {
    const LoggedOrder& order = index_.orders()[number];
    const auto& facts = index_.order_facts(number);
    if (facts.invoked == never) {
      const bool was_tried = group.attempts_begin != group.attempts_end;
      return violations_.add("phantom", describe(order) + (was_tried ? " fits no try" : ""));
    }
    check_fresh(number, group);
    check_resurfaced(number, group);
    // The one before under this key must have been forgotten by then.
    for (const auto* at = group.orders_begin; *at != number; ++at) {
      milliseconds ttl = index_.lives()[facts.last_life].key_ttl;
      for (const auto* a = group.attempts_begin; a != group.attempts_end; ++a) {
        if (may_have_made(*a, number)) {
          ttl = std::min(ttl, index_.lives()[index_.facts(*a).life].key_ttl);
        }
      }
      const LoggedOrder& before = index_.orders()[*at];
      if (ttl.count() == 0 || order.accepted_at < before.accepted_at + ttl) {
        violations_.add("second order", describe(before) + ", " + describe(order));
      }
    }
  }

  [[nodiscard]] bool may_have_made(std::size_t attempt, std::size_t order) const {
    const Attempt& tried = index_.attempts()[attempt];
    if (tried.outcome == Outcome::accepted) return index_.facts(attempt).order == order;
    return tried.outcome == Outcome::unknown && tried.quantity == index_.orders()[order].quantity &&
           tried.product_id == index_.orders()[order].product_id;
  }

  // One answer of an order is the first, unless the first was never heard.
  void check_fresh(std::size_t number, const Group& group) {
    const LoggedOrder& order = index_.orders()[number];
    std::size_t first = HistoryIndex::none;
    bool is_replayed = false;
    for (const auto* at = group.attempts_begin; at != group.attempts_end; ++at) {
      if (index_.facts(*at).order != number) continue;
      if (index_.attempts()[*at].replayed) {
        is_replayed = true;
      } else if (first == HistoryIndex::none ||
                 index_.may_be_lost(index_.facts(first).life, index_.facts(*at).life,
                                    order.sequence)) {
        first = *at;
      } else {
        violations_.add("fresh", describe(index_.attempts()[*at]) + ", and before " +
                                     describe(index_.attempts()[first]));
      }
    }
    if (is_replayed && first == HistoryIndex::none && index_.order_facts(number).unknowns == 0) {
      violations_.add("fresh", "all answers of " + describe(order) + " are replays");
    }
  }

  // Made in a life before one in which the key was free.
  void check_resurfaced(std::size_t number, const Group& group) {
    const auto& facts = index_.order_facts(number);
    if (facts.acknowledged != never) return;
    for (const auto* at = group.attempts_begin; at != group.attempts_end; ++at) {
      const Attempt& attempt = index_.attempts()[*at];
      if (index_.facts(*at).life <= facts.last_life || !says_key_is_free(attempt)) continue;
      if (!is_remembered(number, *at)) continue;
      return violations_.add("resurfaced",
                             describe(index_.orders()[number]) + ", free by " + describe(attempt));
    }
  }

  // Once an order was acknowledged its key has that answer and no other, as long as it lives.
  void check_answers(const Group& group) {
    std::vector<std::size_t> acknowledged;
    for (const auto* at = group.attempts_begin; at != group.attempts_end; ++at) {
      if (index_.facts(*at).order != HistoryIndex::none) acknowledged.push_back(*at);
    }
    std::sort(acknowledged.begin(), acknowledged.end(), [&](std::size_t a, std::size_t b) {
      return index_.attempts()[a].completed < index_.attempts()[b].completed;
    });
    std::size_t known = HistoryIndex::none;  // the latest order that was heard of
    std::size_t known_life = 0;
    auto next = acknowledged.begin();
    for (const auto* at = group.attempts_begin; at != group.attempts_end; ++at) {
      for (; next != acknowledged.end() &&
             index_.attempts()[*next].completed < index_.attempts()[*at].invoked;
           ++next) {
        const std::size_t order = index_.facts(*next).order;
        if (known != HistoryIndex::none && order < known) continue;
        known = order;
        known_life = index_.facts(*next).life;
      }
      if (known != HistoryIndex::none) check_answer(*at, known, known_life);
    }
  }

  void check_answer(std::size_t number, std::size_t known, std::size_t known_life) {
    const Attempt& attempt = index_.attempts()[number];
    const LoggedOrder& order = index_.orders()[known];
    const bool is_told = attempt.outcome == Outcome::accepted || says_key_is_free(attempt) ||
                         attempt.code == "key_reused";
    if (!is_told) return;
    if (index_.may_be_lost(known_life, index_.facts(number).life, order.sequence)) return;
    const bool is_same =
        attempt.product_id == order.product_id && attempt.quantity == order.quantity;
    const bool is_answered = is_same ? attempt.order_id == order.order_id && attempt.replayed
                                     : attempt.code == "key_reused";
    if (is_answered) {
      // Why a key is reused check_reused() asks.
      if (is_same && is_forgotten(known, number)) {
        violations_.add("key life", describe(attempt) + ", " + describe(order));
      }
    } else if (is_remembered(known, number)) {
      violations_.add("answer", describe(attempt) + ", known is " + describe(order));
    }
  }

  // A refusal as reused needs an order of another product or quantity.
  void check_reused(const Group& group) {
    for (const auto* at = group.attempts_begin; at != group.attempts_end; ++at) {
      const Attempt& attempt = index_.attempts()[*at];
      if (attempt.code != "key_reused") continue;
      bool is_explained = false;
      bool was_forgotten = false;
      for (const auto* o = group.orders_begin; o != group.orders_end; ++o) {
        const LoggedOrder& order = index_.orders()[*o];
        if (order.product_id == attempt.product_id && order.quantity == attempt.quantity) continue;
        if (index_.order_facts(*o).invoked > attempt.completed) continue;
        (is_forgotten(*o, *at) ? was_forgotten : is_explained) = true;
      }
      for (const auto* o = group.attempts_begin; o != group.attempts_end; ++o) {
        const Attempt& other = index_.attempts()[*o];
        if (index_.facts(*o).is_lost && other.invoked < attempt.completed) is_explained = true;
      }
      if (is_explained) continue;
      violations_.add(was_forgotten ? "key life" : "answer",
                      describe(attempt) + (was_forgotten ? "" : ", of which there is no other"));
    }
  }

  void check_copies(const Group& group) {
    for (const auto* at = group.attempts_begin; at != group.attempts_end; ++at) {
      const Attempt& owner = index_.attempts()[*at];
      if (owner.outcome != Outcome::accepted || owner.replayed) continue;
      for (const auto* copy = at + 1; copy != group.attempts_end; ++copy) {
        const Attempt& later = index_.attempts()[*copy];
        if (later.invoked > owner.completed) break;
        const bool is_same =
            later.product_id == owner.product_id && later.quantity == owner.quantity;
        const bool is_shared = is_same ? later.order_id == owner.order_id && later.replayed
                                       : later.code == "key_reused";
        if (!is_shared && later.outcome != Outcome::unknown) {
          violations_.add("answer", describe(later) + ", in flight was " + describe(owner));
        }
      }
    }
  }

  // What may be lost is lost as a suffix: nothing behind it is there.
  void check_lost_suffix() {
    std::vector<Sequence> lost(index_.lives().size(), everything);
    for (std::size_t i = 0; i < index_.attempts().size(); ++i) {
      if (!index_.facts(i).is_lost) continue;
      const Sequence sequence = sequence_of(index_.attempts()[i].order_id);
      std::size_t life = index_.facts(i).life;
      while (index_.lives()[life].durable >= sequence) ++life;
      lost[life] = std::min(lost[life], sequence);
    }
    for (std::size_t i = lost.size() - 1; i-- > 0;) lost[i] = std::min(lost[i], lost[i + 1]);
    for (std::size_t i = 0; i < index_.attempts().size(); ++i) {
      const auto& facts = index_.facts(i);
      if (facts.order == HistoryIndex::none) continue;
      // A try of a later life may have made it again.
      const auto& order = index_.order_facts(facts.order);
      if (order.last_life != facts.life ||
          index_.orders()[facts.order].sequence <= lost[facts.life])
        continue;
      violations_.add("lost", "order " + std::to_string(lost[facts.life]) + ", though " +
                                  describe(index_.attempts()[i]) + " is there");
    }
  }

  void check_real_time() {
    const std::size_t count = index_.orders().size();
    std::vector<std::size_t> by_invoked(count);
    for (std::size_t i = 0; i < count; ++i) by_invoked[i] = i;
    std::vector<std::size_t> by_answer = by_invoked;
    std::sort(by_invoked.begin(), by_invoked.end(), [&](std::size_t a, std::size_t b) {
      return index_.order_facts(a).invoked < index_.order_facts(b).invoked;
    });
    std::sort(by_answer.begin(), by_answer.end(), [&](std::size_t a, std::size_t b) {
      return index_.order_facts(a).settled < index_.order_facts(b).settled;
    });
    std::size_t last = HistoryIndex::none;  // of those answered so far, the last in the log
    auto answered = by_answer.begin();
    for (const std::size_t order : by_invoked) {
      const Instant invoked = index_.order_facts(order).invoked;
      if (invoked == never) continue;  // a phantom
      for (; answered != by_answer.end() && index_.order_facts(*answered).settled < invoked;
           ++answered) {
        if (last == HistoryIndex::none || *answered > last) last = *answered;
      }
      if (last != HistoryIndex::none && order < last) {
        violations_.add("order", describe(index_.orders()[last]) + " was answered before " +
                                     describe(index_.orders()[order]) + " was tried");
      }
    }
  }

  void check_passes() {
    std::map<std::string_view, std::size_t> by_text;
    std::map<std::uint64_t, std::size_t> by_number;
    std::map<std::string_view, Instant> tried;  // when a try that may have used it began
    for (std::size_t i = 0; i < index_.orders().size(); ++i) {
      const std::uint64_t pass = index_.orders()[i].pass;
      if (pass == 0 || by_number.emplace(pass, i).second) continue;
      violations_.add(
          "pass", describe(index_.orders()[by_number[pass]]) + ", " + describe(index_.orders()[i]));
    }
    for (std::size_t i = 0; i < index_.attempts().size(); ++i) {
      const Attempt& attempt = index_.attempts()[i];
      const bool is_used = !attempt.pass.empty() && (attempt.outcome == Outcome::accepted ||
                                                     attempt.outcome == Outcome::unknown);
      if (!is_used) continue;
      const auto first = tried.emplace(attempt.pass, attempt.invoked).first;
      first->second = std::min(first->second, attempt.invoked);
      const std::size_t order = index_.facts(i).order;
      if (order == HistoryIndex::none || attempt.replayed) continue;
      const auto [other, is_new] = by_text.emplace(attempt.pass, order);
      if (is_new || other->second == order) continue;
      violations_.add("pass", describe(index_.orders()[other->second]) + ", " +
                                  describe(index_.orders()[order]));
    }
    for (const Attempt& attempt : index_.attempts()) {
      if (attempt.code != "used_pass") continue;
      const auto at = tried.find(attempt.pass);
      if (at != tried.end() && at->second < attempt.completed) continue;
      violations_.add("answer", describe(attempt) + ", but nobody used it");
    }
  }

  const HistoryIndex& index_;
  const OrderHistory& history_;
  Violations& violations_;
};

}  // namespace

std::vector<std::string> OrderHistory::check(const FinalLog& log) const {
  Violations violations;
  const HistoryIndex index(*this, log);
  OrderChecks(index, *this, violations).run();
  check_sale(index, *this, log, violations);
  return violations.take();
}

Sequence sequence_of(std::string_view order_id) noexcept {
  if (order_id.size() != OrderId::size) return 0;
  Sequence sequence = 0;
  for (const char digit : order_id.substr(0, 13)) {
    const bool is_number = digit >= '0' && digit <= '9';
    if (!is_number && (digit < 'a' || digit > 'v')) return 0;
    sequence = (sequence << 5) | static_cast<Sequence>(is_number ? digit - '0' : digit - 'a' + 10);
  }
  return sequence;
}

}  // namespace fluxgate::testing
