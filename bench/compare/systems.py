"""The systems that are compared: how each is started, loaded and ended.

Each is a class with a context manager, `port`, `cpu_s()` and, if it is not loaded over HTTP, its
own `load()`. Everything listens on loopback and lives in a temporary folder.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from measure import REPOSITORY, announced_port, ask, cpu_s_of_tree

HERE = Path(__file__).resolve().parent
PRODUCT = "iphone-15"
MODULES = REPOSITORY / ".cache" / "compare"  # where npm puts Fastify and ioredis
POSTGRES_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
START_S_MAX = 60
CLOSINGS_LEFT_MAX = 100  # 2 ms of work
CLOSINGS_S_MAX = 90  # a reset that is lost is not sent again: then the idle time of 75 s counts

DEBIAN_PACKAGES = ["nginx", "libnginx-mod-http-lua", "lua-nginx-redis", "lua-cjson",
                   "redis-server", "redis-tools", "postgresql-15", "wrk", "python3-matplotlib"]
NODE_PACKAGES = ["nodejs", "npm"]  # unless Node is here already, from wherever
NPM_PACKAGES = ["fastify@4.29.1", "ioredis@5.8.2"]


def install():
    """Installs the rivals: Debian packages (as root) and npm's into .cache/compare."""
    has_node = shutil.which("node") and shutil.which("npm")
    packages = DEBIAN_PACKAGES + ([] if has_node else NODE_PACKAGES)
    subprocess.run(["apt-get", "-q", "install", "-y", "--no-install-recommends", *packages],
                   check=True)
    MODULES.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "install", "--prefix", MODULES, "--no-audit", "--no-fund",
                    *NPM_PACKAGES], check=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(is_there, what, seconds=START_S_MAX):
    deadline = time.monotonic() + seconds
    while not is_there():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds} s for {what}")
        time.sleep(0.05)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except OSError:
        return False


class System:
    """A process, or several, on one core."""

    needs = []  # programs

    def __init__(self, context, folder, cores):
        self.context = context  # build folder and the like
        self.folder = folder
        self.cores = cores
        self.processes = []
        self.port = None

    @classmethod
    def is_installed(cls):
        return all(shutil.which(str(program)) for program in cls.needs)

    def spawn(self, command, **options):
        pinned = command if self.cores is None else ["taskset", "--cpu-list", self.cores, *command]
        process = subprocess.Popen([str(word) for word in pinned], **options)
        self.processes.append(process)
        return process

    def spawn_announcing(self, command, **options):
        """A program whose first line on stdout ends in its port."""
        process = self.spawn(command, stdout=subprocess.PIPE, text=True, **options)
        self.port = announced_port(process)

    def cpu_s(self):
        return sum(cpu_s_of_tree(process.pid) for process in self.processes)

    def wait_for_closings(self):
        """Until the connections of the load before are closed, where that can be asked."""

    def __enter__(self):
        self.folder.mkdir(mode=0o755)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Null(System):
    threads = 1

    def start(self):
        self.spawn_announcing([self.context.null_server, "--port", 0, "--threads", self.threads])


class Fluxgate(System):
    server = None  # the context's
    threads = 1
    durability = "sync"
    stock = 0
    products = 1

    def start(self):
        self.spawn_announcing([self.server or self.context.server, "serve",
                               "--port", 0, "--threads", self.threads,
                               "--durability", self.durability, "--data-dir", self.folder / "data",
                               "--log-level", "warning", *self.context.server_arguments])
        names = [PRODUCT] + [f"{PRODUCT}-{i}" for i in range(2, self.products + 1)]
        for name in names:
            self.init(name, self.stock)

    def init(self, product, quantity):
        body = {"productId": product, "quantity": quantity}
        status, answer = ask(self.port, "POST", "/init", body)
        if status != 200:
            raise SystemExit(f"POST /init failed: {answer!r}")

    def wait_for_closings(self):
        """Until the connections of the load before are closed here, too, but for a few."""
        def are_closed():
            status, metrics = ask(self.port, "GET", "/metrics")
            found = re.search(rb"^fluxgate_http_connections (\d+)$", metrics, re.MULTILINE)
            if found is None:
                raise SystemExit(f"no fluxgate_http_connections in /metrics, status {status}")
            return int(found.group(1)) <= CLOSINGS_LEFT_MAX

        wait_for(are_closed, "the closing of connections", CLOSINGS_S_MAX)


class NginxReturn(System):
    needs = ["nginx"]

    def start(self):
        self.port = free_port()
        start_nginx(self, "nginx_return.conf", {})


def start_nginx(system, template, values):
    text = (HERE / "rivals" / template).read_text()
    for name, value in {"FOLDER": system.folder, "PORT": system.port, **values}.items():
        text = text.replace(f"@{name}@", str(value))
    configuration = system.folder / "nginx.conf"
    configuration.write_text(text)
    # Its worker runs as nobody, unless the configuration says who.
    system.folder.chmod(0o777)
    system.spawn(["nginx", "-p", "/usr/share/nginx", "-e", system.folder / "error.log",
                  "-c", configuration])
    wait_for(lambda: accepts(system.port), template)


