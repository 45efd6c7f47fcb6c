#include "http/json_read.hpp"

#include <simdjson.h>

#include <array>
#include <utility>

#include "base/check.hpp"
#include "http/json_tokens.hpp"
#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(input_padding_bytes >= simdjson::SIMDJSON_PADDING);

// A field name as it was written, unescaped if it has escapes: {"product\u0049d":1} names
// productId. One that is longer than any of ours is not ours.
constexpr std::size_t name_bytes_max = 128;
struct Name {
  std::array<char, name_bytes_max> storage;
  std::string_view text;
};

void read_name(std::string_view content, Name& name) noexcept {
  name.text = content;
  if (content.find('\\') == std::string_view::npos) return;
  name.text = {};
  if (content.size() > name.storage.size()) return;
  content.copy(name.storage.data(), content.size());
  if (const auto size = unescape(name.storage.data(), content.size())) {
    name.text = {name.storage.data(), *size};
  }
}

// A scalar's token without the white space simdjson leaves behind it.
std::string_view trimmed(std::string_view token) noexcept {
  const std::size_t last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool is_scalar(std::string_view token) noexcept {
  return token == "true" || token == "false" || token == "null" || is_number(token);
}

// A string's content from its token. The closing quote must be the token's end, or something that
// is no JSON stands behind it.
std::optional<std::string_view> whole_string(std::string_view token) noexcept {
  const std::string_view content = string_content(token.data() + 1);
  if (content.size() + 2 != token.size() || !has_valid_escapes(content)) return std::nullopt;
  return content;
}

// What a visited value was, for the fields that are wanted.
struct Visited {
  bool is_string = false;
  bool is_plain = false;   // a string or another scalar
  std::string_view token;  // of a string: its content
};

bool visit(ondemand::value value, std::size_t depth, Visited& visited);

bool visit_array(ondemand::value value, std::size_t depth) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return false;
  for (auto item : array) {
    ondemand::value inner;
    Visited ignored;
    if (std::move(item).get(inner) != simdjson::SUCCESS) return false;
    if (!visit(inner, depth + 1, ignored)) return false;
  }
  return true;
}

// Reads the next field of an object: its name's content and its value.
bool read_field(simdjson::simdjson_result<ondemand::field> result, std::string_view& content,
                ondemand::value& value) {
  ondemand::field field;
  if (std::move(result).get(field) != simdjson::SUCCESS) return false;
  content = string_content(field.key().raw());
  value = field.value();
  return has_valid_escapes(content);
}

bool visit_object(ondemand::value value, std::size_t depth) {
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return false;
  for (auto result : object) {
    std::string_view content;
    ondemand::value inner;
    Visited ignored;
    if (!read_field(result, content, inner) || !visit(inner, depth + 1, ignored)) return false;
  }
  return true;
}

bool visit(ondemand::value value, std::size_t depth, Visited& visited) {
  if (depth > json_depth_max) return false;
  ondemand::json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type == ondemand::json_type::array) return visit_array(value, depth);
  if (type == ondemand::json_type::object) return visit_object(value, depth);
  visited.is_plain = true;
  visited.token = trimmed(value.raw_json_token());
  if (type != ondemand::json_type::string) return is_scalar(visited.token);
  visited.is_string = true;
  // Taken, because On-Demand skips a string it still holds together with a colon behind it.
  if (value.get_raw_json_string().error() != simdjson::SUCCESS) return false;
  const std::optional<std::string_view> content = whole_string(visited.token);
  if (content) visited.token = *content;
  return content.has_value();
}

// Enters what was visited into its field. The text stays escaped until all has been read.
void take_value(const Visited& visited, JsonField& field) noexcept {
  field.is_present = true;
  if (!visited.is_plain) return;
  if (field.kind == JsonField::Kind::id) {
    field.is_valid = visited.is_string;
    field.text = visited.token;
  } else if (field.kind == JsonField::Kind::boolean) {
    field.number = visited.token == "true" ? 1 : 0;
    field.is_valid = !visited.is_string && (field.number == 1 || visited.token == "false");
  } else if (!visited.is_string) {
    const std::optional<Units> number = plain_integer(visited.token);
    field.is_valid = number && *number >= field.min && *number <= field.max;
    field.number = number.value_or(0);
  }
}

