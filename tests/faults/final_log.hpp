#pragma once

#include <filesystem>

#include "support/order_history.hpp"

namespace fluxgate::testing {

/// Reads a whole data directory, also beside a server, as the checker wants it. Every block is
/// verified on the way.
///
/// Errors: throws std::runtime_error.
[[nodiscard]] FinalLog read_final_log(const std::filesystem::path& data_dir);

}  // namespace fluxgate::testing
