#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

extern "C" char** environ;

namespace fluxgate::testing {

/// How a program ended and all it said.
struct ProcessResult {
  int exit_code = -1;  ///< -1 if a signal ended it
  int signal = 0;      ///< the signal that ended it, or 0
  std::string out{};
  std::string err{};
};

/// What to start.
struct ProcessOptions {
  std::vector<std::string> command;        ///< program and arguments; looked up in PATH
  std::vector<std::string> environment{};  ///< "NAME=VALUE", laid over this process's own
  bool inherit_environment = true;         ///< false: `environment` is all it gets
};

/// A program run by a test: its output is collected, its end awaited, and it is killed if left.
///
/// Every wait has a deadline; a child that misses it is killed with SIGKILL and the wait throws,
/// with what the child had said.
///
/// Threads:  methods from one thread at a time. One thread of its own collects the output.
/// Errors:   throws std::runtime_error.
/// Lifetime: the destructor kills and reaps the child.
class ChildProcess {
 public:
  /// Generous, because a sanitizer build on a busy machine is slow. No test waits this long for
  /// something that should not happen.
  static constexpr std::chrono::seconds deadline_default{60};

  explicit ChildProcess(const ProcessOptions& options) : output_(std::make_unique<Output>()) {
    const Pipe out = make_pipe();
    const Pipe err = make_pipe();
    pid_ = spawn(options, out.write, err.write);
    ::close(out.write);
    ::close(err.write);
    pid_fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    reader_ = std::thread([output = output_.get(), out, err] { collect(*output, out, err); });
    if (pid_fd_ < 0) fail("pidfd_open");
  }

  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  ~ChildProcess() {
    if (!result_) {
      ::kill(pid_, SIGKILL);
      reap();
    }
    if (pid_fd_ >= 0) ::close(pid_fd_);
  }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Sends a signal; nothing happens if the end has been awaited already.
  void send(int signal) {
    if (!result_ && ::kill(pid_, signal) != 0) fail("kill");
  }

  /// True once it has ended; never waits.
  [[nodiscard]] bool has_ended() { return result_ || wait_end(std::chrono::milliseconds{0}); }

  /// Waits for the end.
  const ProcessResult& wait(std::chrono::milliseconds deadline = deadline_default) {
    if (!result_ && !wait_end(deadline)) give_up("did not end");
    if (!result_) reap();
    return *result_;
  }

  /// Kills it as a crash would (SIGKILL) and waits for the end.
  const ProcessResult& crash() {
    send(SIGKILL);
    return wait();
  }

  /// Waits for a whole line on stdout that begins with `start`, and returns it without its end.
  /// None if the program ended, or closed stdout, without one.
  std::optional<std::string> wait_for_line(std::string_view start,
                                           std::chrono::milliseconds deadline = deadline_default) {
    return wait_for(&Output::out, start, deadline);
  }

  /// The same for stderr; the line only has to contain `part`.
  std::optional<std::string> wait_for_error_line(
      std::string_view part, std::chrono::milliseconds deadline = deadline_default) {
    return wait_for(&Output::err, part, deadline);
  }

  /// What it has said so far.
  [[nodiscard]] std::string out() const { return copy(&Output::out); }
  [[nodiscard]] std::string err() const { return copy(&Output::err); }

 private:
  struct Pipe {
    int read;
    int write;
  };
  struct Stream {
    std::string text;
    bool ended = false;
  };
  // Written by the reading thread, under the mutex.
  struct Output {
    std::mutex mutex;
    std::condition_variable changed;
    Stream out;
    Stream err;
  };

