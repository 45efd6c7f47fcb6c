#pragma once

#include <chrono>

#include "http/exchange.hpp"

namespace fluxgate::http {

// One function per route: a request that passed the checks before it → an answer, a call or a read.
// Named as Route is.
[[nodiscard]] Handled handle_init(Exchange& exchange);
[[nodiscard]] Handled handle_order(Exchange& exchange);
[[nodiscard]] Handled handle_products(Exchange& exchange);
[[nodiscard]] Handled handle_product(Exchange& exchange);
[[nodiscard]] Handled handle_audit(Exchange& exchange);
[[nodiscard]] Handled handle_orders(Exchange& exchange);
[[nodiscard]] Handled handle_order_by_id(Exchange& exchange);
[[nodiscard]] Handled handle_readyz(Exchange& exchange);
[[nodiscard]] Handled handle_metrics(Exchange& exchange);
[[nodiscard]] Handled handle_waiting_room(Exchange& exchange);

/// 429, with the whole seconds in which `wait` is over.
[[nodiscard]] Handled refuse_for_now(Exchange& exchange, std::chrono::nanoseconds wait);

// What the engine's answers become.
void answer_order(Exchange& exchange);
void answer_init(Exchange& exchange);

}  // namespace fluxgate::http
