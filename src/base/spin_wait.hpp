#pragma once

#include <thread>

namespace fluxgate::base {

/// Waits for another thread to finish something that takes well under a microsecond.
///
/// Make one for each wait. The first 64 rounds (about 2 µs) only tell the processor that this is a
/// spin; after that the other thread has most likely lost its core, and the rounds give it ours.
class SpinWait {
 public:
  void wait() noexcept {
    if (rounds_ < rounds_max) {
      ++rounds_;
      pause();
    } else {
      std::this_thread::yield();
    }
  }

 private:
  static constexpr int rounds_max = 64;

  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  int rounds_ = 0;
};

}  // namespace fluxgate::base
