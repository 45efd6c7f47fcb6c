#include "cli/orders.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "cli/say.hpp"
#include "engine/order_id.hpp"
#include "http/json_write.hpp"
#include "orderlog/beside.hpp"

namespace fluxgate::cli {
namespace {

// Lines are collected up to here before they are written.
constexpr std::size_t output_bytes_max = 1 << 16;

/// Collects lines and writes them in large pieces.
class Output {
 public:
  void line(const std::string& text) {
    buffer_ += text;
    buffer_ += '\n';
    if (buffer_.size() >= output_bytes_max) flush();
  }

  bool flush() {
    if (is_good_) {
      is_good_ = std::fwrite(buffer_.data(), 1, buffer_.size(), stdout) == buffer_.size() &&
                 std::fflush(stdout) == 0;
    }
    buffer_.clear();
    return is_good_;
  }

  [[nodiscard]] bool is_good() const noexcept { return is_good_; }

 private:
  std::string buffer_;
  bool is_good_ = true;
};

/// What stays when a walk beside a writer is done again.
struct Progress {
  Sequence seen = 0;  ///< the last order handled
  std::uint64_t matches = 0;
  bool knows_product = false;
  bool knows_round = false;
};

/// Prints or counts what is selected in one walk; goes on behind what an earlier walk handled.
class OrderPrinter final : public orderlog::LogVisitor {
 public:
  OrderPrinter(const Settings& settings, Progress& progress, Output& output)
      : selection_(settings.orders),
        is_json_(settings.json),
        progress_(progress),
        output_(output) {}

  bool on_product(const orderlog::ProductRecord& record) override {
    if (is_wanted(record.id)) {
      progress_.knows_product = true;
      products_.emplace(record.product, record.id);
    }
    return true;
  }

  bool on_round(const orderlog::RoundRecord& record) override {
    if (products_.contains(record.product) && record.round == selection_.round) {
      progress_.knows_round = true;
    }
    return true;
  }

  bool on_setting(const orderlog::SettingRecord& record) override {
    if (record.name == engine::OrderIdCodec::setting_name) {
      ids_ = engine::OrderIdCodec::from_key(record.value);
    }
    return true;
  }

  bool on_order(Sequence sequence, std::chrono::milliseconds accepted_at,
                const orderlog::OrderEntry& order) override {
    if (sequence <= progress_.seen || sequence <= selection_.after) return true;
    progress_.seen = sequence;
    const auto product = products_.find(order.product);
    if (product == products_.end()) return true;
    if (selection_.round != 0 && order.round != selection_.round) return true;
    ++progress_.matches;
    if (!selection_.count) {
      if (!ids_) return false;
      output_.line(describe({.sequence = sequence,
                             .order_id = ids_->encode(sequence),
                             .product_id = product->second,
                             .round = order.round,
                             .user_id = std::string(order.user_id),
                             .key = std::string(order.key),
                             .quantity = order.quantity,
                             .accepted_at = accepted_at}));
    }
    return output_.is_good() && progress_.matches != selection_.limit;
  }

  /// False if the log holds orders but not the key of their ids.
  [[nodiscard]] bool has_ids() const noexcept { return ids_.has_value(); }

 private:
  [[nodiscard]] bool is_wanted(std::string_view product_id) const {
    return selection_.product.empty() || selection_.product == product_id;
  }

  [[nodiscard]] std::string describe(const OrderRecord& order) const {
    std::string line;
    if (is_json_) {
      http::append_order(line, order);
      return line;
    }
    line = fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t", order.sequence, order.order_id.view(),
                       order.product_id, order.round, order.user_id, order.quantity);
    http::append_timestamp(line, order.accepted_at);
    return line;
  }

  const OrdersSelection& selection_;
  const bool is_json_;
  Progress& progress_;
  Output& output_;
  std::unordered_map<std::uint64_t, std::string> products_;  // the wanted ones, by number
  std::optional<engine::OrderIdCodec> ids_;
};

}  // namespace

ExitCode print_orders(const Settings& settings) {
  say_warnings(settings);
  const OrdersSelection& selection = settings.orders;
  Progress progress;
  Output output;
  std::optional<OrderPrinter> printer;
  const Result<LogPosition> end = orderlog::walk_beside_writer(
      settings.engine.data_dir,
      [&]() -> orderlog::LogVisitor& { return printer.emplace(settings, progress, output); });
  const bool written = output.flush();
  if (!written) return fail(ExitCode::failure, "cannot write to stdout");
  if (!end) return fail(exit_code_of(end.error().code), end.error().message);
  if (!selection.product.empty() && !progress.knows_product) {
    return fail(ExitCode::failure, "no such product: \"" + selection.product + "\"");
  }
  if (selection.round != 0 && !progress.knows_round) {
    return fail(ExitCode::failure, "no such round: " + std::to_string(selection.round));
  }
  if (!selection.count && progress.matches > 0 && !printer->has_ids()) {
    return fail(ExitCode::log_damaged, "the log has no key for its order ids");
  }
  if (selection.count) {
    output.line(std::to_string(progress.matches));
    if (!output.flush()) return fail(ExitCode::failure, "cannot write to stdout");
  }
  return ExitCode::ok;
}

}  // namespace fluxgate::cli
