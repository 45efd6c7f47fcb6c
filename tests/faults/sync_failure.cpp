#include "faults/sync_failure.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "faults/mounts.hpp"
#include "faults/sale.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

constexpr int storage_failed = 75;
constexpr std::chrono::seconds end_deadline{20};
constexpr std::chrono::seconds load_deadline{10};
/// Enough answers to get past every fault of call_fault_of(), where it is met at all.
constexpr std::size_t answers_enough = 120;

/// What the trace of a server says about its end.
struct Trace {
  double failed_at = 0;  ///< 0: the fault was never met
  bool was_log = false;  ///< it met the write-ahead log; other files may fail behind a synced block
  double ended_at = 0;
  std::uint64_t acks_after_failure = 0;
};

/// From the first failed sync, in seconds; 0.1 is usual.
constexpr double end_seconds_max = 5;

/// Lines are "PID SECONDS.MICROS call(...) = ...".
Trace read_trace(const std::filesystem::path& path) {
  Trace trace;
  std::ifstream file(path);
  std::map<std::string, std::string> unfinished;  // by PID: the first half of a call has its file
  for (std::string line; std::getline(file, line);) {
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) continue;
    const double at = std::strtod(line.c_str() + space, nullptr);
    const std::string pid = line.substr(0, space);
    if (line.find("<unfinished ...>") != std::string::npos) unfinished[pid] = line;
    const bool is_injected = line.find("(INJECTED)") != std::string::npos;
    if (is_injected && trace.failed_at == 0) {
      const bool is_half = line.find("resumed>") != std::string::npos;
      trace.failed_at = at;
      trace.was_log = (is_half ? unfinished[pid] : line).find(".log>") != std::string::npos;
    }
    const bool is_answer = line.find("HTTP/1.1 200") != std::string::npos;
    if (is_answer && trace.failed_at != 0) ++trace.acks_after_failure;
    trace.ended_at = at;
  }
  return trace;
}

/// The file system, a sale on it, and what is checked after all.
class FailingSale {
 public:
  FailingSale(const std::filesystem::path& image_folder, std::uint64_t seed, SaleShape shape)
      : volume_(image_folder, {}), sale_(seed, shape) {}

  [[nodiscard]] ServerProcessOptions options() const {
    return faults_server(volume_.root() / "data", {"--threads", "1"});
  }
  Sale& sale() noexcept { return sale_; }
  LoopVolume& volume() noexcept { return volume_; }

  void open() {
    ServerProcess server(options());
    sale_.open(server.port());
    require(server.terminate().exit_code == 0, "the server did not end with 0");
  }

  /// All that was acknowledged is there; a start with damage throws.
  void check_after_restart() {
    ServerProcess server(options());
    sale_.retry(server.port(), Sale::everybody);
    sale_.check(server.port(), volume_.root() / "data");
    require(server.terminate().exit_code == 0, "the server did not end with 0");
  }

 private:
  LoopVolume volume_;
  Sale sale_;
};

/// The server under strace; none if the fault ended its start, with the code it ended with.
std::optional<int> sell_until_it_fails(FailingSale& failing, const ServerProcessOptions& options) {
  std::optional<ServerProcess> server;
  try {
    server.emplace(options);
  } catch (const std::runtime_error& error) {
    const std::string text = error.what();
    // Not 78, no byte is damaged; and not a signal.
    require(text.find("ended with " + std::to_string(storage_failed) + ":") != std::string::npos ||
                text.find("ended with 1:") != std::string::npos ||
                text.find("error while loading shared libraries") != std::string::npos,
            "a start that met an error: " + text);
    return std::nullopt;
  }
  Sale& sale = failing.sale();
  sale.start(server->port());
  sale.expect_end();
  const std::size_t enough = sale.journal().answers() + answers_enough;
  const auto until = std::chrono::steady_clock::now() + load_deadline;
  while (sale.journal().answers() < enough && !server->process().has_ended() &&
         std::chrono::steady_clock::now() < until) {
    static_cast<void>(sale.journal().wait_answers(answers_enough, std::chrono::milliseconds{20}));
  }
  if (!server->process().has_ended()) server->process().send(SIGTERM);
  const int code = server->wait(end_deadline).exit_code;
  sale.end();
  return code;
}

}  // namespace

std::string why_no_strace() {
  if (std::system("strace -V > /dev/null 2>&1") != 0) return "strace is not installed";
  if (std::system("strace -o /dev/null true > /dev/null 2>&1") != 0) return "strace may not trace";
  return {};
}

