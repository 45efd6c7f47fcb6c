#include "simulation/line_watch.hpp"

#include <algorithm>

#include "engine/sale_control.hpp"

namespace fluxgate::testing {
namespace {

// After a restart everybody is present for his refresh and two of the shortest, 2 s each.
constexpr std::chrono::seconds present_after_restart{6};
constexpr int refreshes_missed = 3;

}  // namespace

void LineWatch::restart(Time now, bool has_lost) {
  places_.clear();
  products_.clear();
  units_.clear();
  settings_ = {};
  orders_ = 0;
  called_.clear();
  for (Admitted& one : admitted_) one.seen = one.written;
  is_reading_all_ = true;
  read_at_ = now;
  if (has_lost) {
    ahead_.clear();
    passes_.clear();
    admitted_.clear();
  }
}

void LineWatch::restarted() {
  is_reading_all_ = false;
}

void LineWatch::before_gather(Time now, bool is_paused,
                              const std::function<bool(std::uint64_t)>& has_units) {
  was_paused_ = is_paused;
  for (auto& [ticket, place] : places_) {
    place.is_called_for =
        place.state == State::waiting && place.present_until > now && has_units(place.product);
  }
}

void LineWatch::settled(Time now) {
  for (const Time written : called_) {
    admitted_.push_back({now, written});
    check_rate(now);
  }
  called_.clear();
}

void LineWatch::clock_jumped() {
  for (Admitted& one : admitted_) one.written = Time::min();
  for (Time& written : called_) written = Time::min();
}

void LineWatch::check_rate(Time now) {
  const Time begin = now - std::chrono::seconds(1);
  while (!admitted_.empty() && admitted_.front().seen <= begin) admitted_.pop_front();
  while (rates_.size() > 1 && rates_[1].first <= begin) rates_.pop_front();
  std::uint64_t rate_max = 0;
  for (const auto& [from, rate] : rates_) {
    if (rate == 0) return;
    rate_max = std::max(rate_max, rate);
  }
  if (admitted_.size() > rate_max) {
    violations_.add("rate", std::to_string(admitted_.size()) + " were let in within a second at " +
                                std::to_string(rate_max));
  }
}

void LineWatch::set_rate(std::uint64_t rate, Time now) {
  if (rates_.empty() || rates_.back().second != rate) rates_.emplace_back(now, rate);
}

void LineWatch::told(std::uint64_t ticket, std::string_view text, const Place& place, Time now) {
  const auto at = places_.find(ticket);
  if (at == places_.end()) {
    return violations_.add("ticket", std::to_string(ticket) + " was told before it is durable");
  }
  Watched& watched = at->second;
  if (place.state == PlaceState::waiting || place.state == PlaceState::sold_out) {
    watched.present_until =
        std::max(watched.present_until, now + refreshes_missed * Time(place.refresh));
  }
  if (place.state == PlaceState::waiting) {
    std::uint64_t& ahead = ahead_.emplace(ticket, place.ahead).first->second;
    if (place.ahead > ahead) {
      violations_.add("ahead", "of ticket " + std::to_string(ticket) + " was " +
                                   std::to_string(ahead) + ", is " + std::to_string(place.ahead));
    }
    ahead = place.ahead;
  }
  if (place.state != PlaceState::admitted) return;
  if (watched.state != State::admitted) {
    violations_.add("pass", "ticket " + std::to_string(ticket) + " has one, and not in the log");
  }
  const auto pass = passes_.emplace(text, place.pass).first;
  if (pass->second != place.pass) {
    violations_.add("pass", "ticket " + std::to_string(ticket) + " has another one");
  }
}

std::chrono::milliseconds LineWatch::pass_since(std::uint64_t ticket) const {
  const auto at = places_.find(ticket);
  const bool has_pass = at != places_.end() && at->second.state == State::admitted;
  return has_pass ? at->second.admitted_at : std::chrono::milliseconds{0};
}

Units LineWatch::units(const std::string& product_id, RoundNumber round) const {
  const auto at = units_.find({product_id, round});
  return at != units_.end() ? at->second : 0;
}

bool LineWatch::on_block(const orderlog::BlockInfo& block) {
  block_at_ = block.accepted_at;
  return true;
}

bool LineWatch::on_product(const orderlog::ProductRecord& product) {
  products_.emplace_back(product.id);
  return true;
}

bool LineWatch::on_order(Sequence, std::chrono::milliseconds, const orderlog::OrderEntry& order) {
  ++orders_;
  units_[{products_[order.product], order.round}] += order.quantity;
  if (order.pass != 0) places_[order.pass].state = State::used;
  return true;
}

bool LineWatch::on_ticket(const orderlog::TicketRecord& ticket) {
  places_[ticket.ticket] = {
      .product = ticket.product,
      .user = std::string(ticket.user_id),
      .present_until = is_reading_all_ ? read_at_ + present_after_restart : Time(0)};
  return true;
}

bool LineWatch::on_admission(const orderlog::AdmissionRecord& admission) {
  Watched& place = places_[admission.ticket];
  if (admission.exit == orderlog::LineExit::left) {
    place.state = State::left;
    return true;
  }
  place.state = State::admitted;
  place.admitted_at = block_at_;
  place.is_called_for = false;
  if (is_reading_all_) return true;
  called_.push_back(written_at_);
  ++admissions_total_;
  if (was_paused_) violations_.add("paused", "ticket " + std::to_string(admission.ticket));
  for (const auto& [ticket, other] : places_) {
    if (ticket >= admission.ticket) break;
    if (!other.is_called_for || other.state != State::waiting) continue;
    violations_.add("overtaken",
                    "ticket " + std::to_string(ticket) + " by " + std::to_string(admission.ticket));
  }
  return true;
}

bool LineWatch::on_setting(const orderlog::SettingRecord& setting) {
  static_cast<void>(engine::read_setting(setting.name, setting.value, settings_));
  return true;
}

void RateWatch::set(std::uint64_t rate, std::uint64_t burst, std::chrono::nanoseconds now) {
  const std::uint64_t most = burst != 0 ? burst : rate;
  if (rate == rate_ && most == burst_) return;
  rate_ = rate;
  burst_ = most;
  at_ = now;
  refill();
}

bool RateWatch::try_admit(std::chrono::nanoseconds now) {
  if (rate_ == 0) return true;
  const double seconds = std::chrono::duration<double>(now - at_).count();
  level_ = std::min(static_cast<double>(burst_), level_ + seconds * static_cast<double>(rate_));
  at_ = now;
  level_ -= 1;
  return level_ > -1e-6;
}

}  // namespace fluxgate::testing
