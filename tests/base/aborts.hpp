#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace fluxgate::testing {

/// True if work() ends its process by abort(), as a failed FLUXGATE_CHECK does. Runs it in a child.
template <typename Work>
bool aborts(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    // Not through the test runner's handler, and without the message.
    std::signal(SIGABRT, SIG_DFL);
    ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
    work();
    ::_exit(0);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
         WTERMSIG(status) == SIGABRT;
}

}  // namespace fluxgate::testing
