"""Prints the branches of the engine and the order log that no test took.

Usage: python3 scripts/lib/branches.py BUILD PROFILE SHARE

BUILD is a tree built with Clang's coverage, PROFILE what llvm-profdata-14 merged of its runs. Ends
with 1 if less than SHARE of the branches were taken. A branch is a condition, as part of a larger
one, too, that was true, or that was false. Not counted: FLUXGATE_CHECK, whose other branch ends the
process, and the way past all cases of a switch over an enumeration.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ["src/engine", "src/orderlog"]


def programs(build):
    """What was linked with the libraries: the server and the tests."""
    found = [build / "fluxgate-server"]
    for path in sorted((build / "tests").rglob("*")):
        if path.is_file() and path.stat().st_mode & 0o100 and path.suffix == "":
            found.append(path)
    return found


def export(build, profile):
    first, *others = programs(build)
    command = ["llvm-cov-14", "export", f"-instr-profile={profile}", first]
    for path in others:
        command += ["-object", path]
    made = subprocess.run([*command, *(ROOT / room for room in ROOMS)], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(made.stdout)["data"][0]["files"]


def branches_of(file):
    """(line, column) → [times true, times false], over all instantiations."""
    counts = {}
    for line, column, _, _, times_true, times_false, *_ in file["branches"]:
        count = counts.setdefault((line, column), [0, 0])
        count[0] += times_true
        count[1] += times_false
    return counts


def main():
    build, profile = (pathlib.Path(word) for word in sys.argv[1:3])
    total = taken = 0
    for file in sorted(export(build, profile), key=lambda file: file["filename"]):
        name = pathlib.Path(file["filename"])
        source = name.read_text().splitlines()
        for (line, column), counts in sorted(branches_of(file).items()):
            text = source[line - 1]
            if "switch (" in text[:column]:
                continue
            total += 2
            taken += sum(count != 0 for count in counts)
            for count, value in zip(counts, ("true", "false")):
                if count == 0:
                    print(f"{name.relative_to(ROOT)}:{line}:{column}: never {value}: "
                          f"{text[column - 1:].strip()}")
    print(f"{taken} of {total} branches, {100 * taken / total:.2f} %")
    sys.exit(0 if taken >= float(sys.argv[3]) * total else 1)


if __name__ == "__main__":
    main()
