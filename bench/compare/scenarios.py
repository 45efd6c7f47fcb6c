"""What is compared with what, and the bars that fluxgate sets itself."""

import contextlib
import shutil
import threading
from dataclasses import dataclass, field, replace
from typing import Callable

import systems
from measure import ask, generate

PLENTY = 10**15  # units that no run uses up
SOLD_OUT = (409,)
ACCEPTED = (200,)
OVERLOADED = (200, 503)


@contextlib.contextmanager
def nothing(_system):
    yield


@dataclass
class Subject:
    """A system under one kind of load."""

    name: str
    system: type
    settings: dict = field(default_factory=dict)  # of the system
    options: dict | Callable = field(default_factory=dict)  # of the load generator
    statuses: tuple = SOLD_OUT  # the answers that are right
    both_cores: bool = False
    seconds: float = 0  # 0: as asked on the command line
    shares: str | None = None  # another subject's running system
    prepare: Callable = lambda system: None
    beside: Callable = nothing  # what goes on meanwhile
    by_wrk: bool = False  # loaded by wrk, not by the load generator
    after_closings: bool = False  # begins when those of the load before are over: 20 us for each

    def is_installed(self):
        return self.system.is_installed() and (not self.by_wrk or shutil.which("wrk") is not None)


@dataclass
class Bar:
    """A ratio of two figures, and where it should be."""

    what: str
    figure: str  # a key of a round's figures
    of: str
    to: str
    bar: float
    aim: float
    less_is_better: bool = True
    over: tuple = ()  # two more subjects: the ratio is divided by theirs


@dataclass
class Scenario:
    about: str
    subjects: list
    bars: list = field(default_factory=list)
    rounds: int = 0  # 0: as asked on the command line


def only(scenario, names):
    """The same scenario with these of its subjects."""
    return replace(scenario, subjects=[s for s in scenario.subjects if s.name in names])


def beside_before(scenario, server):
    """The same scenario, each fluxgate in it followed by an earlier server; not in an open loop,
    whose rate is what the first reached."""
    subjects, bars = [], []
    for subject in scenario.subjects:
        subjects.append(subject)
        if subject.system is not systems.Fluxgate or callable(subject.options):
            continue
        name = f"{subject.name}_before"
        subjects.append(replace(subject, name=name,
                                settings={**subject.settings, "server": server},
                                shares=subject.shares and f"{subject.shares}_before"))
        bars += [Bar(f"{subject.name}: CPU per request / before", "cpu_us_per_request",
                     subject.name, name, 1.03, 1.0),
                 Bar(f"{subject.name}: requests/s / before", "requests_per_s",
                     subject.name, name, 0.97, 1.0, less_is_better=False)]
    return replace(scenario, subjects=subjects, bars=scenario.bars + bars)


def share_of_ceiling(share):
    """Open loop at this share of what fluxgate reached in a closed loop of the same scenario."""
    def options(results):
        return {"rate": int(share * results["fluxgate"][-1]["requests_per_s"])}
    return options


def times_capacity(times, connections, **further):
    """Open loop at so many times what the subject "capacity" reached, for people who wait to be
    sent for a second at most."""
    def options(results):
        return {"rate": int(times * results["capacity"][-1]["requests_per_s"]),
                "connections": connections, "patience_ms": 1000, **further}
    return options


def open_a_stock(system):
    system.init("open", PLENTY)


def many_orders(system):
    """10^6 orders in the log, by the load generator."""
    system.init("audited", PLENTY)
    sold = 0
    while sold < 1_000_000:
        found = generate(system.context, system.port,
                         {"product": "audited", "connections": 2000, "seed": sold + 1}, 3)
        sold += found["requests"]


@contextlib.contextmanager
def audits(system):
    """One audit after the other while the load runs."""
    over = threading.Event()

    def audit():
        while not over.is_set():
            ask(system.port, "GET", "/products/audited/audit")

    thread = threading.Thread(target=audit)
    thread.start()
    yield
    over.set()
    thread.join()


def closed_loops_of_null(first, *others):
    return [Subject(f"null_{first}", systems.Null, options={"connections": first}),
            *(Subject(f"null_{connections}", systems.Null, shares=f"null_{first}",
                      options={"connections": connections}) for connections in others)]


