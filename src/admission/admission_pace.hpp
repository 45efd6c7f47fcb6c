#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fluxgate::admission {

/// When people in line are let in: evenly, at most `rate` in every window of one second, and not
/// fewer while somebody waits.
///
/// Time is cut into points of 5 ms, of which 200 are a second, so that the commits in which passes
/// are issued are few and their jitter does not add up. Since the line began to move at point s,
/// ceil(rate·(n-s+1)/200) may have been let in by point n: the same number, `rate`, in any 200
/// points that follow one another. After a pause of the process, or while the disk is slow, what
/// was missed is made up for half a second at most, or for one.
///
/// And a second is one of real time, from when the passes are durable: what was issued at a point
/// counts until a second after that. Late calls thus cost a little of the rate (two points in a
/// second at most), and slow writes what they take; neither ever adds to it.
///
/// Threads: one at a time.
class AdmissionPace {
 public:
  static constexpr std::chrono::milliseconds point{5};

  explicit AdmissionPace(std::uint64_t rate_per_second) noexcept : rate_(rate_per_second) {}

  /// At least 1.
  void set_rate(std::uint64_t rate_per_second, std::chrono::nanoseconds now) noexcept;

  /// So many were let in now, or less than a second ago, but not at this pace.
  void remember(std::uint64_t count, std::chrono::nanoseconds now) noexcept;

  /// Nobody waits: what could have been issued until now is lost.
  void rest() noexcept { is_moving_ = false; }

  /// How many may be let in now; somebody waits.
  [[nodiscard]] std::uint64_t allowance(std::chrono::nanoseconds now) noexcept;
  /// So many are let in, at most allowance().
  void issue(std::uint64_t count) noexcept;
  /// The last that were issued have their passes now: their second begins.
  void settle(std::uint64_t count, std::chrono::nanoseconds now) noexcept;

  /// When allowance() is next more than nothing; not before the last call of allowance().
  [[nodiscard]] std::chrono::nanoseconds next_due() const noexcept;

 private:
  static constexpr std::uint64_t points_per_second = std::chrono::seconds(1) / point;
  static constexpr std::uint64_t points_made_up = 100;  // 500 ms

  // What was issued at one point, and when the last of it was.
  struct Issue {
    std::uint64_t count = 0;
    std::chrono::nanoseconds last{0};
  };

  void advance(std::chrono::nanoseconds now) noexcept;
  [[nodiscard]] Issue& issue_at(std::uint64_t at) noexcept { return recent_[at % recent_.size()]; }
  [[nodiscard]] const Issue& issue_at(std::uint64_t at) const noexcept {
    return recent_[at % recent_.size()];
  }
  [[nodiscard]] std::uint64_t issued_within_second() const noexcept;
  void count_in(std::uint64_t count) noexcept;
  [[nodiscard]] std::uint64_t due_by(std::uint64_t at) const noexcept;

  std::uint64_t rate_;
  bool is_moving_ = false;
  std::uint64_t began_ = 0;   // point the line began to move at, moved on by whole seconds
  std::uint64_t issued_ = 0;  // since began_
  std::uint64_t now_ = 0;     // last point seen
  std::chrono::nanoseconds now_time_{0};
  std::uint64_t issued_at_ = 0;  // point of the last issue()
  // Of the last 201 points, which a second can touch, and of all of them.
  std::array<Issue, points_per_second + 1> recent_{};
  std::uint64_t recent_sum_ = 0;
};

}  // namespace fluxgate::admission
