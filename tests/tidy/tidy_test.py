#!/usr/bin/env python3
"""Shows that each check of tidy.py finds what it is for: a planted violation, and only that."""

import os
import shutil
import tempfile
import unittest
from pathlib import Path

import cpp_text
import tidy

SOURCE = '#include "engine/core.hpp"\nnamespace fluxgate::engine {}\n'
HEADER = "#pragma once\n\nnamespace fluxgate::{room} {{}}\n"


class TreeTest(unittest.TestCase):
    """A tree of its own for each test, that starts without violations."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("src/engine/core.hpp", HEADER.format(room="engine"))
        self.write("src/engine/core.cpp", SOURCE)
        self.write("src/engine/CMakeLists.txt", "target_sources(x PRIVATE\n  core.cpp core.hpp)\n")
        self.write("include/fluxgate/types.hpp", "#pragma once\n#include <string>\n")
        shutil.copy(Path(__file__).parents[2] / ".clang-format", self.root / ".clang-format")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def add(self, name, line):
        path = self.root / name
        path.write_text(path.read_text() + line + "\n")

    def finds(self, check, part, count=1):
        found = list(check(self.root))
        self.assertEqual(len(found), count, found)
        self.assertIn(part, found[0])

    def finds_nothing(self, check):
        self.assertEqual(list(check(self.root)), [])


class CheckTest(TreeTest):
    def test_clean_tree(self):
        for check in [tidy.check_directions, tidy.check_doors, tidy.check_limits]:
            self.finds_nothing(check)
        for check in [tidy.check_namespaces, tidy.check_headers, tidy.check_listed]:
            self.finds_nothing(check)
        self.finds_nothing(tidy.check_words)
        self.assertEqual(list(tidy.check_compiles_alone(self.root, compiler())), [])

    def test_directions(self):
        self.add("src/engine/core.cpp", '#include "orderlog/walk.hpp"')
        self.add("src/engine/core.cpp", '// #include "http/shard.hpp"')
        self.finds_nothing(tidy.check_directions)
        self.add("src/engine/core.cpp", '#include "http/shard.hpp"')
        self.finds(tidy.check_directions, "core.cpp:5: engine must not include http/shard")

    def test_directions_between_middle_rooms(self):
        self.write("src/inventory/a.cpp", '#include "admission/rate_limiter.hpp"\n')
        self.finds(tidy.check_directions, "inventory must not include admission/")

    def test_directions_upwards_from_base_and_public_headers(self):
        self.write("src/base/a.cpp", '#include "engine/core.hpp"\n')
        self.finds(tidy.check_directions, "base must not include engine/core.hpp")
        self.write("src/base/a.cpp", "")
        self.add("include/fluxgate/types.hpp", '#include "engine/core.hpp"')
        self.finds(tidy.check_directions, "a public header includes engine/core.hpp")

    def test_directions_unknown_room(self):
        self.write("src/extra/a.cpp", '#include "engine/core.hpp"\n')
        self.finds(tidy.check_directions, "extra is no room")

    def test_doors(self):
        doors = {
            "rocksdb/db.h": "src/orderlog/rocksdb_storage.cpp",
            "xxhash.h": "src/orderlog/checksum.cpp",
            "boost/asio.hpp": "src/http/shard.cpp",
            "simdjson.h": "src/http/json.cpp",
            "sodium.h": "src/http/admin.cpp",
            "spdlog/spdlog.h": "src/cli/logging.cpp",
            "CLI/CLI.hpp": "src/cli/flags.cpp",
            "toml++/toml.h": "src/cli/config_file.cpp",
            "fmt/format.h": "src/http/json.cpp",
        }
        for header, door in doors.items():
            with self.subTest(header):
                self.write(door, f"#include <{header}>\n")
                self.finds_nothing(tidy.check_doors)
                self.write("src/base/wrong.cpp", f"#include <{header}>\n")
                self.finds(tidy.check_doors, f"src/base/wrong.cpp:1: <{header}> belongs behind")
                self.write("src/base/wrong.cpp", "")
        self.write("src/orderlog/walk.cpp", "#include <rocksdb/db.h>\n")
        self.finds(tidy.check_doors, "belongs behind src/orderlog/ordered_names.cpp or")

    def test_doors_of_strangers(self):
        self.add("src/engine/core.cpp", "#include <sys/socket.h>\n#include <unistd.h>")
        self.finds_nothing(tidy.check_doors)
        self.add("src/engine/core.cpp", "#include <openssl/evp.h>")
        self.finds(tidy.check_doors, "<openssl/evp.h> has no door")

    def test_doors_of_public_headers(self):
        self.add("include/fluxgate/types.hpp", "#include <fmt/format.h>")
        self.finds(tidy.check_doors, "a public header includes <fmt/format.h>")

    def test_file_length(self):
        self.write("src/engine/core.cpp", "\n" * 500)
        self.finds_nothing(tidy.check_limits)
        self.write("src/engine/core.cpp", "\n" * 501)
        self.finds(tidy.check_limits, "501 lines in one file")

    def test_line_length_counts_characters(self):
        self.add("src/engine/core.cpp", "// " + "ü" * 97)
        self.finds_nothing(tidy.check_limits)
        self.write("scripts/build", "#" * 101 + "\n")
        self.finds(tidy.check_limits, "scripts/build:1: 101 columns")

    def test_function_length(self):
        self.add("src/engine/core.cpp", "int f() {\n" + "  ;\n" * 68 + "}")
        self.finds_nothing(tidy.check_limits)
        self.add("src/engine/core.cpp", "int g(\n    int a) {\n" + "  ;\n" * 68 + "}")
        self.finds(tidy.check_limits, "src/engine/core.cpp:73: a function of 71 lines")

    def test_namespaces(self):
        self.write("src/engine/core.hpp", HEADER.format(room="orderlog"))
        self.finds(tidy.check_namespaces, "nothing in namespace fluxgate::engine")

    def test_headers(self):
        self.write("src/engine/core.hpp", "using namespace std;\n")
        self.finds(tidy.check_headers, "no #pragma once", count=2)
        self.write("src/engine/core.hpp", HEADER.format(room="engine"))
        self.write("src/engine/core.cpp", '#include <string>\n#include "engine/core.hpp"\n')
        self.finds(tidy.check_headers, "engine/core.hpp must be included first")
        self.write("src/engine/core.cpp", '#include "engine/core.hpp"\n')
        self.write("tests/engine/core_test.cpp", "#include <catch2/catch.hpp>\n")
        self.finds(tidy.check_headers, "tests/engine/core_test.cpp:1: engine/core.hpp must be")

    def test_listed(self):
        self.write("src/engine/dead.cpp", "")
        self.finds(tidy.check_listed, "src/engine/dead.cpp:1: not listed in engine/CMakeLists.txt")

    def test_words(self):
        self.add("src/engine/core.cpp", "// TO" + "DO(#12): later")
        self.add("src/engine/core.cpp", "// cmake --prefix build/wo" + "rk/x")
        self.finds_nothing(tidy.check_words)
        for line in ["FIX" + "ME", "TO" + "DO later", "in /ro" + "ot/x", "pypi" + ".org"]:
            with self.subTest(line):
                self.write("src/engine/other.cpp", f"// {line}\n")
                self.finds(tidy.check_words, "src/engine/other.cpp:1: ")
        self.write("src/engine/other.cpp", "")
        self.write("docs/GUIDE.md", "see /ho" + "me/me/notes\n")
        self.finds(tidy.check_words, "docs/GUIDE.md:1: a machine's path")

    def test_compiles_alone(self):
        self.write("include/fluxgate/broken.hpp", "#pragma once\ninline std::string word();\n")
        found = list(tidy.check_compiles_alone(self.root, compiler()))
        self.assertEqual(len(found), 1, found)
        self.assertIn("include/fluxgate/broken.hpp:1: does not compile alone", found[0])

    @unittest.skipUnless(shutil.which("clang-format-14"), "clang-format-14 is not here")
    def test_format(self):
        self.write("src/engine/core.cpp", "int  f( ) ;\n")
        self.finds(tidy.check_format, "src/engine/core.cpp:1: not as clang-format-14 lays it out")


class FunctionsTest(unittest.TestCase):
    def lengths(self, text):
        return [function.lines for function in cpp_text.functions(text)]

    def test_kinds_of_functions(self):
        self.assertEqual(self.lengths("int f() {\n}\n"), [2])
        self.assertEqual(self.lengths("class A {\n int f() const { return 1; }\n};\n"), [1])
        self.assertEqual(self.lengths("struct B {\n  B() : x_{1}, y_(2) {\n }\n};\n"), [2])
        self.assertEqual(self.lengths("struct alignas(64) B {\n int f() {\n }\n};\n"), [2])
        self.assertEqual(self.lengths("bool operator==(A a, A b) {\n}\n"), [2])
        self.assertEqual(self.lengths("auto f(int a = 1) -> int {\n  if (a) {\n  }\n}\n"), [4])
        self.assertEqual(self.lengths('TEST_CASE("a { b", "[c]") {\n\n}\n'), [3])
        self.assertEqual(self.lengths("enum class E { a, b };\nstruct S {\n int x{1};\n};\n"), [])
        self.assertEqual(self.lengths("constexpr int t[] = {\n1,\n2};\nint f() {\n}\n"), [2])

    def test_what_is_no_code(self):
        self.assertEqual(self.lengths("// int f() {\n/* { */ int g() { }\n"), [1])
        self.assertEqual(self.lengths('const char* s = R"x(int f() {)x";\nint g() {\n}\n'), [2])
        self.assertEqual(self.lengths("#define M(x) \\\n  if (x) {   \\\n  }\nint g() {\n}\n"), [2])
        self.assertEqual(self.lengths("int f() {\n  int x = 1'000;\n  char c = '{';\n}\n"), [4])


def compiler():
    return os.environ.get("CXX", "c++")


if __name__ == "__main__":
    unittest.main()
