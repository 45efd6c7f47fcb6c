#include "admission/admission_pace.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace fluxgate::admission {

void AdmissionPace::set_rate(std::uint64_t rate_per_second, std::chrono::nanoseconds now) noexcept {
  FLUXGATE_CHECK(rate_per_second != 0);
  advance(static_cast<std::uint64_t>(now / point));
  rate_ = rate_per_second;
  is_moving_ = false;
}

void AdmissionPace::advance(std::uint64_t now_point) noexcept {
  if (now_point <= now_) return;
  const std::uint64_t passed = std::min(now_point - now_, points_per_second);
  for (std::uint64_t i = 0; i < passed; ++i) {
    std::uint64_t& oldest = recent_[(now_point - i) % points_per_second];
    recent_sum_ -= oldest;
    oldest = 0;
  }
  now_ = now_point;
}

// No overflow: rates are below 2^30, and began_ moves on, so that only a pause of years could.
std::uint64_t AdmissionPace::due_by(std::uint64_t at) const noexcept {
  return (rate_ * (at - began_ + 1) + points_per_second - 1) / points_per_second;
}

std::uint64_t AdmissionPace::allowance(std::chrono::nanoseconds now) noexcept {
  advance(static_cast<std::uint64_t>(now / point));
  if (!is_moving_) {
    is_moving_ = true;
    began_ = now_;
    issued_ = 0;
  }
  // What is older than the time that is made up for is lost, but for one: below a rate of 10 the
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
  const std::uint64_t by_window = rate_ > recent_sum_ ? rate_ - recent_sum_ : 0;
  return std::min(by_pace, by_window);
}

void AdmissionPace::issue(std::uint64_t count) noexcept {
  issued_ += count;
  recent_[now_ % points_per_second] += count;
  recent_sum_ += count;
}

std::chrono::nanoseconds AdmissionPace::next_due() const noexcept {
  // The first point by which one more is due; and at which the window has room for one.
  std::uint64_t at = is_moving_ ? began_ + issued_ * points_per_second / rate_ : now_;
  at = std::max(at, now_);
  if (recent_sum_ >= rate_) {
    std::uint64_t left = recent_sum_;
    for (std::uint64_t gone = now_ + 1; gone <= now_ + points_per_second; ++gone) {
      left -= recent_[gone % points_per_second];
      if (left >= rate_) continue;
      at = std::max(at, gone);
      break;
    }
  }
  return static_cast<std::int64_t>(at) * std::chrono::nanoseconds(point);
}

}  // namespace fluxgate::admission