def overload(connections):
    """A closed loop, in which nobody asks before being answered, and ten times the capacity."""
    return [Subject(f"capacity_{connections}", systems.Fluxgate, shares="capacity",
                    options={"connections": connections}, statuses=ACCEPTED, after_closings=True),
            Subject(f"ten_times_{connections}", systems.Fluxgate, shares="capacity",
                    options=times_capacity(10, connections), statuses=OVERLOADED,
                    after_closings=True)]


def overload_bars(connections):
    """What ten times the capacity leaves: of what as many connections get without overload, and of
    the capacity, which is measured on 1,000. What so many connections cost, beside what they cost
    a server that decides nothing. And what a request costs then."""
    overloaded, as_many = f"ten_times_{connections}", f"capacity_{connections}"
    return [Bar(f"accepted orders/s at ten times the capacity / without, {connections:,} "
                "connections", "accepted_per_s", overloaded, as_many, 0.95, 1.0,
                less_is_better=False),
            Bar(f"accepted orders/s at ten times the capacity, {connections:,} connections / "
                "capacity", "accepted_per_s", overloaded, "capacity", 0.95, 1.0,
                less_is_better=False),
            Bar(f"orders/s on {connections:,} connections / capacity, over the null server's",
                "requests_per_s", as_many, "capacity", 0.95, 1.0, less_is_better=False,
                over=(f"null_{connections}", "null_1000")),
            Bar(f"CPU per request at ten times the capacity / without, {connections:,} "
                "connections", "cpu_us_per_request", overloaded, as_many, 1.1, 1.0),
            Bar(f"CPU per request at ten times the capacity, {connections:,} connections / "
                "capacity", "cpu_us_per_request", overloaded, "capacity", 1.1, 1.0)]


