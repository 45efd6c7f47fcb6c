#include "engine/backup.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/fixture.hpp"
#include "engine/forged_log.hpp"

namespace fluxgate::engine {
namespace {

using namespace fluxgate::testing;
using orderlog::outcome;
namespace fs = std::filesystem;

std::unique_ptr<Engine> open(const std::string& directory) {
  auto opened = Engine::open({.data_dir = directory, .commit_threads = 0});
  if (!opened) FAIL(opened.error().message);
  return *std::move(opened);
}

/// Why no engine opens there; "ok" if one does.
std::string refusal(const std::string& directory) {
  auto opened = Engine::open({.data_dir = directory, .commit_threads = 0});
  return opened ? "ok" : opened.error().message;
}

std::string back_up_to(const std::string& from, const std::string& to, Sequence upto = 0,
                       const Clock& clock = ManualClock()) {
  const Result<Verification> copied = back_up({.from = from, .to = to, .upto = upto}, clock);
  if (!copied) return outcome(copied);
  if (copied->fault) return "fault: " + copied->fault->what;
  return std::to_string(copied->read.orders) + " orders";
}

/// Sells `orders` orders of users u1, u2, ... in one block; returns their ids.
std::vector<OrderId> sell_in_one_block(Engine& engine, int first, int orders) {
  Inbox inbox;
  std::vector<std::unique_ptr<OrderOperation>> operations;
  std::vector<std::string> users;
  for (int i = 0; i < orders; ++i) users.push_back("u" + std::to_string(first + i));
  for (const std::string& user : users) {
    auto& order = *operations.emplace_back(std::make_unique<OrderOperation>(inbox));
    order.request = {"p", user, "k", 1, {}};
    REQUIRE(engine.submit(order) == Submission::pending);
  }
  while (engine.step()) {
  }
  std::vector<OrderId> ids;
  for (const auto& operation : operations) {
    REQUIRE(operation->result.status == OrderStatus::accepted);
    ids.push_back(operation->result.order_id);
  }
  return ids;
}

TEST_CASE("Backup: beside an engine that sells → the copy answers as the log did",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  const auto ids = sell_in_one_block(*engine, 0, 8);
  CHECK(back_up_to(from, to) == "8 orders");
  CHECK(back_up_to(from, to) ==
        "in_use: " + to + " is not empty: a copy needs a directory of its own");
  CHECK(buy(*engine, "later", "k").sequence == 9);

  auto copy = open(to);
  CHECK(copy->product("p")->stock == 12);
  for (int i = 0; i < 8; ++i) {
    const auto again = buy(*copy, "u" + std::to_string(i), "k");
    CHECK(again.replayed);
    CHECK(again.order_id == ids[static_cast<std::size_t>(i)]);
  }
  CHECK(buy(*copy, "later", "k").sequence == 9);
}

TEST_CASE("Backup: --upto any order, also in the midst of a block → exactly those orders",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  std::vector<OrderId> ids = sell_in_one_block(*engine, 0, 4);
  for (const OrderId& id : sell_in_one_block(*engine, 4, 3)) ids.push_back(id);
  REQUIRE(engine->init({.product_id = "q", .quantity = 1}).status == InitStatus::ok);
  engine.reset();

  const auto before = orderlog::files_in(from);
  for (std::size_t upto = 1; upto <= ids.size(); ++upto) {
    const std::string to = (temp / ("to" + std::to_string(upto))).string();
    REQUIRE(back_up_to(from, to, upto) == std::to_string(upto) + " orders");
    auto copy = open(to);
    CHECK(copy->product("p")->stock == 20 - upto);
    CHECK_FALSE(copy->product("q").has_value());  // came behind the last order
    for (std::size_t i = 0; i < upto; ++i) {
      const auto again = buy(*copy, "u" + std::to_string(i), "k");
      REQUIRE(again.replayed);
      REQUIRE(again.order_id == ids[i]);
    }
    CHECK(buy(*copy, "new", "k").sequence == upto + 1);
    copy.reset();
    const ManualClock clock;
    CHECK_FALSE(orderlog::must(verify_log(to, clock)).fault.has_value());
  }
  CHECK(orderlog::files_in(from) == before);
}

TEST_CASE("Backup: an order the log has not, a directory without a log → said, nothing usable",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  CHECK(back_up_to(from, to) == "not_found: there is no order log in " + from);
  CHECK_FALSE(fs::exists(to));
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  sell_in_one_block(*engine, 0, 2);
  CHECK(back_up_to(from, to, 3) == "not_found: the log ends at order 2: it holds no order 3");
  const std::string unfinished = to + " holds a copy of a log that was not finished (" + to +
                                 "/unfinished-copy is there): remove the directory and make it "
                                 "again";
  CHECK(refusal(to) == unfinished);
  const ManualClock clock;
  CHECK(orderlog::must(verify_log(to, clock)).fault->what == unfinished);
  CHECK(back_up_to(to, (temp / "second").string()) == "fault: " + unfinished);
}

TEST_CASE("Backup: a damaged log → the fault and no copy; up to the last good order → a copy",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string mark = from + "/high-water-mark";
  auto engine = open(from);
  REQUIRE(engine->init({.product_id = "p", .quantity = 20}).status == InitStatus::ok);
  sell_in_one_block(*engine, 0, 3);
  sell_in_one_block(*engine, 3, 3);
  engine.reset();
  orderlog::must(orderlog::MarkFile::create(mark, {9, 50, 1}));
  const std::string to = (temp / "to").string();
  CHECK(back_up_to(from, to) ==
        "fault: the log ends at order 6 (block 4), but orders up to 50 (block 9) were "
        "acknowledged");
  CHECK(refusal(to).find("was not finished") != std::string::npos);
  CHECK(back_up_to(from, (temp / "good").string(), 6) == "6 orders");
  CHECK(refusal((temp / "good").string()) == "ok");

  fs::remove(mark);  // nobody knows where it ended: whoever names an order decides
  const std::string none = (temp / "none").string();
  CHECK(back_up_to(from, none).starts_with("fault: " + from + " holds an order log but no"));
  CHECK_FALSE(fs::exists(none));
  CHECK(back_up_to(from, (temp / "five").string(), 5) == "5 orders");
  CHECK(refusal((temp / "five").string()) == "ok");
}

TEST_CASE("Backup: the copy of a log without orders → starts", "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  fs::create_directory(to);
  open(from).reset();
  CHECK(back_up_to(from, to) == "0 orders");
  CHECK(refusal(to) == "ok");
}

/// A clock on whose third look something happens. A reader of a log looks twice when it begins and
/// once every 64 blocks: that is at the 64th block, or between the first reading and the second.
class EventfulClock final : public Clock {
 public:
  explicit EventfulClock(std::function<void()> event) : event_(std::move(event)) {}

