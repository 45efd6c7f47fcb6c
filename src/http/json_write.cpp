#include "http/json_write.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <iterator>

namespace fluxgate::http {
namespace {

// One call for everything that is a number or a fixed text.
template <typename... Values>
void append(std::string& output, fmt::format_string<Values...> format, Values&&... values) {
  fmt::format_to(std::back_inserter(output), format, std::forward<Values>(values)...);
}

bool must_be_escaped(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '"' || c == '\\';
}

// "name":"text" with what goes before it.
void append_text(std::string& output, std::string_view name, std::string_view text) {
  output.append(name);
  append_json_string(output, text);
}

// Seconds with a tenth if there is one: 4.2, 2.
void append_seconds(std::string& output, std::chrono::milliseconds time) {
  const auto tenths = static_cast<std::uint64_t>((time.count() + 50) / 100);
  append_number(output, tenths / 10);
  if (tenths % 10 == 0) return;
  output.push_back('.');
  append_number(output, tenths % 10);
}

}  // namespace

void append_json_string(std::string& output, std::string_view text) {
  output.push_back('"');
  while (!text.empty()) {
    const auto special = std::find_if(text.begin(), text.end(), must_be_escaped);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    output.append(text.substr(0, plain));
    if (special == text.end()) break;
    const char c = *special;
    if (c == '"' || c == '\\') {
      output.push_back('\\');
      output.push_back(c);
    } else {
      append(output, "\\u{:04x}", static_cast<unsigned>(c));
    }
    text.remove_prefix(plain + 1);
  }
  output.push_back('"');
}

void append_number(std::string& output, std::uint64_t number) {
  const fmt::format_int text(number);
  output.append(text.data(), text.size());
}

void append_timestamp(std::string& output, std::chrono::milliseconds since_epoch) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t time = seconds.count();
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  append(output, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
         parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
         (since_epoch - seconds).count());
}

void append_order_accepted(std::string& output, const OrderRequest& request,
                           const OrderResult& result) {
  output.append(R"({"status":"success","msg":"Order accepted","orderId":")");
  output.append(result.order_id.view());
  append_text(output, R"(","productId":)", request.product_id);
  output.append(R"(,"quantity":)");
  append_number(output, request.quantity);
  output.push_back('}');
}

void append_init(std::string& output, const InitRequest& request, const InitResult& result) {
  std::string message;
  append(message, "Stock initialized for {} to {}", request.product_id, result.quantity);
  append_text(output, R"({"status":"ok","msg":)", message);
  append_text(output, R"(,"productId":)", request.product_id);
  append(output, R"(,"round":{},"quantity":{}}})", result.round, result.quantity);
}

void append_settings(std::string& output, const SaleSettings& settings) {
  append(output,
         R"({{"rateLimit":{},"rateBurst":{},"lineClosed":{},"admitAll":{},"salePaused":{}}})",
         settings.rate_limit, settings.rate_burst, settings.line_closed, settings.admit_all,
         settings.sale_paused);
}

void append_ticket(std::string& output, const JoinResult& joined) {
  append_text(output, R"({"ticket":)", joined.ticket);
  append(output, R"(,"position":{},"ahead":{},"waitSeconds":)", joined.place.position,
         joined.place.ahead);
  append_seconds(output, joined.place.wait);
  output.append(R"(,"refreshSeconds":)");
  append_seconds(output, joined.place.refresh);
  output.push_back('}');
}

void append_place(std::string& output, const Place& place) {
  append(output, R"({{"state":"{}","position":{},"ahead":{},"waitSeconds":)",
         to_string(place.state), place.position, place.ahead);
  append_seconds(output, place.wait);
  append(output, R"(,"unitsLeft":{},"refreshSeconds":)", place.units_left);
  append_seconds(output, place.refresh);
  if (!place.pass.empty()) append_text(output, R"(,"pass":)", place.pass);
  output.push_back('}');
}

void append_product(std::string& output, const ProductSnapshot& product) {
  append_text(output, R"({"productId":)", product.product_id);
  append(output, R"(,"round":{},"quantity":{},"stock":{},"accepted":{},"pending":{}}})",
         product.round, product.quantity, product.stock, product.accepted, product.pending);
}

void append_order(std::string& output, const OrderRecord& order) {
  output.append(R"({"orderId":")");
  output.append(order.order_id.view());
  append_text(output, R"(","productId":)", order.product_id);
  append(output, R"(,"round":{})", order.round);
  append_text(output, R"(,"userId":)", order.user_id);
  append(output, R"(,"quantity":{},"sequence":{},"acceptedAt":")", order.quantity, order.sequence);
  append_timestamp(output, order.accepted_at);
  output.append("\"}");
}

void append_orders_page(std::string& output, const OrdersPage& page) {
  output.append(R"({"orders":[)");
  for (const OrderRecord& order : page.orders) {
    if (&order != page.orders.data()) output.push_back(',');
    append_order(output, order);
  }
  output.append(R"(],"next":)");
  output.append(page.next ? std::to_string(*page.next) : "null");
  output.push_back('}');
}

void append_audit(std::string& output, const Audit& audit) {
  append_text(output, R"({"productId":)", audit.product_id);
  append(output, R"(,"round":{},"quantity":{},"ordersInLog":{},"unitsInLog":{},"oversold":{}}})",
         audit.round, audit.quantity, audit.orders_in_log, audit.units_in_log, audit.oversold());
}

void append_error(std::string& output, std::string_view code, std::string_view message) {
  append_text(output, R"({"status":"error","code":)", code);
  append_text(output, R"(,"msg":)", message);
  output.push_back('}');
}

}  // namespace fluxgate::http
