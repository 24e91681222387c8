"""outlive_migrate_store on what the first example leaves behind."""

import os
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["OUTLIVE_MIGRATE_STORE"]
FIRST_JOB = os.environ["OUTLIVE_FIRST_JOB"]


class MigrateStoreTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_program(self, program, *arguments):
        return subprocess.run([program, *arguments], cwd=self.folder, capture_output=True,
                              text=True, timeout=60, check=False)  # fmt: skip

    def migrate(self, *arguments):
        return self.run_program(PROGRAM, *arguments)

    def test_there_and_back(self):
        self.assertEqual(self.run_program(FIRST_JOB).returncode, 0)
        there = self.migrate("sqlite:app.db", "sqlite:other.db")
        self.assertEqual(there.returncode, 0, there.stderr)
        self.assertRegex(there.stdout,
                         r"(?s)moved: sqlite:app.db to sqlite:other.db\n[1-9]\d* jobs, .*"
                         r"checksum [0-9a-f]{32}\n$")  # fmt: skip
        again = self.migrate("sqlite:app.db", "sqlite:other.db")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("moved before:", again.stdout)
        back = self.migrate("sqlite:other.db", "sqlite:back.db")
        self.assertEqual(back.stdout.splitlines()[1], there.stdout.splitlines()[1])

        # The source is frozen, until somebody says otherwise.
        self.assertNotEqual(self.run_program(FIRST_JOB).returncode, 0)
        self.assertEqual(self.migrate("--thaw", "sqlite:app.db").returncode, 0)
        self.assertEqual(self.run_program(FIRST_JOB).returncode, 0)

    def test_what_is_refused(self):
        self.run_program(FIRST_JOB)
        os.rename(os.path.join(self.folder, "app.db"), os.path.join(self.folder, "one.db"))
        self.run_program(FIRST_JOB)
        refused = self.migrate("sqlite:one.db", "sqlite:app.db")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("jobs of its own", refused.stderr)

    def test_wrong_usage_shows_no_password(self):
        for arguments in ((), ("sqlite:a.db",), ("sqlite:a.db", "redis://app:s3cret@host"),
                          ("s3cret", "sqlite:a.db")):  # fmt: skip
            wrong = self.migrate(*arguments)
            self.assertEqual(wrong.returncode, 2, arguments)
            self.assertIn("usage:", wrong.stderr)
            self.assertNotIn("s3cret", wrong.stderr + wrong.stdout)
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
