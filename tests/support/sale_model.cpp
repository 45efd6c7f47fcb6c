#include "support/sale_model.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace fluxgate::testing {
namespace {

/// A round of the log: its books, and when it may have been open.
struct ModelRound {
  const LoggedOpening* opening = nullptr;
  Units left = 0;
  std::map<std::string_view, Units> users = {};
  Instant from = never;  ///< it cannot have been open before
  Instant acknowledged = never;
  Instant to = never;  ///< nor after
  /// When its logged orders were tried, and the units up to then.
  std::vector<std::pair<Instant, Units>> taken = {};
};

/// Tries that may have held units though no order tells: since when, and until when.
struct Holders {
  std::vector<std::pair<Instant, Units>> began = {};
  std::vector<std::pair<Instant, Units>> ended = {};
};

struct ModelProduct {
  std::vector<ModelRound> rounds = {};  ///< round N is at N-1
  Holders holders = {};
  bool lost_round = false;  ///< a round that was told is gone, as it may be: nothing can be said
};

void make_sums(std::vector<std::pair<Instant, Units>>& units) {
  std::sort(units.begin(), units.end());
  Units sum = 0;
  for (auto& [at, count] : units) count = sum += count;
}

/// Units of all entries with a time up to `at`.
Units sum_until(const std::vector<std::pair<Instant, Units>>& units, Instant at) {
  const auto after = std::upper_bound(units.begin(), units.end(), std::pair(at, ~Units{0}));
  return after == units.begin() ? 0 : std::prev(after)->second;
}

class SaleChecks {
 public:
  SaleChecks(const HistoryIndex& index, const OrderHistory& history, Violations& violations)
      : index_(index), history_(history), violations_(violations) {}

  void run(const FinalLog& log) {
    sell_again(log);
    find_windows();
    find_units();
    for (std::size_t i = 0; i < index_.orders().size(); ++i) check_round_of(i);
    for (std::size_t i = 0; i < index_.attempts().size(); ++i) check_refusal(i);
  }

 private:
  // The model: every order by its sequence, every round in its place.
  void sell_again(const FinalLog& log) {
    auto opening = log.openings.begin();
    for (const LoggedOrder& order : log.orders) {
      for (; opening != log.openings.end() && opening->next_sequence <= order.sequence; ++opening) {
        open(*opening);
      }
      sell(order);
    }
    for (; opening != log.openings.end(); ++opening) open(*opening);
  }

  void open(const LoggedOpening& opening) {
    ModelProduct& product = products_[opening.product_id];
    if (opening.round != product.rounds.size() + 1) {
      violations_.add("gap",
                      opening.product_id + " skips to round " + std::to_string(opening.round));
      return;
    }
    product.rounds.push_back({.opening = &opening, .left = opening.quantity});
  }

  void sell(const LoggedOrder& order) {
    ModelRound* round = round_of(order);
    if (round == nullptr) {
      return violations_.add("model", describe(order) + " is of no round before it");
    }
    const LoggedOpening& rules = *round->opening;
    if (order.quantity > round->left) violations_.add("oversold", describe(order));
    round->left -= std::min(round->left, order.quantity);
    Units& used = round->users[order.user_id];
    used += order.quantity;
    const bool is_over = (rules.max_per_order != 0 && order.quantity > rules.max_per_order) ||
                         (rules.max_per_user != 0 && used > rules.max_per_user);
    if (order.quantity == 0 || is_over)
      violations_.add("model", describe(order) + " is over a limit");
  }

  [[nodiscard]] ModelRound* round_of(const LoggedOrder& order) {
    const auto product = products_.find(order.product_id);
    if (product == products_.end() || order.round == 0) return nullptr;
    auto& rounds = product->second.rounds;
    return order.round <= rounds.size() ? &rounds[order.round - 1] : nullptr;
  }

  // Which try opened which round, and so when it may have been open.
  void find_windows() {
    for (const Opening& opening : history_.openings()) {
      if (opening.outcome == Outcome::refused) continue;
      ModelProduct& product = products_[opening.product_id];
      const std::size_t life = index_.life_at(opening.invoked);
      if (opening.outcome == Outcome::unknown) {
        for (ModelRound& round : product.rounds) {
          if (round.opening->quantity == opening.quantity) {
            note_window(round, opening.invoked, index_.lives()[life].ended);
          }
        }
        continue;
      }
      const bool is_there = opening.round >= 1 && opening.round <= product.rounds.size();
      if (!is_there || product.rounds[opening.round - 1].opening->quantity != opening.quantity) {
        // An opening has no sequence of its own: any loss may have met it.
        if (index_.may_be_lost(life, index_.lives().size(), everything)) {
          product.lost_round = true;
        } else {
          violations_.add(is_there ? "altered" : "lost",
                          opening.product_id + " round " + std::to_string(opening.round));
        }
        continue;
      }
      note_window(product.rounds[opening.round - 1], opening.invoked, opening.completed);
    }
    for (auto& [id, product] : products_) close_windows(id, product);
  }

  static void note_window(ModelRound& round, Instant invoked, Instant completed) {
    round.from = std::min(round.from, invoked);
    round.acknowledged = std::min(round.acknowledged, completed);
  }

  void close_windows(std::string_view id, ModelProduct& product) {
    auto& rounds = product.rounds;
    for (std::size_t i = rounds.size(); i-- > 0;) {
      if (rounds[i].from == never) {
        violations_.add("phantom", std::string(id) + " round " + std::to_string(i + 1));
      }
      if (i + 1 == rounds.size()) continue;
      rounds[i].from = std::min(rounds[i].from, rounds[i + 1].from);
      rounds[i].to = std::min(rounds[i + 1].acknowledged, rounds[i + 1].to);
    }
  }

