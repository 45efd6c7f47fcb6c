// What happens to a simulated sale.

#include <algorithm>
#include <utility>

#include "engine/log_reading.hpp"
#include "engine/sale_control.hpp"
#include "orderlog/block.hpp"
#include "simulation/simulation.hpp"

namespace fluxgate::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

void show_block(const BlockKey& key, std::string_view bytes, orderlog::LogVisitor& visitor) {
  const auto view = orderlog::open_block(key, bytes);
  visitor.on_block({key, view->end, view->accepted_at, view->orders, bytes});
  orderlog::RecordReader reader(view->records);
  while (reader.next()) {
    switch (reader.type()) {
      case orderlog::RecordType::product:
        visitor.on_product(reader.product());
        break;
      case orderlog::RecordType::order:
      case orderlog::RecordType::order_with_pass:
        visitor.on_order(0, view->accepted_at, reader.order());
        break;
      case orderlog::RecordType::ticket:
        visitor.on_ticket(reader.ticket());
        break;
      case orderlog::RecordType::admission:
        visitor.on_admission(reader.admission());
        break;
      case orderlog::RecordType::setting:
        visitor.on_setting(reader.setting());
        break;
      case orderlog::RecordType::round:
      case orderlog::RecordType::checkpoint:
        break;
    }
  }
}

}  // namespace

void Simulation::happen(Event event) {
  switch (event) {
    case Event::order:
      return order_something();
    case Event::retry:
      return retry(false);
    case Event::reuse_key:
      return retry(true);
    case Event::order_by_pass:
      return order_by_pass();
    case Event::join:
      return join();
    case Event::look:
      return look();
    case Event::init:
      return init(random_.below(products_.size()));
    case Event::change_settings:
      return change_settings();
    case Event::phase:
      return next_phase();
    case Event::step:
      return step();
    case Event::advance:
      return advance();
    case Event::jump:
      return jump();
    case Event::fail_append:
      return storage_.fail_append(random_.between(1, 3));
    case Event::fail_mark:
      return storage_.fail_mark(random_.between(1, 3));
    case Event::fail_behind:
      return storage_.fail_behind();
    case Event::space:
      return storage_.set_space(static_cast<LogSpace>(random_.below(3)));
    case Event::read_log:
      return read_something();
    case Event::kill:
      return end(End::kill);
    case Event::cut_power:
      return end(End::cut_power);
    case Event::stop:
      return end(End::stop);
  }
}

// ---- Clients ----------------------------------------------------------------------------------

void Simulation::order_something() {
  order({.product = random_.below(products_.size()),
         .user = random_.below(users_.size()),
         .key = random_.below(keys_.size()),
         .quantity = random_.between(1, swarm_.quantity_max)});
}

void Simulation::retry(bool something_else) {
  if (wishes_.empty()) return;
  Wish wish = wishes_[wishes_.size() - 1 - random_.below(std::min<std::size_t>(wishes_.size(), 8))];
  if (something_else) {
    wish.product = random_.below(products_.size());
    wish.quantity = random_.between(1, swarm_.quantity_max);
  }
  const std::uint64_t copies = random_.between(1, 3);
  for (std::uint64_t i = 0; i < copies; ++i) order(wish);
}

void Simulation::order_by_pass() {
  if (holders_.empty()) return;
  Holder& holder = holders_[random_.below(holders_.size())];
  if (holder.pass.empty() && !random_.one_in(8)) look(holder);
  Wish wish{.product = holder.product,
            .user = holder.user,
            .key = random_.below(keys_.size()),
            .quantity = random_.between(1, swarm_.quantity_max),
            .pass = holder.pass,
            .pass_name = holder.pass.empty() ? "" : std::to_string(holder.number)};
  // Another's, or one that was tampered with.
  if (random_.one_in(6)) wish.user = random_.below(users_.size());
  if (random_.one_in(6)) wish.product = random_.below(products_.size());
  if (random_.one_in(8) && !wish.pass.empty()) {
    wish.pass[random_.below(wish.pass.size())] = 'A';
    if (wish.pass != holder.pass) wish.pass_name += " altered";
  }
  order(wish);
}

