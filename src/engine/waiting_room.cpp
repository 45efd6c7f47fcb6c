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
using admission::TicketNumber;
using admission::TokenSigner;
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
  pace_.remember(contents.admitted_lately, now);
  // All connections broke with the last process: everybody has one refresh to come back, and the
  // time of three at the front. Not three further back, too: the line would be let in to those who
  // left long ago, for a tenth of its length.
  line_->finish_restore([&](std::uint64_t ahead) {
    return now + refresh_for(wait_of(ahead)) + (refreshes_missed - 1) * refresh_min;
  });
  note_blocking(now);
}

std::uint64_t WaitingRoom::person(base::HashKey secret, std::string_view product_id,
                                  std::string_view user_id) noexcept {
  static_assert(id_bytes_max < 256, "what keyed_hash() takes of a pair");
  return base::keyed_hash(secret, product_id, user_id).high;
}

// ---- Any thread -------------------------------------------------------------------------------

std::optional<WaitingRoom::Look> WaitingRoom::look(std::string_view text) {
  if (text.size() > TokenSigner::text_bytes_max) return std::nullopt;
  const Moment at = moment();
  const std::uint64_t hash = hash_of_text(text);
  if (auto again = look_again(text, hash, at)) return again;
  const auto known = read(text);
  if (!known) return std::nullopt;
  Described described;
  {
    const std::lock_guard lock(mutex_);
    described = describe(*known, at);
    if (described.is_his) line_->remember_text(known->ticket.number, hash);
  }
  const bool needs_step = described.needs_step;
  return Look{complete(std::move(described), known->ticket), needs_step};
}

std::uint64_t WaitingRoom::hash_of_text(std::string_view ticket) const noexcept {
  // Never 0, which a place has whose text is not known.
  return std::max<std::uint64_t>(base::keyed_hash(parts_.secret, ticket).high, 1);
}

