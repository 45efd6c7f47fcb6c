#include "faults/final_log.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/order_id.hpp"
#include "orderlog/beside.hpp"

namespace fluxgate::testing {
namespace {

class Collector final : public orderlog::LogVisitor {
 public:
  bool on_block(const orderlog::BlockInfo& block) override {
    next_sequence_ = block.key.first_sequence;
    return true;
  }
  bool on_setting(const orderlog::SettingRecord& setting) override {
    if (setting.name == engine::OrderIdCodec::setting_name) {
      ids_ = engine::OrderIdCodec::from_key(setting.value);
    }
    return true;
  }
  bool on_product(const orderlog::ProductRecord& product) override {
    products_.emplace_back(product.id);
    return true;
  }
  bool on_round(const orderlog::RoundRecord& round) override {
    log.openings.push_back({.product_id = products_.at(round.product),
                            .round = round.round,
                            .quantity = round.quantity,
                            .max_per_order = round.max_per_order,
                            .max_per_user = round.max_per_user,
                            .next_sequence = next_sequence_});
    return true;
  }
  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const orderlog::OrderEntry& order) override {
    next_sequence_ = sequence + 1;
    log.orders.push_back({.sequence = sequence,
                          .order_id = std::string(ids_.value().encode(sequence).view()),
                          .product_id = products_.at(order.product),
                          .round = order.round,
                          .user_id = std::string(order.user_id),
                          .key = std::string(order.key),
                          .quantity = order.quantity,
                          .accepted_at = accepted_at,
                          .pass = order.pass});
    return true;
  }

  FinalLog log;

 private:
  std::vector<std::string> products_;
  std::optional<engine::OrderIdCodec> ids_;
  Sequence next_sequence_ = 1;
};

}  // namespace

FinalLog read_final_log(const std::filesystem::path& data_dir) {
  std::optional<Collector> collector;
  const auto end = orderlog::walk_beside_writer(
      data_dir.string(), [&]() -> orderlog::LogVisitor& { return collector.emplace(); });
  if (!end) throw std::runtime_error("the log cannot be read: " + end.error().message);
  return std::move(collector->log);
}

}  // namespace fluxgate::testing
