"""The simulation of many hosts: nothing is lost in it, and its words follow from its costs."""

import sys
import unittest
from unittest import mock

import costs
import simulate


def run(*arguments):
    with mock.patch.object(sys, "argv", ["simulate.py", "--seconds", "4", *arguments]):
        options = simulate.parse_arguments()
    return options, simulate.simulate(options)


class SimulateTest(unittest.TestCase):
    def test_what_one_host_can_do_it_does(self):
        options, result = run("--hosts", "1", "--rate", "100")
        self.assertEqual(simulate.verdict(options, result), "holds")
        self.assertAlmostEqual(result["done"], 100, delta=15)
        self.assertLess(result["p50"], 5)
        self.assertLess(result["log"], 0.5)

    def test_a_slow_disk_is_found_by_the_lock_of_the_log(self):
        options, result = run("--hosts", "200", "--rate", "2000", "--commit", "0.02")
        self.assertEqual(simulate.verdict(options, result), "breaks: the log's lock")

    def test_too_few_runners_are_found(self):
        options, result = run("--hosts", "10", "--runners", "1", "--rate", "1000",
                              "--concurrency", "4", "--commit", "0.0001")  # fmt: skip
        self.assertEqual(simulate.verdict(options, result), "breaks: runners")
        self.assertLess(result["done"], 41)  # 4 at once, 0.1 s each.

    def test_costly_statements_are_found_by_the_processors(self):
        options, result = run("--hosts", "10", "--rate", "1000", "--transaction", "0.02",
                              "--cores", "1", "--commit", "0.0001")  # fmt: skip
        self.assertEqual(simulate.verdict(options, result), "breaks: processors")

    def test_databases_share_the_load(self):
        _, one = run("--hosts", "100", "--rate", "2000")
        _, four = run("--hosts", "100", "--rate", "2000", "--databases", "4")
        self.assertLess(four["p50"], one["p50"])
        self.assertAlmostEqual(four["done"], one["done"], delta=150)

    def test_an_idle_runner_starts_a_job_after_one_commit(self):
        options, result = run("--hosts", "1", "--rate", "5")
        self.assertGreater(result["along"], 0.5)
        once = options.transaction + options.commit + options.insert + options.run
        self.assertLess(result["p50"], 1e3 * once)
        _, busy = run("--hosts", "1", "--rate", "5000", "--handler", "0.001")
        self.assertLess(busy["along"], 0.1)

    def test_only_hosts_that_run_jobs_renew_and_sweep(self):
        _, none = run("--hosts", "20", "--runners", "0")
        self.assertEqual(none["upkeep"], 0)
        _, some = run("--hosts", "20", "--runners", "5", "--lease", "4", "--sweep", "1")
        self.assertAlmostEqual(some["upkeep"], 10, delta=3)

    def test_connections_are_those_of_what_a_host_does(self):
        def of(*arguments):
            with mock.patch.object(sys, "argv", ["simulate.py", *arguments]):
                return simulate.connections(simulate.parse_arguments())

        self.assertEqual(of("--hosts", "10"), (50, 80))
        self.assertEqual(of("--hosts", "10", "--runners", "1"), (9 * 3 + 5, 9 * 6 + 8))
        self.assertEqual(of("--hosts", "10", "--runners", "1", "--watching", "runners"),
                         (9 * 2 + 5, 9 * 5 + 8))

    def test_hosts_that_tell_one_another_are_found_by_the_processors(self):
        options, told = run("--hosts", "100", "--rate", "2000", "--cores", "4")
        self.assertEqual(simulate.verdict(options, told), "holds, but for processors")
        _, looking = run("--hosts", "100", "--rate", "2000", "--cores", "4", "--watching", "none")
        self.assertLess(looking["cores"], told["cores"] / 2)
        self.assertLess(looking["p50"], told["p50"])

    def test_hosts_that_do_not_watch_cost_the_server_less(self):
        fleet = ["--hosts", "200", "--runners", "10", "--rate", "1000"]
        _, all_of_them = run(*fleet)
        _, runners = run(*fleet, "--watching", "runners")
        self.assertAlmostEqual(runners["done"], all_of_them["done"], delta=100)
        self.assertLess(runners["cores"], all_of_them["cores"] / 2)

    def test_what_commits_and_jobs_cost_follows_from_rates(self):
        full = {"enqueue_1": 2_000, "enqueue_many": 100_000, "drain_1000": 50_000}
        measured = costs.costs_of(full, {"enqueue_1": 5_000})
        for name, seconds in {"commit": 300e-6, "transaction": 190e-6, "insert": 10e-6,
                              "run": 20e-6}.items():  # fmt: skip
            self.assertAlmostEqual(measured[name], seconds, msg=name)

    def test_no_job_is_lost(self):
        with mock.patch.object(sys, "argv", ["simulate.py", "--hosts", "20", "--rate", "500"]):
            options = simulate.parse_arguments()
        clock = simulate.Clock()
        database = simulate.Database(options, clock, options.rate)
        added = 0
        arrive = database.arrive

        def count():
            nonlocal added
            added += 1
            arrive()

        database.arrive = count
        clock.run_until(5.0)
        under_way = sum(len(host.inserts) + host.running for host in database.hosts)
        held = database.finished + len(database.due) + under_way
        # Those that are being committed at this moment are in neither.
        self.assertLessEqual(held, added + 1)
        self.assertGreaterEqual(held, added - 2 * len(database.hosts))
        self.assertGreater(added, 2_000)


if __name__ == "__main__":
    unittest.main()