void Simulation::order(Wish wish) {
  wishes_.push_back(wish);  // by attempt
  Order& order = orders_.emplace_back(*this);
  order.pass_text = wish.pass;
  order.request = {.product_id = products_[wish.product],
                   .user_id = users_[wish.user],
                   .key = keys_[wish.key],
                   .quantity = wish.quantity,
                   .pass = order.pass_text};
  order.attempt = history_.begin(Attempt{.product_id = products_[wish.product],
                                         .user_id = users_[wish.user],
                                         .key = keys_[wish.key],
                                         .quantity = wish.quantity,
                                         .pass = wish.pass_name,
                                         .invoked = ++now_,
                                         .utc = utc_max_,
                                         .forgot_at = forgot_at_});
  const inventory::Product* product = core_->inventory().find(order.request.product_id);
  const RoundNumber round = product != nullptr ? product->round()->number : 0;
  const bool is_copy = std::any_of(orders_.begin(), orders_.end(), [&](const Order& other) {
    return other.is_in_flight && other.request.user_id == order.request.user_id &&
           other.request.key == order.request.key;
  });
  note("order", wish.product * 100 + wish.user * 10 + wish.key, wish.quantity);
  if (core_->submit(order) == Submission::completed) return answered(order);
  order.is_in_flight = true;
  if (is_copy) return;
  order.is_owner = true;
  order.round = round;
  if (wish.pass.empty() && !rate_.try_admit(clock_.monotonic())) {
    violate("rate", "an order without a pass beyond burst + rate t");
  }
}

void Simulation::join() {
  Join& join = joins_.emplace_back(*this);
  join.request = {.product_id = products_[random_.below(products_.size())],
                  .user_id = users_[random_.below(users_.size())]};
  ++now_;
  note("join");
  if (core_->submit(join) == Submission::completed) answered(join);
}

void Simulation::look() {
  if (!holders_.empty()) look(holders_[random_.below(holders_.size())]);
}

void Simulation::look(Holder& holder) {
  ++now_;
  const auto place = core_->look(holder.text);
  note("look", holder.number, place ? static_cast<std::uint64_t>(place->state) : 9);
  if (!place) return violate("ticket", std::to_string(holder.number) + " is not known any more");
  line_.told(holder.number, holder.text, *place, clock_.monotonic());
  if (place->state == PlaceState::admitted) holder.pass = place->pass;
}

void Simulation::init(std::size_t number) {
  Init& init = inits_.emplace_back(*this);
  init.request = {.product_id = products_[number], .quantity = random_.below(swarm_.stock_max + 1)};
  if (random_.one_in(2)) init.request.quantity = swarm_.stock_max;
  if (swarm_.has_limits) {
    init.request.max_per_order = random_.below(4);
    init.request.max_per_user = random_.below(4);
  }
  if (random_.one_in(3)) {
    const inventory::Product* product = core_->inventory().find(init.request.product_id);
    init.request.round = (product != nullptr ? product->round()->number : 0) + random_.below(3);
  }
  init.opening = history_.begin(Opening{.product_id = products_[number],
                                        .quantity = init.request.quantity,
                                        .max_per_order = init.request.max_per_order,
                                        .max_per_user = init.request.max_per_user,
                                        .invoked = ++now_});
  note("init", number, init.request.quantity);
  if (core_->submit(init) == Submission::completed) answered(init);
}

void Simulation::change_settings() {
  Settings& change = changes_.emplace_back(*this);
  if (random_.one_in(2)) change.request.rate_limit = random_.pick(swarm_.rates);
  if (random_.one_in(3)) change.request.rate_burst = random_.below(4);
  if (random_.one_in(4)) change.request.line_closed = random_.one_in(2);
  if (random_.one_in(4)) change.request.admit_all = random_.one_in(2);
  if (random_.one_in(4)) change.request.sale_paused = random_.one_in(3);
  change.request.renew_ticket_key = random_.one_in(8);
  ++now_;
  note("settings");
  if (core_->submit(change) == Submission::completed) answered(change);
}

// ---- The committer ----------------------------------------------------------------------------

void Simulation::next_phase() {
  switch (phase_) {
    case Phase::idle:
      return random_.one_in(3) ? tend() : gather();
    case Phase::gathered:
      return write();
    case Phase::written:
      return settle();
  }
}

void Simulation::gather() {
  line_.before_gather(clock_.monotonic(), core_->control().settings().sale_paused,
                      [&](std::uint64_t number) {
                        return core_->inventory().by_number(number)->round()->stock().has(1);
                      });
  const bool gathered = core_->committer().gather();
  note("gather", gathered ? 1 : 0);
  if (gathered) phase_ = Phase::gathered;
}

