"""A real SMTP server gets the mail with a link that works; a real receiver checks the webhook."""

import asyncio
import base64
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import queue
import re
import signal
import threading
import time
import unittest

from aiosmtpd.smtp import SMTP

from harness import DEADLINE_S, App

SECRET_BYTES = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(SECRET_BYTES).decode()


class MailServer:
    """An SMTP server on a free port. `refusals`: how many messages it refuses for now."""

    def __init__(self, refusals=0):
        self.mails = queue.Queue()
        self.refusals = refusals
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.loop.create_server(
            lambda: SMTP(self, enable_SMTPUTF8=False, loop=self.loop), "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    async def handle_DATA(self, server, session, envelope):
        if self.refusals > 0:
            self.refusals -= 1
            return "451 not now"
        self.mails.put(envelope)
        return "250 OK"

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


class WebhookReceiver:
    """An HTTP server that keeps what it is posted. `answers`: statuses, the last one for ever.

    While `open` is cleared it takes requests and does not answer.
    """

    def __init__(self, *answers):
        self.requests = queue.Queue()
        self.open = threading.Event()
        self.open.set()
        receiver = self
        statuses = list(answers or [200])

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.put((self.path, dict(self.headers.items()), body))
                receiver.open.wait()
                self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
                self.send_header("Retry-After", "1")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class NotifyTest(unittest.TestCase):

    def mail_server(self, **options):
        server = MailServer(**options)
        self.addCleanup(server.close)
        return server

    def mail_app(self, server, *arguments):
        return self.enterContext(App("--smtp-url", f"smtp://127.0.0.1:{server.port}",
                                     "--mail-from", "reports@example.com", *arguments))

    def receiver(self, *answers):
        receiver = WebhookReceiver(*answers)
        self.addCleanup(receiver.close)
        return receiver

    def webhook_app(self, receiver, *arguments):
        return self.enterContext(App("--webhook-url", receiver.url, "--webhook-allow-private",
                                     *arguments, env={"OUTLIVE_WEBHOOK_SECRET": SECRET}))

    def test_a_mail_with_a_link_that_works(self):
        server = self.mail_server()
        app = self.mail_app(server)
        user = app.client()
        report = user.create({"states": ["Utah"], "format": "csv", "content": "detail",
                              "email": "ann@example.com"})
        envelope = server.mails.get(timeout=DEADLINE_S)
        self.assertEqual(envelope.rcpt_tos, ["ann@example.com"])
        self.assertEqual(envelope.mail_from, "reports@example.com")
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.assertEqual(message["Subject"], "Your report is ready: Utah, 1990–2002")
        self.assertEqual({part.get_content_type() for part in message.iter_parts()},
                         {"text/plain", "text/html"})
        text = message.get_body(("plain",)).get_content()
        link = re.search(rf"http://127\.0\.0\.1:{app.port}(/artifacts/\S+)", text).group(1)
        self.assertIn(link.replace("&", "&amp;"), message.get_body(("html",)).get_content())
        # It works for somebody who has nothing but the mail.
        document = app.client().get(link)
        self.assertEqual(document.status, 200)
        self.assertEqual(document.body, user.get(user.wait(report)["download"]["href"]).body)

    def test_a_mail_holds_no_words_of_whoever_had_it_sent(self):
        server = self.mail_server()
        self.mail_app(server).client().create(
            {"species": "pigeons: call 555-0100", "format": "csv", "email": "ann@example.com"})
        envelope = server.mails.get(timeout=DEADLINE_S)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [part.get_content() for part in message.iter_parts()]
        for text in [message["Subject"], *parts]:
            self.assertNotIn("pigeons", text)
        self.assertEqual(len(parts), 2)

    def test_a_mail_about_a_report_that_failed(self):
        server = self.mail_server()
        user = self.mail_app(server, "--allow-simulate").client()
        user.create({"simulate": "dead", "email": "ann@example.com"})
        envelope = server.mails.get(timeout=DEADLINE_S)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.assertIn("could not be made", message["Subject"])

    def test_no_mail_without_an_address_or_after_cancelling(self):
        server = self.mail_server()
        user = self.mail_app(server, "--pace", "50", "--concurrency", "1").client()
        running = user.create({"content": "detail", "email": "cancelled@example.com"})
        user.request("DELETE", f"/reports/{running['id']}")
        user.wait(running)
        user.wait(user.create({"format": "csv"}))
        last = user.create({"format": "csv", "email": "last@example.com"})
        user.wait(last)
        self.assertEqual(server.mails.get(timeout=DEADLINE_S).rcpt_tos, ["last@example.com"])
        self.assertTrue(server.mails.empty())

    def test_a_mail_is_written_with_the_end_of_the_report(self):
        """The mail server is down at first, and the app is killed: the mail comes all the same."""
        server = self.mail_server(refusals=1)
        app = self.mail_app(server, "--lease", "1s")
        user = app.client()
        user.wait(user.create({"format": "csv", "email": "ann@example.com"}))
        app.kill()
        app.start()
        envelope = server.mails.get(timeout=DEADLINE_S)
        self.assertEqual(envelope.rcpt_tos, ["ann@example.com"])

    def test_headers_cannot_be_injected(self):
        user = self.mail_app(self.mail_server()).client()
        for address in ("ann@example.com\r\nBcc: bob@example.com", "ann@example.com\n",
                        "ann@example.com, bob@example.com", "Ann <ann@example.com>"):
            with self.subTest(address=address):
                response = user.request("POST", "/reports", {"email": address})
                wanted = 202 if address.strip() == "ann@example.com" else 400
                self.assertEqual(response.status, wanted)
        # What is written into the subject is written as text.
        self.assertEqual(user.request("POST", "/reports", {
            "species": "x\r\nBcc: bob@example.com"}).status, 400)

    def check_signature(self, headers, body):
        """As the Standard Webhooks specification has it, and with nothing of the library."""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.digest(SECRET_BYTES, signed, hashlib.sha256)).decode()
        self.assertIn("v1," + expected, headers["webhook-signature"].split(" "))
        self.assertLess(abs(time.time() - int(headers["webhook-timestamp"])), 300)

    def delivered(self, receiver):
        path, headers, body = receiver.requests.get(timeout=DEADLINE_S)
        headers = {name.lower(): value for name, value in headers.items()}
        self.assertEqual(path, "/hook")
        self.check_signature(headers, body)
        return headers, json.loads(body)

    def test_a_signed_webhook(self):
        receiver = self.receiver()
        user = self.webhook_app(receiver).client()
        report = user.wait(user.create({"states": ["Utah"], "format": "csv"}))
        _, event = self.delivered(receiver)
        self.assertEqual(event["type"], "job.completed")
        data = event["data"]
        self.assertEqual(data["job"]["id"], report["id"])
        self.assertEqual(data["job"]["state"], "completed")
        self.assertEqual(data["data"]["states"], ["Utah"])
        self.assertNotIn("email", data["data"])
        self.assertIn(data["output"], report["download"]["href"])

    def test_a_webhook_is_repeated_with_the_same_id(self):
        receiver = self.receiver(503, 200)
        user = self.webhook_app(receiver, "--allow-simulate").client()
        user.wait(user.create({"simulate": "dead"}))
        first, event = self.delivered(receiver)
        again, _ = self.delivered(receiver)
        self.assertEqual(first["webhook-id"], again["webhook-id"])
        self.assertEqual(event["type"], "job.dead")
        self.assertIn("cannot be made", event["data"]["error"])

    def test_killed_before_a_webhook_is_answered(self):
        """P10: the receiver has it, and nobody here knows."""
        receiver = self.receiver()
        receiver.open.clear()
        app = self.webhook_app(receiver, "--lease", "1s")
        user = app.client()
        report = user.create({"format": "csv"})
        first, _ = self.delivered(receiver)
        self.assertEqual(app.kill(), -signal.SIGKILL)
        receiver.open.set()
        app.start()
        again, event = self.delivered(receiver)
        self.assertEqual(first["webhook-id"], again["webhook-id"])
        self.assertEqual(event["type"], "job.completed")
        now = user.wait(report)
        self.assertEqual((now["state"], now["attempt"], now["crashes"]), ("completed", 1, 0))

    def test_the_trace_goes_on(self):
        receiver = self.receiver()
        user = self.webhook_app(receiver).client()
        trace = "0af7651916cd43dd8448eb211c80319c"
        user.request("POST", "/reports", {"format": "csv"},
                     {"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
        headers, _ = self.delivered(receiver)
        self.assertIn(trace, headers["traceparent"])

    def test_private_addresses_are_refused_by_default(self):
        receiver = self.receiver()
        app = App("--webhook-url", receiver.url, env={"OUTLIVE_WEBHOOK_SECRET": SECRET})
        with self.assertRaises(AssertionError) as refused:
            app.start()
        self.assertIn("webhook", str(refused.exception))
        self.assertTrue(receiver.requests.empty())
        app.__exit__(None, None, None)


if __name__ == "__main__":
    unittest.main()