def start_redis(system, arguments=()):
    system.spawn(["redis-server", "--port", 0, "--unixsocket", system.folder / "redis.sock",
                  "--unixsocketperm", 777, "--dir", system.folder, "--save", "", *arguments],
                 stdout=subprocess.DEVNULL)
    wait_for(lambda: redis(system, "PING") == "PONG", "redis-server")
    redis(system, "SET", f"stock:{PRODUCT}", system.stock)


def redis(system, *words):
    command = ["redis-cli", "-s", system.folder / "redis.sock", *words]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False).stdout.strip()


class NginxRedis(System):
    needs = ["nginx", "redis-server", "redis-cli"]
    stock = 0

    @classmethod
    def is_installed(cls):
        return (super().is_installed()
                and Path("/usr/lib/nginx/modules/ngx_http_lua_module.so").exists()
                and Path("/usr/share/lua/5.1/nginx/redis.lua").exists())

    def start(self):
        self.port = free_port()
        self.folder.chmod(0o777)
        start_redis(self)
        digest = redis(self, "SCRIPT", "LOAD", (HERE / "rivals" / "decide.lua").read_text())
        start_nginx(self, "nginx_redis.conf", {"DIGEST": digest})


class FastifyRedis(System):
    needs = ["node", "redis-server", "redis-cli"]
    stock = 0

    @classmethod
    def is_installed(cls):
        return super().is_installed() and (MODULES / "node_modules" / "fastify").exists()

    def start(self):
        start_redis(self)
        self.spawn_announcing(["node", HERE / "rivals" / "fastify.mjs", free_port(),
                               self.folder / "redis.sock", HERE / "rivals" / "decide.lua"],
                              env={**os.environ, "COMPARE_MODULES": str(MODULES)})


class RedisEval(System):
    """Redis alone, over its own protocol: no HTTP, no parsing of orders."""

    needs = ["redis-server", "redis-cli", "redis-benchmark"]
    stock = 10**15
    arguments = ["--appendonly", "no"]

    def start(self):
        start_redis(self, self.arguments)
        self.script = (HERE / "rivals" / "decide.lua").read_text()

    def load(self, seconds):
        requests = int(seconds * getattr(self, "rate", 20_000))
        begin = time.monotonic()
        finished = subprocess.run(
            ["taskset", "--cpu-list", self.context.client_core] * (self.cores is not None)
            + ["redis-benchmark", "-s", str(self.folder / "redis.sock"), "-c", "100",
               "-n", str(requests), "-r", "1000000000", "--csv", "EVAL", self.script, "2",
               f"stock:{PRODUCT}", "key:__rand_int__", "1"],
            capture_output=True, text=True, check=True)
        took = time.monotonic() - begin
        self.rate = requests / took  # so that the next round takes as long as it should
        fields = finished.stdout.strip().splitlines()[-1].rsplit('","', 7)
        return {"requests": requests, "requests_per_s": float(fields[1]),
                "us_p50": float(fields[4]) * 1000, "us_p99": float(fields[6]) * 1000,
                "us_p999": None, "statuses": {}}


class RedisEvalAlways(RedisEval):
    arguments = ["--appendonly", "yes", "--appendfsync", "always"]


class Postgres(System):
    """One hot row and its orders, over its own protocol, by pgbench."""

    needs = [POSTGRES_PROGRAMS / name for name in ("initdb", "postgres", "pgbench", "psql")]

    def start(self):
        self.port = free_port()
        self.folder.chmod(0o777)
        data = self.folder / "data"
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run([*self.user, POSTGRES_PROGRAMS / "initdb", "-D", data, "-A", "trust",
                        "-U", "postgres"], stdout=subprocess.DEVNULL, check=True)
        self.spawn([*self.user, POSTGRES_PROGRAMS / "postgres", "-D", data, "-p", self.port,
                    "-c", "listen_addresses=", "-k", self.folder, "-c", "max_connections=200",
                    "-c", "shared_buffers=256MB", "-c", "synchronous_commit=on",
                    "-c", "fsync=on", "-c", "max_wal_size=4GB", "-c", "logging_collector=off"],
                   stderr=subprocess.DEVNULL)
        psql = [POSTGRES_PROGRAMS / "psql", "-h", self.folder, "-p", str(self.port),
                "-U", "postgres", "-q"]
        wait_for(lambda: subprocess.run([*psql, "-c", "SELECT 1"], capture_output=True,
                                        check=False).returncode == 0, "postgres")
        subprocess.run([*psql, "-f", HERE / "rivals" / "hot_row_schema.sql"], check=True)

    def load(self, seconds):
        pinned = ["taskset", "--cpu-list", self.context.client_core] * (self.cores is not None)
        finished = subprocess.run(
            [*pinned, POSTGRES_PROGRAMS / "pgbench", "-h", self.folder, "-p", str(self.port),
             "-U", "postgres", "-n", "-M", "prepared", "-c", "100", "-j", "1",
             "-T", str(max(1, int(seconds))), "-f", HERE / "rivals" / "hot_row.sql", "postgres"],
            capture_output=True, text=True, check=True)
        found = dict(re.findall(r"^(number of transactions actually processed|tps|latency average)"
                                r"(?: = |: )([\d.]+)", finished.stdout, re.MULTILINE))
        return {"requests": int(found["number of transactions actually processed"]),
                "requests_per_s": float(found["tps"]),
                "us_p50": None, "us_p99": None, "us_p999": None, "statuses": {},
                "us_mean": float(found["latency average"]) * 1000}
