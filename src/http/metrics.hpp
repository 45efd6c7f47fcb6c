#pragma once

#include <span>
#include <string>

#include "fluxgate/stats.hpp"
#include "http/counters.hpp"

namespace fluxgate::http {

/// Everything /metrics shows, in Prometheus' text format. Labels come from fixed sets, so that no
/// client can make the number of series grow, and none names a product, user, key or order.
[[nodiscard]] std::string metrics_text(std::span<const ShardCounters* const> shards,
                                       const EngineStats& engine);

}  // namespace fluxgate::http
