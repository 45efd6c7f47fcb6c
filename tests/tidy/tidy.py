#!/usr/bin/env python3
"""Checks what a program can check of docs/STYLE.md. One line for each violation; exit 1 if any.

    tidy.py ROOT [--compiler CXX]
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cpp_text

MIDDLE_ROOMS = ["inventory", "idempotency", "admission", "orderlog"]
# Which rooms a room may include: docs/STYLE.md, "Rooms".
MAY_INCLUDE = {
    "base": [],
    **{room: ["base"] for room in MIDDLE_ROOMS},
    "engine": [*MIDDLE_ROOMS, "base"],
    "http": ["engine", *MIDDLE_ROOMS, "base"],
    "cli": ["http", "engine", *MIDDLE_ROOMS, "base"],
}
# The door of each foreign library: the only place under src/ that includes it.
DOORS = [
    (
        re.compile(r"rocksdb/"),
        [
            "src/orderlog/ordered_names.cpp",
            "src/orderlog/prezeroed_files.cpp",
            "src/orderlog/rocksdb_logger.cpp",
            "src/orderlog/rocksdb_logger.hpp",
            "src/orderlog/rocksdb_storage.cpp",
        ],
    ),
    (re.compile(r"xxhash\.h$"), ["src/orderlog/"]),
    (re.compile(r"(boost/|simdjson)"), ["src/http/"]),
    (re.compile(r"sodium"), ["src/http/", "src/admission/signed_tokens.cpp"]),
    (re.compile(r"kainjow/"), ["src/http/"]),
    (re.compile(r"(spdlog/|CLI/|toml\+\+/)"), ["src/cli/"]),
    (re.compile(r"fmt/"), ["src/http/", "src/cli/"]),
]
STANDARD_HEADER = re.compile(r"[a-z0-9_]+$")
SYSTEM_HEADER = re.compile(r"((sys|arpa|net|netinet|linux)/)?[a-z0-9_]+\.h$")

FILE_LINES_MAX = 500
LINE_COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70

CPP_SUFFIXES = {".cpp", ".hpp"}
CODE_SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".cmake", ".js", ".in"}
LIMITED_TREES = ["src", "include", "tests", "bench", "examples", "scripts", ".ci"]
SKIPPED_TREES = {".git", ".cache", "node_modules", "fluxgate-data", "__pycache__", "corpus"}

# Written in two halves, so that this file does not find itself.
FORBIDDEN = [
    (re.compile(r"\bFIX" + r"ME\b"), "a finding that was left"),
    (re.compile(r"(?<!`)\bTO" + r"DO\b(?!\(#\d+\))"), "an open end without a number, (#12)"),
    (re.compile(r"(?<![\w.$}/])/(wo" + r"rk|ro" + r"ot|ho" + r"me|tmp/w)/"), "a machine's path"),
    (
        re.compile(r"(pypi" + r"\.org|npmjs" + r"\.org|golang" + r"\.org|deb\.debian" + r"\.org)"),
        "a registry's host",
    ),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]+)>|"([^"\n]+)")', re.MULTILINE)


def files(root, trees, suffixes):
    """Files below the trees, without build results, in a fixed order."""
    for tree in trees:
        for path in sorted((root / tree).rglob("*")):
            parts = path.relative_to(root).parts
            if not SKIPPED_TREES.intersection(parts) and path.is_file():
                if not suffixes or path.suffix in suffixes:
                    yield path


def code_files(root):
    """Everything with limits: sources, and scripts without a suffix."""
    for path in files(root, LIMITED_TREES, None):
        if path.suffix in CODE_SUFFIXES or not path.suffix or path.name == "CMakeLists.txt":
            yield path
    for path in sorted(root.glob("*")):
        if path.name == "CMakeLists.txt" or path.suffix in CODE_SUFFIXES:
            yield path


def place(root, path, line):
    return f"{path.relative_to(root).as_posix()}:{line}"


def includes(text):
    """(line, name, is_quoted) of each #include; those in comments and strings do not count."""
    for match in INCLUDE.finditer(cpp_text.blank(text, keep_strings=True)):
        line = text.count("\n", 0, match.start()) + 1
        yield line, match.group(1) or match.group(2), match.group(2) is not None


def check_directions(root):
    """Rooms include only what is below them; public headers only each other."""
    for path in files(root, ["src", "include"], CPP_SUFFIXES):
        parts = path.relative_to(root).parts
        room = parts[1] if parts[0] == "src" else None
        for line, name, is_quoted in includes(path.read_text()):
            if not is_quoted:
                continue
            target = name.split("/")[0]
            if target == "fluxgate" or (room is not None and target == room):
                continue
            if room is None:
                yield f"{place(root, path, line)}: a public header includes {name}"
            elif room not in MAY_INCLUDE:
                yield f"{place(root, path, line)}: {room} is no room of docs/STYLE.md"
            elif target not in MAY_INCLUDE[room]:
                yield f"{place(root, path, line)}: {room} must not include {name}"


def check_doors(root):
    """Foreign headers only at their doors; public headers include std only."""
    for path in files(root, ["src", "include"], CPP_SUFFIXES):
        here = path.relative_to(root).as_posix()
        for line, name, is_quoted in includes(path.read_text()):
            if is_quoted or STANDARD_HEADER.match(name) and name != "simdjson":
                continue
            if here.startswith("include/"):
                yield f"{place(root, path, line)}: a public header includes <{name}>"
                continue
            doors = next((doors for pattern, doors in DOORS if pattern.match(name)), None)
            if doors is None and not SYSTEM_HEADER.match(name):
                yield f"{place(root, path, line)}: <{name}> has no door in tests/tidy"
            elif doors is not None and not any(here.startswith(door) for door in doors):
                yield f"{place(root, path, line)}: <{name}> belongs behind {' or '.join(doors)}"


