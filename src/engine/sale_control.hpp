#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "admission/rate_limiter.hpp"
#include "engine/waiting_room.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/entropy.hpp"
#include "fluxgate/operation.hpp"
#include "fluxgate/settings.hpp"
#include "orderlog/block.hpp"

namespace fluxgate::engine {

/// The settings with a change made to them.
[[nodiscard]] SaleSettings changed(SaleSettings settings, const SettingsChange& change) noexcept;

/// Admissions per second; 0: everybody is let in.
[[nodiscard]] constexpr std::uint64_t rate_in_force(const SaleSettings& settings) noexcept {
  return settings.admit_all ? 0 : settings.rate_limit;
}
[[nodiscard]] constexpr std::uint64_t burst_in_force(const SaleSettings& settings) noexcept {
  return settings.rate_burst != 0 ? settings.rate_burst : settings.rate_limit;
}

/// Reads a setting of the log into the change that all of them are together.
enum class SettingRead { taken, unknown, malformed };
[[nodiscard]] SettingRead read_setting(std::string_view name, std::string_view value,
                                       SettingsChange& change) noexcept;

/// What an operator changes while the sale runs, and who is told: the limiter and the waiting room.
///
/// A change is a record of the log like an order: gathered into a block, in force when that is
/// durable. Orders decided before it are not taken back.
///
/// Threads:  settings() from any; the rest from the committing one.
/// Lifetime: its parts outlive it.
class SaleControl {
 public:
  struct Parts {
    admission::RateLimiter& limiter;
    WaitingRoom& room;
    const Clock& clock;
    Entropy& entropy;
  };

  /// `settings` are in force already.
  SaleControl(const Parts& parts, const SaleSettings& settings);

  [[nodiscard]] SaleSettings settings() const;

  /// Decides a change and adds its records. Throws std::bad_alloc.
  void gather(SettingsOperation& operation, orderlog::BlockBuilder& block);
  /// A gathered change is durable: puts it in force. Throws std::bad_alloc.
  void settle(SettingsOperation& operation);

 private:
  Parts parts_;
  SaleSettings gathered_;           // as the log has them, also what is not durable yet
  std::uint8_t keys_gathered_ = 0;  // likewise: number of the newest key of tickets

  mutable std::mutex mutex_;
  SaleSettings settings_;  // in force; guarded by mutex_
};

}  // namespace fluxgate::engine
