#pragma once

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fluxgate::testing {

/// Ends the test program as skipped (77, ctest's SKIP_RETURN_CODE) and says why. On the build
/// servers (CI=true) a test that cannot run is a failure, so there it throws.
[[noreturn]] inline void skip(const std::string& why) {
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string_view(ci) == "true") {
    throw std::runtime_error("cannot run on a build server: " + why);
  }
  std::printf("SKIPPED: %s\n", why.c_str());
  std::exit(77);
}

}  // namespace fluxgate::testing
