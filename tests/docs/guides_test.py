"""docs/guides/: every block of C++ that a guide shows stands in a source that is compiled and run.

How far a block is indented does not matter; its lines must be there, in order, without others
between them.
"""

import re
import textwrap
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

OWN_STORE = "tests/package/own_store/"

# Each guide, and where its code lives.
GUIDES = {
    "first-job.md": ["tests/docs/first_job_guide_test.cc"],
    "encryption.md": ["tests/docs/encryption_guide_test.cc"],
    "isolated-workers.md": ["tests/docs/isolated_workers_guide.cc"],
    "postgres.md": ["tests/postgres/guide_test.cc"],
    "writing-a-store.md": [OWN_STORE + "my_store_conformance_test.cc", OWN_STORE + "main.cc"],
}


def blocks(page, language="cpp"):
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def lines(text):
    return [line.strip() for line in textwrap.dedent(text).split("\n") if line.strip()]


def shows(source, block):
    """Whether the lines of the block stand in the source, one after another."""
    all_lines, wanted = lines(source), lines(block)
    return any(all_lines[i:i + len(wanted)] == wanted for i in range(len(all_lines)))


class GuidesTest(unittest.TestCase):

    def test_every_guide_has_its_sources(self):
        self.assertEqual({path.name for path in (ROOT / "docs/guides").glob("*.md")}, set(GUIDES))

    def test_every_block_is_compiled(self):
        for guide, paths in GUIDES.items():
            page = (ROOT / "docs/guides" / guide).read_text(encoding="utf-8")
            sources = [(ROOT / path).read_text(encoding="utf-8") for path in paths]
            self.assertGreater(len(blocks(page)), 1, guide)
            for block in blocks(page):
                self.assertTrue(any(shows(source, block) for source in sources),
                                f"{guide} shows what is in none of {paths}:\n{block}")


    def test_the_project_of_the_store_guide_is_built(self):
        page = (ROOT / "docs/guides/writing-a-store.md").read_text(encoding="utf-8")
        source = (ROOT / OWN_STORE / "CMakeLists.txt").read_text(encoding="utf-8")
        block, = blocks(page, "cmake")
        self.assertTrue(shows(source, block), block)

    def test_the_store_guide_names_every_topic_of_the_suite(self):
        page = (ROOT / "docs/guides/writing-a-store.md").read_text(encoding="utf-8")
        headers = (ROOT / "include/outlive/conformance").glob("*.h")
        cases = re.findall(r'TEST_CASE_TEMPLATE_DEFINE\("([^:"]+):',
                           "".join(path.read_text(encoding="utf-8") for path in headers))
        self.assertGreater(len(set(cases)), 10)
        self.assertEqual([topic for topic in sorted(set(cases))
                          if f"`{topic}:`" not in page and f"**{topic}:**" not in page], [])


class CheckerTest(unittest.TestCase):
    """What the checks above must catch."""

    def test_blocks(self):
        page = "a\n```cpp\none;\n```\nb\n```cmake\ntwo()\n```\n```cpp\nthree;\nfour;\n```\n"
        self.assertEqual(blocks(page), ["one;\n", "three;\nfour;\n"])

    def test_shows(self):
        source = "void f() {\n    one;\n\n    two;\n    three;\n}\n"
        self.assertTrue(shows(source, "one;\ntwo;\n"))
        self.assertFalse(shows(source, "one;\nthree;\n"))
        self.assertFalse(shows(source, "two;\none;\n"))
        self.assertFalse(shows(source, "two"))


if __name__ == "__main__":
    unittest.main()
