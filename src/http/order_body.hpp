#pragma once

#include <string_view>

namespace fluxgate::http {

/// The two ids of an order's body. Views into it.
struct OrderBody {
  std::string_view product_id;
  std::string_view user_id;
};

/// Reads {"productId":"…","userId":"…"}, byte for byte so and with ids of printable ASCII without
/// quotes and backslashes: what nearly every client sends. It costs about 15 ns where JsonReader,
/// which reads everything else, takes 150; wherever it says true JsonReader says the same (a test
/// compares them).
///
/// The bytes up to input_padding_bytes behind `body` must be readable.
[[nodiscard]] bool read_common_order(std::string_view body, OrderBody& order) noexcept;

}  // namespace fluxgate::http
