#include "http/read_pool.hpp"

#include <sys/resource.h>

#include <utility>

#include "http/limits.hpp"

namespace fluxgate::http {
namespace {

// Where a core is short, a shard gets 28 times as much of it as a reader: an audit of a million
// orders takes seconds then instead of a third of the sale.
constexpr int reader_niceness = 15;

}  // namespace

void ReadPool::start(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

bool ReadPool::try_submit(ReadJob job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || reads_.size() + audits_.size() >= read_queue_max) return false;
    (job.is_audit ? audits_ : reads_).push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

// Reads go first: they are short, and somebody waits for an order to show.
bool ReadPool::take(ReadJob& job) {
  std::deque<ReadJob>& queue = !reads_.empty() ? reads_ : audits_;
  if (queue.empty() || (&queue == &audits_ && audit_runs_)) return false;
  job = std::move(queue.front());
  queue.pop_front();
  audit_runs_ |= job.is_audit;
  return true;
}

void ReadPool::run() {
  // For this thread alone, as Linux has it; a failure costs speed only.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, reader_niceness));
  std::unique_lock lock(mutex_);
  for (;;) {
    ReadJob job;
    changed_.wait(lock, [&] { return stopped_ || take(job); });
    if (stopped_) return;
    lock.unlock();
    job.done(job.work());
    lock.lock();
    if (job.is_audit) {
      audit_runs_ = false;
      changed_.notify_one();
    }
  }
}

void ReadPool::stop() {
  std::deque<ReadJob> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(reads_);
    for (ReadJob& audit : audits_) dropped.push_back(std::move(audit));
    audits_.clear();
  }
  changed_.notify_all();
  for (ReadJob& job : dropped) job.done({Problem::draining, {}});
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace fluxgate::http
