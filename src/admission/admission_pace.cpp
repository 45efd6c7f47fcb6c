#include "admission/admission_pace.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace fluxgate::admission {

void AdmissionPace::set_rate(std::uint64_t rate_per_second, std::chrono::nanoseconds now) noexcept {
  FLUXGATE_CHECK(rate_per_second != 0);
  advance(now);
  rate_ = rate_per_second;
  is_moving_ = false;
}

void AdmissionPace::advance(std::chrono::nanoseconds now) noexcept {
  now_time_ = std::max(now_time_, now);
  const auto now_point = static_cast<std::uint64_t>(now / point);
  if (now_point <= now_) return;
  const std::uint64_t passed = std::min<std::uint64_t>(now_point - now_, recent_.size());
  for (std::uint64_t i = 0; i < passed; ++i) {
    Issue& oldest = issue_at(now_point - i);
    recent_sum_ -= oldest.count;
    oldest = {};
  }
  now_ = now_point;
}

void AdmissionPace::remember(std::uint64_t count, std::chrono::nanoseconds now) noexcept {
  advance(now);
  issue(count);
}

std::uint64_t AdmissionPace::issued_within_second() const noexcept {
  // The one point that may be a second old, or not yet.
  const Issue& oldest = issue_at(now_ + 1);
  const bool is_over = oldest.last + std::chrono::seconds(1) <= now_time_;
  return is_over ? recent_sum_ - oldest.count : recent_sum_;
}

// No overflow: rates are below 2^30, and began_ moves on, so that only a pause of years could.
std::uint64_t AdmissionPace::due_by(std::uint64_t at) const noexcept {
  return (rate_ * (at - began_ + 1) + points_per_second - 1) / points_per_second;
}

std::uint64_t AdmissionPace::allowance(std::chrono::nanoseconds now) noexcept {
  advance(now);
  if (!is_moving_) {
    is_moving_ = true;
    began_ = now_;
    issued_ = 0;
  }
  // What is older than the time that is made up for is lost, but for one: below a rate of 2 the
  // window may hold the only one due back for longer than that, until next_due().
  if (now_ - began_ > points_made_up) {
    issued_ = std::max(issued_, std::min(due_by(now_ - points_made_up), due_by(now_) - 1));
  }
  while (now_ - began_ >= points_per_second && issued_ >= rate_) {
    began_ += points_per_second;
    issued_ -= rate_;
  }
  const std::uint64_t due = due_by(now_);
  const std::uint64_t by_pace = due > issued_ ? due - issued_ : 0;
  const std::uint64_t issued = issued_within_second();
  const std::uint64_t by_window = rate_ > issued ? rate_ - issued : 0;
  return std::min(by_pace, by_window);
}

void AdmissionPace::issue(std::uint64_t count) noexcept {
  issued_ += count;
  issued_at_ = now_;
  count_in(count);
}

void AdmissionPace::settle(std::uint64_t count, std::chrono::nanoseconds now) noexcept {
  advance(now);
  // Nothing is left of it if that took longer than a second.
  const bool is_there = now_ - issued_at_ < recent_.size();
  const std::uint64_t moved = is_there ? std::min(issue_at(issued_at_).count, count) : 0;
  if (moved != 0) issue_at(issued_at_).count -= moved;
  recent_sum_ -= moved;
  count_in(count);
}

void AdmissionPace::count_in(std::uint64_t count) noexcept {
  if (count == 0) return;
  issue_at(now_).count += count;
  issue_at(now_).last = now_time_;
  recent_sum_ += count;
}

std::chrono::nanoseconds AdmissionPace::next_due() const noexcept {
  // The first point by which one more is due; and when the second has room for one.
  const std::uint64_t at = is_moving_ ? began_ + issued_ * points_per_second / rate_ : now_;
  std::chrono::nanoseconds due =
      static_cast<std::int64_t>(std::max(at, now_)) * std::chrono::nanoseconds(point);
  std::uint64_t left = recent_sum_;
  for (std::uint64_t i = 1; left >= rate_ && i <= recent_.size(); ++i) {
    const Issue& oldest = issue_at(now_ + i);
    if (oldest.count == 0) continue;
    left -= oldest.count;
    if (left < rate_) due = std::max(due, oldest.last + std::chrono::seconds(1));
  }
  return due;
}

}  // namespace fluxgate::admission
