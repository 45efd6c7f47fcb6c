#include "http/order_body.hpp"

#include <bit>
#include <cstdint>

#include "base/words.hpp"
#include "fluxgate/types.hpp"

namespace fluxgate::http {
namespace {

constexpr std::string_view before_product = R"({"productId":")";
constexpr std::string_view before_user = R"(","userId":")";
constexpr std::string_view behind_user = R"("})";

// Bytes, from `begin` on, that stand for themselves in a JSON string: 0x20 to 0x7E without quote
// and backslash. Stops at `end` at the latest; reads up to seven bytes beyond.
std::size_t plain_bytes(const char* begin, const char* end) noexcept {
  for (const char* at = begin; at < end; at += 8) {
    const std::uint64_t word = base::load_word(at);
    const std::uint64_t special = base::bytes_not_printable(word, 0x20) |
                                  base::bytes_equal(word, '"') | base::bytes_equal(word, '\\');
    if (special == 0) continue;
    const char* const found = at + std::countr_zero(special) / 8;
    return static_cast<std::size_t>((found < end ? found : end) - begin);
  }
  return static_cast<std::size_t>(end - begin);
}

// Takes what must come next off the front.
bool take(std::string_view& rest, std::string_view wanted) noexcept {
  if (!rest.starts_with(wanted)) return false;
  rest.remove_prefix(wanted.size());
  return true;
}

bool take_id(std::string_view& rest, std::string_view& id) noexcept {
  const std::size_t bytes = plain_bytes(rest.data(), rest.data() + rest.size());
  id = rest.substr(0, bytes);
  rest.remove_prefix(bytes);
  return bytes >= 1 && bytes <= id_bytes_max;
}

}  // namespace

bool read_common_order(std::string_view body, OrderBody& order) noexcept {
  return take(body, before_product) && take_id(body, order.product_id) && take(body, before_user) &&
         take_id(body, order.user_id) && body == behind_user;
}

}  // namespace fluxgate::http
