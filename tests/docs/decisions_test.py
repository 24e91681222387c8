"""docs/adr/: the records are numbered without holes and have all their parts, docs/adr/README.md
lists them as they are, and no file of the repository points to one that is not there."""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs/adr"
PARTS = ("Context", "Decision", "Consequences")
TITLE = re.compile(r"# (\d{4}) (.+)")


def faults_of(name, text, number):
    """What is wrong with the record of this number, as sentences."""
    faults = []
    title = TITLE.fullmatch(text.split("\n", 1)[0])
    if not name.startswith(f"{number:04}-"):
        faults.append(f"{name}: the next number is {number:04}")
    if not title or not name.startswith(title.group(1) + "-"):
        faults.append(f"{name}: the title is not the file's number and the decision")
    found = re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE)
    if tuple(part for part in found if part in PARTS) != PARTS:
        faults.append(f"{name}: has the parts {found}, and not {list(PARTS)}")
    return faults


def table_of(texts):
    """The rows of the table in README.md for the records, given as name → text."""
    return [f"| [{name[:4]}]({name}) | {TITLE.match(text).group(2)} |"
            for name, text in texts.items()]


def references(text):
    """The records that a text points to by their path."""
    return re.findall(r"docs/adr/([\w.-]+\.md)", text)


class DecisionsTest(unittest.TestCase):

    def setUp(self):
        files = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
        self.texts = {path.name: path.read_text(encoding="utf-8") for path in files}

    def test_records(self):
        self.assertGreater(len(self.texts), 10)
        faults = []
        for number, (name, text) in enumerate(self.texts.items(), start=1):
            faults += faults_of(name, text, number)
        self.assertEqual(faults, [])

    def test_the_list_is_whole(self):
        readme = (FOLDER / "README.md").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"^\| \[.*", readme, re.MULTILINE), table_of(self.texts))

    def test_nothing_points_to_a_record_that_is_not_there(self):
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=False,
                                capture_output=True, text=True)
        if listed.returncode != 0:
            self.skipTest("not a clone of git")
        count = 0
        for name in listed.stdout.split("\0"):
            path = ROOT / name
            if not name or path.suffix not in (".h", ".cc", ".sql", ".md", ".cmake", ".txt"):
                continue
            for record in references(path.read_text(encoding="utf-8")) if path.exists() else ():
                self.assertIn(record, [*self.texts, "README.md"], name)
                count += 1
        self.assertGreater(count, 2)


class CheckerTest(unittest.TestCase):
    """What the checks above must catch."""

    GOOD = "# 0002 Do it\n\n**Context.** a\n\n**Decision.** b\n\n**Consequences.** c\n"

    def test_faults(self):
        self.assertEqual(faults_of("0002-do-it.md", self.GOOD, 2), [])
        self.assertEqual(len(faults_of("0003-do-it.md", self.GOOD, 3)), 1)
        self.assertEqual(len(faults_of("0002-do-it.md", self.GOOD, 3)), 1)
        self.assertEqual(len(faults_of("0002-do-it.md", self.GOOD[1:], 2)), 1)
        self.assertEqual(len(faults_of("0002-do-it.md", self.GOOD.replace("Decision", "X"), 2)), 1)

    def test_table_and_references(self):
        self.assertEqual(table_of({"0002-do-it.md": self.GOOD}),
                         ["| [0002](0002-do-it.md) | Do it |"])
        self.assertEqual(references("// (docs/adr/0002-do-it.md). And docs/adr/README.md"),
                         ["0002-do-it.md", "README.md"])


if __name__ == "__main__":
    unittest.main()