  [[nodiscard]] std::chrono::nanoseconds monotonic() const noexcept override {
    look();
    return std::chrono::nanoseconds(1);
  }
  [[nodiscard]] std::chrono::milliseconds utc() const noexcept override {
    look();
    return ManualClock::utc_at_start;
  }

 private:
  void look() const {
    if (++looks_ == 3) event_();
  }

  const std::function<void()> event_;
  mutable int looks_ = 0;
};

/// No file can grow beyond this while it lives: it stands for a full disk.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit small{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  void (*handler_)(int);
  rlimit before_{};
};

/// A block of settings that no release knows, of `bytes` or a bit more.
orderlog::StoredBlock large_block(const LogPosition& tail, std::size_t bytes) {
  const std::string value(orderlog::setting_value_bytes_max, 'v');
  return orderlog::forge(tail, records_of([&](std::string& to) {
                           while (to.size() < bytes) {
                             encode(to, orderlog::SettingRecord{"unknown", value});
                           }
                         }),
                         0, 20);
}

TEST_CASE("Backup: an order that cannot be → the fault, and no copy", "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  const auto first = first_block();
  write_blocks(from, {first, orderlog::forge(first.end, order("k", 101), 1, 20)});
  CHECK(back_up_to(from, to) ==
        "fault: block 2 (first order 1): order 1 oversells round 1 of \"p\"");
  CHECK(back_up_to(from, (temp / "one").string(), 1) ==
        "fault: block 2 (first order 1): order 1 oversells round 1 of \"p\"");
}

TEST_CASE("Backup: logs of one block and of none → copied, but not to a directory with files",
          "[engine][unit]") {
  const TempDir temp;
  const std::string used = (temp / "used").string();
  fs::create_directory(used);
  orderlog::write_file(used + "/file", "x");
  const std::string in_use =
      "in_use: " + used + " is not empty: a copy needs a directory of its own";
  const std::string none = (temp / "none").string();
  const std::string one = (temp / "one").string();
  orderlog::open(none).reset();
  write_blocks(one, {first_block()});
  for (const std::string& from : {none, one}) {
    CHECK(back_up_to(from, used) == in_use);
    CHECK(back_up_to(from, from + "-copy") == "0 orders");
    CHECK(refusal(from + "-copy") == "ok");
  }
}

TEST_CASE("Backup: a log that is another at the second attempt → said, and no copy",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string other = (temp / "other").string();
  const std::string to = (temp / "to").string();
  const auto write = [](const std::string& directory, std::string_view product, bool is_good) {
    std::vector<orderlog::StoredBlock> blocks{first_block(product)};
    for (const char* key : {"k1", "k2"}) {
      blocks.push_back(orderlog::forge(blocks.back().end, order(key), 1, 20));
    }
    // Then two blocks are read, and one is copied.
    if (!is_good) blocks.back().bytes.back() = static_cast<char>(~blocks.back().bytes.back());
    write_blocks(directory, blocks);
  };
  write(from, "p", false);
  write(other, "q", true);
  const EventfulClock clock([&] {
    fs::remove_all(from);
    fs::rename(other, from);
  });
  CHECK(back_up_to(from, to, 0, clock) ==
        "unavailable: the log changed while it was read: begin again");
  CHECK(refusal(to).find("was not finished") != std::string::npos);
}

TEST_CASE("Backup: a disk that is full → the block that could not be written", "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const auto first = first_block();
  const auto large = large_block(first.end, 100'000);
  const auto failure_of = [&](const std::string& to) {
    const FileLimit limit(50'000);
    return back_up_to(from, to);
  };
  const auto text = [&](const std::string& to) {
    return "unavailable: block 2 (first order 1) could not be written to " + to +
           "/orders: IO error: ";
  };
  SECTION("the last one") {
    write_blocks(from, {first, large});
  }
  SECTION("one before") {
    write_blocks(from, {first, large, orderlog::forge(large.end, order("k"), 1, 20)});
  }
  const std::string to = (temp / "to").string();
  const std::string failure = failure_of(to);
  INFO(failure);
  CHECK(failure.starts_with(text(to)));
  CHECK(failure.find("File too large") != std::string::npos);
  CHECK(refusal(to).find("was not finished") != std::string::npos);
  CHECK(back_up_to(from, (temp / "again").string()).ends_with(" orders"));
}

TEST_CASE("Backup: something stands where the mark belongs → its error, and no copy",
          "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  std::vector<orderlog::StoredBlock> blocks{first_block()};
  while (blocks.size() < 65) blocks.push_back(orderlog::forge(blocks.back().end, {}, 0, 20));
  write_blocks(from, blocks);
  const std::string mark = to + "/high-water-mark";
  const EventfulClock clock([&] { fs::create_directory(mark); });
  CHECK(back_up_to(from, to, 0, clock) ==
        "invalid_argument: cannot rename " + mark + ".new: Is a directory");
  CHECK(refusal(to).find("was not finished") != std::string::npos);
}

TEST_CASE("Backup: the copy is not what was written → its fault or its error", "[engine][unit]") {
  const TempDir temp;
  const std::string from = (temp / "from").string();
  const std::string to = (temp / "to").string();
  const std::string mark = to + "/high-water-mark";
  const std::string unfinished = to + "/unfinished-copy";
  write_blocks(from, {first_block()});
  struct Case {
    std::function<void()> event;  // behind the copying, before the copy is read
    std::string outcome;
  };
  const Case none{[] {}, "0 orders"};
  const Case gone{[&] { fs::remove_all(to); }, "not_found: there is no order log in " + to};
  const Case spoilt{[&] { orderlog::write_file(mark, std::string(fs::file_size(mark), 'x')); },
                    "fault: " + mark +
                        ": neither of its two slots is valid, so it cannot be told whether "
                        "acknowledged orders are missing"};
  const Case finished{[&] { fs::remove(unfinished); },
                      "not_found: cannot remove " + unfinished + ": No such file or directory"};
  for (const Case& one : {none, gone, spoilt, finished}) {
    fs::remove_all(to);
    const EventfulClock clock(one.event);
    CHECK(back_up_to(from, to, 0, clock) == one.outcome);
  }
}

}  // namespace
}  // namespace fluxgate::engine
