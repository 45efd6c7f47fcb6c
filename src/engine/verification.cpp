#include "engine/verification.hpp"

#include <utility>

#include "base/random_key.hpp"
#include "fluxgate/entropy.hpp"
#include "orderlog/beside.hpp"
#include "orderlog/block.hpp"

namespace fluxgate::engine {

using orderlog::OrderEntry;

// Until the log says how long keys live none is compared, so here any life will do.
LogVerifier::LogVerifier(const Clock& clock)
    : options_{.clock = clock,
               .secret = base::random_key(system_entropy()),
               .idempotency_ttl = std::chrono::milliseconds(0),
               .log = silent_,
               .checks_all_keys = true},
      recovered_(nothing_recovered(options_)),
      rebuilder_(recovered_, options_) {}

Result<Verification> LogVerifier::conclude(const Result<LogPosition>& walked) {
  const auto& rebuilt = walked ? rebuilder_.finish() : rebuilder_.defect();
  // A defect found here ended the walk: the rebuilder's can only be of an earlier order.
  const auto& defect = rebuilt ? rebuilt : defect_;
  // The keys are compared some orders later.
  const bool is_of_order = defect && defect->place.order != 0;
  report_.orders = is_of_order ? defect->place.order - 1 : recovered_.totals.orders;
  report_.units = recovered_.totals.units;
  report_.knows_key_life = recovered_.idempotency_ttl.has_value();
  Verification result{report_};
  if (defect) {
    result.fault = {defect->place, defect->what};
  } else if (!walked) {
    if (walked.error().code != ErrorCode::damaged) return walked.error();
    result.fault = {unread_, walked.error().message};
  } else if (report_.blocks != 0 && !recovered_.order_ids) {
    result.fault = {std::nullopt, "the log has no order id key"};
  }
  return result;
}

bool LogVerifier::on_block(const orderlog::BlockInfo& block) {
  block_ = block.key;
  ++report_.blocks;
  report_.bytes += block.content.size();
  return rebuilder_.on_block(block);
}

bool LogVerifier::on_product(const orderlog::ProductRecord& product) {
  ++report_.products;
  return rebuilder_.on_product(product);
}

bool LogVerifier::on_round(const orderlog::RoundRecord& round) {
  ++report_.rounds;
  return rebuilder_.on_round(round);
}

bool LogVerifier::on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                           const OrderEntry& order) {
  const orderlog::LogPlace place{block_, sequence};
  if (!rebuilder_.on_order(sequence, accepted_at, order)) return false;
  const char* what = check_limits(order);
  if (what == nullptr && order.pass != 0) what = use_pass(order);
  if (what == nullptr) return true;
  defect_ = {place, orderlog::block_name(block_) + ": order " + std::to_string(sequence) + what};
  return false;
}

const char* LogVerifier::check_limits(const OrderEntry& order) const {
  const inventory::Round* round =
      recovered_.inventory->by_number(order.product)->round(order.round);
  if (round->max_per_order != 0 && order.quantity > round->max_per_order) {
    return " has more units than its round allows in one";
  }
  if (round->max_per_user == 0) return nullptr;
  const Units units = round->user_units(recovered_.inventory->hash(order.user_id));
  return units > round->max_per_user ? " gives its user more units than its round allows" : nullptr;
}

const char* LogVerifier::use_pass(const OrderEntry& order) {
  // The rebuilder has checked that there was such a ticket.
  Pass& pass = passes_[order.pass - 1];
  if (pass != Pass::issued) return " has a pass that was used or never issued";
  const inventory::Product* product = recovered_.inventory->by_number(order.product);
  if (persons_[order.pass - 1] !=
      WaitingRoom::person(recovered_.secret, product->id, order.user_id)) {
    return " has a pass of another user or product";
  }
  pass = Pass::used;
  return nullptr;
}

bool LogVerifier::on_ticket(const orderlog::TicketRecord& ticket) {
  if (!rebuilder_.on_ticket(ticket)) return false;
  const inventory::Product* product = recovered_.inventory->by_number(ticket.product);
  persons_.push_back(WaitingRoom::person(recovered_.secret, product->id, ticket.user_id));
  passes_.push_back(Pass::none);
  ++report_.tickets;
  return true;
}

bool LogVerifier::on_admission(const orderlog::AdmissionRecord& admission) {
  if (!rebuilder_.on_admission(admission)) return false;
  if (admission.exit != orderlog::LineExit::admitted) return true;
  passes_[admission.ticket - 1] = Pass::issued;
  ++report_.admissions;
  return true;
}

bool LogVerifier::on_setting(const orderlog::SettingRecord& setting) {
  return rebuilder_.on_setting(setting);
}

bool LogVerifier::on_checkpoint(const orderlog::CheckpointRecord& checkpoint) {
  return rebuilder_.on_checkpoint(checkpoint);
}

Result<Verification> verify_log(const std::string& directory, const Clock& clock,
                                const orderlog::LookOptions& look) {
  std::optional<LogVerifier> verifier;
  const auto fresh = [&]() -> orderlog::LogVisitor& { return verifier.emplace(clock); };
  const Result<LogPosition> walked = orderlog::walk_beside_writer(directory, fresh, look);
  Result<Verification> verified = verifier->conclude(walked);
  // Not a block was looked at: the mark is at fault, or the database. What is there without it?
  const bool is_shut = verified && verified->fault && !verified->read.mark && !look.ignores_mark;
  if (!is_shut) return verified;
  orderlog::LookOptions without_mark = look;
  without_mark.ignores_mark = true;
  Result<Verification> rest = verify_log(directory, clock, without_mark);
  if (!rest) return verified;
  rest->fault = verified->fault;
  const auto found = orderlog::DataDirectory::look(directory, look);
  if (found) rest->read.mark = found->mark();
  return rest;
}

}  // namespace fluxgate::engine
