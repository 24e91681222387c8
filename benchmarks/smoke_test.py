"""Runs every measure of outlive_bench at a tiny size: it must give every figure, and whole ones.

The figures say nothing here; that they are there, and are what was asked for, is what is tested.
OUTLIVE_BENCH is the program, OUTLIVE_BENCH_STORES the stores that it was built with. For PostgreSQL
OUTLIVE_POSTGRES_SERVER keeps a private server as long as we hold its input.
"""

import contextlib
import json
import os
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["OUTLIVE_BENCH"]
STORES = os.environ["OUTLIVE_BENCH_STORES"].split(",")
TINY = ["--jobs", "200", "--backlog", "1000", "--producers", "8", "--concurrency", "8",
        "--pairs", "1", "--hold", "2"]  # fmt: skip

EVERYWHERE = {
    ("drain_64", "rate"), ("drain_1000", "rate"), ("end_to_end", "rate"),
    ("memory_end_to_end", "rate"),
    ("enqueue_64", "rate"), ("enqueue_1", "rate"), ("enqueue_keyed", "rate"),
    ("enqueue_many", "rate"),
    ("latency_idle", "p50"), ("latency_idle", "p99"),
    ("backlog", "rate"), ("scheduled", "future"), ("scheduled", "one instant"),
    ("coroutines_waiting", "time"), ("coroutines_waiting", "memory"), ("idle_cpu", "time"),
}  # fmt: skip
WITH_FILES = {
    ("latency_two_processes", "p50"), ("latency_two_processes", "p99"),
    ("file_size", "size"), ("rss_drain", "peak"),
}  # fmt: skip
ON_A_SERVER = {
    ("drain_processes", "1 processes"), ("drain_processes", "2 processes"),
    ("drain_processes", "4 processes"), ("drain_processes", "8 processes"),
    ("old_transaction", "held"), ("old_transaction", "after"),
    ("old_transaction", "held p50"), ("old_transaction", "held p99"),
    ("old_transaction", "after p50"), ("old_transaction", "after p99"),
}  # fmt: skip
WITHOUT_LIMIT = {("idle_cpu", "time")}


class Server:
    """A private PostgreSQL server, as tests/postgres/server_program.cc keeps it."""

    def __init__(self):
        self.keeper = subprocess.Popen([os.environ["OUTLIVE_POSTGRES_SERVER"], "attend"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said = self.keeper.stdout.readline().split()
        if self.said[:1] != ["ok"]:
            raise RuntimeError(f"no server: {self.said}")
        self.folder, self.port = self.said[1], self.said[4]

    def address(self):
        return f"postgresql://admin@/app?host={self.folder}&port={self.port}"

    def ask(self, sql):
        return subprocess.run(["psql", "--no-psqlrc", "-Atc", sql, self.address()], check=True,
                              capture_output=True, text=True, timeout=60).stdout.split()

    def close(self):
        self.keeper.stdin.close()
        self.keeper.wait(timeout=60)
        self.keeper.stdout.close()


class SmokeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_bench(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.folder, capture_output=True,
                              text=True, timeout=120, check=False)  # fmt: skip

    def figures(self, *arguments):
        done = self.run_bench("--json", *TINY, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def check_whole(self, figure):
        name = (figure["measure"], figure["figure"])
        self.assertIn(figure["unit"], ("jobs/s", "ms", "s", "MB", "bytes/job", "% of core"), name)
        whole = ["ours"] if name in WITHOUT_LIMIT else ["ours", "limit", "share"]
        for field in whole:
            self.assertGreater(figure[field], 0, name)
            self.assertLessEqual(figure[field + "_min"], figure[field], name)
            self.assertGreaterEqual(figure[field + "_max"], figure[field], name)
        if name in WITHOUT_LIMIT:
            self.assertIsNone(figure["limit"])
            self.assertIsNone(figure["share"])
        else:
            self.assertTrue(figure["limit_is"], name)
        self.assertEqual(figure["bar"] is None, figure["reached"] is None, name)
        self.assertGreaterEqual(figure["pairs"], 1, name)
        for condition in ("date", "outlive", "store", "durability", "compiler", "kernel",
                          "processors", "payload", "load"):  # fmt: skip
            self.assertTrue(figure["conditions"][condition], condition)

    def check_store(self, store, durability, expected, *arguments):
        figures = self.figures(*arguments)
        self.assertEqual({(each["measure"], each["figure"]) for each in figures}, expected)
        for figure in figures:
            self.check_whole(figure)
            of_memory = figure["measure"] == "memory_end_to_end"
            self.assertEqual(figure["store"], "memory" if of_memory else store)
            self.assertEqual(figure["durability"], "none" if of_memory else durability)
        self.assertEqual(os.listdir(self.folder), [], "files were left behind")
        return figures

    def test_memory(self):
        self.check_store("memory", "none", EVERYWHERE, "--store", "memory:")

    @unittest.skipUnless("sqlite" in STORES, "built without SQLite")
    def test_sqlite(self):
        figures = self.check_store("sqlite", "full", EVERYWHERE | WITH_FILES)
        self.assertIn(" ms ", figures[0]["conditions"]["fsync"])
        self.assertTrue(figures[0]["conditions"]["file system"])

    @unittest.skipUnless("sqlite" in STORES, "built without SQLite")
    def test_only_what_is_chosen(self):
        self.check_store("sqlite", "normal", {("enqueue_1", "rate"), ("file_size", "size")},
                         "--store", "sqlite:other.db", "--durability", "normal",
                         "--measure", "file_size", "enqueue_1", "--pairs", "3")  # fmt: skip

    @unittest.skipUnless("postgres" in STORES, "built without PostgreSQL")
    def test_postgres(self):
        with contextlib.closing(Server()) as server:
            figures = self.check_store("postgres", "full (synchronous_commit=on)",
                                       EVERYWHERE | WITH_FILES | ON_A_SERVER,
                                       "--store", server.address())  # fmt: skip
            self.assertIn("PostgreSQL", figures[0]["conditions"]["store"])
            left = server.ask("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'outlive%'")
            self.assertEqual(left, [], "schemas were left behind")

    def test_table(self):
        done = self.run_bench(*TINY, "--store", "memory", "--measure", "drain_64", "rss_drain")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^compiler +(g\+\+|clang)")
        self.assertRegex(done.stdout, r"(?m)^drain_64 +jobs/s .* share ≥ 0\.60 +(yes|no)$")
        self.assertRegex(done.stdout, r"(?m)^    limit: asio::thread_pool")
        self.assertIn("rss_drain is not for the store memory", done.stderr)

    def test_bad_values_are_refused(self):
        for arguments, complaint in (
            (["--store", "redis"], "memory:"),
            (["--store", "sqlite:"], "followed by a path"),
            (["--durability", "half"], "full,normal"),
            (["--measure", "drain_65"], 'there is no measure "drain_65"'),
            (["--jobs", "many"], "--jobs"),
            (["--pairs", "0"], "--pairs"),
            (["--payload", "3"], "--payload"),
            (["--hold", "0"], "--hold"),
            (["--speed", "9"], "--speed"),
        ):
            done = self.run_bench(*arguments)
            self.assertNotEqual(done.returncode, 0, arguments)
            self.assertIn(complaint, done.stderr)
            self.assertEqual(done.stdout, "", arguments)

    @unittest.skipUnless("sqlite" in STORES, "built without SQLite")
    def test_a_folder_that_is_not_there(self):
        done = self.run_bench(*TINY, "--store", "sqlite:nowhere/bench.db")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nowhere", done.stderr)


if __name__ == "__main__":
    unittest.main()
