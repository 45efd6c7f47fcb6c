#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fluxgate/settings.hpp"
#include "fluxgate/types.hpp"
#include "orderlog/walk.hpp"
#include "support/history_index.hpp"

namespace fluxgate::testing {

/// Follows the log block by block and says whether the line moves as it must.
///
/// "overtaken": somebody was let in before another who was there first, present, and whose product
/// had units · "paused": somebody was let in during a pause · "ahead": it grew · "pass": another
/// one than before, or one that is not durable · "rate": too many in a second · "ticket": one that
/// was given is not known.
class LineWatch final : public orderlog::LogVisitor {
 public:
  using Time = std::chrono::nanoseconds;

  explicit LineWatch(Violations& violations) : violations_(violations) {}

  // ---- What happens --------------------------------------------------------------------------

  /// The log is read from its beginning, block by block, after this. `has_lost`: it may be shorter
  /// than it was.
  void restart(Time now, bool has_lost);
  /// All blocks there are were shown.
  void restarted();
  /// A block is shown next that was written just now.
  void written(Time now) { written_at_ = now; }
  /// The committer looks at the line now. `has_units` of a product number.
  void before_gather(Time now, bool is_paused, const std::function<bool(std::uint64_t)>& has_units);
  /// What was let in in the last block is visible from now on.
  void settled(Time now);
  /// Admissions per second in force from now on; 0: no limit.
  void set_rate(std::uint64_t rate, Time now);
  /// After a restart nobody can tell how long ago something happened.
  void clock_jumped();
  /// Somebody was told his place.
  void told(std::uint64_t ticket, std::string_view text, const Place& place, Time now);

  [[nodiscard]] bool is_in_log(std::uint64_t ticket) const { return places_.count(ticket) != 0; }
  /// When it was let in; 0: it was not, or its pass bought something.
  [[nodiscard]] std::chrono::milliseconds pass_since(std::uint64_t ticket) const;
  /// What the log says of settings; options hold for what it does not mention.
  [[nodiscard]] const SettingsChange& settings() const noexcept { return settings_; }
  /// Units of a round's orders, by product id.
  [[nodiscard]] Units units(const std::string& product_id, RoundNumber round) const;
  [[nodiscard]] bool has_products() const noexcept { return !products_.empty(); }
  [[nodiscard]] std::uint64_t orders() const noexcept { return orders_; }
  /// While it was looked on, not counting those read after a restart.
  [[nodiscard]] std::uint64_t admissions_total() const noexcept { return admissions_total_; }

  // ---- LogVisitor: a block that was just written, or all of them after restart() -------------

  bool on_block(const orderlog::BlockInfo& block) override;
  bool on_product(const orderlog::ProductRecord& product) override;
  bool on_order(Sequence sequence, std::chrono::milliseconds at,
                const orderlog::OrderEntry& order) override;
  bool on_ticket(const orderlog::TicketRecord& ticket) override;
  bool on_admission(const orderlog::AdmissionRecord& admission) override;
  bool on_setting(const orderlog::SettingRecord& setting) override;

 private:
  enum class State : std::uint8_t { waiting, admitted, left, used };
  struct Watched {
    std::uint64_t product = 0;
    std::string user = {};
    State state = State::waiting;
    Time present_until{0};       // at least
    bool is_called_for = false;  // at the last gather: present, and its product had units
    std::chrono::milliseconds admitted_at{0};
  };

  void check_rate(Time now);

  Violations& violations_;
  std::map<std::uint64_t, Watched> places_;
  // What holders were told last: by number, and, as a new key makes another ticket, by its text.
  std::map<std::uint64_t, std::uint64_t> ahead_;
  std::map<std::string, std::string, std::less<>> passes_;
  SettingsChange settings_;
  std::vector<std::string> products_;
  std::map<std::pair<std::string, RoundNumber>, Units> units_;
  std::uint64_t orders_ = 0;
  std::uint64_t admissions_total_ = 0;
  std::chrono::milliseconds block_at_{0};
  bool is_reading_all_ = false;
  bool was_paused_ = false;
  Time read_at_{0};
  Time written_at_{0};
  // The log dates an admission by its write, and that is all a restart knows.
  struct Admitted {
    Time seen;
    Time written;
  };
  std::vector<Time> called_;       // in the block that is not settled yet: when it was written
  std::deque<Admitted> admitted_;  // of the last second
  std::deque<std::pair<Time, std::uint64_t>> rates_;  // from when
};

/// Whether orders without a pass stay within burst + rate·t.
class RateWatch {
 public:
  void set(std::uint64_t rate, std::uint64_t burst, std::chrono::nanoseconds now);
  /// The limiter begins full again.
  void refill() noexcept { level_ = static_cast<double>(burst_); }
  /// False: one too many.
  [[nodiscard]] bool try_admit(std::chrono::nanoseconds now);

 private:
  std::uint64_t rate_ = 0;
  std::uint64_t burst_ = 0;
  double level_ = 0;
  std::chrono::nanoseconds at_{0};
};

}  // namespace fluxgate::testing
