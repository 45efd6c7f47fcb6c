#pragma once

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <stdexcept>

namespace fluxgate::testing {

/// Counts what happens in a folder: files made, renamed, removed, or closed after writing.
///
/// Errors: throws std::runtime_error.
class FolderWatch {
 public:
  explicit FolderWatch(const std::filesystem::path& folder)
      : queue_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    const unsigned what = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE | IN_MODIFY;
    if (queue_ < 0 || ::inotify_add_watch(queue_, folder.c_str(), what) < 0) {
      if (queue_ >= 0) ::close(queue_);
      throw std::runtime_error("cannot watch " + folder.string());
    }
  }
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;
  ~FolderWatch() { ::close(queue_); }

  /// Waits until this many things have happened. False: they did not in time.
  [[nodiscard]] bool wait(int events, std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (seen_ < events) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      pollfd readable{queue_, POLLIN, 0};
      ::poll(&readable, 1, static_cast<int>(left.count()));
      take();
    }
    return true;
  }

 private:
  void take() {
    alignas(inotify_event) std::array<char, 4096> buffer;
    const ssize_t count = ::read(queue_, buffer.data(), buffer.size());
    for (ssize_t at = 0; at < count; ++seen_) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }

  int queue_;
  int seen_ = 0;
};

}  // namespace fluxgate::testing
