"""The simulation of many hosts: nothing is lost in it, and its words follow from its costs."""

import sys
import unittest
from unittest import mock

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
        under_way = sum(host.inserts + host.running for host in database.hosts)
        held = database.finished + len(database.due) + under_way
        # Those that are being committed at this moment are in neither.
        self.assertLessEqual(held, added + 1)
        self.assertGreaterEqual(held, added - 2 * len(database.hosts))
        self.assertGreater(added, 2_000)


if __name__ == "__main__":
    unittest.main()
