#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace fluxgate::base {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "fluxgate: check failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace fluxgate::base
