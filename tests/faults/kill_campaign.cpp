#include "faults/kill_campaign.hpp"

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "faults/folder_watch.hpp"
#include "faults/sale.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::chrono::milliseconds load_time_max{150};
/// A start makes about 14 changes in its folder; the last ones come when it serves already.
constexpr std::uint64_t changes_max = 16;
/// How many earlier orders are asked for again after each start.
constexpr std::size_t known_max = 200;

/// Each directory has people of another kind, so that all kinds come in a few directories.
SaleShape shape_of(std::uint64_t seed) {
  return {.buyers = 8,
          .depth = seed % 4 == 0 ? std::size_t{32} : std::size_t{1},
          .in_line = seed % 2 == 0 ? std::size_t{2} : std::size_t{0},
          .opens_rounds = seed % 3 == 0};
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

  /// Kills a server in its first milliseconds, or when it has changed so many files.
  void kill_while_it_starts() {
    const bool is_new = !std::filesystem::exists(data_dir() / "orders");
    if (is_new || draw(0, 1) == 0) {
      kill_start_after(std::chrono::milliseconds{draw(0, 40)});
    } else {
      FolderWatch watch(data_dir() / "orders");
      ChildProcess server(ServerProcess::launch(options()));
      const int changes = static_cast<int>(draw(1, changes_max));
      const bool changed = watch.wait(changes, std::chrono::seconds{10});
      server.crash();
      figures_.add(changed ? "kills_in_recovery" : "kills_idle");
      figures_.add("kills");
    }
  }

  void kill_start_after(std::chrono::milliseconds moment) {
    ChildProcess server(ServerProcess::launch(options()));
    try {
      server.wait_for_line("fluxgate listening", moment);
      server.crash();
      figures_.add("kills_idle");
    } catch (const std::runtime_error&) {
      figures_.add("kills_in_recovery");  // the wait ran out, and then kills with SIGKILL
    }
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
};

}  // namespace

Figures kill_again_and_again(const KillShape& shape) {
  return Killer(shape).run();
}

}  // namespace fluxgate::testing
