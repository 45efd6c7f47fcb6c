#include "orderlog/files.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <string>

#include "orderlog/failing_calls.hpp"
#include "orderlog/log_fixture.hpp"
#include "support/crash_machine.hpp"
#include "support/faulty_files.hpp"

namespace fluxgate::orderlog {
namespace {

using testing::CrashMachine;
using testing::FaultyFiles;

int prepare_nothing(Files&) {
  return 0;
}

TEST_CASE("system_error: each number → the code that says what to do next", "[orderlog][unit]") {
  struct Case {
    int number;
    const char* expected;
  };
  const Case cases[] = {
      {EACCES, "permission: cannot open /x: Permission denied"},
      {EPERM, "permission: cannot open /x: Operation not permitted"},
      {EROFS, "permission: cannot open /x: Read-only file system"},
      {ENOTDIR, "invalid_argument: cannot open /x: Not a directory"},
      {ENAMETOOLONG, "invalid_argument: cannot open /x: File name too long"},
      {ELOOP, "invalid_argument: cannot open /x: Too many levels of symbolic links"},
      {EISDIR, "invalid_argument: cannot open /x: Is a directory"},
      {EEXIST, "invalid_argument: cannot open /x: File exists"},
      {EINVAL, "invalid_argument: cannot open /x: Invalid argument"},
      {ENOENT, "not_found: cannot open /x: No such file or directory"},
      {EIO, "unavailable: cannot open /x: Input/output error"},
      {ENOSPC, "unavailable: cannot open /x: No space left on device"},
  };
  for (const Case& each : cases) {
    CHECK(outcome(Result<void>(system_error(each.number, "cannot open /x"))) == each.expected);
  }
}

TEST_CASE("make_directories: any path → each part made, its name durable where it stands",
          "[orderlog][unit]") {
  struct Case {
    const char* path;
    Calls calls;
  };
  const Case cases[] = {
      {"/a/b",
       {"make_directory /a", "sync_directory /", "make_directory /a/b", "sync_directory /a"}},
      {"a/b", {"make_directory a", "sync_directory .", "make_directory a/b", "sync_directory a"}},
      {"/a//b/",
       {"make_directory /a", "sync_directory /", "make_directory /a//b", "sync_directory /a/"}},
  };
  for (const Case& each : cases) {
    check_each_call_fails(each.calls, prepare_nothing,
                          [&](Files& files, int) { return make_directories(each.path, files); });
  }
}

TEST_CASE("make_directories: parts that are there → nothing to make durable; no path → an error",
          "[orderlog][unit]") {
  const CrashMachine machine;
  FaultyFiles files(machine.storage_disk().files);
  must(make_directories("/a/b", files));
  files.fail(0);
  must(make_directories("/a/b/c", files));
  CHECK(files.calls() == Calls{"make_directory /a", "make_directory /a/b", "make_directory /a/b/c",
                               "sync_directory /a/b"});
  files.fail(0);
  CHECK(outcome(make_directories("", files)) ==
        "invalid_argument: the name of the data directory is empty");
  CHECK(files.calls().empty());
}

TEST_CASE("replace_file: a call that fails → its error; before the name changes the old content",
          "[orderlog][unit]") {
  const Calls calls = {"open /file.new", "write /file.new", "sync /file.new", "rename /file.new",
                       "sync_directory /"};
  check_each_call_fails(calls, prepare_nothing,
                        [](Files& files, int) { return replace_file("/file", "new", files); });
  for (std::size_t nth = 1; nth <= calls.size(); ++nth) {
    CrashMachine machine;
    FaultyFiles files(machine.storage_disk().files);
    must(replace_file("/file", "old", files));
    files.fail(nth);
    REQUIRE_FALSE(replace_file("/file", "new", files));
    CHECK(machine.disk().content("/file") == (nth == calls.size() ? "new" : "old"));
  }
}

}  // namespace
}  // namespace fluxgate::orderlog
