#include "faults/kill_campaign.hpp"

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "faults/folder_watch.hpp"
#include "faults/sale.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::chrono::milliseconds load_time_max{150};
/// A start makes about 14 changes in its folder; the last ones come when it serves already.
constexpr std::uint64_t changes_max = 16;
/// Where the changes do not come, it serves already.
constexpr std::chrono::seconds changes_deadline{1};
/// About what a start takes until it serves: a first one from its launch, one that recovers from
/// the claim of its directory.
constexpr std::uint64_t first_start_ms = 40;
constexpr std::uint64_t recovery_ms = 30;
/// Also under sanitizers on a busy machine.
constexpr std::chrono::seconds claim_deadline{60};
constexpr std::string_view serving_line = "fluxgate listening";
/// How many earlier orders are asked for again after each start.
constexpr std::size_t known_max = 200;

/// Each directory has people of another kind, so that all kinds come in a few directories.
SaleShape shape_of(std::uint64_t seed) {
  return {.buyers = 8,
          .depth = seed % 4 == 0 ? std::size_t{32} : std::size_t{1},
          .in_line = seed % 2 == 0 ? std::size_t{2} : std::size_t{0},
          .opens_rounds = seed % 3 == 0};
}

/// Whether a server has its data directory's lock: its only one by flock(). Asked of the kernel,
/// because to try the lock would be to hold it when the server wants it.
bool has_claimed(const ChildProcess& server) {
  const std::string owner = " WRITE " + std::to_string(server.pid()) + " ";
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    if (line.find(" FLOCK ") != std::string::npos && line.find(owner) != std::string::npos) {
      return true;
    }
  }
  return false;
}

/// Looks without a pause: the server may serve 10 ms later.
void wait_for_claim(ChildProcess& server) {
  const auto until = std::chrono::steady_clock::now() + claim_deadline;
  while (!has_claimed(server)) {
    require(!server.has_ended(), "a start ended: " + server.err());
    require(std::chrono::steady_clock::now() < until, "no server claimed the directory");
  }
}

/// Waits until it serves, or kills it at `moment`.
void wait_until_it_serves(ChildProcess& server, std::chrono::milliseconds moment) {
  try {
    static_cast<void>(server.wait_for_line(serving_line, moment));
  } catch (const std::runtime_error&) {
    // A wait that runs out kills with SIGKILL.
  }
}

class Killer {
 public:
  explicit Killer(const KillShape& shape)
      : shape_(shape), random_(shape.seed), sale_(shape.seed, shape_of(shape.seed)) {}

  Figures run() {
    for (int life = 0; life < shape_.lives; ++life) {
      for (int starts = 0; starts < 3 && draw(0, 1) == 0; ++starts) kill_while_it_starts();
      ServerProcess server(options());
      if (life == 0) sale_.open(server.port());
      has_log_ = true;
      sale_.retry(server.port(), known_max);
      sale_.check(server.port(), data_dir());
      kill_under_load(server);
    }
    ServerProcess server(options());
    sale_.retry(server.port(), Sale::everybody);
    sale_.check(server.port(), data_dir());
    require(server.terminate().exit_code == 0, "the server did not end with 0");
    figures_.add("orders", sale_.logged());
    figures_.add("tries", sale_.journal().tries());
    return figures_;
  }

 private:
  std::uint64_t draw(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(random_);
  }

  [[nodiscard]] std::filesystem::path data_dir() const { return folder_ / "data"; }

  /// A directory may change between sync and os from start to start.
  ServerProcessOptions options() {
    std::vector<std::string> arguments{"--threads", "2"};
    if (draw(0, 3) == 0) arguments.insert(arguments.end(), {"--durability", "os"});
    if (draw(0, 3) == 0) arguments.insert(arguments.end(), {"--rate-limit", "2000"});
    return faults_server(data_dir(), std::move(arguments));
  }

  /// Kills a server some milliseconds after it claimed its directory, or when it has changed so
  /// many files. Before there is a log it may also be killed before the claim.
  void kill_while_it_starts() {
    std::optional<FolderWatch> watch;
    if (has_log_ && draw(0, 1) == 0) watch.emplace(data_dir() / "orders");
    ChildProcess server(ServerProcess::launch(options()));
    if (has_log_) wait_for_claim(server);
    if (watch) {
      static_cast<void>(watch->wait(static_cast<int>(draw(1, changes_max)), changes_deadline));
    } else {
      const std::uint64_t most = has_log_ ? recovery_ms : first_start_ms;
      wait_until_it_serves(server, std::chrono::milliseconds{draw(0, most)});
    }
    // Asked when it is dead, so that no line is overlooked.
    const ProcessResult& ended = server.crash();
    require(ended.signal == SIGKILL, "a start ended: " + ended.err);
    const bool has_served = ended.out.find(serving_line) != std::string::npos;
    const char* const when = has_log_ ? "kills_in_recovery" : "kills_in_first_start";
    figures_.add(has_served ? "kills_idle" : when);
    figures_.add("kills");
  }

  void kill_under_load(ServerProcess& server) {
    sale_.start(server.port());
    const std::chrono::microseconds moment = load_time_max * draw(1, 1'000) / 1'000;
    sale_.journal().wait_answers(draw(1, 5'000), moment);
    sale_.expect_end();
    if (draw(0, 5) == 0) {
      server.process().send(SIGTERM);
      sale_.journal().wait_answers(draw(1, 200), std::chrono::microseconds{draw(0, 20'000)});
      figures_.add("kills_while_stopping");
    } else {
      figures_.add("kills_under_load");
    }
    server.crash();
    sale_.end();
    figures_.add("kills");
  }

  const KillShape shape_;
  const TempDir folder_;
  std::mt19937_64 random_;
  Figures figures_;
  Sale sale_;
  bool has_log_ = false;  // there are orders, or products at least, to recover
};

}  // namespace

Figures kill_again_and_again(const KillShape& shape) {
  return Killer(shape).run();
}

}  // namespace fluxgate::testing
