#pragma once

#include <cstddef>
#include <string>

#include "fluxgate/result.hpp"

namespace fluxgate::cli {

/// The whole of a small file. Reads pipes and /dev/fd too, to their end.
///
/// Errors: invalid_argument if it cannot be read or has more than `bytes_max` bytes; the message
///         does not name the file.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max);

}  // namespace fluxgate::cli
