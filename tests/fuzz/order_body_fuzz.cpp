// JSON bodies. JsonReader against the grammar in tests/http/json_grammar.hpp and simdjson's DOM,
// and the short way of orders against JsonReader. The input is the body.
#include <simdjson.h>

#include <array>
#include <optional>
#include <string>

#include "base/check.hpp"
#include "fuzz/target.hpp"
#include "http/json_grammar.hpp"
#include "http/json_read.hpp"
#include "http/limits.hpp"
#include "http/order_body.hpp"

namespace fluxgate::fuzz {
namespace {

using http::JsonField;
using http::JsonReader;
using http::JsonRefusal;
using http::Problem;

using Fields = std::array<JsonField, 4>;

Fields wanted_fields() {
  return {{{.name = "productId", .is_required = true},
           {.name = "userId", .is_required = true},
           {.name = "quantity", .kind = JsonField::Kind::integer, .min = 1},
           {.name = "paused", .kind = JsonField::Kind::boolean}}};
}

// What was read, with copies of the texts.
struct Outcome {
  std::optional<JsonRefusal> refusal;
  Fields fields = wanted_fields();
  std::array<std::string, 2> ids;

  [[nodiscard]] bool is_json() const {
    return !refusal || refusal->problem != Problem::invalid_json;
  }
};

Outcome read(JsonReader& reader, std::string_view body, char behind) {
  Exact exact(body, http::input_padding_bytes);
  std::fill_n(exact.data() + body.size(), http::input_padding_bytes, behind);
  Outcome outcome;
  outcome.refusal = reader.read(exact.data(), body.size(), outcome.fields);
  for (std::size_t i = 0; i < http::input_padding_bytes; ++i) {
    FLUXGATE_CHECK(exact.data()[body.size() + i] == behind);
  }
  if (outcome.refusal) return outcome;
  for (std::size_t i = 0; i < 2; ++i) outcome.ids[i] = outcome.fields[i].text;
  return outcome;
}

void check_id(simdjson::dom::object object, const Outcome& outcome, std::size_t i) {
  std::string_view text;
  FLUXGATE_CHECK(object[outcome.fields[i].name].get(text) == simdjson::SUCCESS);
  FLUXGATE_CHECK(text == outcome.ids[i]);
  FLUXGATE_CHECK(!text.empty() && text.size() <= id_bytes_max);
  for (const char c : text) FLUXGATE_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

// The DOM has the same fields, each wanted one once, if its values are good ones.
void check_fields(simdjson::dom::object object, const Outcome& outcome) {
  std::array<std::size_t, 4> counts{};
  for (const auto field : object) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (field.key == outcome.fields[i].name) ++counts[i];
    }
  }
  const bool repeats =
      std::any_of(counts.begin(), counts.end(), [](std::size_t count) { return count > 1; });
  FLUXGATE_CHECK(outcome.is_json() == !repeats);
  if (outcome.refusal) return;
  check_id(object, outcome, 0);
  check_id(object, outcome, 1);
  FLUXGATE_CHECK(outcome.fields[2].is_present == (counts[2] == 1));
  FLUXGATE_CHECK(outcome.fields[3].is_present == (counts[3] == 1));
  if (counts[2] == 1) {
    std::uint64_t quantity = 0;
    FLUXGATE_CHECK(object["quantity"].get(quantity) == simdjson::SUCCESS);
    FLUXGATE_CHECK(quantity == outcome.fields[2].number && quantity >= 1 && quantity <= units_max);
  }
  if (counts[3] == 1) {
    bool paused = false;
    FLUXGATE_CHECK(object["paused"].get(paused) == simdjson::SUCCESS);
    FLUXGATE_CHECK(paused == (outcome.fields[3].number == 1));
  }
}

void check_common(std::string_view body, const Outcome& outcome) {
  const Exact exact(body, http::input_padding_bytes);
  http::OrderBody order;
  if (!http::read_common_order(exact.view(), order)) return;
  FLUXGATE_CHECK(!outcome.refusal && !outcome.fields[2].is_present);
  FLUXGATE_CHECK(order.product_id == outcome.ids[0] && order.user_id == outcome.ids[1]);
}

void check(std::string_view body) {
  static JsonReader& reader = *new JsonReader;
  static simdjson::dom::parser& parser = *new simdjson::dom::parser;
  const Outcome outcome = read(reader, body, '"');
  const Outcome other = read(reader, body, ' ');
  FLUXGATE_CHECK(outcome.is_json() == other.is_json() && outcome.ids == other.ids);
  FLUXGATE_CHECK(outcome.refusal.has_value() == other.refusal.has_value());
  check_common(body, outcome);

  const bool is_json = http::JsonGrammar(body).accepts(http::json_depth_max) &&
                       simdjson::validate_utf8(body.data(), body.size());
  if (!is_json) FLUXGATE_CHECK(!outcome.is_json());
  simdjson::dom::element root;
  const auto error = parser.parse(body.data(), body.size()).get(root);
  if (error != simdjson::SUCCESS) {
    // It also has opinions on numbers of any size and on lone surrogates, which are JSON.
    if (error != simdjson::NUMBER_ERROR && error != simdjson::STRING_ERROR) {
      FLUXGATE_CHECK(!outcome.is_json());
    }
    return;
  }
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    FLUXGATE_CHECK(outcome.refusal.has_value());
    FLUXGATE_CHECK(outcome.is_json() == is_json);
    return;
  }
  if (is_json) check_fields(object, outcome);
}

}  // namespace
}  // namespace fluxgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > fluxgate::http::body_bytes_max) return 0;
  fluxgate::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
