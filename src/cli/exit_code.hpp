#pragma once

#include "fluxgate/error.hpp"

namespace fluxgate::cli {

/// What the program tells its parent. Scripts and service managers rely on the numbers.
enum class ExitCode : int {
  ok = 0,
  failure = 1,           ///< port taken, directory in use or not writable, newer log format
  usage = 2,             ///< a flag, variable or key that is unknown or malformed
  broken_invariant = 3,  ///< `verify` found books that do not balance
  storage_failed = 75,   ///< storage failed; all that was acknowledged is safe: restart
  log_damaged = 78,      ///< the log is damaged or ends too early; nothing was touched
};

/// The code for an error of the engine or the log.
[[nodiscard]] constexpr ExitCode exit_code_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return ExitCode::usage;
    case ErrorCode::unavailable:
      return ExitCode::storage_failed;
    case ErrorCode::damaged:
      return ExitCode::log_damaged;
    case ErrorCode::in_use:
    case ErrorCode::permission:
    case ErrorCode::newer_format:
    case ErrorCode::not_found:
    case ErrorCode::internal:
      break;
  }
  return ExitCode::failure;
}

}  // namespace fluxgate::cli
