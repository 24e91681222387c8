"""Downloads: signed links, ranges, and what keeps a document from acting as a page."""

import hashlib
import time
import unittest

from harness import DEADLINE_S, App, problem, with_query


class DownloadsTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.app = cls.enterClassContext(App())
        cls.user = cls.app.client()
        cls.report, cls.response = cls.user.document(
            {"states": ["Utah"], "content": "detail", "format": "csv"})
        cls.href = cls.report["download"]["href"]

    def test_the_document(self):
        download = self.report["download"]
        self.assertEqual(len(self.response.body), download["size"])
        self.assertEqual(hashlib.sha256(self.response.body).hexdigest(), download["sha256"])
        self.assertEqual(download["name"], f"wildlife-strikes-{self.report['id']}.csv")
        self.assertEqual(self.response.headers["Content-Type"], download["media_type"])

    def test_it_cannot_act_as_a_page(self):
        headers = self.response.headers
        self.assertTrue(headers["Content-Disposition"].startswith(
            f'attachment; filename="{self.report["download"]["name"]}"'))
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("sandbox", headers["Content-Security-Policy"])
        self.assertIn("private", headers["Cache-Control"])
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")

    def refused(self, href, client=None):
        response = (client or self.user).get(href)
        self.assertEqual(response.status, 403, href)
        problem(response)
        return response.body

    def test_every_bad_link_gets_the_same_answer(self):
        other, _ = self.user.document({"states": ["DC"], "format": "html"})
        other_id = other["download"]["href"].split("?")[0]
        stranger = self.app.client()
        stranger.json("/reports")
        query = self.href.split("?")[1]
        answers = {
            self.refused(with_query(self.href, sig="A" * 43)),
            self.refused(with_query(self.href, sig=None)),
            self.refused(with_query(self.href, sig="")),
            self.refused(with_query(self.href, exp="99999999999")),
            self.refused(with_query(self.href, exp="-1")),
            self.refused(with_query(self.href, exp="x")),
            self.refused(with_query(self.href, kid="other")),
            self.refused(with_query(self.href, extra="1")),
            self.refused(self.href + "&" + query),
            self.refused(self.href[:-1]),
            self.refused(self.href.split("?")[0]),
            self.refused(f"{other_id}?{query}"),
            self.refused(f"/artifacts/{'0' * 32}?{query}"),
            self.refused(f"/artifacts/app.db?{query}"),
            self.refused(self.href, stranger),
            self.refused(self.href, self.app.client()),
        }
        self.assertEqual(len(answers), 1)
        self.assertEqual(self.user.get(self.href).status, 200)

    def test_a_link_expires(self):
        with App("--link-ttl", "1s") as app:
            user = app.client()
            report = user.wait(user.create({"format": "html"}))
            href = report["download"]["href"]
            deadline = time.monotonic() + DEADLINE_S
            while (response := user.get(href)).status == 200:
                self.assertLess(time.monotonic(), deadline)
            self.assertEqual(response.status, 403)
            self.assertEqual(response.body, self.refused(with_query(self.href, sig="x")))
            # The report gives a new one.
            fresh = user.json(f"/reports/{report['id']}")["download"]["href"]
            self.assertNotEqual(fresh, href)

    def test_links_outlive_a_restart(self):
        with App() as app:
            user = app.client()
            report, response = user.document({"format": "csv"})
            self.assertEqual(app.stop(), 0)
            app.start()
            again = user.get(report["download"]["href"])
            self.assertEqual((again.status, again.body), (200, response.body))

    def test_ranges(self):
        whole = self.response.body
        size = len(whole)
        for header, first, last in (("bytes=0-9", 0, 9), ("bytes=5-5", 5, 5),
                                    ("bytes=-3", size - 3, size - 1),
                                    (f"bytes={size - 2}-", size - 2, size - 1),
                                    (f"bytes=1-{size * 9}", 1, size - 1)):
            with self.subTest(header=header):
                response = self.user.get(self.href, Range=header)
                self.assertEqual(response.status, 206)
                self.assertEqual(response.headers["Content-Range"], f"bytes {first}-{last}/{size}")
                self.assertEqual(response.body, whole[first:last + 1])
        response = self.user.get(self.href, Range=f"bytes={size}-")
        self.assertEqual(response.status, 416)
        self.assertEqual(response.headers["Content-Range"], f"bytes */{size}")
        for header in ("bytes=0-1,3-4", "bytes=5-1", "lines=1-2", "bytes=x"):
            with self.subTest(header=header):
                response = self.user.get(self.href, Range=header)
                self.assertEqual((response.status, response.body), (200, whole))

    def test_a_range_of_another_version_is_the_whole(self):
        etag = self.response.headers["ETag"]
        part = self.user.get(self.href, Range="bytes=0-0", **{"If-Range": etag})
        self.assertEqual(part.status, 206)
        other = self.user.get(self.href, Range="bytes=0-0", **{"If-Range": '"other"'})
        self.assertEqual((other.status, other.body), (200, self.response.body))

    def test_head(self):
        response = self.user.request("HEAD", self.href)
        self.assertEqual((response.status, response.body), (200, b""))
        self.assertEqual(int(response.headers["Content-Length"]), len(self.response.body))


if __name__ == "__main__":
    unittest.main()
