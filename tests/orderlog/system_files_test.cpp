#include "orderlog/files.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "orderlog/log_fixture.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::orderlog {
namespace {

using testing::TempDir;

TEST_CASE("SystemFiles: a name that is not there → not_found, whatever is asked of it",
          "[orderlog][unit]") {
  const TempDir temp;
  const std::string path = temp / "missing";
  const std::string why = path + ": No such file or directory";
  Files& files = system_files();
  CHECK(outcome(files.open(path, Access::read)) == "not_found: cannot open " + why);
  CHECK(outcome(files.open(path, Access::write)) == "not_found: cannot open " + why);
  CHECK(outcome(files.open(path + "/x", Access::fresh)) ==
        "not_found: cannot open " + path + "/x: No such file or directory");
  CHECK(outcome(files.lock(path + "/x")) ==
        "not_found: cannot open " + path + "/x: No such file or directory");
  CHECK(outcome(files.make_directory(path + "/x")) ==
        "not_found: cannot make the directory " + path + "/x: No such file or directory");
  CHECK(outcome(files.sync_directory(path)) == "not_found: cannot open " + why);
  CHECK(outcome(files.rename(path, path + "2")) == "not_found: cannot rename " + why);
  CHECK(outcome(files.remove(path)) == "not_found: cannot remove " + why);
  CHECK(must(files.exists(path)) == false);
  CHECK(outcome(files.names(path)) == "not_found: cannot read the directory " + why);
  CHECK(outcome(files.check_access(path, false)) == "not_found: cannot use " + why);
  CHECK(outcome(files.check_access(path, true)) == "not_found: cannot use " + why);
  CHECK(outcome(files.size(path)) == "not_found: cannot look at " + why);
  CHECK(outcome(files.empty(path)) == "not_found: cannot empty " + why);
  CHECK(std::filesystem::is_empty(temp.path()));
}

TEST_CASE("SystemFiles: read, write or sync that the system refuses → its reason, with the path",
          "[orderlog][unit]") {
  const TempDir temp;
  Files& files = system_files();
  const auto directory = must(files.open(temp.str(), Access::read));
  char byte = 0;
  CHECK(outcome(directory->read(&byte, 1, 0)) ==
        "invalid_argument: cannot read " + temp.str() + ": Is a directory");
  const auto full = must(files.open("/dev/full", Access::fresh));
  CHECK(outcome(full->write("x", 0)) ==
        "unavailable: cannot write /dev/full: No space left on device");
  CHECK(outcome(full->sync()) == "invalid_argument: cannot sync /dev/full: Invalid argument");
  CHECK(outcome(files.sync_directory("/proc")) ==
        "invalid_argument: cannot sync /proc: Invalid argument");
}

TEST_CASE("SystemFiles: a write of which the system takes nothing → an error, never 0 bytes",
          "[orderlog][unit]") {
  const TempDir temp;
  const std::string path = temp / "file";
  const auto file = must(system_files().open(path, Access::fresh));
  CHECK(outcome(file->write("", 0)) ==
        "unavailable: cannot write " + path + ": No space left on device");
  CHECK(must(file->write("x", 0)) == 1);
}

TEST_CASE("SystemFiles: a file that is locked → in_use, until it is closed", "[orderlog][unit]") {
  const TempDir temp;
  const std::string path = temp / "lock";
  auto held = must(system_files().lock(path));
  CHECK(outcome(system_files().lock(path)) == "in_use: " + path + " is locked");
  held.reset();
  CHECK(outcome(system_files().lock(path)) == "ok");
}

TEST_CASE("SystemFiles: what cannot be cut to be empty → removed", "[orderlog][unit]") {
  const TempDir temp;
  const std::string path = temp / "pipe";  // has no length to cut
  REQUIRE(::mkfifo(path.c_str(), S_IRUSR | S_IWUSR) == 0);
  CHECK(outcome(system_files().empty(path)) == "ok");
  CHECK_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace fluxgate::orderlog
