#pragma once

#include <string>
#include <string_view>

namespace fluxgate::cli {

/// The text on one line for people: control characters (C0, DEL, C1) and bytes that are not UTF-8
/// come out as `\x1b`, so that nothing anybody sent breaks a line or commands a terminal.
[[nodiscard]] std::string escape_line(std::string_view text);

/// The inside of a JSON string, without the quotes. Bytes that are not UTF-8 come out as `\\x80`:
/// valid JSON for any input, and what was wrong can still be read.
[[nodiscard]] std::string escape_json(std::string_view text);

}  // namespace fluxgate::cli
