#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/rebuilder.hpp"
#include "engine/recovery.hpp"
#include "fluxgate/log_storage.hpp"
#include "fluxgate/result.hpp"
#include "orderlog/data_directory.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::engine {

/// What was read of a log, up to its end or its first fault.
struct LogReport {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;   ///< of blocks
  std::uint64_t orders = 0;  ///< good ones; also the sequence of the last one
  Units units = 0;           ///< in them, modulo 2^64
  std::uint64_t products = 0;
  std::uint64_t rounds = 0;
  std::uint64_t tickets = 0;
  std::uint64_t admissions = 0;       ///< passes issued
  bool knows_key_life = false;        ///< the log says how long keys lived, so they were compared
  std::optional<LogPosition> mark{};  ///< none: it was not read
};

/// The first thing in a log that must not be.
struct LogFault {
  std::optional<orderlog::LogPlace> place{};  ///< none: it is not about a block
  std::string what;                           ///< one sentence, which names the place or the file
};

struct Verification {
  LogReport read;
  std::optional<LogFault> fault{};  ///< none: all is well
};

/// Checks all that a log says of itself: what Rebuilder does, and of the whole log what a start
/// does not need to know: keys that are forgotten by now, passes that have lapsed, who a pass
/// belongs to, and limits per order and user.
///
/// Threads:  one.
/// Memory:   as a running engine's: about 50 bytes a key that was alive at one time, and 9 bytes a
///           ticket besides.
/// Errors:   throws std::bad_alloc.
class LogVerifier : public orderlog::LogVisitor {
 public:
  explicit LogVerifier(const Clock& clock);
  LogVerifier(const LogVerifier&) = delete;
  LogVerifier& operator=(const LogVerifier&) = delete;

  /// What was read, and the fault that is in it: behind a walk, `walked` is what that returned.
  /// Errors: those of the walk that say nothing of the log (not_found, permission, unavailable,
  ///         newer_format).
  [[nodiscard]] Result<Verification> conclude(const Result<LogPosition>& walked);

  void on_mark(const LogPosition& mark) override { report_.mark = mark; }
  bool on_block(const orderlog::BlockInfo& block) override;
  bool on_product(const orderlog::ProductRecord& product) override;
  bool on_round(const orderlog::RoundRecord& round) override;
  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const orderlog::OrderEntry& order) override;
  bool on_ticket(const orderlog::TicketRecord& ticket) override;
  bool on_admission(const orderlog::AdmissionRecord& admission) override;
  bool on_setting(const orderlog::SettingRecord& setting) override;
  bool on_checkpoint(const orderlog::CheckpointRecord& checkpoint) override;
  void on_fault(const orderlog::LogPlace& place) override { unread_ = place; }

 private:
  enum class Pass : std::uint8_t { none, issued, used };

  /// What is wrong with the pass of an order; null: nothing.
  [[nodiscard]] const char* use_pass(const orderlog::OrderEntry& order);
  /// What is wrong with its units; null: nothing.
  [[nodiscard]] const char* check_limits(const orderlog::OrderEntry& order) const;

  const LogSink silent_;
  const RecoveryOptions options_;
  Recovered recovered_;
  Rebuilder rebuilder_;
  LogReport report_;
  BlockKey block_;  // the present one
  // Of each ticket: a keyed hash of product and user, and what became of its pass.
  std::vector<std::uint64_t> persons_;
  std::vector<Pass> passes_;
  std::optional<Rebuilder::Defect> defect_;   // of those that only this class knows
  std::optional<orderlog::LogPlace> unread_;  // where the walk ended with an error
};

/// Verifies the log in a directory; also beside a running server. Changes nothing.
///
/// Where the mark cannot be read that is the fault, and what can be read without it is reported.
///
/// Errors: not_found (no log there), permission, newer_format, unavailable (a file or the disk
///         cannot be read; nothing is said of the log).
[[nodiscard]] Result<Verification> verify_log(const std::string& directory, const Clock& clock,
                                              const orderlog::LookOptions& look = {});

}  // namespace fluxgate::engine
