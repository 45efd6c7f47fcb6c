// crash_campaign power-cut|io-errors|damage [--first N] [--count M]
//
// Runs seeds or cases N..N+M-1, each in the real engine on a CrashDisk. The last line of its output
// is "ok key=value ..." (exit 0), or what broke and how to see it again (exit 1).

#include <sys/wait.h>
#include <unistd.h>

#include <poll.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "crash/campaign.hpp"

namespace fluxgate::testing {
namespace {

constexpr int hang_ms = 5'000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int slowness = 20;  // of code that a sanitizer watches, on a busy machine
#else
constexpr int slowness = 1;
#endif

struct Mode {
  const char* name;
  Tally (*run)(std::uint64_t number);
  std::uint64_t (*count_all)();  // null: there is no end
};
constexpr Mode modes[] = {
    {"power-cut", run_power_cuts, nullptr},
    {"io-errors", run_io_error, count_io_errors},
    {"damage", run_damage, nullptr},
};

struct Range {
  std::uint64_t first = 1;
  std::uint64_t count = 0;  // 0: all there are
};

/// The cases of a range from `next` on, in this process; a line for each to `out`.
[[noreturn]] void run_child(const Mode& mode, std::uint64_t next, std::uint64_t end, int out) {
  std::FILE* lines = ::fdopen(out, "w");
  for (; next < end; ++next) {
    const Tally tally = mode.run(next);
    std::string line = "done";
    for (const auto& [key, value] : tally.counts) line += " " + key + "=" + std::to_string(value);
    if (!tally.broken.empty()) {
      std::fprintf(stderr, "%s\n", tally.broken.c_str());
      line = "broken";
    }
    std::fprintf(lines, "%s\n", line.c_str());
    std::fflush(lines);
  }
  std::fclose(lines);
  std::_Exit(0);
}

/// Runs the range in a child, so that an abort or a hang is seen and told. False: something broke.
class Campaign {
 public:
  Campaign(const Mode& mode, const Range& range)
      : mode_(mode), next_(range.first), end_(range.first + range.count) {}

  bool run() {
    int ends[2] = {};
    if (::pipe(ends) != 0) return fails("no pipe");
    const pid_t child = ::fork();
    if (child < 0) return fails("no process");
    if (child == 0) {
      ::close(ends[0]);
      run_child(mode_, next_, end_, ends[1]);
    }
    ::close(ends[1]);
    const bool is_fine = follow(ends[0], child);
    ::close(ends[0]);
    return is_fine;
  }

  void print() const {
    std::string line = "ok runs=" + std::to_string(runs_);
    for (const auto& [key, value] : counts_) line += " " + key + "=" + std::to_string(value);
    std::printf("%s\n", line.c_str());
  }

 private:
  bool fails(const std::string& why) {
    std::printf("%s\nagain: crash_campaign %s --first %llu --count 1\n", why.c_str(), mode_.name,
                static_cast<unsigned long long>(next_));
    return false;
  }

  bool follow(int from, pid_t child) {
    std::string text;
    while (true) {
      pollfd waiting{from, POLLIN, 0};
      const int ready = ::poll(&waiting, 1, hang_ms * slowness);
      char bytes[4096];
      const ssize_t got = ready > 0 ? ::read(from, bytes, sizeof bytes) : -1;
      if (ready == 0) ::kill(child, SIGKILL);
      if (got <= 0) {
        int status = 0;
        ::waitpid(child, &status, 0);
        if (ready == 0) return fails("hangs");
        if (WIFSIGNALED(status))
          return fails("ended by signal " + std::to_string(WTERMSIG(status)));
        if (next_ == end_) return true;
        return fails("ended early, status " + std::to_string(WEXITSTATUS(status)));
      }
      text.append(bytes, static_cast<std::size_t>(got));
      for (std::size_t line; (line = text.find('\n')) != std::string::npos;) {
        if (!take(text.substr(0, line))) {
          ::kill(child, SIGKILL);
          ::waitpid(child, nullptr, 0);
          return fails("broken");
        }
        text.erase(0, line + 1);
      }
    }
  }

  bool take(const std::string& line) {
    if (line == "broken") return false;
    for (std::size_t at = line.find(' '); at != std::string::npos; at = line.find(' ', at + 1)) {
      const std::size_t equals = line.find('=', at);
      counts_[line.substr(at + 1, equals - at - 1)] +=
          std::strtoull(line.c_str() + equals + 1, nullptr, 10);
    }
    ++runs_;
    ++next_;
    return true;
  }

  const Mode& mode_;
  std::uint64_t next_;
  const std::uint64_t end_;
  std::uint64_t runs_ = 0;
  std::map<std::string, std::uint64_t> counts_;
};

/// Counts in a child: RocksDB's threads would not follow into the next one.
std::uint64_t count_in_child(const Mode& mode) {
  int ends[2] = {};
  if (::pipe(ends) != 0) return 0;
  const pid_t child = ::fork();
  if (child == 0) {
    const std::uint64_t all = mode.count_all();
    const ssize_t written = ::write(ends[1], &all, sizeof all);
    std::_Exit(written == sizeof all ? 0 : 1);
  }
  std::uint64_t all = 0;
  ::close(ends[1]);
  if (::read(ends[0], &all, sizeof all) != sizeof all) all = 0;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return all;
}

const Mode* find_mode(std::string_view name) {
  for (const Mode& mode : modes) {
    if (name == mode.name) return &mode;
  }
  return nullptr;
}

}  // namespace

int run(int argc, char** argv) {
  const Mode* mode = argc < 2 ? nullptr : find_mode(argv[1]);
  Range range;
  for (int i = 2; i + 1 < argc; i += 2) {
    std::uint64_t* to = nullptr;
    if (std::strcmp(argv[i], "--first") == 0) to = &range.first;
    if (std::strcmp(argv[i], "--count") == 0) to = &range.count;
    if (to == nullptr) mode = nullptr;
    if (to != nullptr) *to = std::strtoull(argv[i + 1], nullptr, 10);
  }
  if (mode == nullptr || argc % 2 != 0 || (range.count == 0 && mode->count_all == nullptr)) {
    std::fprintf(stderr, "crash_campaign power-cut|io-errors|damage [--first N] [--count M]\n");
    return 2;
  }
  if (range.count == 0) {
    range.first = 1;
    range.count = count_in_child(*mode);
  }
  Campaign campaign(*mode, range);
  if (!campaign.run()) return 1;
  campaign.print();
  return 0;
}

}  // namespace fluxgate::testing

int main(int argc, char** argv) {
  return fluxgate::testing::run(argc, argv);
}
