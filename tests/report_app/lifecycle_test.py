"""A report's life: progress, cancelling, failing, trying again, waiting, and stopping the app."""

import http.client
import json
import unittest

from harness import App, problem

SLOW = ("--pace", "50", "--concurrency", "1")
DETAIL = {"content": "detail", "format": "csv"}  # 200 pauses: ten seconds, were it not stopped.


class LifecycleTest(unittest.TestCase):

    def test_progress_moves_and_never_goes_back(self):
        with App("--pace", "10") as app:
            user = app.client()
            # From before its beginning: the report does not wait for who watches it.
            stream = user.events(user.json("/reports")["events"])
            user.create({"content": "detail", "format": "pdf"})
            seen = []
            while not seen or seen[-1]["state"] in ("pending", "running"):
                seen.append(json.loads(next(stream).data))
            stream.close()
            progress = [now["progress"] for now in seen]
            self.assertEqual(progress, sorted(progress))
            self.assertGreater(len(set(progress)), 3)
            self.assertTrue(any("rows" in now["note"] for now in seen), [n["note"] for n in seen])
            self.assertEqual(seen[-1]["state"], "completed")

    def test_cancel_a_running_report(self):
        with App(*SLOW) as app:
            user = app.client()
            report = user.create(DETAIL)
            user.wait(report, lambda now: now["state"] == "running" and now["progress"] > 0)
            response = user.request("DELETE", f"/reports/{report['id']}")
            self.assertEqual(response.status, 202)
            now = user.wait(report)
            self.assertEqual(now["state"], "cancelled")
            self.assertNotIn("download", now)
            # Again is no harm, and its worker is free for others.
            self.assertEqual(user.request("DELETE", f"/reports/{report['id']}").status, 202)
            next_one = user.wait(user.create({"format": "html"}))
            self.assertEqual(next_one["state"], "completed")

    def test_cancel_a_waiting_report(self):
        with App(*SLOW) as app:
            user = app.client()
            running = user.create(DETAIL)
            waiting = user.create(DETAIL)
            response = user.request("DELETE", f"/reports/{waiting['id']}")
            self.assertEqual(json.loads(response.body)["state"], "cancelled")
            user.request("DELETE", f"/reports/{running['id']}")
            user.wait(running)
            self.assertEqual(user.json(f"/reports/{waiting['id']}")["attempt"], 0)

    def test_what_has_ended_cannot_be_cancelled_or_tried_again(self):
        with App() as app:
            user = app.client()
            report = user.wait(user.create({"format": "csv"}))
            for method, path, why in (("DELETE", "", "it has ended, and cannot be cancelled"),
                                      ("POST", "/retry", "there is nothing to try again")):
                response = user.request(method, f"/reports/{report['id']}{path}")
                self.assertEqual(response.status, 409)
                self.assertIn(why, problem(response)["detail"])

    def test_what_is_being_made_cannot_be_tried_again(self):
        with App(*SLOW) as app:
            user = app.client()
            report = user.create(DETAIL)
            response = user.request("POST", f"/reports/{report['id']}/retry")
            self.assertEqual(response.status, 409)
            self.assertIn("it is being made already", problem(response)["detail"])

    def test_a_double_click_makes_one_report(self):
        with App(*SLOW) as app:
            user = app.client()
            user.json("/reports")
            connections = [user.connection() for _ in range(8)]
            body = json.dumps(DETAIL)
            headers = user.headers({"Content-Type": "application/json",
                                    "Idempotency-Key": "click"})
            for connection in connections:
                connection.request("POST", "/reports", body, headers)
            responses = [connection.getresponse() for connection in connections]
            for connection in connections:
                connection.close()
            self.assertEqual({response.status for response in responses}, {202})
            self.assertEqual(len({response.headers["Location"] for response in responses}), 1)
            replayed = [response.headers["Idempotent-Replayed"] for response in responses]
            self.assertEqual((replayed.count(None), replayed.count("true")), (1, 7))
            self.assertEqual(len(user.json("/reports")["reports"]), 1)

    def test_a_failed_attempt_is_repeated(self):
        with App("--allow-simulate", "--retry-initial", "100ms") as app:
            user = app.client()
            report = user.create({"simulate": "fail_once"})
            now = user.wait(report)
            self.assertEqual((now["state"], now["attempt"]), ("completed", 2))
            self.assertEqual([e["attempt"] for e in now["errors"]], [1])
            self.assertIn("the first attempt fails", now["errors"][0]["message"])

    def test_dead_and_back_to_work(self):
        with App("--allow-simulate", "--retry-initial", "10ms", "--max-attempts", "3") as app:
            user = app.client()
            report = user.wait(user.create({"simulate": "fail"}))
            self.assertEqual((report["state"], report["attempt"]), ("dead", 3))
            self.assertEqual([e["attempt"] for e in report["errors"]], [1, 2, 3])
            response = user.request("POST", f"/reports/{report['id']}/retry")
            self.assertEqual(response.status, 202)
            self.assertEqual(json.loads(response.body)["generation"], 1)
            again = user.wait(report, lambda now: now["state"] == "dead" and now["generation"] == 1)
            self.assertEqual(len(again["errors"]), 6)  # All of its history.

    def test_dead_at_once(self):
        with App("--allow-simulate") as app:
            user = app.client()
            report = user.wait(user.create({"simulate": "dead"}))
            self.assertEqual((report["state"], report["attempt"]), ("dead", 1))
            self.assertIn("cannot be made", report["errors"][-1]["message"])

    def test_cancelled_and_back_to_work(self):
        with App(*SLOW) as app:
            user = app.client()
            blocker = user.create(DETAIL)
            report = user.create({"format": "csv"})
            user.request("DELETE", f"/reports/{report['id']}")
            self.assertEqual(user.wait(report)["state"], "cancelled")
            self.assertEqual(user.request("POST", f"/reports/{report['id']}/retry").status, 202)
            user.request("DELETE", f"/reports/{blocker['id']}")
            self.assertEqual(user.wait(report)["state"], "completed")

    def test_too_many_waiting(self):
        with App(*SLOW, "--backlog", "2") as app:
            user = app.client()
            first = user.create(DETAIL, key="first")
            user.wait(first, lambda now: now["state"] == "running")
            waiting = [user.create(DETAIL) for _ in range(2)]
            response = user.request("POST", "/reports", DETAIL, {"Idempotency-Key": "late"})
            self.assertEqual(response.status, 429)
            self.assertGreater(int(response.headers["Retry-After"]), 0)
            problem(response)
            self.assertEqual(len(user.json("/reports")["reports"]), 3)
            # What was accepted before is no new report: asking again is answered as before.
            again = user.request("POST", "/reports", DETAIL, {"Idempotency-Key": "first"})
            self.assertEqual(again.status, 202)
            self.assertEqual(json.loads(again.body)["id"], first["id"])
            # Once there is room, the same request is accepted.
            user.request("DELETE", f"/reports/{waiting[0]['id']}")
            user.create(DETAIL, key="late")

    def test_a_reader_that_was_away(self):
        with App(*SLOW) as app:
            user = app.client()
            blocker = user.create(DETAIL)
            stream = user.events(user.json("/reports")["events"])
            mine = user.create({"format": "html"})  # Waits for the other one.
            seen = next(e for e in stream if json.loads(e.data)["id"] == mine["id"])
            stream.close()
            user.request("DELETE", f"/reports/{blocker['id']}")
            user.wait(mine)
            # The stream goes on from what was seen, and tells how things are now.
            resumed = user.events("/reports/events", last_event_id=seen.id)
            events = {json.loads(e.data)["id"]: e for e in (next(resumed), next(resumed))}
            resumed.close()
            self.assertEqual(set(events), {blocker["id"], mine["id"]})
            self.assertEqual(json.loads(events[mine["id"]].data)["state"], "completed")
            self.assertGreater(int(events[mine["id"]].id), int(seen.id))

    def test_a_reader_that_has_seen_the_end(self):
        with App() as app:
            user = app.client()
            report = user.create({"format": "csv"})
            events = list(user.events(f"/reports/{report['id']}/events"))
            path = f"/reports/{report['id']}/events"
            done = user.get(path, **{"Last-Event-ID": events[-1].id})
            self.assertEqual((done.status, done.body), (204, b""))
            # One that has not, gets it.
            missed = list(user.events(path, last_event_id="1"))
            self.assertEqual([json.loads(e.data)["state"] for e in missed], ["completed"])

    def test_a_reader_that_has_missed_a_lot(self):
        with App("--pace", "60000", "--concurrency", "1", "--backlog", "1000") as app:
            user = app.client()
            wish = {**DETAIL, "states": user.json("/choices")["states"][1:]}  # Long, but no state.
            ids = [user.create(wish)["id"] for _ in range(100)]
            stream = user.events("/reports/events", last_event_id="1")
            seen = {json.loads(next(stream).data)["id"] for _ in ids}
            stream.close()
            self.assertEqual(seen, set(ids))
            # More than a stream has room for: the reader is told to read the list, and not
            # disconnected in the middle, to come back with the same question for ever.
            for _ in range(400):
                user.create(wish)
            stream = user.events("/reports/events", last_event_id="1")
            reset = next(stream)
            stream.close()
            self.assertEqual(reset.name, "reset")
            self.assertEqual(user.json("/reports")["events"].split("=")[1], reset.id)

    def test_a_place_that_is_none(self):
        with App() as app:
            user = app.client()
            user.wait(user.create({"format": "csv"}))
            for place in ("999999999", "99999999999999999999", "x", "-1"):
                stream = user.events("/reports/events", last_event_id=place)
                self.assertEqual(next(stream).name, "reset")
                stream.close()

    def test_events_of_others_are_not_told(self):
        with App() as app:
            user, other = app.client(), app.client()
            user.json("/reports")
            stream = user.events(user.json("/reports")["events"])
            other.wait(other.create({"format": "csv"}))
            mine = user.create({"format": "csv"})
            self.assertEqual(json.loads(next(stream).data)["id"], mine["id"])
            stream.close()

    def test_a_graceful_stop_burns_no_attempt(self):
        with App(*SLOW, "--stop-grace", "0s") as app:
            user = app.client()
            report = user.create(DETAIL)
            user.wait(report, lambda now: now["state"] == "running" and now["progress"] > 0)
            self.assertEqual(app.stop(), 0)
            app.start("--pace", "0")
            now = user.wait(report)
            self.assertEqual((now["state"], now["attempt"]), ("completed", 1))
            self.assertEqual((now["errors"], now["crashes"]), ([], 0))

    def test_a_stop_ends_streams_and_downloads(self):
        with App(*SLOW, "--stop-grace", "0s") as app:
            user = app.client()
            user.json("/reports")
            stream = user.events(user.json("/reports")["events"])
            user.create(DETAIL)
            next(stream)
            self.assertEqual(app.stop(), 0)
            try:
                self.assertLess(len(list(stream)), 100)
            except http.client.IncompleteRead:
                pass  # Cut in the middle: the browser comes again.


if __name__ == "__main__":
    unittest.main()
