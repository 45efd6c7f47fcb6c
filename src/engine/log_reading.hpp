#pragma once

#include <optional>
#include <string_view>

#include "engine/core.hpp"
#include "fluxgate/engine.hpp"
#include "fluxgate/result.hpp"

namespace fluxgate::engine {

// Questions that only the log can answer: it holds what memory does not, who bought what. Every
// block read is verified. They read from disk: call them where waiting is allowed, from any thread.

/// The sequence in an id this engine gave to an order; none: it never did.
[[nodiscard]] std::optional<Sequence> sequence_of(const Core& core,
                                                  std::string_view order_id) noexcept;
/// See Engine::find_order.
[[nodiscard]] Result<OrderRecord> find_order(const Core& core, std::string_view order_id);
/// See Engine::orders.
[[nodiscard]] Result<OrdersPage> list_orders(const Core& core, const OrdersQuery& query);
/// See Engine::audit. Counts every order after the round was opened, whatever memory thinks.
[[nodiscard]] Result<Audit> audit_round(const Core& core, std::string_view product_id,
                                        RoundNumber round);

/// A page looks at this many orders at most, about 20 ms, so that a rare product cannot hold a
/// reader for the length of the log.
inline constexpr Sequence orders_per_page_max = 100'000;
inline constexpr std::size_t page_limit_max = 1000;

}  // namespace fluxgate::engine
