#include "engine/sale_control.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "base/random_key.hpp"
#include "engine/recovery.hpp"

namespace fluxgate::engine {
namespace {

using admission::TokenSigner;

// A setting's value is a decimal number; a switch is 0 or 1.
struct NumberSetting {
  std::string_view name;
  std::optional<std::uint64_t> SettingsChange::*member;
};
constexpr std::array numbers{
    NumberSetting{"rate_limit", &SettingsChange::rate_limit},
    NumberSetting{"rate_burst", &SettingsChange::rate_burst},
};
struct SwitchSetting {
  std::string_view name;
  std::optional<bool> SettingsChange::*member;
};
constexpr std::array switches{
    SwitchSetting{"line_closed", &SettingsChange::line_closed},
    SwitchSetting{"admit_all", &SettingsChange::admit_all},
    SwitchSetting{"sale_paused", &SettingsChange::sale_paused},
};

std::optional<std::uint64_t> number_of(std::string_view text, std::uint64_t max) noexcept {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end || number > max) return std::nullopt;
  return number;
}

void add_records(const SettingsChange& change, orderlog::BlockBuilder& block) {
  for (const NumberSetting& setting : numbers) {
    const auto& value = change.*setting.member;
    if (value) block.add(orderlog::SettingRecord{setting.name, std::to_string(*value)});
  }
  for (const SwitchSetting& setting : switches) {
    const auto& value = change.*setting.member;
    if (value) block.add(orderlog::SettingRecord{setting.name, *value ? "1" : "0"});
  }
}

bool is_valid(const SettingsChange& change) noexcept {
  constexpr std::uint64_t max = admission::RateLimiter::rate_max;
  return change.rate_limit.value_or(0) <= max && change.rate_burst.value_or(0) <= max;
}

}  // namespace

SaleSettings changed(SaleSettings settings, const SettingsChange& change) noexcept {
  settings.rate_limit = change.rate_limit.value_or(settings.rate_limit);
  settings.rate_burst = change.rate_burst.value_or(settings.rate_burst);
  settings.line_closed = change.line_closed.value_or(settings.line_closed);
  settings.admit_all = change.admit_all.value_or(settings.admit_all);
  settings.sale_paused = change.sale_paused.value_or(settings.sale_paused);
  return settings;
}

SettingRead read_setting(std::string_view name, std::string_view value,
                         SettingsChange& change) noexcept {
  for (const NumberSetting& setting : numbers) {
    if (setting.name != name) continue;
    const auto number = number_of(value, admission::RateLimiter::rate_max);
    change.*setting.member = number;
    return number ? SettingRead::taken : SettingRead::malformed;
  }
  for (const SwitchSetting& setting : switches) {
    if (setting.name != name) continue;
    const auto number = number_of(value, 1);
    change.*setting.member = number == 1;
    return number ? SettingRead::taken : SettingRead::malformed;
  }
  return SettingRead::unknown;
}

SaleControl::SaleControl(const Parts& parts, const SaleSettings& settings)
    : parts_(parts),
      gathered_(settings),
      keys_gathered_(parts.room.newest_key()),
      settings_(settings) {}

SaleSettings SaleControl::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

void SaleControl::gather(SettingsOperation& operation, orderlog::BlockBuilder& block) {
  operation.result = {};
  operation.key_.clear();
  if (!is_valid(operation.request)) return;
  if (operation.request.renew_ticket_key) {
    if (keys_gathered_ == TokenSigner::keys_max) {
      operation.result.status = SettingsStatus::too_many_keys;
      return;
    }
    operation.key_ = base::random_bytes(parts_.entropy, TokenSigner::key_bytes);
    block.add(orderlog::SettingRecord{ticket_key_name(++keys_gathered_), operation.key_});
  }
  add_records(operation.request, block);
  gathered_ = changed(gathered_, operation.request);
  operation.after_ = gathered_;
  operation.result.status = SettingsStatus::ok;
}

void SaleControl::settle(SettingsOperation& operation) {
  if (operation.result.status != SettingsStatus::ok) return;
  const SaleSettings& after = operation.after_;
  if (!operation.key_.empty()) parts_.room.add_key(operation.key_);
  const WaitingRoom::Rules rules{
      .rate = rate_in_force(after), .is_closed = after.line_closed, .is_paused = after.sale_paused};
  // A pause comes before, and goes after, what it covers: no order gets through in between.
  if (rules.is_paused) parts_.room.apply(rules);
  parts_.limiter.change(rules.rate, burst_in_force(after), parts_.clock.monotonic());
  if (!rules.is_paused) parts_.room.apply(rules);
  operation.result.settings = after;
  operation.result.ticket_key = parts_.room.newest_key();
  const std::lock_guard lock(mutex_);
  settings_ = after;
}

}  // namespace fluxgate::engine
