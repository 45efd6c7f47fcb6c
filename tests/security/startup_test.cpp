// What a start promises: who is told that the admin routes are off, and who may read the files.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "http/fixture.hpp"
#include "support/server_process.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::http {
namespace {

using testing::ProcessResult;
using testing::ServerProcess;
using testing::TempDir;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

}  // namespace

TEST_CASE("start: host, token and proxy in every combination → the admin routes and what is said",
          "[security][process]") {
  for (const std::string host : {"localhost", "127.0.0.1", "0.0.0.0"}) {
    for (const bool has_token : {false, true}) {
      for (const bool has_proxy : {false, true}) {
        INFO(host << (has_token ? ", token" : "") << (has_proxy ? ", proxy" : ""));
        const TempDir dir;
        std::vector<std::string> arguments{"--host", host, "--durability", "memory"};
        if (has_token) arguments.insert(arguments.end(), {"--admin-token", "s3cret-token"});
        if (has_proxy) arguments.insert(arguments.end(), {"--trusted-proxy", "10.0.0.0/8"});
        ServerProcess server({.data_dir = dir.path() / "data", .arguments = arguments});
        const bool is_off = !has_token && (has_proxy || host == "0.0.0.0");

        HttpRequest request = get("/admin/settings");
        HttpClient client(server.port());
        CHECK((client.request(request).status == 200) == (!has_token && !is_off));
        request.headers = {{"Authorization", "Bearer s3cret-token"}};
        CHECK((client.request(request).status == 200) == !is_off);

        // Whole only when it has ended.
        const ProcessResult& ended = server.terminate();
        CHECK(ended.exit_code == 0);
        CHECK((ended.err.find("admin routes are off") != std::string::npos) == is_off);
        CHECK(ended.err.find("s3cret") == std::string::npos);
      }
    }
  }
}

TEST_CASE("data directory: under umask 000 → for its owner alone, all that is in it, too",
          "[security][process]") {
  const TempDir dir;
  const std::filesystem::path data = dir.path() / "data";
  for (int life = 0; life < 2; ++life) {
    ServerProcess server(
        {.data_dir = data, .wrapper = {"sh", "-c", "umask 000; exec \"$@\"", "sh"}});
    HttpClient client(server.port());
    REQUIRE(client.request(post_json("/init", R"({"productId":"p","quantity":9})")).status == 200);
    REQUIRE(client.request(order("p", "ann", "k" + std::to_string(life))).status == 200);
    std::size_t files = 0;
    CHECK(mode_of(data) == 0700);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data)) {
      INFO(entry.path());
      CHECK((mode_of(entry.path()) & 0077) == 0);
      ++files;
    }
    CHECK(files >= 5);
    REQUIRE(server.terminate().exit_code == 0);
  }
}

}  // namespace fluxgate::http
