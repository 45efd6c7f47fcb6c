#include "engine/commit_thread.hpp"

#include <pthread.h>

#include "engine/core.hpp"

namespace fluxgate::engine {

CommitThread::CommitThread(Core& core)
    : core_(core), thread_([&core](const std::stop_token& stop) {
        pthread_setname_np(pthread_self(), "fluxgate-commit");
        while (!stop.stop_requested()) {
          if (!core.step()) core.wait();
        }
      }) {}

CommitThread::~CommitThread() {
  thread_.request_stop();
  core_.wake();
}

}  // namespace fluxgate::engine
