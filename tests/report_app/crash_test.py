"""The app is killed, again and again, and nothing that was accepted is lost or done twice."""

import os
import re
import signal
import sqlite3
import unittest

from harness import App

DETAIL = {"content": "detail", "format": "csv"}


class CrashTest(unittest.TestCase):

    def test_killed_in_the_middle_of_a_report(self):
        with App("--pace", "20") as app:
            user = app.client()
            report = user.create(DETAIL)
            user.wait(report, lambda now: now["state"] == "running" and now["progress"] > 0.1)
            self.assertEqual(app.kill(), -signal.SIGKILL)
            app.expire_leases()
            app.start("--pace", "0")
            now = user.wait(report)
            self.assertEqual(now["state"], "completed")
            self.assertEqual((now["attempt"], now["crashes"]), (2, 1))
            document = user.get(now["download"]["href"])
            self.assertEqual(document.status, 200)
            self.assertEqual(app.stop(), 0)
            self.check_done_once(app, report, document.body)

    def check_done_once(self, app, report, body):
        """One artifact is published, and the half-written file of the killed attempt is not."""
        files = [os.path.join(folder, name)
                 for folder, _, names in os.walk(os.path.join(app.data_dir, "artifacts"))
                 for name in names]
        whole, = [path for path in files if re.fullmatch("[0-9a-f]{32}", os.path.basename(path))]
        with open(whole, "rb") as file:
            self.assertEqual(file.read(), body)
        halves = [path for path in files if path.endswith(".tmp")]
        self.assertEqual([path for path in halves if os.path.getsize(path) >= len(body)], [])
        with sqlite3.connect(os.path.join(app.data_dir, "app.db")) as database:
            query = "SELECT count(*) FROM outlive_artifact WHERE job = ?"
            self.assertEqual(database.execute(query, (report["id"],)).fetchone(), (1,))
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
            self.assertEqual(database.execute("SELECT count(*) FROM report").fetchone(), (1,))

    def test_accepted_reports_survive_a_kill(self):
        with App("--pace", "20", "--concurrency", "1") as app:
            user = app.client()
            reports = [user.create({**DETAIL, "states": [state]}, key=state)
                       for state in ("Texas", "Utah", "DC")]
            app.kill()
            app.expire_leases()
            app.start("--pace", "0")
            for report in reports:
                self.assertEqual(user.wait(report)["state"], "completed")
            # The keys have survived, too.
            again = user.create({**DETAIL, "states": ["Utah"]}, key="Utah")
            self.assertEqual(again["id"], reports[1]["id"])
            self.assertEqual(len(user.json("/reports")["reports"]), 3)

    def test_a_poison_job_is_buried_after_three_crashes(self):
        with App("--allow-simulate", "--concurrency", "1") as app:
            user = app.client()
            # The connection may break before the answer: the key makes asking again safe.
            poison = {"simulate": "crash"}
            try:
                user.create(poison, key="poison")
            except OSError:
                pass
            crashes = 0
            while app.wait() == -signal.SIGABRT:
                crashes += 1
                self.assertLessEqual(crashes, 3)
                app.expire_leases()
                app.start()
                if crashes == 3:
                    break
            self.assertEqual(crashes, 3)
            report = user.create(poison, key="poison")
            now = user.wait(report)
            self.assertEqual((now["state"], now["crashes"]), ("dead", 3))
            self.assertEqual(len(user.json("/reports")["reports"]), 1)
            # The queue moves on.
            self.assertEqual(user.wait(user.create({"format": "csv"}))["state"], "completed")
            self.assertEqual(app.stop(), 0)


if __name__ == "__main__":
    unittest.main()
