#include "http/poller.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "base/check.hpp"

namespace fluxgate::http {
namespace {

base::UniqueFd checked(int fd, const char* call) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), call);
  return base::UniqueFd(fd);
}

}  // namespace

Poller::Poller()
    : epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.ptr = static_cast<Watched*>(&awake_);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

bool Poller::watch(int fd, Watched& watched) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watched;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

std::span<const epoll_event> Poller::wait(std::chrono::nanoseconds wait_max) noexcept {
  // Rounded up, so that a deadline has passed when the wait for it is over.
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait_max).count();
  const int timeout = static_cast<int>(std::clamp<std::int64_t>(wait_ms, 0, 1'000'000));
  const int found = ::epoll_wait(epoll_.get(), events_.data(), events_max, timeout);
  FLUXGATE_CHECK(found >= 0 || errno == EINTR);
  return {events_.data(), static_cast<std::size_t>(std::max(found, 0))};
}

void Poller::wake() noexcept {
  const std::uint64_t one = 1;
  // Fails only when 2^64 - 2 wake-ups were never read: then it is awake.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
}

}  // namespace fluxgate::http
