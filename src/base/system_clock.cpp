#include <ctime>

#include "base/check.hpp"
#include "fluxgate/clock.hpp"

namespace fluxgate {

namespace {

std::chrono::nanoseconds read_clock(clockid_t id) noexcept {
  timespec now{};
  FLUXGATE_CHECK(::clock_gettime(id, &now) == 0);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::nanoseconds monotonic() const noexcept override {
    return read_clock(CLOCK_MONOTONIC);
  }

  [[nodiscard]] std::chrono::milliseconds utc() const noexcept override {
    return std::chrono::floor<std::chrono::milliseconds>(read_clock(CLOCK_REALTIME));
  }
};

}  // namespace

const Clock& system_clock() noexcept {
  static const SystemClock clock;
  return clock;
}

}  // namespace fluxgate