JsonField* find(std::span<JsonField> fields, std::string_view name) noexcept {
  for (JsonField& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

// True if no token is left.
bool is_at_end(ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

enum class Shape { object, other, broken };

Shape visit_document(ondemand::document& document, std::span<JsonField> fields) {
  ondemand::object object;
  if (document.get_object().get(object) != simdjson::SUCCESS) return Shape::broken;
  for (auto result : object) {
    std::string_view content;
    ondemand::value value;
    Visited visited;
    if (!read_field(result, content, value) || !visit(value, 2, visited)) return Shape::broken;
    Name name;
    read_name(content, name);
    JsonField* field = find(fields, name.text);
    if (field == nullptr) continue;
    if (field->is_present) return Shape::broken;
    take_value(visited, *field);
  }
  return is_at_end(document) ? Shape::object : Shape::broken;
}

// A document that is no object can still be JSON: then its fields are missing.
Shape visit_other(ondemand::document& document) {
  ondemand::json_type type{};
  if (document.type().get(type) != simdjson::SUCCESS) return Shape::broken;
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (document.get_array().get(array) != simdjson::SUCCESS) return Shape::broken;
    for (auto item : array) {
      ondemand::value inner;
      Visited ignored;
      if (std::move(item).get(inner) != simdjson::SUCCESS) return Shape::broken;
      if (!visit(inner, 2, ignored)) return Shape::broken;
    }
    return is_at_end(document) ? Shape::other : Shape::broken;
  }
  return Shape::broken;
}

std::string message_for(const JsonField& field) {
  const std::string name(field.name);
  if (!field.is_present) return name + " is missing";
  if (field.kind == JsonField::Kind::id) {
    return name + " must be a string of 1 to 128 bytes without control characters";
  }
  if (field.kind == JsonField::Kind::boolean) return name + " must be true or false";
  return name + " must be a whole number from " + std::to_string(field.min) + " to " +
         std::to_string(field.max);
}

std::optional<JsonRefusal> check_fields(std::span<JsonField> fields) {
  for (JsonField& field : fields) {
    if (!field.is_present && !field.is_required) continue;
    if (field.is_present && field.is_valid && field.kind == JsonField::Kind::id) {
      if (field.text.find('\\') != std::string_view::npos) {
        // The reader was given a buffer it may change; the view is const for everyone else.
        const auto size = unescape(const_cast<char*>(field.text.data()), field.text.size());
        field.text = field.text.substr(0, size.value_or(0));
      }
      field.is_valid = is_valid_id(field.text);
    }
    if (!field.is_valid) return JsonRefusal{Problem::invalid_field, message_for(field)};
  }
  return std::nullopt;
}

}  // namespace

struct JsonReader::Parser {
  ondemand::parser parser;
};

JsonReader::JsonReader() : parser_(std::make_unique<Parser>()) {
  const auto error = parser_->parser.allocate(body_bytes_max, json_depth_max + 2);
  FLUXGATE_CHECK(error == simdjson::SUCCESS);
}

JsonReader::~JsonReader() = default;

std::optional<JsonRefusal> JsonReader::read(char* body, std::size_t size,
                                            std::span<JsonField> fields) {
  const JsonRefusal not_json{Problem::invalid_json, {}};
  const std::string_view text = trimmed({body, size});
  if (text.empty()) return not_json;
  // What follows may be the next request; simdjson looks one byte too far at an unclosed end.
  const char behind = std::exchange(body[size], ' ');
  Shape shape = Shape::broken;
  ondemand::document document;
  const simdjson::padded_string_view padded(body, size, size + input_padding_bytes);
  if (parser_->parser.iterate(padded).get(document) == simdjson::SUCCESS) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (text[first] == '{') {
      shape = visit_document(document, fields);
    } else if (text[first] == '[') {
      shape = visit_other(document);
    } else {
      // A lone scalar is one token, so its text is all there is.
      const std::string_view scalar = text.substr(first);
      const bool good = scalar[0] == '"' ? whole_string(scalar).has_value() : is_scalar(scalar);
      shape = good ? Shape::other : Shape::broken;
    }
  }
  body[size] = behind;
  if (shape == Shape::broken) return not_json;
  if (shape == Shape::other) {
    return JsonRefusal{Problem::invalid_field, "The body must be a JSON object"};
  }
  return check_fields(fields);
}

}  // namespace fluxgate::http
