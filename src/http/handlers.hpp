#pragma once

#include <chrono>
#include <cstdint>
#include <span>

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
[[nodiscard]] Handled handle_buy(Exchange& exchange);
[[nodiscard]] Handled handle_tickets(Exchange& exchange);
[[nodiscard]] Handled handle_ticket(Exchange& exchange);
[[nodiscard]] Handled handle_events(Exchange& exchange);
[[nodiscard]] Handled handle_settings(Exchange& exchange);
[[nodiscard]] Handled handle_change_settings(Exchange& exchange);
[[nodiscard]] Handled handle_ticket_keys(Exchange& exchange);

/// 429, with the whole seconds in which `wait` is over; counted as what refused.
[[nodiscard]] Handled refuse_for_now(Exchange& exchange, Counter& refused,
                                     std::chrono::nanoseconds wait);

// What the engine's answers become.
void answer_order(Exchange& exchange);
void answer_init(Exchange& exchange);
void answer_settings(Exchange& exchange);
void answer_room(Exchange& exchange);
void answer_buy(Exchange& exchange);

/// GET /waiting-room that names no product: it says to wait, and nobody joins a line.
[[nodiscard]] Handled handle_waiting(Exchange& exchange);
void answer_join(Exchange& exchange);

/// Asks for a place in line, for whichever route the exchange is. The views must last as long as
/// the exchange waits.
[[nodiscard]] Handled submit_join(Exchange& exchange, const JoinRequest& request);

/// Writes how a place stands as an event of the exchange's stream.
void append_event(Exchange& exchange, const Place& place);
/// Asks again, which counts as presence, and writes an event if there is news or the last one is
/// old. True if it did.
bool continue_stream(Exchange& exchange, std::uint64_t tick);

/// Reads the fields of the body. False: it was refused.
[[nodiscard]] bool read_fields(Exchange& exchange, std::span<JsonField> fields);

}  // namespace fluxgate::http
