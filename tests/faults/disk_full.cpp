#include "faults/disk_full.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>

#include "faults/mounts.hpp"
#include "faults/sale.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int storage_failed = 75;
constexpr std::uint64_t volume_bytes = std::uint64_t{512} << 20;
/// How soon after the volume is full new orders must be refused, or the server have ended.
constexpr std::chrono::seconds notice_deadline{10};
constexpr std::chrono::seconds back_deadline{5};
constexpr std::size_t known_max = 200;

std::unique_ptr<Volume> make_volume(const std::filesystem::path& folder, const std::string& type) {
  if (type == "tmpfs") return std::make_unique<MemoryVolume>(folder, volume_bytes);
  return std::make_unique<LoopVolume>(folder, ImageShape{.type = type, .bytes = volume_bytes});
}

class FullDisk {
 public:
  explicit FullDisk(const DiskFullShape& shape)
      : shape_(shape),
        random_(shape.seed),
        volume_(make_volume(folder_.path(), shape.type)),
        sale_(shape.seed, {.buyers = 3, .depth = 4, .retry_percent = 30, .in_line = 1}) {}

  Figures run() {
    server_.emplace(options());
    sale_.open(server_->port());
    for (int cycle = 0; cycle < shape_.cycles; ++cycle) {
      run_cycle();
      sale_.retry(server_->port(), known_max);
      sale_.check(server_->port(), data_dir());
      figures_.add("cycles");
    }
    require(server_->terminate().exit_code == 0, "the server did not end with 0");
    figures_.add("orders", sale_.logged());
    return figures_;
  }

 private:
  [[nodiscard]] std::filesystem::path data_dir() const { return volume_->root() / "data"; }
  [[nodiscard]] ServerProcessOptions options() const {
    return faults_server(data_dir(), {"--threads", "2"});
  }

  void run_cycle() {
    // From nothing at all to what lets the server go on for a while.
    static constexpr std::array<std::uint64_t, 5> left_bytes{0, 4'096, 1 << 20, 16 << 20, 48 << 20};
    sale_.start(server_->port());
    sale_.journal().wait_answers(200, std::chrono::milliseconds{200});
    sale_.expect_end();
    volume_->fill_up(left_bytes[random_() % left_bytes.size()]);
    wait_until_refused();
    sale_.journal().wait_answers(200, std::chrono::milliseconds{100});
    // In half of the cycles a server is started on the full disk, too.
    if (server_ && random_() % 2 == 0) end_server(SIGTERM);
    if (!server_) {
      // What the reserve gave back is gone, too.
      if (random_() % 2 == 0) volume_->fill_up(0);
      start_on_full_disk();
    }
    volume_->free_up();
    wait_until_taken(Clock::now());
    sale_.end();
  }

  /// New orders are refused while reads and replays are answered; or the server has ended with 75.
  void wait_until_refused() {
    const auto until = Clock::now() + notice_deadline;
    for (;;) {
      require(Clock::now() < until, "a full disk was not noticed");
      try {
        SaleClient client(server_->port());
        const OrderAnswer answer = order_new(client);
        if (answer.code != "storage_full") continue;
        figures_.add("refused");
        static_cast<void>(client.product("many"));
        static_cast<void>(client.audit("many", 1));
        replay_one(client);
        return;
      } catch (const std::runtime_error& error) {
        if (!server_->process().has_ended()) throw;
      }
      end_server(0);
      return;
    }
  }

  OrderAnswer order_new(SaleClient& client) {
    const std::size_t entry = sale_.journal().add({.product_id = "many", .user_id = {}, .key = {}});
    const Wish wish = sale_.journal().wish(entry);
    const Journal::Try tried = sale_.journal().begin(entry);
    const OrderAnswer answer = client.order(wish);
    sale_.journal().end(tried, answer);
    return answer;
  }

  void replay_one(SaleClient& client) {
    for (const Journal::Entry& entry : sale_.journal().entries()) {
      if (entry.state != Journal::State::accepted) continue;
      const OrderAnswer answer = client.order(entry.wish);
      require(answer.status == 200 && answer.replayed, "a replay was not answered on a full disk");
      return;
    }
  }

  /// `signal` 0: it has ended by itself, which only a storage failure may make it do.
  void end_server(int signal) {
    if (signal != 0) server_->process().send(signal);
    const int code = server_->wait().exit_code;
    const bool is_sound = code == storage_failed || (signal != 0 && code == 0);
    require(is_sound, "on a full disk the server ended with " + std::to_string(code));
    server_.reset();
    figures_.add("restarts");
  }

  /// It may start and refuse orders, or end with 75; never with 78.
  void start_on_full_disk() {
    ChildProcess process(ServerProcess::launch(options()));
    if (process.wait_for_line("fluxgate listening")) {
      process.send(SIGTERM);
      const int code = process.wait().exit_code;
      require(code == 0 || code == storage_failed,
              "started on a full disk, the server ended with " + std::to_string(code));
      figures_.add("starts_on_full");
      return;
    }
    const int code = process.wait().exit_code;
    require(code == storage_failed,
            "a start on a full disk ended with " + std::to_string(code) + ": " + process.err());
    figures_.add("starts_refused");
  }

  void wait_until_taken(Clock::time_point freed) {
    for (;;) {
      require(Clock::now() < freed + back_deadline, "no order was taken within 5 s of the space");
      if (server_ && server_->process().has_ended()) end_server(0);
      if (!server_) server_.emplace(options());
      try {
        SaleClient client(server_->port());
        if (order_new(client).status == 200) break;
      } catch (const std::runtime_error&) {
        if (!server_->process().has_ended()) throw;
      }
    }
    const auto took = Clock::now() - freed;
    figures_.raise("back_ms_max", static_cast<std::uint64_t>(took / std::chrono::milliseconds{1}));
  }

  const DiskFullShape shape_;
  const TempDir folder_;
  std::mt19937_64 random_;
  std::unique_ptr<Volume> volume_;
  Figures figures_;
  Sale sale_;
  std::optional<ServerProcess> server_;
};

}  // namespace

Figures fill_and_free(const DiskFullShape& shape) {
  return FullDisk(shape).run();
}

}  // namespace fluxgate::testing
