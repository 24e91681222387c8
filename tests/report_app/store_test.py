"""Jobs that are not in the file of the business data: another file, or a server."""

import os
import shutil
import signal
import sqlite3
import subprocess
import unittest

from harness import App

POSTGRES = os.environ.get("OUTLIVE_POSTGRES_SERVER", "")


class PostgresServer:
    """A private server, which ends with the pipe to its keeper."""

    def __enter__(self):
        self.keeper = subprocess.Popen([POSTGRES, "attend"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)  # fmt: skip
        words = self.keeper.stdout.readline().split()
        assert words[0] == "ok", words
        self.address = f"postgresql://app@/app?host={words[1]}&port={words[4]}"
        return self

    def __exit__(self, *_):
        self.keeper.communicate()


class StoreTest(unittest.TestCase):
    def check(self, app):
        user = app.client()
        first = user.create({"format": "csv", "states": ["Utah"]}, key="one")
        self.assertEqual(user.create({"format": "csv", "states": ["Utah"]}, key="one")["id"],
                         first["id"])  # fmt: skip
        now = user.wait(first)
        self.assertEqual(now["state"], "completed")
        self.assertEqual(user.get(now["download"]["href"]).status, 200)
        self.assertEqual([each["id"] for each in user.json("/reports")["reports"]], [first["id"]])
        database = sqlite3.connect(os.path.join(app.data_dir, "app.db"))
        tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'outlive_job'")
        self.assertEqual(tables.fetchone(), (0,), "the jobs are elsewhere")

        # As if the app had died between the jobs and their rows.
        second = user.create({"format": "csv", "states": ["Texas"]})
        user.wait(second)
        self.assertEqual(app.kill(), -signal.SIGKILL)
        with database:
            self.assertEqual(database.execute("DELETE FROM report").rowcount, 2)
        database.close()
        app.start()
        self.assertEqual([each["id"] for each in user.json("/reports")["reports"]],
                         [second["id"], first["id"]])  # fmt: skip
        with sqlite3.connect(os.path.join(app.data_dir, "app.db")) as database:
            database.execute("DELETE FROM report")
        again = user.create({"format": "csv", "states": ["Utah"]}, key="one")
        self.assertEqual(again["id"], first["id"])
        self.assertEqual([each["id"] for each in user.json("/reports")["reports"]], [first["id"]])
        self.assertEqual(app.stop(), 0)

    def test_another_file(self):
        app = App()
        app.arguments = ("--store", f"sqlite:{app.folder}/jobs.db")
        with app:
            self.check(app)

    @unittest.skipUnless(POSTGRES, "built without PostgreSQL")
    def test_a_server(self):
        with PostgresServer() as server, App("--store", server.address) as app:
            self.check(app)

    def test_addresses_that_are_none(self):
        for address in ("redis://app:s3cret@host/1", "sqlite:", "s3cret"):
            app = App("--store", address)
            self.addCleanup(shutil.rmtree, app.folder)
            with self.assertRaises(AssertionError):
                app.start()
            self.assertIn("--store", app.log())
            self.assertNotIn("s3cret", app.log())


if __name__ == "__main__":
    unittest.main()
