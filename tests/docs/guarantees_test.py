"""docs/guarantees.md and docs/scenarios.md: every promise names a test, every scenario is there and
names a test or says why not, and every test that is named exists.

Usage: guarantees_test.py BUILD_FOLDER [unittest's arguments]
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
BUILD = ""

# The scenarios of each section. Numbers that are left out were never given to one.
SCENARIOS = {
    "P": "1-14 16-20",
    "W": "1-10",
    "D": "1-4 7 9-14",
    "S": "1-7 9-12",
    "G": "1-21",
    "T": "1-11",
    "L": "1-12",
    "K": "1-16 18-20",
    "H": "1-3 5-11",
    "I": "1-3 5-10",
    "R": "1-10",
    "N": "1-8 10-15",
    "A": "1-5 7-11",
    "X": "1-7 9-11 13-24",
    "Z": "1-10 12 13",
}


def promises(page):
    """Of each row of the table below "## Promised": its number, and the tests in its last cell."""
    section = re.search(r"^## Promised\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| (\d+) \|.*\|([^|]*)\|$", section.group(1) if section else "",
                      re.MULTILINE)
    return [(int(number), re.findall(r"`([^`]+)`", tests)) for number, tests in rows]


def expected_ids(section, numbers):
    """"1-3 5" of section P: P01, P02, P03, P05. Those of section I are I-01, …"""
    ids = []
    for piece in numbers.split():
        first, _, last = piece.partition("-")
        for number in range(int(first), int(last or first) + 1):
            ids.append(f"{section}{'-' if section == 'I' else ''}{number:02}")
    return ids


def scenarios(page):
    """Of each section, by its letter: its rows as (id, what happens, shown, by)."""
    sections = {}
    for letter, text in re.findall(r"^## ([A-Z])\. .*\n((?:(?!^## ).*\n)*)", page, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in text.split("\n") if line.startswith("| ")]
        sections[letter] = rows[1:]  # The first one is the head.
    return sections


def ids_in(name):
    """Of the scenarios that a test has in its name, at its end: "writes are torn (W01, W02)"."""
    found = re.search(r"\(((?:[A-Z]-?[0-9]{2}[, ]*)+)\)(?:<[^<>]*>)?$", name)
    return re.findall("[^, ]+", found.group(1)) if found else []


def named_tests(text):
    """All that stands in backquotes and looks like the name of a test of CTest."""
    names = re.findall(r"`([a-z_]+/[^`]+)`", text)
    return [name for name in names if not name.startswith("tools/")]


def fault(row):
    """What is wrong with a row; empty: nothing."""
    if len(row) != 4:
        return "not four cells"
    _, what, shown, by = row
    tests, words = named_tests(by), re.sub(r"`[^`]*`|[ ,.]", "", by)
    if not what:
        return "says nothing"
    if shown == "no":
        return "" if words and not tests else "needs a reason, and no test"
    if shown == "partly":
        return "" if words and tests else "needs tests, and what they do not show"
    if shown == "yes":
        return "" if tests else "needs tests"
    return f"is shown \"{shown}\""


def missing(named, existing):
    """Those of the names that are no test. A case that runs for several types is `name<type>`."""
    plain = {re.sub(r"<[^<>]*>$", "", name) for name in existing} | set(existing)
    return [name for name in named if name not in plain]


def tests_of(build):
    """The names of all tests of a build folder."""
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True,
                             capture_output=True, text=True).stdout
    return [test["name"] for test in json.loads(listing)["tests"]]


class GuaranteesTest(unittest.TestCase):

    def setUp(self):
        self.promises = promises((DOCS / "guarantees.md").read_text(encoding="utf-8"))
        self.scenarios = scenarios((DOCS / "scenarios.md").read_text(encoding="utf-8"))

    def test_every_promise_names_a_test(self):
        self.assertGreater(len(self.promises), 10)
        self.assertEqual([number for number, _ in self.promises],
                         list(range(1, len(self.promises) + 1)))
        for number, tests in self.promises:
            self.assertTrue(tests, f"promise {number} names no test")

    def test_every_scenario_is_there_once(self):
        self.assertEqual(list(self.scenarios), list(SCENARIOS))
        for section, numbers in SCENARIOS.items():
            self.assertEqual([row[0] for row in self.scenarios[section]],
                             expected_ids(section, numbers))

    def test_every_scenario_names_a_test_or_says_why_not(self):
        for section in self.scenarios.values():
            for row in section:
                self.assertEqual(fault(row), "", row[0])

    def test_every_test_that_is_named_exists(self):
        existing = tests_of(BUILD)
        unbuilt = [name for name in existing if name.endswith("/not_built")]
        self.assertEqual(unbuilt, [], "build all tests first")
        for number, tests in self.promises:
            self.assertEqual(missing(tests, existing), [], f"promise {number}")
        for section in self.scenarios.values():
            for row in section:
                self.assertEqual(missing(named_tests(row[3]), existing), [], row[0])

    def test_what_has_a_scenario_in_its_name_stands_in_its_row(self):
        named = {row[0]: named_tests(row[3]) for rows in self.scenarios.values() for row in rows}
        for name in tests_of(BUILD):
            for scenario in ids_in(name):
                self.assertIn(re.sub(r"<[^<>]*>$", "", name), named.get(scenario, []), scenario)


class CheckerTest(unittest.TestCase):
    """What the checks above must catch."""

    def test_promises(self):
        page = ("## Promised\n\n| # | Promise | Test |\n|---|---|---|\n"
                "| 1 | **One.** `code` here. | `a/one`, `b/two, too` |\n| 2 | Two. | none |\n"
                "\n## Not promised\n| 3 | Three. | `a/three` |\n")
        self.assertEqual(promises(page), [(1, ["a/one", "b/two, too"]), (2, [])])
        self.assertEqual(promises("# Something else\n"), [])

    def test_expected_ids(self):
        self.assertEqual(expected_ids("P", "1-3 5 10"), ["P01", "P02", "P03", "P05", "P10"])
        self.assertEqual(expected_ids("I", "9-10"), ["I-09", "I-10"])

    def test_scenarios(self):
        page = ("# Title\n\n## P. One\n\nText.\n\n| # | What | Shown | By |\n|---|---|---|---|\n"
                "| P01 | Dies. | yes | `a/one` |\n| P02 | Lives. | no | Never. |\n"
                "\n## W. Two\n| # | What | Shown | By |\n|---|---|---|---|\n"
                "| W01 | x | yes | y |\n")
        self.assertEqual(scenarios(page), {
            "P": [["P01", "Dies.", "yes", "`a/one`"], ["P02", "Lives.", "no", "Never."]],
            "W": [["W01", "x", "yes", "y"]]})

    def test_fault(self):
        for shown, by in (("yes", "`a/one`"), ("yes", "`a/one`, `b/two`. Words."),
                          ("partly", "`a/one`. Not all."), ("no", "No `x`.")):
            self.assertEqual(fault(["P01", "x", shown, by]), "", by)
        for shown, by in (("yes", "Words."), ("partly", "`a/one`, `b/two`."), ("partly", "Words."),
                          ("no", ""), ("no", "`a/one`. Words."), ("perhaps", "`a/one`")):
            self.assertNotEqual(fault(["P01", "x", shown, by]), "", by)
        self.assertNotEqual(fault(["P01", "x", "yes"]), "")
        self.assertNotEqual(fault(["P01", "", "yes", "`a/one`"]), "")

    def test_ids_in(self):
        self.assertEqual(ids_in("a/torn (W01)"), ["W01"])
        self.assertEqual(ids_in("a/torn (W01, I-02 W03)<my::Backend>"), ["W01", "I-02", "W03"])
        self.assertEqual(ids_in("a/(W01) torn"), [])

    def test_named_tests(self):
        by = "`a/one`, `b_c/two, three`. `kFull` and `tools/x y` [z](q.md)."
        self.assertEqual(named_tests(by), ["a/one", "b_c/two, three"])

    def test_missing(self):
        existing = ["a/plain", "a/typed<my::Backend>", "a/vector<int> of"]
        self.assertEqual(missing(["a/plain", "a/typed", "a/vector<int> of"], existing), [])
        self.assertEqual(missing(["a/pla", "a/plain too", "b/plain"], existing),
                         ["a/pla", "a/plain too", "b/plain"])


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
