"""What the comparisons share: starting a server, its CPU time, and what machine this is."""

import contextlib
import datetime
import http.client
import json
import os
import platform
import re
import shutil
import struct
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
        self.port = announced_port(self.process)
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
        return cpu_s_of_tree(self.process.pid)

    def resident_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


@contextlib.contextmanager
def awake_cpus():
    """Keeps idle CPUs from being halted, where the system lets us; yields whether it does.

    A virtual machine's halted CPU has to be given back by the host first, which takes 5 ms now and
    then: more than what is to be measured, and the more often the emptier the machine is.
    """
    device = None
    try:
        device = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
        os.write(device, struct.pack("i", 0))  # microseconds; holds until it is closed
        are_awake = True
    except OSError:
        are_awake = False
    try:
        yield are_awake
    finally:
        if device is not None:
            os.close(device)


def announced_port(process):
    """The port at the end of a server's first line on stdout."""
    line = process.stdout.readline()
    found = re.search(r"listening on http://\S+:(\d+)$", line.strip())
    if not found:
        process.kill()
        raise SystemExit(f"{process.args} did not start: {line!r}")
    return int(found.group(1))


def ask(port, method, path, body=None):
    """Sends a request, with a JSON body if there is one; status and bytes of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, None if body is None else json.dumps(body),
                       {} if body is None else {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response.status, answer


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the name; the first is number 3 of proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu_s_of_tree(root):
    """CPU seconds of a process, its descendants, and those of them that have ended."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = stat_fields(entry.name)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended meanwhile; its time is its parent's now
    ticks = 0
    tree = [root]
    while tree:
        pid = tree.pop()
        ticks += sum(int(field) for field in parents[pid][11:15])
        tree += [child for child, fields in parents.items() if int(fields[1]) == pid]
    return ticks / os.sysconf("SC_CLK_TCK")


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
    commit = None
    if shutil.which("git"):
        commit = subprocess.run(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"],
                                capture_output=True, text=True, check=False).stdout.strip() or None
    return {
        "measured_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": commit,
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
    }


def generate(context, port, options, seconds):
    """One run of the load generator."""
    command = [context.generator, "--port", port, "--seconds", max(1, round(seconds)),
               "--warmup-ms", context.warmup_ms]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), value]
    if context.client_core is not None:
        command = ["taskset", "--cpu-list", context.client_core] + command
    finished = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              check=False)
    if finished.returncode != 0:
        raise SystemExit(f"the load generator ended with {finished.returncode}: {finished.stderr}")
    return json.loads(finished.stdout)


def load_by_wrk(context, port, seconds):
    """One run of wrk, which knows neither quantiles beyond p99 nor the answers by status."""
    script = Path(__file__).resolve().parent / "rivals" / "order.lua"
    command = ["wrk", "-t1", "-c100", f"-d{max(1, round(seconds))}s", "--latency", "-s", script,
               f"http://127.0.0.1:{port}/"]
    if context.client_core is not None:
        command = ["taskset", "--cpu-list", context.client_core] + command
    text = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=True).stdout

    def quantile_us(name):
        value, unit = re.search(rf"^ +{name}% +([\d.]+)(us|ms|s)$", text, re.MULTILINE).groups()
        return float(value) * {"us": 1, "ms": 1000, "s": 1_000_000}[unit]

    return {"requests": int(re.search(r"(\d+) requests in", text).group(1)),
            "requests_per_s": float(re.search(r"Requests/sec: +([\d.]+)", text).group(1)),
            "us_p50": quantile_us(50), "us_p99": quantile_us(99), "us_p999": None, "statuses": {}}
