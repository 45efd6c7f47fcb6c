#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "fluxgate/engine.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::http {

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
void append_json_string(std::string& output, std::string_view text);

/// Appends its decimal digits.
void append_number(std::string& output, std::uint64_t number);

/// Appends "2026-03-01T12:00:00.123Z".
void append_timestamp(std::string& output, std::chrono::milliseconds since_epoch);

void append_order_accepted(std::string& output, const OrderRequest& request,
                           const OrderResult& result);
void append_init(std::string& output, const InitRequest& request, const InitResult& result);
void append_settings(std::string& output, const SaleSettings& settings);
/// The answer to who joined the line.
void append_ticket(std::string& output, const JoinResult& joined);
/// How a place stands.
void append_place(std::string& output, const Place& place);
void append_product(std::string& output, const ProductSnapshot& product);
void append_order(std::string& output, const OrderRecord& order);
void append_orders_page(std::string& output, const OrdersPage& page);
void append_audit(std::string& output, const Audit& audit);
/// The body of an error answer.
void append_error(std::string& output, std::string_view code, std::string_view message);

}  // namespace fluxgate::http
