#include "admission/line.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace fluxgate::admission {
namespace {

constexpr std::chrono::milliseconds tenth{100};
// Passed over at most in one call of next(), some 50 ns each.
constexpr std::size_t passed_over_max = 4'096;
// 56 bits of milliseconds are two million years.
constexpr std::uint64_t admitted_at_mask = (std::uint64_t{1} << 56) - 1;

std::uint32_t tenths_up(std::chrono::nanoseconds time) noexcept {
  return static_cast<std::uint32_t>((time + tenth - std::chrono::nanoseconds(1)) / tenth);
}
std::uint32_t tenths_down(std::chrono::nanoseconds time) noexcept {
  return static_cast<std::uint32_t>(time / tenth);
}

}  // namespace

Line::Line(std::function<bool(std::uint64_t product)> is_open, std::size_t crowded_places)
    : is_open_(std::move(is_open)), crowded_places_(crowded_places) {}

const Line::Place* Line::find_place(TicketNumber ticket) const noexcept {
  if (ticket == 0 || ticket >= next_) return nullptr;
  const std::uint64_t chunk = ticket / chunk_places;
  if (chunk < first_chunk_ || chunk - first_chunk_ >= chunks_.size()) return nullptr;
  const auto& places = chunks_[static_cast<std::size_t>(chunk - first_chunk_)];
  if (places == nullptr) return nullptr;
  const Place& place = places->places[ticket % chunk_places];
  return state_of(place) == State::gone ? nullptr : &place;
}

Line::Place* Line::find_place(TicketNumber ticket) noexcept {
  return const_cast<Place*>(std::as_const(*this).find_place(ticket));
}

Line::Place* Line::find_in(TicketNumber ticket, State state) noexcept {
  Place* place = find_place(ticket);
  return place != nullptr && state_of(*place) == state ? place : nullptr;
}

TicketNumber Line::skip_gone(TicketNumber ticket) const noexcept {
  ticket = std::max<TicketNumber>({ticket, first_chunk_ * chunk_places, 1});
  std::size_t chunk = static_cast<std::size_t>(ticket / chunk_places - first_chunk_);
  for (; chunk < chunks_.size() && chunks_[chunk] == nullptr; ++chunk) {
    ticket = (first_chunk_ + chunk + 1) * chunk_places;
  }
  return std::min(ticket, next_);
}

bool Line::is_over(const Place& place, std::chrono::milliseconds utc) const noexcept {
  const std::chrono::milliseconds admitted_at(static_cast<std::int64_t>(place.admitted_at));
  return admitted_at + pass_life <= utc;
}

// ---- Joining ----------------------------------------------------------------------------------

std::optional<TicketNumber> Line::find(std::uint64_t person, std::chrono::milliseconds utc) const {
  const TicketNumber ticket = index_.find(person, tag_of());
  if (ticket == 0) return std::nullopt;
  const Place& place = *find_place(ticket);
  switch (state_of(place)) {
    case State::reserved:
    case State::waiting:
    case State::calling:
      return ticket;
    case State::admitted:
      if (!is_over(place, utc)) return ticket;
      break;
    case State::leaving:
    case State::used:
    case State::gone:
      break;
  }
  return std::nullopt;
}

TicketNumber Line::reserve(std::uint64_t person, std::uint64_t product) {
  const std::uint64_t chunk = next_ / chunk_places;
  if (chunks_.empty()) first_chunk_ = chunk;
  while (chunk - first_chunk_ >= chunks_.size()) chunks_.push_back(nullptr);
  auto& places = chunks_[static_cast<std::size_t>(chunk - first_chunk_)];
  if (places == nullptr) places = std::make_unique<Chunk>();
  index_.assign(person, next_, tag_of());
  const TicketNumber ticket = next_++;
  Place& place = places->places[ticket % chunk_places];
  place = {};
  place.person = person;
  place.product = static_cast<std::uint32_t>(product);
  set_state(place, State::reserved);
  ++places->live;
  ++places_;
  return ticket;
}

