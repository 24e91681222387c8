"""The pages for looking things up say what the code says: docs/lifecycle.md the transitions of
core/lifecycle.cc, docs/errors.md every code that is ever returned, README.md every part."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def sources():
    for folder in ("include", "src"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.read_text(encoding="utf-8")


def documented_transitions(page):
    """(from, transition, to), of the rows of the table of docs/lifecycle.md."""
    rows = re.findall(r"^\| ([a-z, ]+) \| `k(\w+)` \| (\w+) \|", page, re.MULTILINE)
    return {(origin.strip(), transition, to) for origins, transition, to in rows
            for origin in origins.split(",")}


def coded_transitions(source):
    rules = re.findall(r"Rule\{JobState::k(\w+), Transition::k(\w+), JobState::k(\w+)\}", source)
    return {(origin.lower(), transition, to.lower()) for origin, transition, to in rules}


def codes_returned(source):
    return set(re.findall(r"\babsl::(\w+)Error\(", source))


def codes_documented(page):
    return set(re.findall(r"^\| `k(\w+)` \|", page, re.MULTILINE))


class ReferenceTest(unittest.TestCase):

    def test_transitions(self):
        coded = coded_transitions(read("src/core/lifecycle.cc"))
        self.assertGreater(len(coded), 10)
        self.assertEqual(documented_transitions(read("docs/lifecycle.md")), coded)

    def test_codes(self):
        returned = set().union(*map(codes_returned, sources()))
        self.assertGreater(len(returned), 10)
        self.assertEqual(returned - codes_documented(read("docs/errors.md")), set())

    def test_parts(self):
        parts = set()
        for path in (ROOT / "src").glob("*/CMakeLists.txt"):
            parts |= set(re.findall(r"^ *outlive_add_library\((\w+)", path.read_text("utf-8"),
                                    re.MULTILINE))
        self.assertGreater(len(parts), 10)
        section = re.search(r"^## Parts\n(.*?)^\[", read("README.md"), re.DOTALL | re.MULTILINE)
        named = set(re.findall(r"\w+", section.group(1)))
        self.assertEqual(parts - named, set())


class CheckerTest(unittest.TestCase):
    """What the checks above must catch."""

    def test_transitions(self):
        page = "| From | Transition | To | x |\n| a, b | `kGo` | c | d |\n| a | kGo | c |\n"
        self.assertEqual(documented_transitions(page), {("a", "Go", "c"), ("b", "Go", "c")})
        source = "    Rule{JobState::kA, Transition::kGo, JobState::kC},\n"
        self.assertEqual(coded_transitions(source), {("a", "Go", "c")})

    def test_codes(self):
        self.assertEqual(codes_returned("return absl::NotFoundError(x); absl::IsNotFound(y)"),
                         {"NotFound"})
        self.assertEqual(codes_documented("| `kNotFound` | x |\n| a | `kAborted` |\n"),
                         {"NotFound"})


if __name__ == "__main__":
    unittest.main()
