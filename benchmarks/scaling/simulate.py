#!/usr/bin/env python3
"""Hosts that share PostgreSQL, simulated with measured costs: where does it break first?

  benchmarks/scaling/simulate.py                  the table of docs/scaling.md
  benchmarks/scaling/simulate.py --hosts 1000 --runners 50 --rate 5000 --databases 4

Every host enqueues; `--runners` of them (default: all) also run jobs. Jobs come at random moments
(Poisson), each to one host, and are dealt out to databases by their partition key. What a host
wants of a database it does in one transaction at a time, which takes along whatever has gathered,
as the library does. A transaction needs a processor of the server, and then, where it logs events,
the lock of the log until its commit is on disk. After a commit that has added jobs, idle runners
are told, by one host at most once in `--notify` seconds; each of them claims. Not simulated: the
network, caches that get too small, vacuum.

The costs are of one machine (docs/scaling.md says how they were measured); give your own.
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
    add("--commit", type=float, default=0.5e-3, help="seconds: a commit on the server's disk")
    add("--transaction", type=float, default=0.25e-3, help="processor seconds of one without jobs")
    add("--insert", type=float, default=20e-6, help="processor seconds for a job that is added")
    add("--claim", type=float, default=15e-6, help="and for one that is claimed")
    add("--finish", type=float, default=20e-6, help="and for one that is finished")
    add("--notify", type=float, default=0.05, help="seconds between two wake-ups by one host")
    add("--poll", type=float, default=1.0, help="seconds between two looks of an idle runner")
    add("--no-notify", action="store_true", help="runners only poll, as behind a pooler")
    add("--lease", type=float, default=60.0, help="renewed four times in it")
    add("--sweep", type=float, default=15.0, help="seconds between two rescues by one host")
    add("--connections", type=int, default=4, help="of one host to one database")
    add("--seconds", type=float, default=10.0, help="to simulate, after a warm-up")
    add("--seed", type=int, default=1)
    return parser.parse_args()


WARM_UP = 3.0  # Seconds, until what waits for what has settled.


class Host:
    """What one process wants of one database."""

    def __init__(self, runs):
        self.runs = runs
        self.inserts = 0      # Not yet committed.
        self.finishes = 0
        self.running = 0      # Claimed, and not yet finished.
        self.woken = False
        self.busy = False     # In a transaction.
        self.upkeep = 0       # Renewals and rescues that are due.
        self.notified = -1e9  # When it last told others.


class Database:
    """A server, and all hosts as it sees them."""

    def __init__(self, options, clock, rate):
        self.options = options
        self.clock = clock
        self.rate = rate
        self.random = random.Random(options.seed)
        runners = options.hosts if options.runners is None else options.runners
        self.hosts = [Host(i < runners) for i in range(options.hosts)]
        self.due = deque()  # When each job was enqueued.
        self.cores = [0.0] * options.cores
        self.log_free = 0.0
        self.started_after = []
        self.core_seconds = self.log_seconds = 0.0
        self.claims = self.empty_claims = self.finished = 0
        clock.after(self.random.expovariate(rate), self.arrive)
        for host in self.hosts:
            self.repeat(host, options.lease / 4, True)
            if host.runs:
                self.repeat(host, options.sweep, True)
                self.repeat(host, options.poll, False)

    def repeat(self, host, period, upkeep):
        def act():
            if upkeep:
                host.upkeep += 1
            else:
                host.woken = True
            self.begin(host)
            self.clock.after(period, act)
        self.clock.after(self.random.random() * period, act)

    def arrive(self):
        host = self.random.choice(self.hosts)
        host.inserts += 1
        self.begin(host)
        self.clock.after(self.random.expovariate(self.rate), self.arrive)

    def begin(self, host):
        free = self.options.concurrency - host.running if host.runs else 0
        wants_claim = free > 0 and host.woken
        if host.busy or not (host.inserts or host.finishes or wants_claim or host.upkeep):
            return
        host.busy = True
        options = self.options
        inserts, host.inserts = host.inserts, 0
        finishes, host.finishes = host.finishes, 0
        upkeep, host.upkeep = host.upkeep, 0
        # With an end comes the next claim: a slot is free.
        claims = min(free + finishes if host.runs else 0, len(self.due)) \
            if wants_claim or finishes else 0
        if wants_claim or finishes:
            host.woken = False
            self.claims += 1
            self.empty_claims += claims == 0
        taken = [self.due.popleft() for _ in range(claims)]
        host.running += claims - finishes
        work = (options.transaction * (1 + upkeep) + options.insert * inserts +
                options.claim * claims + options.finish * finishes)
        core = heapq.heappop(self.cores)
        done = max(core, self.clock.now) + work
        heapq.heappush(self.cores, done)
        self.core_seconds += work
        if inserts or claims or finishes:
            start = max(done, self.log_free)
            done = self.log_free = start + options.commit
            self.log_seconds += options.commit
        self.clock.at(done, lambda: self.end(host, inserts, finishes, taken))

    def end(self, host, inserts, finishes, taken):
        now = self.clock.now
        host.busy = False
        self.finished += finishes
        for enqueued in taken:
            self.started_after.append(now - enqueued)
            self.clock.after(self.options.handler, lambda: self.finish(host))
        if inserts:
            self.due.extend([now] * inserts)
            host.woken = True
            if not self.options.no_notify:
                wait = max(0.0, host.notified + self.options.notify - now)
                if wait < self.options.notify:  # Else one is on its way.
                    host.notified = now + wait
                    self.clock.after(wait, self.wake_all)
        if self.due and host.running < self.options.concurrency:
            host.woken = True  # There were more due than it took.
        self.begin(host)

    def finish(self, host):
        host.finishes += 1
        self.begin(host)

    def wake_all(self):
        for host in self.hosts:
            host.woken = host.runs
            self.begin(host)

    def forget(self):
        self.started_after = []
        self.core_seconds = self.log_seconds = 0.0
        self.claims = self.empty_claims = self.finished = 0


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
        "empty": database.empty_claims / max(1, database.claims),
        "connections": options.hosts * options.connections,
        "left": len(database.due),
    }


def verdict(options, result):
    """What is used up first."""
    if result["done"] < 0.95 * options.rate:
        name = "the log's lock" if result["log"] > 0.95 else "processors"
        if result["cores"] < 0.95 and result["log"] < 0.95:
            name = "runners"
        return f"breaks: {name}"
    if result["connections"] > 1_000:
        return "holds, but for connections"
    return "holds"


HEADER = ("| hosts | runners | at once | databases | jobs/s | done | start p50, p99 ms "
          "| processors | log | claims/s, empty | connections | |\n|" + "---|" * 12)


def line(options):
    result = simulate(options)
    runners = options.hosts if options.runners is None else options.runners
    return (f"| {options.hosts:,} | {runners:,} | {options.concurrency} | {options.databases} "
            f"| {options.rate:,.0f} "
            f"| {result['done']:,.0f} | {result['p50']:,.0f}, {result['p99']:,.0f} "
            f"| {result['cores']:.0%} | {result['log']:.0%} "
            f"| {result['claims']:,.0f}, {result['empty']:.0%} | {result['connections']:,} "
            f"| {verdict(options, result)} |")


# What docs/scaling.md shows: hosts, runners (None: all), jobs at once in each, databases, jobs a
# second.
TABLE = [
    (1, None, 16, 1, 100), (10, None, 16, 1, 1_000), (100, None, 16, 1, 2_000),
    (300, None, 16, 1, 2_000), (1_000, None, 16, 1, 2_000), (1_000, 50, 16, 1, 2_000),
    (1_000, 50, 64, 1, 2_000), (1_000, 50, 128, 1, 5_000), (1_000, 100, 64, 4, 10_000),
    (1_000, 200, 64, 16, 50_000),
]  # fmt: skip


def main():
    options = parse_arguments()
    print(HEADER)
    if options.hosts:
        print(line(options))
        return
    for row in TABLE:
        (options.hosts, options.runners, options.concurrency, options.databases,
         options.rate) = row
        print(line(options), flush=True)


if __name__ == "__main__":
    sys.exit(main())
