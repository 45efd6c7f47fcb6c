#pragma once

#include <cstdint>
#include <optional>

namespace fluxgate {

/// What may be changed while the sale runs. A change is kept in the log: after a restart it counts,
/// and not the option it changed.
struct SaleSettings {
  std::uint64_t rate_limit = 0;  ///< admissions per second; 0: off
  std::uint64_t rate_burst = 0;  ///< may be admitted at once; 0: as many as rate_limit
  bool line_closed = false;      ///< nobody joins; who is in line stays and is let in
  bool admit_all = false;        ///< as if there was no rate: who is in line is let in at once
  bool sale_paused = false;      ///< nobody is let in, and orders are told to wait

  friend bool operator==(const SaleSettings&, const SaleSettings&) noexcept = default;
};

/// Changes some of the settings; what is left out stays.
struct SettingsChange {
  std::optional<std::uint64_t> rate_limit = {};  ///< 0..1'000'000'000
  std::optional<std::uint64_t> rate_burst = {};  ///< 0..1'000'000'000
  std::optional<bool> line_closed = {};
  std::optional<bool> admit_all = {};
  std::optional<bool> sale_paused = {};
  /// Signs tickets and passes with a new key from now on. Those of earlier keys stay good.
  bool renew_ticket_key = false;
};

/// The answer to a SettingsChange. Numbers are fixed.
enum class SettingsStatus : std::uint8_t {
  ok = 0,                   ///< Durable and in force.
  too_many_keys = 1,        ///< Nothing happened: 255 ticket keys were made.
  overloaded = 2,           ///< Nothing happened: too many operations in flight. Retry later.
  draining = 3,             ///< Nothing happened: the engine is closing.
  storage_full = 4,         ///< Nothing happened: no space.
  storage_unavailable = 5,  ///< Unknown until a restart.
  invalid_argument = 6,     ///< A value is out of range. Nothing happened.
};

struct SettingsResult {
  SettingsStatus status = SettingsStatus::invalid_argument;
  SaleSettings settings = {};   ///< ok only: what is in force now
  std::uint8_t ticket_key = 0;  ///< ok only: number of the key that signs
};

}  // namespace fluxgate