def check_limits(root):
    """Files, lines and functions that are too long."""
    for path in code_files(root):
        text = path.read_text()
        lines = text.splitlines()
        if len(lines) > FILE_LINES_MAX:
            yield f"{place(root, path, FILE_LINES_MAX)}: {len(lines)} lines in one file"
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS_MAX:
                yield f"{place(root, path, number)}: {len(line)} columns"
        if path.suffix in CPP_SUFFIXES:
            for function in cpp_text.functions(text):
                if function.lines > FUNCTION_LINES_MAX:
                    where = place(root, path, function.line)
                    yield f"{where}: a function of {function.lines} lines"


def check_namespaces(root):
    """A room's namespace is its name; sources of the public classes are in fluxgate itself."""
    for path in files(root, ["src"], CPP_SUFFIXES):
        if path.name == "main.cpp":
            continue
        room = path.relative_to(root).parts[1]
        text = cpp_text.blank(path.read_text())
        own = re.search(rf"^namespace fluxgate::{room}\b", text, re.MULTILINE)
        public = path.suffix == ".cpp" and re.search(r"^namespace fluxgate \{", text, re.MULTILINE)
        if not own and not public:
            yield f"{place(root, path, 1)}: nothing in namespace fluxgate::{room}"


def check_headers(root):
    """Headers are guarded and open no namespace; a source's own header comes first."""
    for path in files(root, ["src", "include", "tests", "bench", "examples"], CPP_SUFFIXES):
        text = path.read_text()
        if path.suffix == ".hpp":
            if "#pragma once" not in text:
                yield f"{place(root, path, 1)}: no #pragma once"
            if re.search(r"^using namespace", cpp_text.blank(text), re.MULTILINE):
                yield f"{place(root, path, 1)}: `using namespace` in a header"
            continue
        parts = path.relative_to(root).parts
        if parts[0] not in ("src", "tests") or len(parts) < 3:
            continue
        stem = path.stem.removesuffix("_test") if parts[0] == "tests" else path.stem
        own = f"{parts[1]}/{stem}.hpp"
        if (root / "src" / own).exists():
            first = next(includes(text), (1, "nothing", True))
            if first[1] != own:
                yield f"{place(root, path, first[0])}: {own} must be included first"


def check_listed(root):
    """Every source of a room stands in its CMakeLists.txt: there are no dead files."""
    for path in files(root, ["src"], CPP_SUFFIXES):
        room = root / "src" / path.relative_to(root).parts[1]
        listed = (room / "CMakeLists.txt").read_text().split() if room.is_dir() else []
        name = path.relative_to(room).as_posix()
        if not any(word.strip("()") == name for word in listed):
            yield f"{place(root, path, 1)}: not listed in {room.name}/CMakeLists.txt"


def check_words(root):
    """Words and paths that have no place in what others read."""
    documents = [*files(root, ["docs"], {".md"}), *sorted(root.glob("*.md"))]
    for path in [*code_files(root), *documents]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for pattern, what in FORBIDDEN:
                if pattern.search(line):
                    yield f"{place(root, path, number)}: {what}: {line.strip()}"


def check_compiles_alone(root, compiler):
    """Every public header compiles as the first and only one, twice, without a warning."""
    for path in files(root, ["include"], {".hpp"}):
        name = path.relative_to(root / "include").as_posix()
        command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic"]
        command += ["-Wshadow", "-Wconversion", "-Werror", f"-I{root / 'include'}", "-xc++", "-"]
        unit = f"#include <{name}>\n#include <{name}>\n"
        result = subprocess.run(command, input=unit, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            first = next(iter(result.stderr.splitlines()), "")
            yield f"{place(root, path, 1)}: does not compile alone: {first}"


def check_format(root):
    """The layout is that of clang-format 14; other versions differ, so only that one is asked."""
    program = shutil.which("clang-format-14")
    if program is None:
        print("SKIPPED: clang-format-14 is not here; the layout is not checked")
        return
    trees = ["src", "include", "tests", "bench", "examples"]
    names = [str(path) for path in files(root, trees, CPP_SUFFIXES)]
    if not names:
        return
    command = [program, f"--style=file:{root / '.clang-format'}", "--dry-run", "-Werror", *names]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wrong = {}  # file: its first wrong line
    for match in re.finditer(r"^(.+?):(\d+):\d+: error:", result.stderr, re.MULTILINE):
        wrong.setdefault(match.group(1), match.group(2))
    for name, line in wrong.items():
        yield f"{place(root, Path(name), line)}: not as clang-format-14 lays it out"


def all_violations(root, compiler):
    checks = [check_directions, check_doors, check_limits, check_namespaces, check_headers]
    checks += [check_listed, check_words, check_format]
    for check in checks:
        yield from check(root)
    yield from check_compiles_alone(root, compiler)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--compiler", default="c++")
    arguments = parser.parse_args()
    violations = list(all_violations(arguments.root.resolve(), arguments.compiler))
    for violation in violations:
        print(violation)
    print(f"tidy: {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
