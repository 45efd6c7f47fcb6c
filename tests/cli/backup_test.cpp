#include "cli/backup.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/raw_http.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

using namespace fluxgate::testing;

namespace {

std::vector<std::string> backup_command(const std::string& from,
                                        const std::vector<std::string>& more) {
  std::vector<std::string> command{server_binary(), "backup", "--data-dir", from};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

ProcessResult run_backup(const std::string& from, const std::vector<std::string>& more) {
  return run_process({backup_command(from, more)});
}

int exit_of(const std::string& command, const std::string& data_dir) {
  return run_process({{server_binary(), command, "--data-dir", data_dir}}).exit_code;
}

std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n"));
}

}  // namespace

TEST_CASE("backup: beside a running server → a server on the copy gives the same answers",
          "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  const std::string copy = (dir / "copy").string();
  std::vector<std::string> answers;
  {
    ServerProcess server({.data_dir = data});
    REQUIRE(init(server.port(), "p").starts_with("HTTP/1.1 200 "));
    for (const char* key : {"k1", "k2", "k3"}) {
      answers.push_back(body_of(order(server.port(), "p", "ann", key)));
    }
    const ProcessResult copied = run_backup(data, {"--to", copy});
    INFO(copied.err);
    REQUIRE(copied.exit_code == 0);
    REQUIRE(copied.err.empty());
    REQUIRE(copied.out.starts_with(copy + ": all is well\n"));
    const ProcessResult two = run_backup(data, {"--to", copy + "2", "--upto", "2"});
    REQUIRE(two.exit_code == 0);
    REQUIRE(two.out.find("  last order    2\n") != std::string::npos);
    const ProcessResult again = run_backup(data, {"--to", copy});
    REQUIRE(again.exit_code == 1);
    REQUIRE(again.err == "fluxgate-server: no backup in " + copy + ": " + copy +
                             " is not empty: a copy needs a directory of its own\n");
  }
  for (const char* upto : {"", "2"}) {
    ServerProcess server({.data_dir = copy + upto});
    std::size_t replayed = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const std::string answer = order(server.port(), "p", "ann", "k" + std::to_string(i + 1));
      if (answer.find("Idempotent-Replayed: true") == std::string::npos) continue;
      ++replayed;
      REQUIRE(body_of(answer) == answers[i]);
    }
    REQUIRE(replayed == (*upto == '\0' ? 3 : 2));
    REQUIRE(server.terminate().exit_code == 0);
  }
}

TEST_CASE("backup: a target that takes no more → 1, the source as before, the copy is refused",
          "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  const std::string copy = (dir / "copy").string();
  {
    ServerProcess server({.data_dir = data});
    REQUIRE(init(server.port(), "p").starts_with("HTTP/1.1 200 "));
    REQUIRE(order(server.port(), "p", "ann", "k").starts_with("HTTP/1.1 200 "));
    REQUIRE(server.terminate().exit_code == 0);
  }
  // A limit on the size of files stands for a full disk.
  const std::string limited = "ulimit -f 8; exec \"$@\"";
  std::vector<std::string> command{"sh", "-c", limited, "sh"};
  for (const std::string& word : backup_command(data, {"--to", copy})) command.push_back(word);
  const ProcessResult result = run_process({command});
  REQUIRE(result.exit_code == 1);
  REQUIRE(result.out.empty());
  REQUIRE(result.err.starts_with("fluxgate-server: no backup in " + copy + ": "));
  REQUIRE(result.err.find(copy + "/orders/") != std::string::npos);
  REQUIRE(result.err.ends_with(": File too large\n"));
  REQUIRE(exit_of("verify", data) == 0);
  REQUIRE(exit_of("verify", copy) == 3);
  REQUIRE(exit_of("orders", copy) == 78);
  ChildProcess server(ServerProcess::launch({.data_dir = copy}));
  REQUIRE(server.wait().exit_code == 78);
  REQUIRE(server.wait().err.find(copy + "/unfinished-copy is there") != std::string::npos);
}

TEST_CASE("backup: a damaged log → 3 and the place; no target → 2; no log → 1", "[cli][process]") {
  const TempDir dir;
  const std::string data = (dir / "data").string();
  const std::string copy = (dir / "copy").string();
  {
    ServerProcess server({.data_dir = data});
    REQUIRE(init(server.port(), "p").starts_with("HTTP/1.1 200 "));
    REQUIRE(server.terminate().exit_code == 0);
  }
  REQUIRE(run_backup(data, {}).exit_code == 2);
  REQUIRE(run_backup(data, {"--to", copy, "--upto", "0"}).exit_code == 2);
  REQUIRE(run_backup(copy, {"--to", copy}).exit_code == 1);
  REQUIRE_FALSE(std::filesystem::exists(copy));
  std::filesystem::remove(data + "/high-water-mark");
  const ProcessResult result = run_backup(data, {"--to", copy});
  REQUIRE(result.exit_code == 3);
  REQUIRE(result.err.find(data + " holds an order log but no high-water-mark file") !=
          std::string::npos);
  REQUIRE_FALSE(std::filesystem::exists(copy));
}
