#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace fluxgate {

/// What went wrong, named by what the caller should do next.
///
/// These are operating errors: a call that could not be carried out. Answers of a sale (sold out,
/// over a limit, ...) are not errors; see `OrderStatus` and `InitStatus`.
enum class ErrorCode : std::uint8_t {
  invalid_argument = 1,  ///< Fix the call: a value is out of its documented range.
  in_use = 2,            ///< Another process holds the data directory: stop it first.
  permission = 3,        ///< The data directory cannot be made, read or written by this user.
  newer_format = 4,      ///< The log was written by a newer release: run that release.
  damaged = 5,           ///< The log is damaged or ends too early: an operator decides.
  unavailable = 6,       ///< Storage failed (no space, I/O error): restart, or retry later.
  not_found = 7,         ///< The named thing does not exist.
  internal = 8,          ///< A defect of fluxgate: please report it.
};

/// Stable word for logs and tests, for example "in_use".
[[nodiscard]] const char* to_string(ErrorCode code) noexcept;

/// An operating error: a code for programs and one sentence for people.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

}  // namespace fluxgate
