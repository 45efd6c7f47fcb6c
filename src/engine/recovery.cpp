#include "engine/recovery.hpp"

#include "engine/rebuilder.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::engine {

Recovered nothing_recovered(const RecoveryOptions& options) {
  Recovered recovered;
  recovered.inventory = std::make_unique<inventory::Inventory>(options.secret);
  recovered.index =
      std::make_unique<idempotency::IdempotencyIndex>(options.secret, options.idempotency_ttl);
  recovered.secret = options.secret;
  recovered.room.signer = std::make_unique<admission::TokenSigner>();
  recovered.room.line =
      std::make_unique<admission::Line>([&inventory = *recovered.inventory](std::uint64_t product) {
        return inventory.by_number(product)->round()->stock().has(1);
      });
  return recovered;
}

Result<Recovered> recover(LogStorage& storage, const RecoveryOptions& options) {
  Recovered recovered = nothing_recovered(options);
  auto mark = storage.mark();
  if (!mark) return mark.error();
  recovered.mark = *mark;

  Rebuilder rebuilder(recovered, options);
  auto tail = orderlog::walk(storage, 0, rebuilder, &recovered.mark);
  const auto& defect = tail ? rebuilder.finish() : rebuilder.defect();
  if (defect) return Error{ErrorCode::damaged, defect->what};
  if (!tail) return tail.error();
  recovered.tail = *tail;
  if (recovered.tail.block != 0 && !recovered.order_ids) {
    return Error{ErrorCode::damaged, "the log has no order id key"};
  }
  return recovered;
}

}  // namespace fluxgate::engine
