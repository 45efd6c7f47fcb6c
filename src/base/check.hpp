#pragma once

namespace fluxgate::base {

/// Prints the failed expression with its place to stderr and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace fluxgate::base

/// Ends the process if `expression` is false: a defect of fluxgate, never of its input. On in every
/// build, because a wrong answer costs more than a stopped sale.
#define FLUXGATE_CHECK(expression)                                     \
  do {                                                                 \
    if (!(expression)) [[unlikely]]                                    \
      ::fluxgate::base::check_failed(#expression, __FILE__, __LINE__); \
  } while (false)
