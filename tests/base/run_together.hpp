#pragma once

#include <latch>
#include <thread>
#include <vector>

namespace fluxgate::testing {

/// Runs work(0) .. work(threads - 1), each on a thread of its own, begun at once. Returns when all
/// are done, so what they wrote can be read.
template <typename Work>
void run_together(int threads, const Work& work) {
  std::latch start(threads);
  std::vector<std::jthread> running;
  for (int thread = 0; thread < threads; ++thread) {
    running.emplace_back([&start, &work, thread] {
      start.arrive_and_wait();
      work(thread);
    });
  }
}

}  // namespace fluxgate::testing