SCENARIOS = {
    "sold_out": Scenario(
        "a sold-out answer: null server, fluxgate, and who else sells",
        [Subject("null", systems.Null),
         Subject("fluxgate", systems.Fluxgate),
         Subject("nginx", systems.NginxReturn),
         Subject("nginx_redis", systems.NginxRedis),
         Subject("fastify_redis", systems.FastifyRedis)],
        [Bar("CPU per sold-out answer / null server", "cpu_us_per_request",
             "fluxgate", "null", 1.12, 1.0),
         Bar("CPU per sold-out answer / nginx return 409", "cpu_us_per_request",
             "fluxgate", "nginx", 1.0, 0.85),
         Bar("decisions per CPU-second / nginx + Lua + Redis", "cpu_us_per_request",
             "nginx_redis", "fluxgate", 6, 8, less_is_better=False),
         Bar("decisions per CPU-second / Fastify + Redis", "cpu_us_per_request",
             "fastify_redis", "fluxgate", 9, 12, less_is_better=False)]),
    "durable": Scenario(
        "an accepted order, fsynced before its answer (fluxgate_os: not), over HTTP",
        [Subject("null", systems.Null),
         Subject("fluxgate", systems.Fluxgate, {"stock": PLENTY}, statuses=ACCEPTED),
         Subject("fluxgate_os", systems.Fluxgate, {"stock": PLENTY, "durability": "os"},
                 statuses=ACCEPTED),
         Subject("postgres", systems.Postgres),
         Subject("redis_always", systems.RedisEvalAlways),
         Subject("redis_volatile", systems.RedisEval)],
        [Bar("CPU per durable order / null server", "cpu_us_per_request",
             "fluxgate", "null", 1.8, 1.4),
         Bar("durable orders/s / null server's requests/s", "requests_per_s",
             "fluxgate", "null", 0.6, 0.8, less_is_better=False),
         Bar("p99 of a durable order, us", "us_p99", "fluxgate", "", 3000, 2000),
         Bar("durable orders/s / PostgreSQL hot row", "requests_per_s",
             "fluxgate", "postgres", 25, 50, less_is_better=False)]),
    "cross_check": Scenario(
        "sold out and accepted again, by wrk, which is a slower client",
        [Subject("null", systems.Null, by_wrk=True),
         Subject("fluxgate", systems.Fluxgate, by_wrk=True),
         Subject("fluxgate_durable", systems.Fluxgate, {"stock": PLENTY}, by_wrk=True),
         Subject("nginx", systems.NginxReturn, by_wrk=True)],
        [Bar("by wrk: CPU per sold-out answer / null server", "cpu_us_per_request",
             "fluxgate", "null", 1.12, 1.0),
         Bar("by wrk: durable orders/s / null server's requests/s", "requests_per_s",
             "fluxgate_durable", "null", 0.6, 0.8, less_is_better=False)]),
    "mixed": Scenario(
        "98 % sold out and 2 % accepted, against all sold out",
        [Subject("all_sold_out", systems.Fluxgate, prepare=open_a_stock),
         Subject("two_percent", systems.Fluxgate, shares="all_sold_out",
                 options={"open_permille": 20}, statuses=SOLD_OUT + ACCEPTED)],
        [Bar("throughput at 98/2 / all sold out", "requests_per_s",
             "two_percent", "all_sold_out", 0.90, 0.95, less_is_better=False)]),
    "shards": Scenario(
        "two shards and one, each against a null server with as many threads",
        [Subject("null_1", systems.Null),
         Subject("fluxgate_1", systems.Fluxgate),
         Subject("null_2", systems.Null, {"threads": 2}, both_cores=True),
         Subject("fluxgate_2", systems.Fluxgate, {"threads": 2, "products": 1000},
                 both_cores=True),
         Subject("fluxgate_2_many", systems.Fluxgate, shares="fluxgate_2",
                 options={"products": 1000}, both_cores=True)],
        [Bar("one hot product / 1,000 products, two shards", "requests_per_s",
             "fluxgate_2", "fluxgate_2_many", 0.95, 0.99, less_is_better=False),
         Bar("CPU per request / null server, two shards over one", "cpu_us_per_request",
             "fluxgate_2", "null_2", 1.1, 1.0, over=("fluxgate_1", "null_1"))]),
    "pipelined": Scenario(
        "16 requests at once on each connection",
        [Subject("nginx", systems.NginxReturn, options={"pipeline": 16}),
         Subject("fluxgate", systems.Fluxgate, options={"pipeline": 16})],
        [Bar("pipelined 16 deep, requests/s / nginx", "requests_per_s",
             "fluxgate", "nginx", 1.5, 3, less_is_better=False)]),
    "open_loop": Scenario(
        "sold out at 70 % of the ceiling, latency from the planned time",
        [Subject("fluxgate", systems.Fluxgate),
         Subject("null_70", systems.Null, options=share_of_ceiling(0.7)),
         Subject("fluxgate_70", systems.Fluxgate, shares="fluxgate",
                 options=share_of_ceiling(0.7))],
        [Bar("p99.9 at 70 % of the ceiling / null server", "us_p999",
             "fluxgate_70", "null_70", 2.0, 1.3)]),
    "overload": Scenario(
        "orders at a third of the capacity, ten times it on many connections, and a third again",
        [*closed_loops_of_null(1000, 4000, 12000),  # what so many connections cost anybody
         Subject("capacity", systems.Fluxgate, {"stock": PLENTY},
                 options={"connections": 1000}, statuses=ACCEPTED, prepare=open_a_stock),
         Subject("third_before", systems.Fluxgate, shares="capacity",
                 options=times_capacity(1 / 3, 100), statuses=ACCEPTED),
         *overload(4000),
         *overload(12000),  # 12,288 orders may wait
         Subject("third_after", systems.Fluxgate, shares="capacity",
                 options=times_capacity(1 / 3, 100), statuses=ACCEPTED)],
        overload_bars(4000) + overload_bars(12000) +
        [Bar("p99 at a third of the capacity, 0.3 s after the overload / before it", "us_p99",
             "third_after", "third_before", 2.0, 1.2)]),
    "audit": Scenario(
        "sold out while 10^6 orders are audited, one audit after the other",
        [Subject("quiet", systems.Fluxgate, prepare=many_orders),
         Subject("audited", systems.Fluxgate, shares="quiet", beside=audits)],
        [Bar("sold-out throughput during an audit / without", "requests_per_s",
             "audited", "quiet", 0.90, 0.95, less_is_better=False)]),
    "flushes": Scenario(
        "60 s of accepted orders: what flushes do to the tail",
        [Subject("fluxgate", systems.Fluxgate, {"stock": PLENTY}, statuses=ACCEPTED, seconds=60)],
        [], rounds=1),
}
