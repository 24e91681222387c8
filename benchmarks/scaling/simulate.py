#!/usr/bin/env python3
"""Hosts that share PostgreSQL, simulated with measured costs: where does it break first?

  benchmarks/scaling/simulate.py                  the table of docs/scaling.md
  benchmarks/scaling/simulate.py --hosts 1000 --runners 50 --rate 5000 --databases 4

Every host enqueues; `--runners` of them (default: all) also run jobs. Jobs come at random moments
(Poisson), each to one host, and are dealt out to databases by their partition key. What a host
wants of a database it does in one transaction at a time, which takes along whatever has gathered,
as the library does. A transaction needs a processor of the server, and then, where it logs events,
the lock of the log until its commit is on disk.

An idle runner claims in the commit by which its own host adds a job (decision 0019). After a commit
that has logged events its host tells others, at most once in `--notify` seconds: those that have a
runner, for nobody else listens. The server has to work for each of them; runners with room claim
where jobs were added. Hosts also look at the
log now and then. Those that do not watch (PostgresStoreOptions::watch) do none of this, and their
runners only poll. Hosts with a runner also renew leases and sweep.

Not simulated: the network; caches that get too small; vacuum and partitions; retries, keys and
progress.

The costs are those that docs/scaling.md says; costs.py measures yours.
"""

import argparse
import heapq
import itertools
import random
import sys
from collections import deque


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--hosts", type=int, help="one line, for so many hosts, instead of the table")
    add("--runners", type=int, help="hosts that run jobs; the others only enqueue")
    add("--rate", type=float, default=2_000, help="jobs a second, of all hosts")
    add("--databases", type=int, default=1)
    add("--handler", type=float, default=0.1, help="seconds that a job takes")
    add("--concurrency", type=int, default=16, help="jobs at once in a runner")
    add("--cores", type=int, default=8, help="of each server")
    add("--commit", type=float, default=0.21e-3, help="seconds: a commit on the server's disk")
    add("--transaction", type=float, default=0.17e-3, help="processor seconds of one without jobs")
    add("--insert", type=float, default=7.4e-6, help="processor seconds for a job that is added")
    add("--run", type=float, default=17e-6, help="and for one that is claimed and finished")
    add("--tell", type=float, default=15e-6, help="and for a host that is told of a commit")
    add("--notify", type=float, default=0.05, help="seconds between two wake-ups by one host")
    add("--poll", type=float, default=1.0, help="seconds between two looks of one host")
    add("--watching", choices=["all", "runners", "none"], default="all", help="which hosts watch")
    add("--lease", type=float, default=60.0, help="renewed four times in it")
    add("--sweep", type=float, default=15.0, help="seconds between two rescues by one host")
    add("--seconds", type=float, default=10.0, help="to simulate, after a warm-up")
    add("--seed", type=int, default=1)
    return parser.parse_args()


WARM_UP = 3.0  # Seconds, until what waits for what has settled.

# Of --run, by the times of the two statements: the rest is for the job's end.
CLAIM_SHARE = 2 / 3

# Of one host to one database (docs/guides/postgres.md), usually and at most: one that writes, and
# those that read.
CONNECTIONS = (2, 5)
CONNECTIONS_OF_WATCH = 1
CONNECTIONS_OF_RUNNER = 2

# Each is a process of the server; few are set up for more.
CONNECTION_COUNT_MAX = 1_000


class Host:
    """What one process wants of one database."""

    def __init__(self, runs, watches):
        self.runs = runs
        self.watches = watches
        self.inserts = []    # When each was enqueued; not yet committed.
        self.finishes = 0    # Not yet committed either.
        self.running = 0     # Claimed, and not yet finished.
        self.woken = False   # There may be something to claim.
        self.busy = False    # In a transaction.
        self.telling = None  # What others will be told soon: whether there is work.
        self.told_at = -1e9


