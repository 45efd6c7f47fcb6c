#include "engine/rebuilder.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

#include "orderlog/block.hpp"

namespace fluxgate::engine {

using orderlog::AdmissionRecord;
using orderlog::BlockInfo;
using orderlog::CheckpointRecord;
using orderlog::OrderEntry;
using orderlog::ProductRecord;
using orderlog::RoundRecord;
using orderlog::SettingRecord;
using orderlog::TicketRecord;

namespace {

constexpr std::string_view ticket_key_prefix = "ticket_key.";

// 64 blocks are at most 262,144 orders, about 50 ms: often enough for a line a second.
constexpr std::uint64_t blocks_per_clock_look = 64;
constexpr std::chrono::seconds progress_interval{1};

}  // namespace

std::string ticket_key_name(unsigned number) {
  return std::string(ticket_key_prefix) + std::to_string(number);
}

Rebuilder::Rebuilder(Recovered& recovered, const RecoveryOptions& options)
    : recovered_(recovered),
      options_(options),
      now_(options.clock.utc()),
      next_progress_(options.clock.monotonic() + progress_interval),
      keys_(*recovered.index) {}

const std::optional<Rebuilder::Defect>& Rebuilder::defect() {
  keys_.finish();
  if (const auto& repeat = keys_.repeat()) {
    // All keys given are of orders before any other defect.
    const BlockKey block = block_of(repeat->second);
    defect_ = {{block, repeat->second},
               orderlog::block_name(block) + ": order " + std::to_string(repeat->second) +
                   " has the user and the key of order " + std::to_string(repeat->first) +
                   ", within its life"};
  }
  return defect_;
}

const std::optional<Rebuilder::Defect>& Rebuilder::finish() {
  if (!defect_ && new_product_) fail("product \"" + *new_product_ + "\" has no round");
  // Whatever the clock does next: a key is sold again only after its life, also by the log's time.
  if (has_forgotten_) {
    recovered_.last_accepted_at = std::max(recovered_.last_accepted_at, now_);
  }
  return defect();
}

bool Rebuilder::on_block(const BlockInfo& block) {
  if (new_product_) return fail("product \"" + *new_product_ + "\" has no round");
  block_ = block.key;
  if (block.orders != 0) sold_[sold_count_++ % sold_.size()] = block_;
  recovered_.last_accepted_at = block.accepted_at;
  if (++blocks_ % blocks_per_clock_look == 0) report_progress();
  return true;
}

bool Rebuilder::on_product(const ProductRecord& product) {
  if (new_product_) return fail("product \"" + *new_product_ + "\" has no round");
  if (product.product != recovered_.inventory->size()) return fail("a product number is skipped");
  if (product.product >= products_max) return fail("there are more products than can be");
  if (!is_valid_id(product.id)) return fail("a product id is not valid");
  new_product_ = std::string(product.id);
  return true;
}

bool Rebuilder::on_round(const RoundRecord& round) {
  const inventory::RoundSpec spec{.quantity = round.quantity,
                                  .max_per_order = round.max_per_order,
                                  .max_per_user = round.max_per_user,
                                  .opened_at = block_};
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

bool Rebuilder::on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                         const OrderEntry& order) {
  inventory::Round* const round = round_of(order);
  if (round == nullptr) {
    return fail("order " + std::to_string(sequence) + " is of no round", sequence);
  }
  const base::Hash128 user =
      round->max_per_user != 0 ? recovered_.inventory->hash(order.user_id) : base::Hash128{};
  if (!round->restore(order.quantity, round->max_per_user != 0 ? &user : nullptr)) {
    return fail("order " + std::to_string(sequence) + " oversells round " +
                    std::to_string(order.round) + " of \"" + product_->id + "\"",
                sequence);
  }
  if (order.pass != 0 && !recovered_.room.line->restore_used(order.pass)) {
    return fail("order " + std::to_string(sequence) + " has a pass that was used or never issued",
                sequence);
  }
  auto& totals = recovered_.totals;
  totals.orders = sequence;
  totals.units += order.quantity;
  if (!round->is_in_next_checkpoint) {
    totals.rounds_since_checkpoint.push_back(round);
    round->is_in_next_checkpoint = true;
  }
  return enter_key(sequence, accepted_at, order);
}

bool Rebuilder::enter_key(Sequence sequence, std::chrono::milliseconds accepted_at,
                          const OrderEntry& order) {
  idempotency::KeyLifetime& lifetime = recovered_.index->lifetime();
  if (options_.checks_all_keys) {
    if (!recovered_.idempotency_ttl) return true;
    const auto expiry = lifetime.next_expiry();
    if (expiry && *expiry <= accepted_at) {
      keys_.finish();  // the orders given so far are compared as of their own time
      lifetime.expire(accepted_at);
    }
  } else if (lifetime.is_over(accepted_at, now_)) {
    has_forgotten_ = true;
    return true;
  }
  lifetime.note(sequence, accepted_at);
  keys_.add({.user_id = order.user_id,
             .key = order.key,
             .product = product_->id_hash,
             .quantity = order.quantity,
             .sequence = sequence});
  return !keys_.repeat();
}

bool Rebuilder::on_ticket(const TicketRecord& ticket) {
  const inventory::Product* product = recovered_.inventory->by_number(ticket.product);
  if (product == nullptr) return fail("a ticket for an unknown product");
  const auto person = WaitingRoom::person(recovered_.secret, product->id, ticket.user_id);
  if (!recovered_.room.line->restore(ticket.ticket, person, ticket.product)) {
    return fail("ticket " + std::to_string(ticket.ticket) + " does not follow the one before");
  }
  return true;
}

bool Rebuilder::on_admission(const AdmissionRecord& admission) {
  admission::Line& line = *recovered_.room.line;
  const bool is_admitted = admission.exit == orderlog::LineExit::admitted;
  const auto admitted_at = recovered_.last_accepted_at;
  // Less than a second ago; or the clock was set back since, then one cannot know.
  if (is_admitted && admitted_at + std::chrono::seconds(1) > now_) {
    ++recovered_.room.admitted_lately;
  }
  const bool is_known = is_admitted ? line.restore_admitted(admission.ticket, admitted_at, now_)
                                    : line.restore_left(admission.ticket);
  if (!is_known) {
    return fail("ticket " + std::to_string(admission.ticket) + " leaves a line it is not in");
  }
  return true;
}

bool Rebuilder::on_setting(const SettingRecord& setting) {
  if (setting.name.starts_with(ticket_key_prefix)) return on_ticket_key(setting);
  if (setting.name == idempotency_ttl_name) return on_key_life(setting);
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
  if (!recovered_.order_ids) return fail("the order id key has a wrong length");
  return true;
}

bool Rebuilder::on_ticket_key(const SettingRecord& setting) {
  admission::TokenSigner& signer = *recovered_.room.signer;
  if (setting.name != ticket_key_name(signer.newest() + 1U)) {
    return fail("a ticket key is out of order");
  }
  if (!signer.add_key(setting.value)) return fail("a ticket key has a wrong length");
  return true;
}

bool Rebuilder::on_key_life(const SettingRecord& setting) {
  std::int64_t seconds = 0;
  const char* const end = setting.value.data() + setting.value.size();
  const auto [last, error] = std::from_chars(setting.value.data(), end, seconds);
  if (error != std::errc() || last != end || seconds < 0 || seconds > idempotency_ttl_max.count()) {
    return fail("the setting " + std::string(setting.name) + " has no valid value");
  }
  const std::chrono::seconds life(seconds);
  keys_.set_life(life);
  if (options_.checks_all_keys) {
    recovered_.index->lifetime().change_ttl(life, recovered_.totals.orders);
  }
  recovered_.idempotency_ttl = life;
  return !keys_.repeat();
}

bool Rebuilder::on_checkpoint(const CheckpointRecord& checkpoint) {
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

// Orders mostly come in the round of the one before. Null: there is no such round.
inventory::Round* Rebuilder::round_of(const OrderEntry& order) {
  const bool is_same =
      round_ != nullptr && product_->number == order.product && round_->number == order.round;
  if (is_same) return round_;
  product_ = recovered_.inventory->by_number(order.product);
  round_ = product_ != nullptr ? product_->round(order.round) : nullptr;
  return round_;
}

BlockKey Rebuilder::block_of(Sequence order) const {
  BlockKey found;
  for (const BlockKey& block : sold_) {
    if (block.first_sequence <= order && block > found) found = block;
  }
  return found;
}

bool Rebuilder::fail(const std::string& what, Sequence order) {
  defect_ = {{block_, order}, orderlog::block_name(block_) + ": " + what};
  return false;
}

void Rebuilder::report_progress() {
  const auto now = options_.clock.monotonic();
  if (now < next_progress_) return;
  next_progress_ = now + progress_interval;
  if (options_.log) {
    options_.log(LogLevel::info,
                 "reading the log: " + std::to_string(recovered_.totals.orders) + " orders");
  }
}

}  // namespace fluxgate::engine
