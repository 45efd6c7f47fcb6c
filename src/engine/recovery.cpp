#include "engine/recovery.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "idempotency/index_loader.hpp"
#include "orderlog/walk.hpp"

namespace fluxgate::engine {
namespace {

using orderlog::AdmissionRecord;
using orderlog::BlockInfo;
using orderlog::CheckpointRecord;
using orderlog::OrderEntry;
using orderlog::ProductRecord;
using orderlog::RoundRecord;
using orderlog::SettingRecord;
using orderlog::TicketRecord;

constexpr std::string_view ticket_key_prefix = "ticket_key.";

/// Rebuilds the rooms, record by record, and stops at the first that contradicts an earlier one.
class Rebuilder : public orderlog::LogVisitor {
 public:
  Rebuilder(Recovered& recovered, const RecoveryOptions& options)
      : recovered_(recovered),
        options_(options),
        now_(options.clock.utc()),
        next_progress_(options.clock.monotonic() + progress_interval),
        keys_(*recovered.index) {}

  /// Call after the walk: the defect found, if any.
  [[nodiscard]] const std::optional<Error>& finish() {
    if (!error_ && new_product_) fail("product \"" + *new_product_ + "\" has no round");
    keys_.finish();
    return error_;
  }

  bool on_block(const BlockInfo& block) override {
    if (new_product_) return fail("product \"" + *new_product_ + "\" has no round");
    block_ = block;
    recovered_.last_accepted_at = block.accepted_at;
    if (++blocks_ % blocks_per_clock_look == 0) report_progress();
    return true;
  }

  bool on_product(const ProductRecord& product) override {
    if (new_product_) return fail("product \"" + *new_product_ + "\" has no round");
    if (product.product != recovered_.inventory->size()) return fail("a product number is skipped");
    if (!is_valid_id(product.id)) return fail("a product id is not valid");
    new_product_ = std::string(product.id);
    return true;
  }

  bool on_round(const RoundRecord& round) override {
    const inventory::RoundSpec spec{.quantity = round.quantity,
                                    .max_per_order = round.max_per_order,
                                    .max_per_user = round.max_per_user,
                                    .opened_at = block_.key};
    if (new_product_) {
      if (round.product != recovered_.inventory->size() || round.round != 1) {
        return fail("product \"" + *new_product_ + "\" does not begin with round 1");
      }
      if (recovered_.inventory->find(*new_product_) != nullptr) {
        return fail("product \"" + *new_product_ + "\" is created twice");
      }
      recovered_.inventory->create(*new_product_, spec);
      new_product_.reset();
      return true;
    }
    inventory::Product* product = recovered_.inventory->by_number(round.product);
    if (product == nullptr) return fail("a round of an unknown product");
    if (round.round != product->round()->number + 1) {
      return fail("product \"" + product->id + "\" skips to round " + std::to_string(round.round));
    }
    product->open(spec);
    return true;
  }

  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const OrderEntry& order) override {
    inventory::Round* const round = round_of(order);
    if (round == nullptr) return fail("order " + std::to_string(sequence) + " is of no round");
    const base::Hash128 user =
        round->max_per_user != 0 ? recovered_.inventory->hash(order.user_id) : base::Hash128{};
    if (!round->restore(order.quantity, round->max_per_user != 0 ? &user : nullptr)) {
      return fail("order " + std::to_string(sequence) + " oversells round " +
                  std::to_string(order.round) + " of \"" + product_->id + "\"");
    }
    if (order.pass != 0 && !recovered_.room.line->restore_used(order.pass)) {
      return fail("order " + std::to_string(sequence) +
                  " has a pass that was used or never issued");
    }
    auto& totals = recovered_.totals;
    totals.orders = sequence;
    totals.units += order.quantity;
    if (!round->is_in_next_checkpoint) {
      totals.rounds_since_checkpoint.push_back(round);
      round->is_in_next_checkpoint = true;
    }

    idempotency::KeyLifetime& lifetime = recovered_.index->lifetime();
    if (lifetime.is_over(accepted_at, now_)) return true;
    lifetime.note(sequence, accepted_at);
    keys_.add({order.user_id, order.key, product_->id_hash, order.quantity, sequence});
    return true;
  }

  bool on_ticket(const TicketRecord& ticket) override {
    const inventory::Product* product = recovered_.inventory->by_number(ticket.product);
    if (product == nullptr) return fail("a ticket for an unknown product");
    const auto person = WaitingRoom::person(recovered_.secret, product->id, ticket.user_id);
    return recovered_.room.line->restore(ticket.ticket, person, ticket.product) ||
           fail("ticket " + std::to_string(ticket.ticket) + " does not follow the one before");
  }

