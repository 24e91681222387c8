"""docs/guarantees.md: every promise names a test, and every test that is named exists.

Usage: guarantees_test.py BUILD_FOLDER [unittest's arguments]
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/guarantees.md"
BUILD = ""


def promises(page):
    """Of each row of the table below "## Promised": its number, and the tests in its last cell."""
    section = re.search(r"^## Promised\n(.*?)^## ", page, re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| (\d+) \|.*\|([^|]*)\|$", section.group(1) if section else "",
                      re.MULTILINE)
    return [(int(number), re.findall(r"`([^`]+)`", tests)) for number, tests in rows]


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
        self.promises = promises(PAGE.read_text(encoding="utf-8"))

    def test_every_promise_names_a_test(self):
        self.assertGreater(len(self.promises), 10)
        self.assertEqual([number for number, _ in self.promises],
                         list(range(1, len(self.promises) + 1)))
        for number, tests in self.promises:
            self.assertTrue(tests, f"promise {number} names no test")

    def test_every_test_that_is_named_exists(self):
        existing = tests_of(BUILD)
        unbuilt = [name for name in existing if name.endswith("/not_built")]
        self.assertEqual(unbuilt, [], "build all tests first")
        for number, tests in self.promises:
            self.assertEqual(missing(tests, existing), [], f"promise {number}")


class CheckerTest(unittest.TestCase):
    """What the checks above must catch."""

    def test_promises(self):
        page = ("## Promised\n\n| # | Promise | Test |\n|---|---|---|\n"
                "| 1 | **One.** `code` here. | `a/one`, `b/two, too` |\n| 2 | Two. | none |\n"
                "\n## Not promised\n| 3 | Three. | `a/three` |\n")
        self.assertEqual(promises(page), [(1, ["a/one", "b/two, too"]), (2, [])])
        self.assertEqual(promises("# Something else\n"), [])

    def test_missing(self):
        existing = ["a/plain", "a/typed<my::Backend>", "a/vector<int> of"]
        self.assertEqual(missing(["a/plain", "a/typed", "a/vector<int> of"], existing), [])
        self.assertEqual(missing(["a/pla", "a/plain too", "b/plain"], existing),
                         ["a/pla", "a/plain too", "b/plain"])


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
