"""The API: what is accepted, what is refused and how, and whose reports are whose."""

import http.client
import json
import unittest

from harness import App, problem

YEAR_FAULT = "must be a whole number from 1990 to 2002"


class ApiTest(unittest.TestCase):
    """All on one app; each test is a user of its own."""

    @classmethod
    def setUpClass(cls):
        cls.app = cls.enterClassContext(App())

    def setUp(self):
        self.user = self.app.client()

    def test_accepted(self):
        response = self.user.request("POST", "/reports", {"states": ["Utah"], "format": "csv"})
        self.assertEqual(response.status, 202)
        report = json.loads(response.body)
        self.assertEqual(response.headers["Location"], f"/reports/{report['id']}")
        self.assertIn(report["state"], ("pending", "running", "completed"))
        self.assertEqual(report["title"], "Utah, 1990–2002")
        self.assertEqual(self.user.json(response.headers["Location"])["id"], report["id"])

    def test_answers_say_as_of_when_they_are(self):
        """A page can tell which of two answers is older, whichever arrives first."""
        created = self.user.create({"format": "csv"})
        seen = [created["as_of"]]
        for event in self.user.events(created["links"]["events"]):
            report = json.loads(event.data)
            self.assertEqual(report["as_of"], int(event.id))
            seen.append(report["as_of"])
        for path in (created["links"]["self"], "/reports"):
            now = self.user.json(path)
            seen.append(now.get("reports", [now])[0]["as_of"])
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(seen[-1], seen[0])

    def test_every_fault_names_its_field(self):
        faults = [
            ({"states": "Utah"}, "states", "must be an array of names of states"),
            ({"states": ["Atlantis"]}, "states[0]",
             "is not a state of the data; GET /choices lists them"),
            ({"states": [["Utah"]]}, "states[0]", "must be a string"),
            ({"states": ["Utah"] * 30}, "states", "has more entries than there are states (29)"),
            ({"year_from": 1989}, "year_from", YEAR_FAULT),
            ({"year_to": 2003}, "year_to", YEAR_FAULT),
            ({"year_to": "1999"}, "year_to", YEAR_FAULT),
            ({"year_to": 1e300}, "year_to", YEAR_FAULT),
            ({"year_from": -1}, "year_from", YEAR_FAULT),
            ({"year_from": 2000, "year_to": 1999}, "year_to",
             "must not be before 2000, the first year"),
            ({"species": {}}, "species", "must be a string"),
            ({"species": "x" * 61}, "species", "must have at most 60 bytes"),
            ({"content": "everything"}, "content", "must be summary or detail"),
            ({"format": "docx"}, "format", "must be pdf, xlsx, csv or html"),
            ({"format": None}, "format", "must be pdf, xlsx, csv or html"),
            ({"email": "ann@example.com"}, "email",
             "cannot be used: this server is not set up to send mail"),
            ({"simulate": "crash"}, "simulate",
             "cannot be used: the server runs without --allow-simulate"),
        ]
        for wish, field, detail in faults:
            with self.subTest(wish=wish):
                response = self.user.request("POST", "/reports", wish)
                self.assertEqual(response.status, 400)
                document = problem(response)
                self.assertEqual(document["errors"], [{"field": field, "detail": detail}])
                self.assertEqual(document["detail"], f"{field} {detail}")

    def test_unknown_fields_are_refused(self):
        response = self.user.request("POST", "/reports", {"formt": "pdf", "__proto__": {}})
        self.assertEqual(response.status, 400)
        self.assertEqual([e["field"] for e in problem(response)["errors"]], ["formt", "__proto__"])

    def test_bodies_that_are_no_object(self):
        for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"species":"\xc0\x80"}',
                     b"[" * 50_000, b'{"a":1}{"b":2}'):
            with self.subTest(body=body[:20]):
                response = self.user.request("POST", "/reports", body,
                                             {"Content-Type": "application/json"})
                self.assertEqual(response.status, 400)
                self.assertIn("body", problem(response)["detail"])

    def test_only_json_is_read(self):
        for media_type in ("text/plain", "application/x-www-form-urlencoded", None):
            with self.subTest(media_type=media_type):
                response = self.user.request("POST", "/reports", b"{}",
                                             {"Content-Type": media_type})
                self.assertEqual(response.status, 415)
                problem(response)

    def test_a_body_that_is_too_large(self):
        response = self.user.request("POST", "/reports", b" " * (2 << 20),
                                     {"Content-Type": "application/json"})
        self.assertEqual(response.status, 413)
        problem(response)

    def test_nothing_refused_leaves_anything(self):
        self.user.request("POST", "/reports", {"format": "docx"})
        self.assertEqual(self.user.json("/reports")["reports"], [])

    def test_same_key_same_wish_is_one_report(self):
        first = self.user.create({"states": ["DC", "Utah"]}, key="k")
        again = self.user.create({"states": ["Utah", "DC"], "format": "pdf"}, key="k")
        self.assertEqual(first["id"], again["id"])
        self.assertEqual(len(self.user.json("/reports")["reports"]), 1)
        other = self.user.create({"states": ["DC", "Utah"]}, key="l")
        self.assertNotEqual(first["id"], other["id"])

    def test_same_key_other_wish_is_refused(self):
        self.user.create({"states": ["Utah"]}, key="k")
        response = self.user.request("POST", "/reports", {"states": ["DC"]},
                                     {"Idempotency-Key": "k"})
        self.assertEqual(response.status, 422)
        self.assertIn("Idempotency-Key", problem(response)["detail"])
        self.assertEqual(len(self.user.json("/reports")["reports"]), 1)

    def test_keys_of_users_are_apart(self):
        other = self.app.client()
        mine = self.user.create({"states": ["Utah"]}, key="k")
        theirs = other.create({"states": ["DC"]}, key="k")
        self.assertNotEqual(mine["id"], theirs["id"])

    def test_bad_keys(self):
        for key in ("", "k" * 256, "k\tk", "ké"):
            with self.subTest(key=key):
                response = self.user.request("POST", "/reports", {},
                                             {"Idempotency-Key": key.encode()})
                self.assertEqual(response.status, 400)
                self.assertIn("Idempotency-Key", problem(response)["detail"])

    def test_without_a_key_every_request_is_a_report(self):
        self.assertNotEqual(self.user.create()["id"], self.user.create()["id"])

    def test_pages(self):
        ids = [self.user.create({"format": "csv"})["id"] for _ in range(5)]
        seen, path = [], "/reports?limit=2"
        sizes = []
        while path:
            page = self.user.json(path)
            sizes.append(len(page["reports"]))
            seen += [report["id"] for report in page["reports"]]
            path = page["next"]
        self.assertEqual(seen, ids[::-1])
        self.assertEqual(sizes, [2, 2, 1])
        self.assertIsNone(self.user.json("/reports?limit=5")["next"])

    def test_bad_pages(self):
        for query in ("limit=0", "limit=101", "limit=x", "limit=-1", "before=0", "before=x",
                      "before=99999999999999999999", "limit="):
            with self.subTest(query=query):
                response = self.user.get(f"/reports?{query}")
                self.assertEqual(response.status, 400)
                self.assertIn(query.split("=")[0], problem(response)["detail"])

    def test_reports_of_others_do_not_exist(self):
        report = self.user.wait(self.user.create())
        stranger = self.app.client()
        stranger.json("/reports")
        paths = [("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events")]
        for method, path in paths:
            for client in (stranger, self.app.client()):
                mine = client.request(method, f"/reports/{report['id']}{path}")
                none = client.request(method, f"/reports/999999{path}")
                self.assertEqual((mine.status, none.status), (404, 404), (method, path))
                self.assertEqual(problem(mine)["detail"],
                                 problem(none)["detail"].replace("999999", report["id"]))
        self.assertEqual(stranger.json("/reports")["reports"], [])
        self.assertEqual(self.user.json(f"/reports/{report['id']}")["state"], "completed")

    def test_ids_that_are_none(self):
        for name in ("0", "-1", "x", "1e3", "0x1", "99999999999999999999", "%31%00", "1'--", "+1"):
            with self.subTest(name=name):
                self.assertIn(self.user.get(f"/reports/{name}").status, (400, 404))

    def test_a_cookie_that_was_changed_is_no_cookie(self):
        self.user.create()
        name, _, value = self.user.cookie.partition("=")
        other = "b" if value[0] == "a" else "a"
        for forged in (value[:-2], value + "x", other + value[1:], value.split(".")[0], "admin"):
            client = self.app.client()
            client.cookie = f"{name}={forged}"
            self.assertEqual(client.json("/reports")["reports"], [], forged)

    def test_the_cookie_cannot_be_read_or_sent_from_elsewhere(self):
        cookie = self.user.get("/reports").headers["Set-Cookie"]
        for attribute in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(attribute, cookie)
        # A user who has one keeps it.
        self.assertIsNone(self.user.get("/reports").headers["Set-Cookie"])

    def test_other_sites_cannot_change_anything(self):
        report = self.user.create({"format": "csv"})
        for headers in ({"Origin": "http://evil.example"}, {"Origin": None},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                        {"Origin": "null"}):
            for method, path in (("POST", "/reports"), ("DELETE", f"/reports/{report['id']}"),
                                 ("POST", f"/reports/{report['id']}/retry")):
                with self.subTest(headers=headers, method=method, path=path):
                    response = self.user.request(method, path, {}, headers)
                    self.assertEqual(response.status, 403)
                    problem(response)
        self.assertEqual(len(self.user.json("/reports")["reports"]), 1)

    def test_foreign_host_names_are_refused(self):
        refused = self.user.get("/", Host="evil.example")
        self.assertEqual(refused.status, 421)
        problem(refused)
        self.assertEqual(self.user.get("/", Host=f"localhost:{self.app.port}").status, 200)

    def test_methods_and_paths(self):
        for method, path, status in (("PUT", "/reports", 405), ("POST", "/", 405),
                                     ("GET", "/nothing", 404), ("GET", "/reports/1/2", 404),
                                     ("GET", "/../etc/passwd", 400), ("GET", "/%2e%2e/x", 400),
                                     ("GET", "/reports%2f1", 400), ("TRACE", "/", 501)):
            with self.subTest(method=method, path=path):
                response = self.user.request(method, path)
                self.assertEqual(response.status, status)
                problem(response)
        self.assertIn("POST", self.user.request("PUT", "/reports").headers["Allow"])

    def test_header_tricks(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.app.port, timeout=30)
        connection.putrequest("POST", "/reports")
        connection.putheader("Content-Length", "2")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        response = connection.getresponse()
        self.assertEqual(response.status, 400)
        self.assertEqual(response.headers["Content-Type"], "application/problem+json")
        connection.close()
        too_large = self.user.get("/", X="y" * 40_000)
        self.assertEqual(too_large.status, 431)
        problem(too_large)

    def test_choices(self):
        choices = self.user.json("/choices")
        self.assertEqual(len(choices["states"]), 29)
        self.assertEqual((choices["year_min"], choices["year_max"]), (1990, 2002))
        self.assertFalse(choices["email"] or choices["simulate"])

    def test_the_page_allows_nothing_inline(self):
        for path, media_type in (("/", "text/html"), ("/app.js", "text/javascript"),
                                 ("/app.css", "text/css"), ("/icon.svg", "image/svg+xml")):
            response = self.user.get(path)
            self.assertEqual(response.status, 200)
            self.assertTrue(response.headers["Content-Type"].startswith(media_type))
            policy = response.headers["Content-Security-Policy"]
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")


if __name__ == "__main__":
    unittest.main()
