#pragma once

#include "support/history_index.hpp"

namespace fluxgate::testing {

/// Sells the log's orders once more, one after the other, by a model that knows nothing of the
/// engine; and asks whether every refusal was right, for some instant of its try.
void check_sale(const HistoryIndex& index, const OrderHistory& history, const FinalLog& log,
                Violations& violations);

}  // namespace fluxgate::testing