  void find_units() {
    for (std::size_t i = 0; i < index_.orders().size(); ++i) {
      const LoggedOrder& order = index_.orders()[i];
      ModelRound* round = round_of(order);
      if (round != nullptr)
        round->taken.emplace_back(index_.order_facts(i).invoked, order.quantity);
    }
    for (std::size_t i = 0; i < index_.attempts().size(); ++i) {
      const Attempt& attempt = index_.attempts()[i];
      if (index_.facts(i).held_until == 0) continue;
      Holders& holders = products_[attempt.product_id].holders;
      holders.began.emplace_back(attempt.invoked, attempt.quantity);
      holders.ended.emplace_back(index_.facts(i).held_until, attempt.quantity);
    }
    for (auto& [id, product] : products_) {
      make_sums(product.holders.began);
      make_sums(product.holders.ended);
      for (ModelRound& round : product.rounds) make_sums(round.taken);
    }
  }

  void check_round_of(std::size_t number) {
    const ModelRound* round = round_of(index_.orders()[number]);
    const auto& facts = index_.order_facts(number);
    if (round == nullptr || facts.invoked == never) return;
    if (products_[index_.orders()[number].product_id].lost_round) return;
    if (round->to < facts.invoked || facts.ended < round->from) {
      violations_.add("round", describe(index_.orders()[number]) + " was tried at " +
                                   std::to_string(facts.invoked));
    }
  }

  void check_refusal(std::size_t number) {
    const Attempt& attempt = index_.attempts()[number];
    const bool is_sold_out = attempt.outcome == Outcome::sold_out;
    const bool is_over = attempt.code == "over_limit";
    if (!is_sold_out && !is_over && attempt.code != "unknown_product") return;
    const auto at = products_.find(attempt.product_id);
    const ModelProduct& product = at != products_.end() ? at->second : nobody_;
    if (product.lost_round) return;
    const auto& rounds = product.rounds;
    if (!is_sold_out && !is_over) {
      if (rounds.empty() || rounds.front().acknowledged >= attempt.invoked) return;
      return violations_.add("answer", describe(attempt) + ", but it was there");
    }
    auto round =
        std::lower_bound(rounds.begin(), rounds.end(), attempt.invoked,
                         [](const ModelRound& one, Instant invoked) { return one.to < invoked; });
    for (; round != rounds.end() && round->from <= attempt.completed; ++round) {
      if (is_sold_out ? may_be_sold_out(attempt, product, *round) : may_be_over(number, *round)) {
        return;
      }
    }
    violations_.add(is_sold_out ? "undersold" : "answer", describe(attempt) + " is not explained");
  }

  static bool may_be_sold_out(const Attempt& attempt, const ModelProduct& product,
                              const ModelRound& round) {
    const Units held =
        sum_until(product.holders.began, attempt.completed) -
        (attempt.invoked == 0 ? 0 : sum_until(product.holders.ended, attempt.invoked - 1));
    const Units gone = held + sum_until(round.taken, attempt.completed);
    return gone > round.opening->quantity || attempt.quantity > round.opening->quantity - gone;
  }

  [[nodiscard]] bool may_be_over(std::size_t number, const ModelRound& round) const {
    const Attempt& attempt = index_.attempts()[number];
    const LoggedOpening& rules = *round.opening;
    if (rules.max_per_order != 0 && attempt.quantity > rules.max_per_order) return true;
    if (rules.max_per_user == 0) return false;
    Units used = attempt.quantity;
    const auto& orders = index_.orders_by_user();
    auto order = std::partition_point(orders.begin(), orders.end(), [&](std::size_t one) {
      return index_.orders()[one].user_id < attempt.user_id;
    });
    for (; order != orders.end() && index_.orders()[*order].user_id == attempt.user_id; ++order) {
      const LoggedOrder& made = index_.orders()[*order];
      const bool is_here = made.product_id == attempt.product_id && made.round == rules.round;
      if (is_here && index_.order_facts(*order).invoked < attempt.completed) used += made.quantity;
    }
    // A try that is refused may have held the user's units for a moment.
    const auto& tries = index_.by_user();
    auto at = std::partition_point(tries.begin(), tries.end(), [&](std::size_t one) {
      return index_.attempts()[one].user_id < attempt.user_id;
    });
    for (; at != tries.end() && index_.attempts()[*at].user_id == attempt.user_id; ++at) {
      const Attempt& other = index_.attempts()[*at];
      const Instant end = std::max(index_.facts(*at).held_until,
                                   other.outcome == Outcome::accepted ? 0 : other.completed);
      const bool is_beside = other.invoked < attempt.completed && end > attempt.invoked;
      if (*at != number && other.product_id == attempt.product_id && is_beside) {
        used += other.quantity;
      }
    }
    return used > rules.max_per_user;
  }

  const HistoryIndex& index_;
  const OrderHistory& history_;
  Violations& violations_;
  std::map<std::string_view, ModelProduct> products_;
  const ModelProduct nobody_ = {};
};

}  // namespace

void check_sale(const HistoryIndex& index, const OrderHistory& history, const FinalLog& log,
                Violations& violations) {
  SaleChecks(index, history, violations).run(log);
}

}  // namespace fluxgate::testing