  [[noreturn]] static void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::generic_category().message(errno));
  }

  static Pipe make_pipe() {
    std::array<int, 2> ends{};
    // Close-on-exec: a child started by another thread at this moment must not keep it open.
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
    return {ends[0], ends[1]};
  }

  static std::vector<std::string> merged_environment(const ProcessOptions& options) {
    std::vector<std::string> merged = options.environment;
    for (char** entry = environ; options.inherit_environment && *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      const std::string_view name = text.substr(0, text.find('=') + 1);
      bool replaced = false;
      for (const std::string& own : options.environment) replaced |= own.starts_with(name);
      if (!replaced) merged.emplace_back(text);
    }
    return merged;
  }

  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }

  static pid_t spawn(const ProcessOptions& options, int out, int err) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    // The child begins with nothing blocked and nothing ignored, whatever this process does.
    sigset_t none;
    ::sigemptyset(&none);
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    std::vector<std::string> command = options.command;
    std::vector<std::string> environment = merged_environment(options);
    pid_t pid = -1;
    errno = ::posix_spawnp(&pid, command.front().c_str(), &actions, &attributes,
                           pointers(command).data(), pointers(environment).data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (errno != 0) fail(command.front().c_str());
    return pid;
  }

  static void collect(Output& output, Pipe out, Pipe err) {
    std::array<pollfd, 2> sources{{{out.read, POLLIN, 0}, {err.read, POLLIN, 0}}};
    const std::array<Stream*, 2> streams{&output.out, &output.err};
    std::array<char, 65'536> buffer;
    while (sources[0].fd >= 0 || sources[1].fd >= 0) {
      ::poll(sources.data(), sources.size(), -1);
      for (std::size_t i = 0; i < sources.size(); ++i) {
        if (sources[i].fd < 0 || sources[i].revents == 0) continue;
        const ssize_t count = ::read(sources[i].fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        const std::lock_guard lock(output.mutex);
        if (count > 0) {
          streams[i]->text.append(buffer.data(), static_cast<std::size_t>(count));
        } else {
          streams[i]->ended = true;
          ::close(sources[i].fd);
          sources[i].fd = -1;  // poll() ignores negative descriptors
        }
        output.changed.notify_all();
      }
    }
  }

  /// A line of `stream` that begins with (stdout) or contains (stderr) `wanted`.
  [[nodiscard]] std::optional<std::string> find_line(Stream Output::*stream,
                                                     std::string_view wanted) const {
    const std::string_view text = (output_.get()->*stream).text;
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      if (end == std::string_view::npos) return std::nullopt;
      const std::string_view line = text.substr(begin, end - begin);
      const std::size_t at = line.find(wanted);
      if (at == 0 || (stream == &Output::err && at != std::string_view::npos)) {
        return std::string(line);
      }
      begin = end + 1;
    }
    return std::nullopt;
  }

  std::optional<std::string> wait_for(Stream Output::*stream, std::string_view wanted,
                                      std::chrono::milliseconds deadline) {
    std::optional<std::string> line;
    std::unique_lock lock(output_->mutex);
    const bool in_time = output_->changed.wait_for(lock, deadline, [&] {
      line = find_line(stream, wanted);
      return line.has_value() || (output_.get()->*stream).ended;
    });
    lock.unlock();
    if (!in_time) give_up("did not say \"" + std::string(wanted) + "\"");
    return line;
  }

  [[nodiscard]] bool wait_end(std::chrono::milliseconds deadline) const {
    pollfd ended{pid_fd_, POLLIN, 0};
    const auto until = std::chrono::steady_clock::now() + deadline;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      const int count = ::poll(&ended, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
      if (count >= 0) return count > 0;
      if (errno != EINTR) fail("poll");
    }
  }

  void reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    if (reader_.joinable()) reader_.join();
    ProcessResult result;
    if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
    result.out = out();
    result.err = err();
    result_ = std::move(result);
  }

  [[noreturn]] void give_up(const std::string& what) {
    ::kill(pid_, SIGKILL);
    reap();
    throw std::runtime_error("the program " + what + " in time; stdout: " + result_->out +
                             "; stderr: " + result_->err);
  }

  [[nodiscard]] std::string copy(Stream Output::*stream) const {
    const std::lock_guard lock(output_->mutex);
    return (output_.get()->*stream).text;
  }

  std::unique_ptr<Output> output_;
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  std::thread reader_;
  std::optional<ProcessResult> result_;
};

/// Runs a program to its end.
inline ProcessResult run_process(
    const ProcessOptions& options,
    std::chrono::milliseconds deadline = ChildProcess::deadline_default) {
  return ChildProcess(options).wait(deadline);
}

}  // namespace fluxgate::testing