void Line::enter(TicketNumber ticket, std::chrono::nanoseconds present_until) {
  if (find_in(ticket, State::calling) != nullptr) return;
  Place* place = find_in(ticket, State::reserved);
  FLUXGATE_CHECK(place != nullptr);
  kept_.insert(ticket);
  ready_.insert(ticket);
  set_state(*place, State::waiting);
  place->present_until = tenths_up(present_until);
}

// ---- Looking ----------------------------------------------------------------------------------

Line::Standing Line::standing(TicketNumber ticket) const {
  Standing standing;
  const Place* place = find_place(ticket);
  if (place == nullptr) return standing;
  standing.state = state_of(*place);
  standing.person = place->person;
  standing.product = place->product;
  standing.text_hash = place->text_hash;
  standing.admitted_at = std::chrono::milliseconds(static_cast<std::int64_t>(place->admitted_at));
  standing.is_in_line = kept_.contains(ticket);
  if (standing.is_in_line) {
    standing.ahead = kept_.rank(ticket);
    standing.present_ahead = ready_.rank(ticket);
  }
  return standing;
}

bool Line::touch(TicketNumber ticket, std::chrono::nanoseconds until) {
  Place* place = find_in(ticket, State::waiting);
  if (place == nullptr) return false;
  place->present_until = std::max(place->present_until, tenths_up(until));
  if (ready_.contains(ticket) || !is_open_(place->product)) return false;
  ready_.insert(ticket);
  return true;
}

void Line::remember_text(TicketNumber ticket, std::uint64_t hash) noexcept {
  if (Place* place = find_place(ticket)) place->text_hash = hash;
}

// ---- Calling and leaving ----------------------------------------------------------------------

Line::Next Line::next(std::chrono::nanoseconds now) {
  const std::uint32_t tenths = tenths_down(now);
  for (std::size_t passed_over = 0; passed_over < passed_over_max; ++passed_over) {
    const auto ticket = ready_.first();
    if (!ticket) return {};
    const Place& place = *find_place(*ticket);
    if (place.present_until >= tenths && is_open_(place.product)) return {.ticket = ticket};
    ready_.erase(*ticket);  // touch() or reopen() puts it back
  }
  return {.ticket = std::nullopt, .is_known = ready_.empty()};
}

void Line::call(TicketNumber ticket) {
  Place* place = find_place(ticket);
  FLUXGATE_CHECK(place != nullptr &&
                 (state_of(*place) == State::waiting || state_of(*place) == State::reserved));
  set_state(*place, State::calling);
  ready_.erase(ticket);
}

void Line::admit(TicketNumber ticket, std::chrono::milliseconds utc) {
  Place* place = find_in(ticket, State::calling);
  FLUXGATE_CHECK(place != nullptr);
  kept_.erase(ticket);
  set_state(*place, State::admitted);
  place->admitted_at = static_cast<std::uint64_t>(utc.count()) & admitted_at_mask;
}

void Line::sweep(std::chrono::nanoseconds now, std::chrono::milliseconds utc, std::size_t count,
                 std::vector<TicketNumber>& lost) {
  const std::uint32_t tenths = tenths_down(now);
  for (std::size_t i = 0; i < count; ++i) {
    swept_ = skip_gone(swept_ + 1);
    if (swept_ >= next_) {
      swept_ = 0;  // from the first place there is
      if (i != 0 || places_ == 0) return;
      continue;
    }
    Place* place = find_place(swept_);
    if (place == nullptr) continue;
    if (state_of(*place) == State::waiting) {
      const bool is_present = place->present_until >= tenths;
      if (is_present && is_open_(place->product)) continue;
      ready_.erase(swept_);
      if (place->present_until + tenths_up(kept_for(*place)) >= tenths) continue;
      set_state(*place, State::leaving);
      lost.push_back(swept_);
    } else if (state_of(*place) == State::admitted || state_of(*place) == State::used) {
      if (is_over(*place, utc)) forget(swept_, *place);
    }
  }
}

