#pragma once

#include <chrono>
#include <functional>

#include "base/unique_fd.hpp"

namespace fluxgate::cli {

/// What the serving program waits for.
enum class Event {
  signal,          ///< SIGTERM or SIGINT
  storage_failed,  ///< storage_failed() was called
  done,            ///< the work of run() is over
  timeout,         ///< nothing of the above in time
};

/// Signals and other threads' news as one stream for the main thread.
///
/// Made before any other thread: it blocks SIGTERM and SIGINT for the whole process and takes them
/// from a descriptor, so no code ever runs inside a signal handler. SIGPIPE is ignored, because a
/// client that hangs up is no reason to end.
///
/// Threads:  storage_failed() from any; everything else from the thread that made it.
/// Lifetime: must outlive every thread that may call storage_failed().
class Events {
 public:
  /// Errors: aborts if the kernel has no descriptors to give.
  Events();

  /// Waits for ever, or for so long.
  [[nodiscard]] Event wait();
  [[nodiscard]] Event wait(std::chrono::milliseconds wait_max);

  /// Runs `work` on a thread of its own and waits until it is over or something else happens
  /// first. Then the thread is left running: the caller is about to end the process.
  [[nodiscard]] Event run(std::function<void()> work);
  [[nodiscard]] Event run(std::function<void()> work, std::chrono::milliseconds wait_max);

  /// Tells the waiting thread; only the first call counts.
  void storage_failed() noexcept;

 private:
  static constexpr int forever = -1;

  [[nodiscard]] Event wait_for(int wait_ms);
  [[nodiscard]] Event run_for(std::function<void()> work, int wait_ms);

  base::UniqueFd signals_;
  base::UniqueFd failure_;  // an event descriptor: written once
  base::UniqueFd done_;     // an event descriptor: written when work of run() is over
};

}  // namespace fluxgate::cli