class Database:
    """A server, and all hosts as it sees them."""

    def __init__(self, options, clock, rate):
        self.options = options
        self.clock = clock
        self.rate = rate
        self.random = random.Random(options.seed)
        self.hosts = [Host(i < runner_count(options), i < watcher_count(options))
                      for i in range(options.hosts)]
        self.listening = [host for host in self.hosts if host.watches and host.runs]
        self.due = deque()  # When each job was enqueued.
        self.cores = [0.0] * options.cores
        self.log_free = 0.0
        self.wave_from = 0.0  # When the processors get to the hosts that are told last.
        self.forget()
        clock.after(self.random.expovariate(rate), self.arrive)
        for host in self.hosts:
            if host.watches:
                self.repeat(options.poll, lambda host=host: self.look(host))
            elif host.runs:
                self.repeat(options.poll, lambda host=host: self.wake(host))
            if host.runs:
                self.repeat(options.lease / 4, self.keep_up)
                self.repeat(options.sweep, self.keep_up)

    def forget(self):
        self.started_after = []
        self.core_seconds = self.log_seconds = 0.0
        self.claims = self.empty_claims = self.along = self.finished = self.upkeep = 0

    def repeat(self, period, act):
        def again():
            act()
            self.clock.after(period, again)
        self.clock.after(self.random.random() * period, again)

    def compute(self, work):
        """On the processor that is free first; when it begins and ends."""
        begin = max(heapq.heappop(self.cores), self.clock.now)
        heapq.heappush(self.cores, begin + work)
        self.core_seconds += work
        return begin, begin + work

    def look(self, host):
        self.compute(self.options.transaction)
        self.wake(host)

    def keep_up(self):
        """By connections of its own: it waits for none of the host's transactions."""
        self.upkeep += 1
        self.compute(self.options.transaction)

    def arrive(self):
        host = self.random.choice(self.hosts)
        host.inserts.append(self.clock.now)
        self.begin(host)
        self.clock.after(self.random.expovariate(self.rate), self.arrive)

    def begin(self, host):
        room = self.options.concurrency - host.running + host.finishes if host.runs else 0
        if host.busy or not (host.inserts or host.finishes or (room > 0 and host.woken)):
            return
        host.busy = True
        # A runner that has nothing else to do comes along with what its host adds.
        along = room > 0 and not host.woken and not host.finishes
        claims = room > 0 and (host.woken or along)
        added, host.inserts = host.inserts, []
        finishes, host.finishes = host.finishes, 0
        taken = []
        if claims:
            taken = [self.due.popleft() for _ in range(min(room, len(self.due)))]
            own = min(room - len(taken), len(added))
            taken += added[:own]
            host.woken = len(taken) == room  # There may be more, for the next slot that is free.
            self.claims += 1
            self.along += along
            self.empty_claims += not taken
        left = added[own:] if claims else added
        host.running += len(taken) - finishes
        options = self.options
        _, done = self.compute(options.transaction + options.insert * len(added) +
                               options.run * (CLAIM_SHARE * len(taken) +
                                              (1 - CLAIM_SHARE) * finishes))
        logs = bool(added or taken or finishes)
        if logs:
            done = self.log_free = max(done, self.log_free) + options.commit
            self.log_seconds += options.commit
        wakes = bool(added) and not along  # A claim that was part of it has seen all there is.
        self.clock.at(done, lambda: self.end(host, left, finishes, taken, logs, bool(added), wakes))

    def end(self, host, left, finishes, taken, logs, adds, wakes):
        now = self.clock.now
        host.busy = False
        self.finished += finishes
        for enqueued in taken:
            self.started_after.append(now - enqueued)
            self.clock.after(self.options.handler, lambda: self.finish(host))
        self.due.extend(left)
        if wakes:
            host.woken = host.runs
        if logs and host.watches:
            self.tell_soon(host, adds)
        self.begin(host)

    def finish(self, host):
        host.finishes += 1
        self.begin(host)

    def tell_soon(self, host, adds):
        if host.telling is None:
            self.clock.after(max(0.0, host.told_at + self.options.notify - self.clock.now),
                             lambda: self.tell(host))
        host.telling = bool(host.telling) or adds

    def tell(self, host):
        """All others; those that have not been got to for one telling hear of two at once."""
        work, host.telling = host.telling, None
        host.told_at = self.clock.now
        self.compute(self.options.transaction)
        cores = len(self.cores)
        if self.wave_from <= self.clock.now:
            told = len(self.listening) - (host in self.listening)
            share = self.options.tell * told / cores
            self.wave_from = min(self.compute(share)[0] for _ in range(cores))
        if work:
            self.clock.at(self.wave_from, lambda: self.wake_others(host))

    def wake_others(self, host):
        for other in self.listening:
            if other is not host:
                self.wake(other)

    def wake(self, host):
        host.woken = host.runs
        self.begin(host)


