"""What the comparisons share: starting a server, its CPU time, and what machine this is."""

import datetime
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
START_S_MAX = 120


class Server:
    """A server whose first line on stdout ends in its address; ended by SIGTERM."""

    def __init__(self, command, core=None):
        if core is not None:
            command = ["taskset", "--cpu-list", str(core)] + command
        # taskset becomes the program, so the process id is the server's.
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"listening on http://\S+:(\d+)$", line.strip())
        if not found:
            self.process.kill()
            raise SystemExit(f"{command} did not start: {line!r}")
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def cpu_s(self):
        """CPU seconds of all its threads, user and system."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def find_program(given, *candidates):
    """The program asked for, or the first candidate that exists."""
    for candidate in [given] if given else candidates:
        found = shutil.which(str(candidate))
        if found:
            return found
    raise SystemExit(f"not found: {', '.join(str(c) for c in ([given] if given else candidates))}")


def built(name, *folders):
    """Where a program of ours may be after `cmake --build build`."""
    return [REPOSITORY / "build" / Path(*folders) / name]


def machine():
    """What the figures were measured on."""
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"],
                            capture_output=True, text=True, check=False)
    return {
        "measured_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip() or None,
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
    }
