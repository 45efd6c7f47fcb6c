#pragma once

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <thread>
#include <utility>

namespace fluxgate::testing {

/// A thread that does work() again and again and can be held up anywhere in it, between any two
/// instructions, while others go on: what a scheduler does now and then, on demand.
///
/// One at a time. It lets itself go after a millisecond even if it was not released, because it may
/// hold a lock that the others wait for.
class HeldThread {
 public:
  template <typename Work>
  explicit HeldThread(Work work) {
    struct sigaction action {};
    action.sa_handler = &wait_for_release;
    ::sigaction(SIGUSR1, &action, nullptr);
    thread_ = std::thread([this, work = std::move(work)] {
      while (!stopped_.load(std::memory_order_acquire)) {
        work();
        laps_.fetch_add(1, std::memory_order_release);
      }
    });
  }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;
  ~HeldThread() { stop(); }

  /// Lets the thread run for a moment, holds it up, calls meanwhile(), lets it go on, and waits
  /// until it has done what it was at and one work() more.
  template <typename Meanwhile>
  void hold_up(const Meanwhile& meanwhile) {
    // A moment of changing length, so that the signal does not always meet the same place.
    for (std::uint64_t i = 0; i < moment_; ++i) (void)stopped_.load(std::memory_order_relaxed);
    moment_ = (moment_ * 5 + 3) % 512;
    held_.store(false, std::memory_order_relaxed);
    released_.store(false, std::memory_order_relaxed);
    ::pthread_kill(thread_.native_handle(), SIGUSR1);
    while (!held_.load(std::memory_order_acquire)) ::sched_yield();
    meanwhile();
    released_.store(true, std::memory_order_release);
    wait_laps(2);
  }

  /// Ends the thread; what its work wrote can be read then.
  void stop() {
    stopped_.store(true, std::memory_order_release);
    if (thread_.joinable()) thread_.join();
  }

 private:
  static constexpr std::int64_t held_us_max = 1'000;

  static void wait_for_release(int) {
    const int error = errno;
    held_.store(true, std::memory_order_release);
    const std::int64_t end = now_us() + held_us_max;
    while (!released_.load(std::memory_order_acquire) && now_us() < end) {
    }
    errno = error;
  }

  static std::int64_t now_us() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * std::int64_t{1'000'000} + now.tv_nsec / 1000;
  }

  void wait_laps(std::uint64_t laps) {
    const std::uint64_t end = laps_.load(std::memory_order_acquire) + laps;
    while (laps_.load(std::memory_order_acquire) < end) ::sched_yield();
  }

  // Of the one thread that is held; for the signal handler.
  static inline std::atomic<bool> held_{false};
  static inline std::atomic<bool> released_{true};

  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> laps_{0};
  std::uint64_t moment_ = 1;
  std::thread thread_;
};

}  // namespace fluxgate::testing
