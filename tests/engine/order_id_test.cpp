#include "engine/order_id.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

using fluxgate::OrderId;
using fluxgate::Sequence;
using fluxgate::engine::OrderIdCodec;

namespace {
const OrderIdCodec codec = *OrderIdCodec::from_key("0123456789abcdef");
}

TEST_CASE("OrderIdCodec: encode then decode → the sequence", "[engine][unit]") {
  for (const Sequence sequence : {Sequence{1}, Sequence{2}, Sequence{31}, Sequence{32},
                                  Sequence{1} << 53, std::numeric_limits<Sequence>::max()}) {
    const OrderId id = codec.encode(sequence);
    CHECK(id.view().size() == 29);
    CHECK(codec.decode(id.view()) == sequence);
  }
}

TEST_CASE("OrderIdCodec: ids sort as their sequences", "[engine][unit]") {
  std::string before = codec.encode(1).str();
  for (Sequence sequence = 2; sequence < 5000; ++sequence) {
    const std::string id = codec.encode(sequence).str();
    REQUIRE(before < id);
    before = id;
  }
}

TEST_CASE("OrderIdCodec: any changed character → no order", "[engine][unit]") {
  const std::string id = codec.encode(123'456).str();
  for (std::size_t i = 0; i < id.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = id;
      changed[i] = static_cast<char>(c);
      if (changed == id) continue;
      REQUIRE_FALSE(codec.decode(changed).has_value());
    }
  }
  CHECK_FALSE(codec.decode("").has_value());
  CHECK_FALSE(codec.decode(id + "0").has_value());
  CHECK_FALSE(codec.decode(id.substr(1)).has_value());
}

TEST_CASE("OrderIdCodec: another key → other ids", "[engine][unit]") {
  const auto other = *OrderIdCodec::from_key("0123456789abcdeX");
  CHECK(other.encode(1).str() != codec.encode(1).str());
  CHECK_FALSE(other.decode(codec.encode(1).view()).has_value());
  CHECK_FALSE(OrderIdCodec::from_key("short").has_value());
}
