#!/usr/bin/env python3
"""Measures what simulate.py is given: what commits, transactions, jobs and wake-ups cost here.

  benchmarks/scaling/costs.py build/release/benchmarks/outlive_bench postgresql://bench@/bench

prints the options for simulate.py. The server must be on this machine: the processor time of its
sessions is read from /proc. psql and pgbench are needed. Takes a minute or two; let the machine
do nothing else.

A commit is what a job of enqueue_1 takes longer where it waits for the disk. The rest of that is a
transaction and an insert, which enqueue_many shows alone; drain_1000 shows a run. Each is the work
of one connection, so it is what the processors of the server need at most. To tell a host costs the
processor time of a session that has said LISTEN, for each NOTIFY.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile

CHANNEL = "outlive_costs"
NOTIFY_COUNT = 400
NOTIFY_RATE = 100  # A second: each is over before the next one.


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n", 1)[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("bench", help="outlive_bench")
    parser.add_argument("store", help="postgresql://…")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--listeners", type=int, default=60, help="sessions that LISTEN")
    return parser.parse_args()


def rates(options, durability, *measures):
    """Jobs a second of ours, the median, by measure."""
    done = subprocess.run(
        [options.bench, "--store", options.store, "--durability", durability, "--json",
         "--pairs", str(options.pairs), "--jobs", str(options.jobs), "--measure", *measures],
        check=True, stdout=subprocess.PIPE, text=True)  # fmt: skip
    figures = map(json.loads, done.stdout.splitlines())
    return {figure["measure"]: figure["ours"] for figure in figures}


def costs_of(full, normal):
    """Seconds, from jobs a second with and without waiting for the disk."""
    insert = 1 / full["enqueue_many"]
    return {
        "commit": 1 / full["enqueue_1"] - 1 / normal["enqueue_1"],
        "transaction": 1 / normal["enqueue_1"] - insert,
        "insert": insert,
        "run": 1 / full["drain_1000"],
    }


def processor_seconds(pids):
    nanoseconds = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            nanoseconds += int(file.read().split()[0])
    return nanoseconds / 1e9


@contextlib.contextmanager
def listeners(store, count):
    """Their processes on the server."""
    sessions = [subprocess.Popen(["psql", "--no-psqlrc", "-qAt", store], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                for _ in range(count)]  # fmt: skip
    try:
        for session in sessions:
            session.stdin.write(f"LISTEN {CHANNEL};\nSELECT pg_backend_pid();\n")
            session.stdin.flush()
        yield [int(session.stdout.readline()) for session in sessions]
    finally:
        for session in sessions:
            session.communicate()


def tell_cost(store, count):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script, \
            listeners(store, count) as pids:
        script.write(f"SELECT pg_notify('{CHANNEL}', 'w');\n")
        script.flush()
        before = processor_seconds(pids)
        subprocess.run(["pgbench", "--no-vacuum", "--transactions", str(NOTIFY_COUNT), "--rate",
                        str(NOTIFY_RATE), "--file", script.name, store],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "PGOPTIONS": "-c synchronous_commit=off"})  # fmt: skip
        return (processor_seconds(pids) - before) / NOTIFY_COUNT / count


def main():
    options = parse_arguments()
    full = rates(options, "full", "enqueue_1", "enqueue_many", "drain_1000")
    costs = costs_of(full, rates(options, "normal", "enqueue_1"))
    costs["tell"] = tell_cost(options.store, options.listeners)
    print(" ".join(f"--{name} {seconds:.2g}" for name, seconds in costs.items()))


if __name__ == "__main__":
    sys.exit(main())