std::chrono::seconds Line::kept_for(const Place& place) const {
  if (places_ > crowded_places_ || is_open_(place.product)) return kept_absent;
  return kept_sold_out;
}

void Line::leave(TicketNumber ticket) {
  Place* place = find_in(ticket, State::leaving);
  FLUXGATE_CHECK(place != nullptr);
  kept_.erase(ticket);
  forget(ticket, *place);
}

void Line::forget(TicketNumber ticket, Place& place) noexcept {
  index_.erase(place.person, ticket, tag_of());
  set_state(place, State::gone);
  --places_;
  auto& chunk = chunks_[static_cast<std::size_t>(ticket / chunk_places - first_chunk_)];
  // The chunk that takes the next place stays.
  if (--chunk->live != 0 || next_ / chunk_places == ticket / chunk_places) return;
  chunk.reset();
  while (!chunks_.empty() && chunks_.front() == nullptr) {
    chunks_.pop_front();
    ++first_chunk_;
  }
}

void Line::reopen(std::uint64_t product, std::chrono::nanoseconds now) {
  const std::uint32_t tenths = tenths_down(now);
  for (TicketNumber ticket = skip_gone(1); ticket < next_; ticket = skip_gone(ticket + 1)) {
    Place* place = find_in(ticket, State::waiting);
    if (place == nullptr || place->product != product) continue;
    if (place->present_until >= tenths) {
      ready_.insert(ticket);
    } else {
      place->present_until = std::max(tenths, 1U) - 1;  // absent, as of now
    }
  }
}

// ---- Passes -----------------------------------------------------------------------------------

Line::State Line::try_use(TicketNumber ticket) {
  Place* place = find_place(ticket);
  if (place == nullptr) return State::gone;
  const State before = state_of(*place);
  if (before == State::admitted) set_state(*place, State::used);
  return before;
}

void Line::give_back(TicketNumber ticket) {
  // Gone if it was over meanwhile.
  if (Place* place = find_in(ticket, State::used)) set_state(*place, State::admitted);
}

// ---- After a restart --------------------------------------------------------------------------

bool Line::restore(TicketNumber ticket, std::uint64_t person, std::uint64_t product) {
  if (ticket != next_) return false;
  static_cast<void>(reserve(person, product));
  enter(ticket, std::chrono::nanoseconds(0));
  return true;
}

bool Line::restore_admitted(TicketNumber ticket, std::chrono::milliseconds utc,
                            std::chrono::milliseconds now) {
  Place* place = find_in(ticket, State::waiting);
  if (place == nullptr) return false;
  call(ticket);
  admit(ticket, utc);
  if (is_over(*place, now)) forget(ticket, *place);
  return true;
}

bool Line::restore_left(TicketNumber ticket) {
  Place* place = find_in(ticket, State::waiting);
  if (place == nullptr) return false;
  ready_.erase(ticket);
  set_state(*place, State::leaving);
  leave(ticket);
  return true;
}

bool Line::restore_used(TicketNumber ticket) {
  if (ticket == 0 || ticket >= next_) return false;
  const State before = try_use(ticket);
  return before == State::gone || before == State::admitted;
}

void Line::finish_restore(
    const std::function<std::chrono::nanoseconds(std::uint64_t ahead)>& until) {
  std::uint64_t ahead = 0;
  for (TicketNumber ticket = skip_gone(1); ticket < next_; ticket = skip_gone(ticket + 1)) {
    Place* place = find_in(ticket, State::waiting);
    if (place != nullptr) place->present_until = tenths_up(until(ahead++));
  }
}

std::size_t Line::bytes() const noexcept {
  std::size_t chunks = 0;
  for (const auto& chunk : chunks_) chunks += chunk != nullptr ? sizeof(Chunk) : 0;
  return sizeof(*this) + index_.bytes() + chunks + chunks_.size() * sizeof(void*);
}

}  // namespace fluxgate::admission
