#pragma once

#include <sched.h>

#include <atomic>
#include <functional>
#include <thread>

namespace fluxgate::testing {

/// Has two threads do something at the same moment, again and again. They spin until both are
/// there, so that they are apart by less than a wake-up takes, each on a core of its own, if there
/// are two: left to itself a busy machine may have them take turns on one.
///
/// Each of `rounds`: prepare(round); then act(0, round) here beside act(1, round) on the other
/// thread; then check(round). prepare and check run here, alone.
struct TwoThreads {
  std::function<void(int round)> prepare;
  std::function<void(int thread, int round)> act;
  std::function<void(int round)> check;

  void run(int rounds) const {
    std::atomic<int> arrived{0};
    const auto meet = [&arrived](int meeting) {
      arrived.fetch_add(1);
      // Others need the cores, too.
      for (int looks = 0; arrived.load() < 2 * meeting; ++looks) {
        if (looks > 10'000) std::this_thread::yield();
      }
    };
    std::thread other([&] {
      const OwnCore core(1);
      for (int round = 0; round < rounds; ++round) {
        meet(2 * round + 1);
        act(1, round);
        meet(2 * round + 2);
      }
    });
    const OwnCore core(0);
    for (int round = 0; round < rounds; ++round) {
      prepare(round);
      meet(2 * round + 1);
      act(0, round);
      meet(2 * round + 2);
      check(round);
    }
    other.join();
  }

 private:
  // Keeps the thread on the `nth` of the cores it may use, as long as this lives.
  class OwnCore {
   public:
    explicit OwnCore(int nth) {
      CPU_ZERO(&before_);
      if (sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
      for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &before_) || nth-- != 0) continue;
        cpu_set_t own;
        CPU_ZERO(&own);
        CPU_SET(cpu, &own);
        is_kept_ = sched_setaffinity(0, sizeof(own), &own) == 0;
      }
    }
    OwnCore(const OwnCore&) = delete;
    OwnCore& operator=(const OwnCore&) = delete;
    ~OwnCore() {
      if (is_kept_) (void)sched_setaffinity(0, sizeof(before_), &before_);
    }

   private:
    cpu_set_t before_;
    bool is_kept_ = false;
  };
};

}  // namespace fluxgate::testing
