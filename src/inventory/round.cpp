#include "inventory/round.hpp"

#include "base/check.hpp"

namespace fluxgate::inventory {

Round::Round(RoundNumber round_number, const RoundSpec& spec)
    : product(spec.product),
      number(round_number),
      quantity(spec.quantity),
      max_per_order(spec.max_per_order),
      max_per_user(spec.max_per_user),
      opened_at(spec.opened_at),
      stock_(spec.quantity) {
  FLUXGATE_CHECK(round_number > 0);
}

void Round::accept(Units units) noexcept {
  // relaxed loads: one writer. release: snapshot() needs the takes before what it counts.
  const Units accepted = accepted_.load(std::memory_order_relaxed);
  FLUXGATE_CHECK(units <= quantity && accepted <= quantity - units);
  accepted_.store(accepted + units, std::memory_order_release);
  orders_.store(orders_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

RoundSnapshot Round::snapshot() const noexcept {
  // Why pending is never negative. Reading `accepted` acquires the store of accept(), and the take
  // of every unit counted in it happened before that store. So the stock read after it contains
  // all those takes. What else it contains is takes of other units, and give-backs; but a unit
  // that is given back was taken before in the counter's order and is never accepted. So at the
  // point of the counter's order that is read, the units out of stock are the accepted ones and
  // some more: quantity - stock >= accepted. The other way round, an order taken and accepted
  // between the two reads would be missing from `stock` and yet be in `accepted`.
  const Units accepted = accepted_.load(std::memory_order_acquire);
  const Units stock = stock_.left();
  FLUXGATE_CHECK(quantity - stock >= accepted);
  return {.quantity = quantity,
          .stock = stock,
          .accepted = accepted,
          .pending = quantity - stock - accepted};
}

Units Round::user_units(const base::Hash128& user) const noexcept {
  const base::SegmentedTable* users = users_.load(std::memory_order_acquire);
  if (users == nullptr) return 0;
  const auto value = users->find(user);
  return value ? value->number : 0;
}

bool Round::try_reserve_user(const base::Hash128& user, Units units) {
  if (max_per_user == 0) return true;
  if (units > max_per_user) return false;
  bool reserved = false;
  users().update(user, [&](auto& cell) {
    const Units before = cell.present() ? cell.value().number : 0;
    reserved = before <= max_per_user - units;
    if (reserved) cell.assign({.tag = 0, .number = before + units});
  });
  return reserved;
}

void Round::release_user(const base::Hash128& user, Units units) noexcept {
  if (max_per_user == 0) return;
  users().update(user, [&](auto& cell) {
    FLUXGATE_CHECK(cell.present() && cell.value().number >= units);
    const Units after = cell.value().number - units;
    if (after == 0) {
      cell.erase();
    } else {
      cell.assign({.tag = 0, .number = after});
    }
  });
}

bool Round::restore(Units units, const base::Hash128* user) {
  if (!stock_.try_take(units)) return false;
  accept(units);
  if (user != nullptr && max_per_user > 0) {
    users().update(*user, [&](auto& cell) {
      const Units before = cell.present() ? cell.value().number : 0;
      cell.assign({.tag = 0, .number = before + units});
    });
  }
  return true;
}

base::SegmentedTable& Round::users() {
  std::call_once(users_once_, [this] {
    users_owner_ = std::make_unique<base::SegmentedTable>();
    users_.store(users_owner_.get(), std::memory_order_release);
  });
  return *users_owner_;
}

}  // namespace fluxgate::inventory
