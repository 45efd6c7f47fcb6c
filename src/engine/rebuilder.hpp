#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/recovery.hpp"
#include "idempotency/index_loader.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::engine {

/// Rebuilds the rooms, record by record, and stops at the first that contradicts an earlier one.
///
/// Threads:  one.
/// Errors:   throws std::bad_alloc.
/// Lifetime: what it is made with must outlive it.
class Rebuilder : public orderlog::LogVisitor {
 public:
  /// A record that contradicts an earlier one.
  struct Defect {
    orderlog::LogPlace place;
    std::string what;  ///< names the place, too
  };

  Rebuilder(Recovered& recovered, const RecoveryOptions& options);

  /// The defect found so far, if any. Ask also behind a walk that ended with an error: the defect
  /// comes before that.
  [[nodiscard]] const std::optional<Defect>& defect();
  /// The same at the end of a log; what was recovered is complete.
  [[nodiscard]] const std::optional<Defect>& finish();

  bool on_block(const orderlog::BlockInfo& block) override;
  bool on_product(const orderlog::ProductRecord& product) override;
  bool on_round(const orderlog::RoundRecord& round) override;
  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const orderlog::OrderEntry& order) override;
  bool on_ticket(const orderlog::TicketRecord& ticket) override;
  bool on_admission(const orderlog::AdmissionRecord& admission) override;
  bool on_setting(const orderlog::SettingRecord& setting) override;
  bool on_checkpoint(const orderlog::CheckpointRecord& checkpoint) override;

 private:
  bool on_ticket_key(const orderlog::SettingRecord& setting);
  bool on_key_life(const orderlog::SettingRecord& setting);
  /// Takes the order's key into the index, if anybody will ask for it.
  bool enter_key(Sequence sequence, std::chrono::milliseconds accepted_at,
                 const orderlog::OrderEntry& order);
  inventory::Round* round_of(const orderlog::OrderEntry& order);
  /// The block of an order given to keys_ lately.
  [[nodiscard]] BlockKey block_of(Sequence order) const;
  /// Remembers the defect; always false. `order` is its sequence, if it is one.
  bool fail(const std::string& what, Sequence order = 0);
  void report_progress();

  Recovered& recovered_;
  const RecoveryOptions& options_;
  std::chrono::milliseconds now_;
  std::chrono::nanoseconds next_progress_;
  BlockKey block_;  // the present one
  // The last blocks with orders: more than orders that wait in keys_.
  std::array<BlockKey, 2 * idempotency::IndexLoader::ahead> sold_;
  std::size_t sold_count_ = 0;
  std::uint64_t blocks_ = 0;
  bool has_forgotten_ = false;  // a key, because its life is over
  std::optional<std::string> new_product_;
  // Of the last order.
  inventory::Product* product_ = nullptr;
  inventory::Round* round_ = nullptr;
  idempotency::IndexLoader keys_;
  std::optional<Defect> defect_;
};

}  // namespace fluxgate::engine
