#include "engine/waiting_room.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/mix_hash.hpp"
#include "base/sip_hash.hpp"

namespace fluxgate::engine {
namespace {

using admission::Line;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Who missed so many refreshes is absent.
constexpr int refreshes_missed = 3;
// Near the front people ask every two seconds, further back once in a thirtieth of their wait: then
// those who left are found out before the line reaches them even if nine in ten leave at once and
// it moves ten times as fast. A whole line costs rate·(60/2 + 30·ln(wait/60)) polls a second.
constexpr milliseconds refresh_min{2'000};
constexpr milliseconds refresh_max{60'000};
constexpr int refreshes_per_wait = 30;
// Nothing to wait for but a new round.
constexpr milliseconds refresh_sold_out{10'000};
// Passes issued in one block.
constexpr std::uint64_t calls_max = 4'096;
// Every place is looked at within two seconds, in forty parts; at ten million in twelve seconds.
constexpr milliseconds sweep_interval{50};
constexpr std::size_t sweep_parts = 40;
constexpr std::size_t sweep_places_min = 512;
constexpr std::size_t sweep_places_max = 1U << 16;

// Up to a fifth less, so that those who came at once do not come back at once; never more, because
// presence is promised for what was told.
milliseconds jittered(milliseconds refresh, std::uint64_t ticket, nanoseconds now) noexcept {
  const base::HashKey key{ticket, static_cast<std::uint64_t>(now.count())};
  const std::uint64_t fifth = static_cast<std::uint64_t>(refresh.count()) / 5 + 1;
  return refresh - milliseconds(static_cast<std::int64_t>(base::mix_hash(key, {}) % fifth));
}

milliseconds refresh_for(milliseconds wait) noexcept {
  return std::clamp(wait / refreshes_per_wait, refresh_min, refresh_max);
}

}  // namespace

WaitingRoom::WaitingRoom(const Parts& parts, Contents contents, const Rules& rules)
    : parts_(parts),
      signer_(std::move(contents.signer)),
      is_paused_(rules.is_paused),
      line_(std::move(contents.line)),
      rules_(rules),
      pace_(std::max<std::uint64_t>(rules.rate, 1)) {
  const nanoseconds now = parts_.clock.monotonic();
  // All connections broke with the last process: everybody has his three refreshes to come back.
  line_->finish_restore(
      [&](std::uint64_t ahead) { return now + refreshes_missed * refresh_for(wait_of(ahead)); });
  note_blocking(now);
}

std::uint64_t WaitingRoom::person(base::HashKey secret, std::string_view product_id,
                                  std::string_view user_id) noexcept {
  static_assert(id_bytes_max < 256, "what keyed_hash() takes of a pair");
  return base::keyed_hash(secret, product_id, user_id).high;
}

// ---- Any thread -------------------------------------------------------------------------------

std::optional<WaitingRoom::Look> WaitingRoom::look(std::string_view text) {
  const auto known = read(text);
  if (!known) return std::nullopt;
  const Moment at = moment();
  Look look;
  const std::lock_guard lock(mutex_);
  look.place = describe(known->ticket, known->product, at, look.needs_step);
  return look;
}

std::optional<TicketHolder> WaitingRoom::holder(std::string_view text) const {
  auto known = read(text);
  if (!known) return std::nullopt;
  return TicketHolder{known->product.id, std::move(known->ticket.user_id)};
}

std::optional<WaitingRoom::Known> WaitingRoom::read(std::string_view text) const {
  auto ticket = signer_->read_ticket(text);
  if (!ticket) return std::nullopt;
  const inventory::Product* product = parts_.inventory.by_number(ticket->product);
  if (product == nullptr) return std::nullopt;
  return Known{std::move(*ticket), *product};
}

Place WaitingRoom::describe(const admission::Ticket& ticket, const inventory::Product& product,
                            const Moment& at, bool& needs_step) {
  Place place;
  const Line::Standing standing = line_->standing(ticket.number);
  place.units_left = product.round()->stock().left();
  if (standing.is_in_line) {
    place.ahead = standing.ahead;
    place.position = standing.ahead + 1;
  }
  place.refresh = jittered(refresh_sold_out, ticket.number, at.now);
  switch (standing.state) {
    case Line::State::reserved:
    case Line::State::waiting:
    case Line::State::calling:
      place.state = PlaceState::waiting;
      break;
    case Line::State::admitted:
      if (standing.admitted_at + Line::pass_life <= at.utc) return place;
      place.state = PlaceState::admitted;
      break;
    case Line::State::gone:
    case Line::State::leaving:
    case Line::State::used:
      return place;
  }
  milliseconds told = refresh_sold_out;
  if (place.units_left == 0) {
    place.state = PlaceState::sold_out;
  } else if (place.state == PlaceState::admitted) {
    told = refresh_min;
    place.pass = signer_->sign({.key = ticket.key,
                                .number = ticket.number,
                                .product = ticket.product,
                                .expires_at = standing.admitted_at + Line::pass_life},
                               ticket.user_id);
  } else {
    place.wait = standing.is_in_line ? wait_of(standing.present_ahead) : milliseconds(0);
    told = refresh_for(place.wait);
  }
  place.refresh = jittered(told, ticket.number, at.now);
  if (line_->touch(ticket.number, at.now + refreshes_missed * told)) {
    needs_step = true;
    note_blocking(at.now);
  }
  return place;
}

milliseconds WaitingRoom::wait_of(std::uint64_t present_ahead) const noexcept {
  if (rules_.rate == 0) return milliseconds(0);
  return milliseconds(static_cast<std::int64_t>((present_ahead + 1) * 1000 / rules_.rate));
}

WaitingRoom::PassCheck WaitingRoom::check_pass(const OrderRequest& request,
                                               const inventory::Product& product) const {
  const auto pass = signer_->read_pass(request.pass, request.user_id);
  if (!pass || pass->product != product.number) return {};
  const milliseconds utc = parts_.clock.utc();
  const std::lock_guard lock(mutex_);
  const Line::State state = line_->standing(pass->number).state;
  if (state == Line::State::used) return {OrderStatus::used_pass, pass->number};
  // A place that is gone tells nothing any more, so its pass has lapsed whatever the clock says.
  const bool is_good = state == Line::State::admitted && utc < pass->expires_at;
  return {is_good ? OrderStatus::accepted : OrderStatus::expired_pass, pass->number};
}

bool WaitingRoom::try_use(std::uint64_t pass) {
  const std::lock_guard lock(mutex_);
  return line_->try_use(pass);
}

void WaitingRoom::give_back(std::uint64_t pass) {
  const std::lock_guard lock(mutex_);
  line_->give_back(pass);
}

void WaitingRoom::add_stats(EngineStats& stats) const {
  const std::lock_guard lock(mutex_);
  stats.line_waiting = line_->waiting();
  stats.line_bytes = line_->bytes();
  stats.tickets_total = line_->last();
  stats.admissions_total = admitted_total_;
}

// ---- The committing thread --------------------------------------------------------------------

void WaitingRoom::gather(JoinOperation& join, orderlog::BlockBuilder& block) {
  const JoinRequest& request = join.request;
  join.result = {};
  const inventory::Product* product = parts_.inventory.find(request.product_id);
  if (product == nullptr) {
    join.result.status = JoinStatus::unknown_product;
    return;
  }
  if (!product->round()->stock().has(1)) {
    join.result.status = JoinStatus::sold_out;
    return;
  }
  const std::uint64_t holder = person(parts_.secret, product->id, request.user_id);
  const std::lock_guard lock(mutex_);
  const auto held = line_->find(holder, parts_.clock.utc());
  join.is_new_ = !held.has_value();
  join.result.status = join.is_new_ ? JoinStatus::joined : JoinStatus::kept;
  if (held) {
    join.ticket_ = *held;
    return;
  }
  if (rules_.is_closed) {
    join.result.status = JoinStatus::line_closed;
    return;
  }
  if (line_->places() >= line_places_max) {
    join.result.status = JoinStatus::line_full;
    return;
  }
  join.ticket_ = line_->reserve(holder, product->number);
  block.add(orderlog::TicketRecord{
      .ticket = join.ticket_, .product = product->number, .user_id = request.user_id});
  // Without a rate nobody waits: the pass is in the same block.
  if (rules_.rate == 0 && !rules_.is_paused) call(join.ticket_, block);
}

void WaitingRoom::call(admission::TicketNumber ticket, orderlog::BlockBuilder& block) {
  called_.push_back(ticket);
  line_->call(ticket);
  block.add(orderlog::AdmissionRecord{.ticket = ticket, .exit = orderlog::LineExit::admitted});
}

void WaitingRoom::plan(orderlog::BlockBuilder& block) {
  const std::lock_guard lock(mutex_);
  if (line_->places() == 0 || block.bytes() > orderlog::block_full_bytes / 2) return;
  const Moment at = moment();
  sweep(block, at);
  call_due(block, at.now);
}

void WaitingRoom::sweep(orderlog::BlockBuilder& block, const Moment& at) {
  if (at.now < next_sweep_) return;
  next_sweep_ = at.now + sweep_interval;
  const std::size_t first = lost_.size();
  const std::size_t share = line_->places() / sweep_parts + sweep_places_min;
  line_->sweep(at.now, at.utc, std::min(share, sweep_places_max), lost_);
  for (std::size_t i = first; i < lost_.size(); ++i) {
    block.add(orderlog::AdmissionRecord{.ticket = lost_[i], .exit = orderlog::LineExit::left});
  }
}

void WaitingRoom::call_due(orderlog::BlockBuilder& block, nanoseconds now) {
  auto next = rules_.is_paused ? std::nullopt : line_->next(now);
  if (!next) {
    pace_.rest();
    return note_blocking(now);
  }
  const std::uint64_t allowed =
      rules_.rate == 0 ? calls_max : std::min(pace_.allowance(now), calls_max);
  std::uint64_t count = 0;
  for (; next && count < allowed; next = line_->next(now)) {
    call(*next, block);
    ++count;
    parts_.limiter.charge(now);
  }
  if (rules_.rate != 0) pace_.issue(count);
  note_blocking(now);
}

void WaitingRoom::note_blocking(nanoseconds now) {
  blocks_.store(!called_.empty() || line_->next(now).has_value(), std::memory_order_relaxed);
}

void WaitingRoom::settle(JoinOperation& join) {
  JoinResult& result = join.result;
  if (result.status != JoinStatus::joined && result.status != JoinStatus::kept) return;
  const inventory::Product& product = *parts_.inventory.find(join.request.product_id);
  admission::Ticket ticket{.number = join.ticket_,
                           .product = product.number,
                           .user_id = std::string(join.request.user_id)};
  result.ticket = signer_->sign(ticket);
  ticket.key = signer_->newest();
  const Moment at = moment();
  const std::lock_guard lock(mutex_);
  // describe() says how long he is present.
  if (join.is_new_) line_->enter(join.ticket_, at.now);
  bool needs_step = false;  // the step under way is followed by another when it is due
  result.place = describe(ticket, product, at, needs_step);
  if (join.is_new_) blocks_.store(true, std::memory_order_relaxed);
}

void WaitingRoom::settle_plan(milliseconds accepted_at) {
  const std::lock_guard lock(mutex_);
  if (called_.empty() && lost_.empty()) return;
  for (const auto ticket : called_) line_->admit(ticket, accepted_at);
  for (const auto ticket : lost_) line_->leave(ticket);
  admitted_total_ += called_.size();
  called_.clear();
  lost_.clear();
  note_blocking(parts_.clock.monotonic());
}

void WaitingRoom::apply(const Rules& rules) {
  const std::lock_guard lock(mutex_);
  const nanoseconds now = parts_.clock.monotonic();
  if (rules.rate != rules_.rate && rules.rate != 0) pace_.set_rate(rules.rate, now);
  rules_ = rules;
  is_paused_.store(rules.is_paused, std::memory_order_relaxed);
  note_blocking(now);
}

void WaitingRoom::add_key(std::string_view key) {
  FLUXGATE_CHECK(signer_->add_key(key));
}

void WaitingRoom::reopen(const inventory::Product& product) {
  const std::lock_guard lock(mutex_);
  const nanoseconds now = parts_.clock.monotonic();
  line_->reopen(product.number, now);
  note_blocking(now);
}

std::optional<nanoseconds> WaitingRoom::next_due() {
  const std::lock_guard lock(mutex_);
  if (line_->places() == 0) return std::nullopt;
  if (!blocks() || rules_.is_paused) return next_sweep_;
  return rules_.rate == 0 ? nanoseconds(0) : std::min(next_sweep_, pace_.next_due());
}

}  // namespace fluxgate::engine
