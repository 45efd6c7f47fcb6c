#include "faults/power_cut.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "faults/folder_watch.hpp"
#include "faults/mounts.hpp"
#include "faults/sale.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

constexpr std::chrono::milliseconds load_time_max{120};
constexpr std::size_t known_max = 200;
/// How long a server may take to notice, under load, that its disk is gone.
constexpr std::chrono::seconds end_deadline{10};
constexpr int storage_failed = 75;

std::string mount_options_of(const PowerCutShape& shape) {
  if (shape.type != "ext4") return {};
  // The modes that write back in another order; the default comes most often.
  static const std::vector<std::string> modes{"", "", "data=writeback", "nodelalloc"};
  return modes[shape.seed % modes.size()];
}

class PowerCuts {
 public:
  explicit PowerCuts(const PowerCutShape& shape)
      : shape_(shape),
        random_(shape.seed),
        volume_(folder_.path(), {.type = shape.type, .mount_options = mount_options_of(shape)}),
        sale_(shape.seed, {.buyers = 4,
                           .depth = shape.seed % 2 == 0 ? std::size_t{1} : std::size_t{16},
                           .in_line = 1,
                           .opens_rounds = shape.seed % 3 == 0}) {}

  Figures run() {
    bool is_open = false;
    while (figures_["cuts"] < static_cast<std::uint64_t>(shape_.cuts)) {
      if (is_open && draw(0, 4) == 0) cut_while_it_starts();
      ServerProcess server(options());
      if (!is_open) sale_.open(server.port());
      is_open = true;
      sale_.retry(server.port(), known_max);
      sale_.check(server.port(), data_dir());
      cut_under_load(server);
    }
    ServerProcess server(options());
    sale_.retry(server.port(), Sale::everybody);
    sale_.check(server.port(), data_dir());
    require(server.terminate().exit_code == 0, "the server did not end with 0");
    figures_.add("orders", sale_.logged());
    return figures_;
  }

 private:
  std::uint64_t draw(std::uint64_t least, std::uint64_t most) {
    return std::uniform_int_distribution<std::uint64_t>(least, most)(random_);
  }

  [[nodiscard]] std::filesystem::path data_dir() const { return volume_.root() / "data"; }

  [[nodiscard]] ServerProcessOptions options() const {
    return faults_server(data_dir(), {"--threads", "2"});
  }

  /// Mostly the hard one.
  void cut() {
    const Cut kinds[]{Cut::at_once, Cut::at_once, Cut::at_once, Cut::after_journal,
                      Cut::after_sync};
    volume_.cut(kinds[draw(0, std::size(kinds) - 1)]);
    figures_.add("cuts");
  }

  void cut_under_load(ServerProcess& server) {
    sale_.start(server.port());
    const std::chrono::microseconds moment = load_time_max * draw(1, 1'000) / 1'000;
    sale_.journal().wait_answers(draw(1, 5'000), moment);
    sale_.expect_end();
    cut();
    const auto cut_at = std::chrono::steady_clock::now();
    const int code = server.wait(end_deadline).exit_code;
    const auto took = std::chrono::steady_clock::now() - cut_at;
    sale_.end();
    require(code == storage_failed,
            "after a power cut the server ended with " + std::to_string(code));
    figures_.raise("exit_ms_max", static_cast<std::uint64_t>(took / std::chrono::milliseconds{1}));
    require(took <= std::chrono::seconds{5}, "the end took longer than 5 s");
    volume_.remount();
  }

  void cut_while_it_starts() {
    FolderWatch watch(data_dir() / "orders");
    ChildProcess server(ServerProcess::launch(options()));
    static_cast<void>(watch.wait(static_cast<int>(draw(1, 12)), std::chrono::seconds{10}));
    cut();
    figures_.add("cuts_in_recovery");
    // It may have started already, and then has nothing to write.
    if (!server.has_ended()) server.send(SIGTERM);
    const int code = server.wait(end_deadline).exit_code;
    // It ends by itself, or is stopped, or had started and is stopped.
    require(code == 0 || code == 1 || code == storage_failed,
            "a start whose disk went away ended with " + std::to_string(code));
    volume_.remount();
  }

  const PowerCutShape shape_;
  const TempDir folder_;
  std::mt19937_64 random_;
  LoopVolume volume_;
  Figures figures_;
  Sale sale_;
};

}  // namespace

Figures cut_power(const PowerCutShape& shape) {
  return PowerCuts(shape).run();
}

}  // namespace fluxgate::testing
