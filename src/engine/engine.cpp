#include "fluxgate/engine.hpp"

#include <utility>

#include "engine/core.hpp"
#include "engine/log_reading.hpp"

namespace fluxgate {
namespace {

ProductSnapshot to_snapshot(const inventory::Product& product) {
  const inventory::Round* round = product.round();
  const inventory::RoundSnapshot units = round->snapshot();
  return {.product_id = product.id,
          .round = round->number,
          .quantity = units.quantity,
          .stock = units.stock,
          .accepted = units.accepted,
          .pending = units.pending};
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(EngineOptions options) {
  auto core = engine::Core::open(std::move(options));
  if (!core) return core.error();
  return std::unique_ptr<Engine>(new Engine(std::move(*core)));
}

Engine::Engine(std::unique_ptr<engine::Core> core) : core_(std::move(core)) {}
Engine::~Engine() = default;

Submission Engine::submit(OrderOperation& operation, Wake wake) noexcept {
  return core_->submit(operation, wake);
}
bool Engine::knows_key(OrderOperation& operation) const noexcept {
  return core_->knows_key(operation);
}
void Engine::wake() noexcept {
  core_->wake_for_pushed();
}
Submission Engine::submit(InitOperation& operation) noexcept {
  return core_->submit(operation);
}

Submission Engine::submit(JoinOperation& operation) noexcept {
  return core_->submit(operation);
}
std::optional<Place> Engine::look(std::string_view ticket) {
  return core_->look(ticket);
}
std::optional<TicketHolder> Engine::ticket_holder(std::string_view ticket) const {
  return core_->room().holder(ticket);
}

Submission Engine::submit(SettingsOperation& operation) noexcept {
  return core_->submit(operation);
}
SaleSettings Engine::settings() const {
  return core_->control().settings();
}

std::optional<ProductSnapshot> Engine::product(std::string_view product_id) const {
  const inventory::Product* product = core_->inventory().find(product_id);
  if (product == nullptr) return std::nullopt;
  return to_snapshot(*product);
}

std::vector<ProductSnapshot> Engine::products(std::string_view after, std::size_t limit) const {
  std::vector<ProductSnapshot> page;
  for (const inventory::Product* product : core_->inventory().list(after, limit)) {
    page.push_back(to_snapshot(*product));
  }
  return page;
}

bool Engine::is_order_id(std::string_view order_id) const noexcept {
  return engine::sequence_of(*core_, order_id).has_value();
}

Result<OrderRecord> Engine::find_order(std::string_view order_id) const {
  return engine::find_order(*core_, order_id);
}

Result<OrdersPage> Engine::orders(const OrdersQuery& query) const {
  return engine::list_orders(*core_, query);
}

Result<Audit> Engine::audit(std::string_view product_id, RoundNumber round) const {
  return engine::audit_round(*core_, product_id, round);
}

EngineState Engine::state() const noexcept {
  return core_->gate().state();
}
EngineStats Engine::stats() const {
  return core_->stats();
}
bool Engine::step() {
  return core_->step();
}
std::optional<std::chrono::nanoseconds> Engine::next_step() const {
  return core_->next_step();
}
void Engine::drain() noexcept {
  core_->drain();
}
Result<void> Engine::close() {
  return core_->close();
}

}  // namespace fluxgate
