#include "cli/events.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <thread>
#include <utility>

#include "base/check.hpp"

namespace fluxgate::cli {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

int make_signal_fd() {
  const sigset_t set = ending_signals();
  FLUXGATE_CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  return ::signalfd(-1, &set, SFD_CLOEXEC);
}

void notify(const base::UniqueFd& event) noexcept {
  const std::uint64_t one = 1;
  // An event descriptor of ours takes 2^64-2 notices; this is one of a few.
  FLUXGATE_CHECK(::write(event.get(), &one, sizeof one) == sizeof one);
}

/// Takes the notice, so that the next wait does not see it again.
void consume(int fd) {
  std::array<char, sizeof(signalfd_siginfo)> notice{};
  FLUXGATE_CHECK(::read(fd, notice.data(), notice.size()) > 0);
}

}  // namespace

Events::Events()
    : signals_(make_signal_fd()),
      failure_(::eventfd(0, EFD_CLOEXEC)),
      done_(::eventfd(0, EFD_CLOEXEC)) {
  FLUXGATE_CHECK(signals_.get() >= 0 && failure_.get() >= 0 && done_.get() >= 0);
  FLUXGATE_CHECK(::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

Event Events::wait() {
  return wait_for(forever);
}

Event Events::wait(std::chrono::milliseconds wait_max) {
  return wait_for(static_cast<int>(wait_max.count()));
}

Event Events::run(std::function<void()> work) {
  return run_for(std::move(work), forever);
}

Event Events::run(std::function<void()> work, std::chrono::milliseconds wait_max) {
  return run_for(std::move(work), static_cast<int>(wait_max.count()));
}

void Events::storage_failed() noexcept {
  notify(failure_);
}

Event Events::run_for(std::function<void()> work, int wait_ms) {
  std::thread worker([this, work = std::move(work)] {
    work();
    notify(done_);
  });
  const Event event = wait_for(wait_ms);
  if (event == Event::done) {
    worker.join();
  } else {
    worker.detach();
  }
  return event;
}

Event Events::wait_for(int wait_ms) {
  // In order of weight: a failure must not be taken for a clean end.
  std::array<pollfd, 3> sources{
      {{failure_.get(), POLLIN, 0}, {done_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  constexpr std::array events{Event::storage_failed, Event::done, Event::signal};
  int count = 0;
  do {
    // A signal that interrupts the wait (a debugger's) starts it anew; ours are all blocked.
    count = ::poll(sources.data(), sources.size(), wait_ms);
  } while (count < 0 && errno == EINTR);
  FLUXGATE_CHECK(count >= 0);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].revents == 0) continue;
    consume(sources[i].fd);
    return events[i];
  }
  return Event::timeout;
}

}  // namespace fluxgate::cli
