#include "engine/log_reading.hpp"

#include <functional>
#include <string>
#include <utility>

#include "orderlog/walk.hpp"

namespace fluxgate::engine {
namespace {

/// Calls a function for each order until it returns false.
class OrderVisitor : public orderlog::LogVisitor {
 public:
  using Visit =
      std::function<bool(Sequence, std::chrono::milliseconds, const orderlog::OrderEntry&)>;

  explicit OrderVisitor(Visit visit) : visit_(std::move(visit)) {}

  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const orderlog::OrderEntry& order) override {
    return visit_(sequence, accepted_at, order);
  }

 private:
  Visit visit_;
};

Result<void> visit_orders(const Core& core, Sequence from, OrderVisitor::Visit visit) {
  OrderVisitor visitor(std::move(visit));
  auto walked = orderlog::walk(core.storage(), from, visitor);
  if (!walked) return walked.error();
  return {};
}

OrderRecord to_record(const Core& core, Sequence sequence, std::chrono::milliseconds accepted_at,
                      const orderlog::OrderEntry& order) {
  const inventory::Product* product = core.inventory().by_number(order.product);
  return {.sequence = sequence,
          .order_id = core.order_ids().encode(sequence),
          .product_id = product != nullptr ? product->id : std::string(),
          .round = order.round,
          .user_id = std::string(order.user_id),
          .key = std::string(order.key),
          .quantity = order.quantity,
          .accepted_at = accepted_at};
}

}  // namespace

std::optional<Sequence> sequence_of(const Core& core, std::string_view order_id) noexcept {
  const auto sequence = core.order_ids().decode(order_id);
  if (!sequence || *sequence == 0 || *sequence > core.orders_total()) return std::nullopt;
  return sequence;
}

Result<OrderRecord> find_order(const Core& core, std::string_view order_id) {
  const Error not_found{ErrorCode::not_found, "no such order"};
  const auto wanted = sequence_of(core, order_id);
  if (!wanted) return not_found;
  std::optional<OrderRecord> found;
  auto visited =
      visit_orders(core, *wanted, [&](auto sequence, auto accepted_at, const auto& order) {
        if (sequence == *wanted) found = to_record(core, sequence, accepted_at, order);
        return false;
      });
  if (!visited) return visited.error();
  if (!found) return not_found;
  return std::move(*found);
}

Result<OrdersPage> list_orders(const Core& core, const OrdersQuery& query) {
  if (query.limit < 1 || query.limit > page_limit_max) {
    return Error{ErrorCode::invalid_argument, "limit must be 1 to 1000"};
  }
  if (query.round != 0 && query.product_id.empty()) {
    return Error{ErrorCode::invalid_argument, "round needs a product"};
  }
  const inventory::Product* product = nullptr;
  if (!query.product_id.empty()) {
    product = core.inventory().find(query.product_id);
    if (product == nullptr) return Error{ErrorCode::not_found, "no such product"};
  }
  OrdersPage page;
  const Sequence last = core.orders_total();
  if (query.after >= last) return page;
  Sequence looked_at = query.after;
  const auto visit = [&](Sequence sequence, auto accepted_at, const orderlog::OrderEntry& order) {
    looked_at = sequence;
    if ((product == nullptr || order.product == product->number) &&
        (query.round == 0 || order.round == query.round)) {
      page.orders.push_back(to_record(core, sequence, accepted_at, order));
    }
    return page.orders.size() < query.limit && sequence < last &&
           sequence - query.after < orders_per_page_max;
  };
  auto visited = visit_orders(core, query.after + 1, visit);
  if (!visited) return visited.error();
  if (looked_at < last) page.next = looked_at;
  return page;
}

Result<Audit> audit_round(const Core& core, std::string_view product_id, RoundNumber number) {
  const inventory::Product* product = core.inventory().find(product_id);
  if (product == nullptr) return Error{ErrorCode::not_found, "no such product"};
  const inventory::Round* round = number == 0 ? product->round() : product->round(number);
  if (round == nullptr) return Error{ErrorCode::not_found, "no such round"};
  Audit audit{.product_id = product->id, .round = round->number, .quantity = round->quantity};
  auto visited =
      visit_orders(core, round->opened_at.first_sequence,
                   [&](Sequence, auto, const orderlog::OrderEntry& order) {
                     if (order.product == product->number && order.round == round->number) {
                       ++audit.orders_in_log;
                       audit.units_in_log += order.quantity;
                     }
                     return true;
                   });
  if (!visited) return visited.error();
  return audit;
}

}  // namespace fluxgate::engine
