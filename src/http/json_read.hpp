#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fluxgate/types.hpp"
#include "http/status_map.hpp"

namespace fluxgate::http {

/// A field a body may have, and what was found in it.
struct JsonField {
  enum class Kind : std::uint8_t { id, integer, boolean };

  std::string_view name;
  Kind kind = Kind::id;
  bool is_required = false;
  Units min = 0;  ///< of an integer
  Units max = units_max;

  bool is_present = false;
  bool is_valid = false;
  std::string_view text = {};  ///< of an id, unescaped
  Units number = 0;            ///< of an integer; of a boolean: 0 or 1
};

/// Why a body was refused.
struct JsonRefusal {
  Problem problem;      ///< invalid_json or invalid_field
  std::string message;  ///< empty: that of the problem
};

/// Reads a JSON object in place.
///
/// simdjson finds the tokens and checks UTF-8; every token is then visited and checked against the
/// grammar of RFC 8259, also in fields nobody asked for, which simdjson's On-Demand reader would
/// skip. Lone surrogates, which the grammar allows, make an id invalid and are otherwise ignored.
///
/// Threads: one at a time. Allocates only until it has seen the largest body.
class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Fills `fields` from `size` bytes at `body`, which is changed where a wanted id has escapes,
  /// and behind which input_padding_bytes can be read and one written (it is put back).
  ///
  /// Returns:  none: every field is valid; else invalid_json if it is not an object of valid JSON
  ///           or has a wanted field twice, then invalid_field for the first field that is missing
  ///           or invalid.
  /// Lifetime: the texts point into `body`.
  [[nodiscard]] std::optional<JsonRefusal> read(char* body, std::size_t size,
                                                std::span<JsonField> fields);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace fluxgate::http
