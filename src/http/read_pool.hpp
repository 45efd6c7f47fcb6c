#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "http/status_map.hpp"

namespace fluxgate::http {

/// What a read of the log found: a problem, or a body for a 200.
struct Reading {
  std::optional<Problem> problem;
  std::string body;
};

/// A read of the log, with its own copies of what it needs.
struct ReadJob {
  std::function<Reading()> work;           ///< runs on a reader thread
  std::function<void(Reading)> done = {};  ///< called there with what `work` returned
  bool is_audit = false;                   ///< audits scan much: one runs at a time
};

/// The threads that read the log, so that no shard waits for a disk. They run at a low priority:
/// the sale goes first.
///
/// Threads:  try_submit() any; the rest one.
/// Lifetime: stop() ends the threads; jobs that have not begun are answered `draining`.
class ReadPool {
 public:
  ReadPool() = default;
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;
  ~ReadPool() { stop(); }

  /// Throws std::system_error if a thread cannot be had.
  void start(unsigned threads);

  /// False: read_queue_max jobs wait already, or it was stopped.
  [[nodiscard]] bool try_submit(ReadJob job);

  /// Waits for the jobs that run.
  void stop();

 private:
  void run();
  /// Takes the next job that may run; call with the mutex held.
  [[nodiscard]] bool take(ReadJob& job);

  std::mutex mutex_;
  std::condition_variable changed_;
  // All under the mutex.
  std::deque<ReadJob> reads_;
  std::deque<ReadJob> audits_;
  bool audit_runs_ = false;
  bool stopped_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace fluxgate::http
