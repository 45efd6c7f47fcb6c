#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "engine/committer.hpp"
#include "engine/order_id.hpp"
#include "engine/waiting_room.hpp"
#include "fluxgate/clock.hpp"
#include "fluxgate/log_storage.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "idempotency/idempotency_index.hpp"
#include "inventory/inventory.hpp"

namespace fluxgate::engine {

/// What the log says the engine is.
struct Recovered {
  std::unique_ptr<inventory::Inventory> inventory;
  std::unique_ptr<idempotency::IdempotencyIndex> index;
  std::optional<OrderIdCodec> order_ids;  ///< none: the log is new
  /// How long keys lived when the log ended; none: it does not say.
  std::optional<std::chrono::seconds> idempotency_ttl;
  SettingsChange settings;     ///< what was changed while earlier lives sold
  WaitingRoom::Contents room;  ///< its signer has no key: the log has none yet
  base::HashKey secret;        ///< as given
  LogPosition mark;
  LogPosition tail;
  std::chrono::milliseconds last_accepted_at{0};
  Committer::Totals totals;
};

/// Name of the setting that says how long keys live, in seconds; 0: for ever.
inline constexpr std::string_view idempotency_ttl_name = "idempotency_ttl";

/// Name of the setting that is a key of tickets and passes; they are numbered from 1.
[[nodiscard]] std::string ticket_key_name(unsigned number);

struct RecoveryOptions {
  const Clock& clock;
  base::HashKey secret;  ///< of the in-memory hashes
  std::chrono::milliseconds idempotency_ttl;
  const LogSink& log;  ///< a progress line each second
  /// Compares every key with all that were alive when its order was accepted, as the log says, and
  /// not with those that are alive now. Then the index is of no use behind it.
  bool checks_all_keys = false;
};

/// What there is before the first record.
[[nodiscard]] Recovered nothing_recovered(const RecoveryOptions& options);

/// Walks the whole log, checking everything, and rebuilds stock and keys. Writes nothing.
///
/// About 0.2 us an order, warm. Keys whose life is over are left out.
///
/// Errors: damaged (a block, the chain, the mark, a record that contradicts an earlier one, an
///         oversold round, a key sold twice within its life, a wrong checkpoint), newer_format,
///         unavailable.
[[nodiscard]] Result<Recovered> recover(LogStorage& storage, const RecoveryOptions& options);

}  // namespace fluxgate::engine