CallFault call_fault_of(std::uint64_t seed) {
  static const std::array<CallFault, 8> kinds{{{"fdatasync", "EIO"},
                                               {"fdatasync", "ENOSPC"},
                                               {"fsync", "EIO"},
                                               {"pwrite64", "EIO"},
                                               {"pwrite64", "ENOSPC"},
                                               {"openat", "EIO"},
                                               {"rename", "EIO"},
                                               {"fallocate", "ENOSPC"}}};
  // Half of all runs are the syncs the promise rests on.
  CallFault fault = kinds[seed % 2 == 0 ? 0 : seed / 2 % kinds.size()];
  std::mt19937_64 random(seed);
  fault.nth = 1 + random() % 40;
  // The first 40 files opened are the loader's.
  if (fault.call == "openat") fault.nth = 40 + random() % 40;
  fault.for_ever = random() % 2 == 0;
  return fault;
}

Figures fail_a_call(const CallFault& fault, std::uint64_t seed) {
  const TempDir folder;
  // No order is sent twice: replays are answered after a failure, too.
  FailingSale failing(folder.path(), seed, {.buyers = 1, .retry_percent = 0});
  failing.open();
  const std::filesystem::path trace_file = folder / "trace";
  ServerProcessOptions options = failing.options();
  const std::vector<std::string> tracer{
      // -D: strace is the grandchild, so that the server is ours to signal.
      "strace",
      "-D",
      "-y",
      "-f",
      "-qq",
      "-ttt",
      "-s",
      "16",
      "-o",
      trace_file.string(),
      "-e",
      "trace=sendmsg,sendto,exit_group," + fault.call,
      "-e",
      "inject=" + fault.call + ":error=" + fault.error + ":when=" + std::to_string(fault.nth) +
          (fault.for_ever ? "+" : "")};
  options.wrapper.insert(options.wrapper.end(), tracer.begin(), tracer.end());
  // The leak checker cannot work under a tracer.
  options.environment = {"ASAN_OPTIONS=detect_leaks=0"};
  const std::optional<int> code = sell_until_it_fails(failing, options);
  const Trace trace = read_trace(trace_file);

  Figures figures;
  figures.add("runs");
  if (trace.failed_at != 0) figures.add("hits");
  const bool is_sync = fault.call == "fdatasync" || fault.call == "fsync";
  if (code && is_sync && trace.failed_at != 0) {
    require(*code == storage_failed,
            "after a failed sync the server ended with " + std::to_string(*code));
    figures.add("failed_syncs");
    figures.add("failed_log_syncs", trace.was_log ? 1 : 0);
    // Where the mark or a table failed, the answer of the block before may still be on its way.
    const std::uint64_t acks = trace.acks_after_failure;
    const std::uint64_t acks_rightful = std::min<std::uint64_t>(acks, trace.was_log ? 0 : 1);
    figures.add("acks_of_synced_blocks", acks_rightful);
    figures.add("acks_after_failure", acks - acks_rightful);
    const double took = trace.ended_at - trace.failed_at;
    figures.raise("exit_ms_max", static_cast<std::uint64_t>(took * 1'000));
    require(took <= end_seconds_max, "the end took " + std::to_string(took) + " s");
    require(acks == acks_rightful, "an order was acknowledged after a failed sync");
  }
  require(!code || *code == 0 || *code == storage_failed,
          "a server whose disk failed ended with " + std::to_string(code.value_or(0)));
  if (!code) figures.add("ends_at_start");
  if (code && *code == storage_failed) figures.add("ends_75");
  failing.volume().cut(Cut::at_once);
  failing.volume().remount();
  failing.check_after_restart();
  figures.add("orders", failing.sale().logged());
  return figures;
}

Figures fail_the_disk(std::uint64_t seed) {
  const TempDir folder;
  MemoryVolume store(folder.path(), std::uint64_t{512} << 20);
  FailingSale failing(store.root(), seed, {.buyers = 4, .depth = 4});
  failing.open();
  Figures figures;
  {
    ServerProcess server(failing.options());
    Sale& sale = failing.sale();
    sale.start(server.port());
    static_cast<void>(
        sale.journal().wait_answers(1 + seed % 2'000, std::chrono::milliseconds{200}));
    sale.expect_end();
    store.fill_up(0);
    const int code = server.wait(end_deadline).exit_code;
    sale.end();
    require(code == storage_failed,
            "on a broken disk the server ended with " + std::to_string(code));
    figures.add("ends_75");
  }
  store.free_up();
  failing.volume().cut(Cut::at_once);
  failing.volume().remount();
  failing.check_after_restart();
  figures.add("runs");
  figures.add("orders", failing.sale().logged());
  return figures;
}

}  // namespace fluxgate::testing