  bool on_admission(const AdmissionRecord& admission) override {
    admission::Line& line = *recovered_.room.line;
    const bool is_admitted = admission.exit == orderlog::LineExit::admitted;
    // Less than a second ago; or the clock was set back since, then one cannot know.
    if (is_admitted && block_.accepted_at + std::chrono::seconds(1) > now_) {
      ++recovered_.room.admitted_lately;
    }
    const bool is_known = is_admitted
                              ? line.restore_admitted(admission.ticket, block_.accepted_at, now_)
                              : line.restore_left(admission.ticket);
    return is_known ||
           fail("ticket " + std::to_string(admission.ticket) + " leaves a line it is not in");
  }

  bool on_setting(const SettingRecord& setting) override {
    if (setting.name.starts_with(ticket_key_prefix)) return on_ticket_key(setting);
    switch (read_setting(setting.name, setting.value, recovered_.settings)) {
      case SettingRead::taken:
        return true;
      case SettingRead::malformed:
        return fail("the setting " + std::string(setting.name) + " has no valid value");
      case SettingRead::unknown:
        break;
    }
    if (setting.name != OrderIdCodec::setting_name) return true;
    if (recovered_.order_ids) return fail("the order id key is set twice");
    recovered_.order_ids = OrderIdCodec::from_key(setting.value);
    return recovered_.order_ids.has_value() || fail("the order id key has a wrong length");
  }

  bool on_checkpoint(const CheckpointRecord& checkpoint) override {
    auto& totals = recovered_.totals;
    if (checkpoint.orders != totals.orders || checkpoint.units != totals.units) {
      return fail("the totals of a checkpoint differ from the orders before it");
    }
    if (checkpoint.rounds.size() != totals.rounds_since_checkpoint.size()) {
      return fail("a checkpoint does not name the rounds that took orders before it");
    }
    for (const auto& total : checkpoint.rounds) {
      const inventory::Product* product = recovered_.inventory->by_number(total.product);
      inventory::Round* round = product != nullptr ? product->round(total.round) : nullptr;
      // Named twice: then it is no longer in the list.
      const bool is_known = round != nullptr && std::exchange(round->is_in_next_checkpoint, false);
      if (!is_known || round->orders() != total.orders || round->accepted() != total.units) {
        return fail("a checkpoint differs from the orders of round " + std::to_string(total.round) +
                    " of product number " + std::to_string(total.product));
      }
    }
    totals.orders_at_checkpoint = checkpoint.orders;
    totals.rounds_since_checkpoint.clear();
    return true;
  }

 private:
  bool on_ticket_key(const SettingRecord& setting) {
    admission::TokenSigner& signer = *recovered_.room.signer;
    if (setting.name != ticket_key_name(signer.newest() + 1U)) {
      return fail("a ticket key is out of order");
    }
    return signer.add_key(setting.value) || fail("a ticket key has a wrong length");
  }

  // 64 blocks are at most 262,144 orders, about 50 ms: often enough for a line a second.
  static constexpr std::uint64_t blocks_per_clock_look = 64;
  static constexpr std::chrono::seconds progress_interval{1};

  // Orders mostly come in the round of the one before. Null: there is no such round.
  inventory::Round* round_of(const OrderEntry& order) {
    const bool is_same =
        round_ != nullptr && product_->number == order.product && round_->number == order.round;
    if (is_same) return round_;
    product_ = recovered_.inventory->by_number(order.product);
    round_ = product_ != nullptr ? product_->round(order.round) : nullptr;
    return round_;
  }

  bool fail(const std::string& what) {
    error_ = Error{ErrorCode::damaged,
                   "block " + std::to_string(block_.key.block) + " of the log: " + what};
    return false;
  }

  void report_progress() {
    const auto now = options_.clock.monotonic();
    if (now < next_progress_) return;
    next_progress_ = now + progress_interval;
    if (options_.log) {
      options_.log(LogLevel::info,
                   "reading the log: " + std::to_string(recovered_.totals.orders) + " orders");
    }
  }

  Recovered& recovered_;
  const RecoveryOptions& options_;
  std::chrono::milliseconds now_;
  std::chrono::nanoseconds next_progress_;
  BlockInfo block_;
  std::uint64_t blocks_ = 0;
  std::optional<std::string> new_product_;
  // Of the last order.
  inventory::Product* product_ = nullptr;
  inventory::Round* round_ = nullptr;
  idempotency::IndexLoader keys_;
  std::optional<Error> error_;
};

}  // namespace

std::string ticket_key_name(unsigned number) {
  return std::string(ticket_key_prefix) + std::to_string(number);
}

Result<Recovered> recover(LogStorage& storage, const RecoveryOptions& options) {
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
  auto mark = storage.mark();
  if (!mark) return mark.error();
  recovered.mark = *mark;

  Rebuilder rebuilder(recovered, options);
  auto tail = orderlog::walk(storage, 0, rebuilder, &recovered.mark);
  if (!tail) return tail.error();
  if (const auto& defect = rebuilder.finish()) return *defect;
  recovered.tail = *tail;
  if (recovered.tail.block != 0 && !recovered.order_ids) {
    return Error{ErrorCode::damaged, "the log has no order id key"};
  }
  return recovered;
}

}  // namespace fluxgate::engine