std::optional<WaitingRoom::Look> WaitingRoom::look_again(std::string_view text, std::uint64_t hash,
                                                         const Moment& at) {
  const TicketNumber number = TokenSigner::claimed_number(text);
  if (number == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const Line::Standing standing = line_->standing(number);
  if (standing.state != Line::State::waiting || standing.text_hash != hash) return std::nullopt;
  const inventory::Product& product = *parts_.inventory.by_number(standing.product);
  Described described = describe(standing, number, product, at);
  return Look{std::move(described.place), described.needs_step};
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
  const std::uint64_t holder = person(parts_.secret, product->id, ticket->user_id);
  return Known{std::move(*ticket), *product, holder};
}

WaitingRoom::Described WaitingRoom::describe(const Known& known, const Moment& at) {
  const TicketNumber number = known.ticket.number;
  Line::Standing standing = line_->standing(number);
  // A log that was not synced may have lost the end of the line, and its numbers are given again.
  const bool is_his = standing.person == known.person;
  if (!is_his) standing = {};
  Described described = describe(standing, number, known.product, at);
  described.is_his = is_his;
  return described;
}

WaitingRoom::Described WaitingRoom::describe(const Line::Standing& standing, TicketNumber number,
                                             const inventory::Product& product, const Moment& at) {
  Described described;
  Place& place = described.place;
  place.units_left = product.round()->stock().left();
  place.refresh = jittered(refresh_sold_out, number, at.now);
  if (standing.is_in_line) {
    place.ahead = standing.ahead;
    place.position = standing.ahead + 1;
  }
  switch (standing.state) {
    case Line::State::reserved:
    case Line::State::waiting:
    case Line::State::calling:
      place.state = PlaceState::waiting;
      break;
    case Line::State::admitted:
      if (standing.admitted_at + Line::pass_life <= at.utc) return described;
      place.state = PlaceState::admitted;
      break;
    case Line::State::gone:
    case Line::State::leaving:
    case Line::State::used:
      return described;
  }
  milliseconds told = refresh_sold_out;
  if (place.units_left == 0) {
    place.state = PlaceState::sold_out;
  } else if (place.state == PlaceState::admitted) {
    told = refresh_min;
    described.pass_until = standing.admitted_at + Line::pass_life;
  } else {
    place.wait = standing.is_in_line ? wait_of(standing.present_ahead) : milliseconds(0);
    // While the sale is paused nobody moves; without a rate, too, not all need to ask every 2 s.
    const milliseconds paused(static_cast<std::int64_t>(standing.present_ahead));
    told = refresh_for(rules_.is_paused ? std::max(place.wait, paused) : place.wait);
  }
  place.refresh = jittered(told, number, at.now);
  if (line_->touch(number, at.now + refreshes_missed * told)) {
    described.needs_step = true;
    note_blocking(at.now);
  }
  return described;
}

Place WaitingRoom::complete(Described described, const admission::Ticket& ticket) const {
  if (described.pass_until) {
    described.place.pass = signer_->sign({.key = ticket.key,
                                          .number = ticket.number,
                                          .product = ticket.product,
                                          .expires_at = *described.pass_until},
                                         ticket.user_id);
  }
  return std::move(described.place);
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
  const std::uint64_t holder = person(parts_.secret, product.id, request.user_id);
  const std::lock_guard lock(mutex_);
  const Line::Standing standing = line_->standing(pass->number);
  const bool is_his = standing.person == holder;
  if (is_his && standing.state == Line::State::used) return {OrderStatus::used_pass, pass->number};
  // A place that is gone tells nothing any more, so its pass has lapsed whatever the clock says.
  const bool is_good = is_his && standing.state == Line::State::admitted && utc < pass->expires_at;
  return {is_good ? OrderStatus::accepted : OrderStatus::expired_pass, pass->number};
}

OrderStatus WaitingRoom::try_use(std::uint64_t pass) {
  const std::lock_guard lock(mutex_);
  const Line::State before = line_->try_use(pass);
  if (before == Line::State::admitted) return OrderStatus::accepted;
  return before == Line::State::used ? OrderStatus::used_pass : OrderStatus::expired_pass;
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

void WaitingRoom::gather(JoinOperation& join, orderlog::BlockBuilder& block, bool has_space) {
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
  if (!has_space) {
    join.result.status = JoinStatus::storage_full;
    return;
  }
  if (line_->places() >= line_places_max) {
    join.result.status = JoinStatus::line_full;
    return;
  }
  // Behind a line that was there before the rate was switched off, he is let in with it.
  const bool is_alone = rules_.rate == 0 && !rules_.is_paused && !blocks();
  join.ticket_ = line_->reserve(holder, product->number);
  block.add(orderlog::TicketRecord{
      .ticket = join.ticket_, .product = product->number, .user_id = request.user_id});
  // Without a rate and a line nobody waits: the pass is in the same block.
  if (is_alone) {
    call(join.ticket_, block);
    pace_.remember(1, parts_.clock.monotonic());
  }
}

void WaitingRoom::call(TicketNumber ticket, orderlog::BlockBuilder& block) {
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
  if (rules_.is_paused) {
    pace_.rest();
    return note_blocking(now);
  }
  Line::Next next = line_->next(now);
  if (!next.ticket) {
    if (next.is_known) pace_.rest();
    return note_blocking(now);
  }
  const std::uint64_t allowed =
      rules_.rate == 0 ? calls_max : std::min(pace_.allowance(now), calls_max);
  std::uint64_t count = 0;
  for (; next.ticket && count < allowed; next = line_->next(now)) {
    call(*next.ticket, block);
    ++count;
    parts_.limiter.charge(now);
  }
  if (rules_.rate != 0) {
    pace_.issue(count);
  } else {
    pace_.remember(count, now);
  }
  note_blocking(now);
}

void WaitingRoom::note_blocking(nanoseconds now) {
  const Line::Next next = line_->next(now);
  is_next_known_ = next.is_known;
  const bool is_somebody_there = !called_.empty() || next.ticket || !next.is_known;
  blocks_.store(is_somebody_there, std::memory_order_relaxed);
}

void WaitingRoom::settle(JoinOperation& join) {
  JoinResult& result = join.result;
  if (result.status != JoinStatus::joined && result.status != JoinStatus::kept) return;
  const inventory::Product& product = *parts_.inventory.find(join.request.product_id);
  Known known{.ticket = {.key = signer_->newest(),
                         .number = join.ticket_,
                         .product = product.number,
                         .user_id = std::string(join.request.user_id)},
              .product = product,
              .person = person(parts_.secret, product.id, join.request.user_id)};
  result.ticket = signer_->sign(known.ticket);
  const std::uint64_t hash = hash_of_text(result.ticket);
  const Moment at = moment();
  Described described;
  {
    const std::lock_guard lock(mutex_);
    // describe() says how long he is present.
    if (join.is_new_) line_->enter(join.ticket_, at.now);
    described = describe(known, at);
    line_->remember_text(join.ticket_, hash);
    if (join.is_new_) blocks_.store(true, std::memory_order_relaxed);
  }
  // The step under way is followed by another when it is due, so needs_step is nothing here.
  result.place = complete(std::move(described), known.ticket);
}

void WaitingRoom::settle_plan(milliseconds accepted_at) {
  const std::lock_guard lock(mutex_);
  if (called_.empty() && lost_.empty()) return;
  for (const auto ticket : called_) line_->admit(ticket, accepted_at);
  pace_.settle(called_.size(), parts_.clock.monotonic());
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

void WaitingRoom::open_round(inventory::Product& product, const inventory::RoundSpec& spec) {
  const std::lock_guard lock(mutex_);
  const nanoseconds now = parts_.clock.monotonic();
  // First: who acquires the new round sees that others wait, also while they are looked up.
  if (line_->waiting() != 0) blocks_.store(true, std::memory_order_relaxed);
  product.open(spec);
  line_->reopen(product.number, now);
  note_blocking(now);
}

std::optional<nanoseconds> WaitingRoom::next_due() {
  const std::lock_guard lock(mutex_);
  if (line_->places() == 0) return std::nullopt;
  if (!is_next_known_) return nanoseconds(0);
  if (!blocks() || rules_.is_paused) return next_sweep_;
  return rules_.rate == 0 ? nanoseconds(0) : std::min(next_sweep_, pace_.next_due());
}

}  // namespace fluxgate::engine
