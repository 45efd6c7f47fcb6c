#pragma once

#include <thread>

namespace fluxgate::engine {

class Core;

/// Drives a Core's steps on a thread of its own, named "fluxgate-commit".
///
/// Threads:  construct and destroy from one thread. Destroying stops after the step at hand.
/// Lifetime: must not outlive the Core.
class CommitThread {
 public:
  explicit CommitThread(Core& core);
  ~CommitThread();

 private:
  Core& core_;
  std::jthread thread_;
};

}  // namespace fluxgate::engine