class Clock:
    def __init__(self):
        self.now = 0.0
        self.events = []
        self.numbers = itertools.count()

    def at(self, time, act):
        heapq.heappush(self.events, (time, next(self.numbers), act))

    def after(self, delay, act):
        self.at(self.now + delay, act)

    def run_until(self, end):
        while self.events and self.events[0][0] <= end:
            self.now, _, act = heapq.heappop(self.events)
            act()
        self.now = end


def quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("inf")


def simulate(options):
    """One of the databases: they are alike, and know nothing of one another."""
    clock = Clock()
    database = Database(options, clock, options.rate / options.databases)
    clock.run_until(WARM_UP)
    database.forget()
    clock.run_until(WARM_UP + options.seconds)
    started = sorted(database.started_after)
    seconds = options.seconds
    return {
        "done": database.finished / seconds * options.databases,
        "p50": quantile(started, 0.5) * 1e3,
        "p99": quantile(started, 0.99) * 1e3,
        "cores": min(1.0, database.core_seconds / seconds / options.cores),
        "log": min(1.0, database.log_seconds / seconds),
        "claims": database.claims / seconds,
        "along": database.along / max(1, database.claims),
        "empty": database.empty_claims / max(1, database.claims),
        "connections": connections(options),
        "upkeep": database.upkeep / seconds,
    }


def runner_count(options):
    return options.hosts if options.runners is None else options.runners


def watcher_count(options):
    return {"all": options.hosts, "runners": runner_count(options), "none": 0}[options.watching]


def connections(options):
    """To one database: usually, and at most."""
    more = (CONNECTIONS_OF_WATCH * watcher_count(options) +
            CONNECTIONS_OF_RUNNER * runner_count(options))
    return tuple(options.hosts * each + more for each in CONNECTIONS)


def verdict(options, result):
    """What is used up first."""
    if result["done"] < 0.95 * options.rate:
        name = "runners"
        if result["log"] > 0.95:
            name = "the log's lock"
        elif result["cores"] > 0.95:
            name = "processors"
        return f"breaks: {name}"
    short = []
    if result["cores"] > 0.95:
        short.append("processors")
    if result["connections"][0] > CONNECTION_COUNT_MAX:
        short.append("connections")
    return "holds" + (", but for " + " and ".join(short) if short else "")


HEADER = ("| hosts | runners | at once | watching | databases | jobs/s | done | start p50, p99 ms "
          "| processors | log | claims/s, empty | connections | |\n|" + "---|" * 13)


def line(options):
    result = simulate(options)
    return (f"| {options.hosts:,} | {runner_count(options):,} | {options.concurrency} "
            f"| {options.watching} | {options.databases} "
            f"| {options.rate:,.0f} "
            f"| {result['done']:,.0f} | {result['p50']:,.0f}, {result['p99']:,.0f} "
            f"| {result['cores']:.0%} | {result['log']:.0%} "
            f"| {result['claims']:,.0f}, {result['empty']:.0%} "
            f"| {result['connections'][0]:,} to {result['connections'][1]:,} "
            f"| {verdict(options, result)} |")


# What docs/scaling.md shows: hosts, runners (None: all), jobs at once in each, who watches,
# databases, jobs a second.
TABLE = [
    (1, None, 16, "all", 1, 100), (10, None, 16, "all", 1, 1_000),
    (100, None, 16, "all", 1, 2_000), (300, None, 16, "all", 1, 2_000),
    (1_000, None, 16, "all", 1, 2_000), (1_000, None, 16, "none", 1, 2_000),
    (1_000, 50, 16, "all", 1, 2_000), (1_000, 50, 16, "runners", 1, 2_000),
    (1_000, 50, 128, "runners", 1, 5_000), (1_000, 100, 64, "runners", 4, 10_000),
    (1_000, 200, 64, "runners", 16, 50_000),
]  # fmt: skip


def main():
    options = parse_arguments()
    print(HEADER)
    if options.hosts:
        print(line(options))
        return
    for row in TABLE:
        (options.hosts, options.runners, options.concurrency, options.watching, options.databases,
         options.rate) = row
        print(line(options), flush=True)


if __name__ == "__main__":
    sys.exit(main())