void Simulation::write() {
  core_->committer().write();
  note("write", storage_.has_failed() ? 1 : 0, storage_.blocks());
  phase_ = Phase::written;
  show_new_blocks();
}

void Simulation::settle() {
  ++now_;
  core_->committer().settle();
  note("settle");
  phase_ = Phase::idle;
  line_.settled(clock_.monotonic());
}

void Simulation::tend() {
  core_->committer().tend();
  note("tend", storage_.has_failed() ? 1 : 0, storage_.blocks());
  forgot_at_ = std::max(forgot_at_, clock_.utc());
  show_new_blocks();
}

void Simulation::step() {
  if (phase_ == Phase::idle) gather();
  if (phase_ == Phase::gathered) write();
  if (phase_ == Phase::written) settle();
  tend();
}

void Simulation::show_new_blocks() {
  if (storage_.has_failed()) return;  // what a failed write left is seen after the next start
  line_.written(clock_.monotonic());
  for (; seen_blocks_ < storage_.blocks(); ++seen_blocks_) {
    show_block(storage_.key(seen_blocks_), storage_.bytes(seen_blocks_), line_);
  }
}

// ---- The world --------------------------------------------------------------------------------

void Simulation::advance() {
  nanoseconds time(static_cast<std::int64_t>(
      random_.below(static_cast<std::uint64_t>(swarm_.advance_max.count()) + 1)));
  if (random_.one_in(3)) {
    const auto due = core_->next_step();
    if (due && *due > clock_.monotonic()) time = *due - clock_.monotonic();
  }
  clock_.advance(time);
  utc_max_ = std::max(utc_max_, clock_.utc());
  note("advance", static_cast<std::uint64_t>(time.count()));
}

void Simulation::jump() {
  const milliseconds by(static_cast<std::int64_t>(random_.below(7'200'000)) - 3'600'000);
  clock_.jump_to(clock_.utc() + by);
  utc_max_ = std::max(utc_max_, clock_.utc());
  line_.clock_jumped();
  forgot_at_ = milliseconds{0};  // before the jump: says nothing of orders after it
  note("jump", static_cast<std::uint64_t>(by.count()));
}

void Simulation::read_something() {
  if (history_.attempts().empty() || storage_.has_failed() || phase_ != Phase::idle) return;
  const Attempt& attempt = history_.attempts()[random_.below(history_.attempts().size())];
  const bool may_be_lost = std::any_of(history_.lives().begin(), history_.lives().end(),
                                       [](const Life& life) { return life.durable != everything; });
  if (attempt.outcome == Outcome::accepted && !may_be_lost) {
    const auto found = engine::find_order(*core_, attempt.order_id);
    const bool is_same = found && found->user_id == attempt.user_id && found->key == attempt.key &&
                         found->quantity == attempt.quantity &&
                         found->product_id == attempt.product_id;
    if (!is_same) violate("read", "an order is not as it was told: " + describe(attempt));
  }
  const inventory::Product* product = core_->inventory().find(attempt.product_id);
  if (product == nullptr) return;
  const auto audit = engine::audit_round(*core_, attempt.product_id, 0);
  const bool is_right =
      audit && !audit->oversold() && audit->units_in_log == product->round()->snapshot().accepted;
  if (!is_right) violate("read", "an audit differs from the books");
}

// Units are in stock, in the log, or with somebody whose order is under way.
void Simulation::check_books() {
  if (core_ == nullptr) return;
  for (const std::string& id : products_) {
    const inventory::Product* product = core_->inventory().find(id);
    if (product == nullptr) continue;
    const inventory::Round& round = *product->round();
    const inventory::RoundSnapshot units = round.snapshot();
    Units pending = 0;
    for (const Order& order : orders_) {
      // After a failure nobody knows, and so they stay pending until a restart.
      const bool is_open = order.is_in_flight || order.is_unknown;
      const bool is_here = is_open && order.is_owner && order.round == round.number &&
                           order.request.product_id == id;
      if (is_here) pending += order.request.quantity;
    }
    if (units.pending != pending ||
        units.stock + units.accepted + units.pending != units.quantity) {
      violate("books", id + " has " + std::to_string(units.pending) + " pending, and " +
                           std::to_string(pending) + " are in flight");
    }
    if (phase_ == Phase::idle && !is_failed() && units.accepted != line_.units(id, round.number)) {
      violate("books", id + " accepted " + std::to_string(units.accepted) + ", the log has " +
                           std::to_string(line_.units(id, round.number)));
    }
  }
}

}  // namespace fluxgate::testing
