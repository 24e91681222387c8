"""Drives the report app as a child process, as a browser and a shell would.

Nothing here sleeps: the app says when it is ready, and its events say when a report has moved on.
"""

import collections
import contextlib
import http.client
import json
import os
import selectors
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

APP = os.environ.get("OUTLIVE_REPORT_APP", "")
DEADLINE_S = float(os.environ.get("OUTLIVE_TEST_DEADLINE_S", "60"))
READY = "outlive_report_app: listening on http://127.0.0.1:"

Response = collections.namedtuple("Response", "status headers body reason")
Event = collections.namedtuple("Event", "id name data")


def need(program):
    """The path of a program without which a test cannot be run: its absence is a failure."""
    path = shutil.which(program)
    assert path, f"{program} is not installed (tools/setup tests)"
    return path


class App:
    """One data folder and, one after the other, the processes that work on it."""

    def __init__(self, *arguments, env=None):
        assert APP, "OUTLIVE_REPORT_APP names no program"
        self.arguments = arguments
        self.env = {**os.environ, **(env or {})}
        self.folder = tempfile.mkdtemp(prefix="outlive-report-app-")
        self.data_dir = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.process = None
        self.port = 0

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, error, trace):
        self.end()
        if kind:
            print(f"---- log of the app\n{self.log()}----", file=sys.stderr)
        shutil.rmtree(self.folder)

    def start(self, *more):
        command = [APP, "--port", "0", "--data-dir", self.data_dir, *self.arguments, *more]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=self.env, cwd=self.folder)
        line = self.read_line()
        if not line.startswith(READY):
            self.end()
            raise AssertionError(f"the app did not start: {line!r}\n{self.log()}")
        self.port = int(line[len(READY):])
        return self

    def read_line(self):
        """The next line of the app's output; empty where it ended or said nothing in time."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline().decode() if selector.select(DEADLINE_S) else ""

    def stop(self):
        """Ends it as a service manager does; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.process.kill()
        return self.wait()

    def wait(self):
        code = self.process.wait(DEADLINE_S)
        self.process.stdout.close()
        return code

    def expire_leases(self):
        """Makes time pass for the leases of those that were killed. A lease so short that a test
        can wait for its end may also run out under a process that lives, on a busy machine."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.data_dir, "app.db"))) as database:
            with database:
                database.execute("UPDATE outlive_session SET expires_at = 0")

    def end(self):
        """No process is left, whatever has happened."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def client(self):
        return Client(self)


class Client:
    """One browser: it keeps its cookie, and says where its requests come from."""

    def __init__(self, app):
        self.app = app
        self.cookie = ""

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.app.port, timeout=DEADLINE_S)

    def headers(self, more):
        headers = {"Origin": f"http://127.0.0.1:{self.app.port}"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        headers.update(more or {})
        return {name: value for name, value in headers.items() if value is not None}

    def request(self, method, path, body=None, headers=None):
        """`body`: bytes as they are, anything else as JSON."""
        headers = self.headers(headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = self.connection()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            for cookie in response.headers.get_all("Set-Cookie", []):
                self.cookie = cookie.split(";")[0]
            return Response(response.status, response.headers, response.read(), response.reason)
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def json(self, path):
        response = self.get(path)
        assert response.status == 200, (path, response)
        return json.loads(response.body)

    def create(self, wish=None, key=None):
        """Asks for a report; returns it as the app has accepted it."""
        headers = {"Idempotency-Key": key} if key else {}
        response = self.request("POST", "/reports", wish or {}, headers)
        assert response.status == 202, response
        return json.loads(response.body)

    def events(self, path, last_event_id=None):
        """The events of a stream, which is open when this returns, until it ends. Close the
        generator to leave earlier."""
        connection = self.connection()
        headers = {"Accept": "text/event-stream", "Last-Event-ID": last_event_id}
        connection.request("GET", path, headers=self.headers(headers))
        response = connection.getresponse()
        assert response.status == 200, (path, response.status, response.read())
        assert response.headers["Content-Type"].startswith("text/event-stream"), path
        return read_events(connection, response)

    def wait(self, report, until=None):
        """The report once `until(report)` holds; by default once it has ended."""
        ended = ("completed", "cancelled", "dead")
        until = until or (lambda now: now["state"] in ended)
        deadline = time.monotonic() + DEADLINE_S
        stream = self.events(f"/reports/{report['id']}/events")
        now = None
        for event in stream:
            now = json.loads(event.data)
            if until(now):
                stream.close()
                return now
            assert time.monotonic() < deadline, f"in vain: {now}"
        raise AssertionError(f"the stream ended with {now}")

    def document(self, wish):
        """Asks for a report and waits for its document."""
        report = self.wait(self.create(wish))
        assert report["state"] == "completed", report
        response = self.get(report["download"]["href"])
        assert response.status == 200, response
        return report, response


def read_events(connection, response):
    with contextlib.closing(connection):
        yield from parse_events(response)


def parse_events(lines):
    event = {"id": "", "event": "message", "data": []}
    for line in lines:
        line = line.decode().rstrip("\n")
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                event["data"].append(value)
            else:
                event[name] = value
        elif event["data"]:
            yield Event(event["id"], event["event"], "\n".join(event["data"]))
            event["event"], event["data"] = "message", []


def problem(response):
    """The problem document of a refused request."""
    assert response.headers["Content-Type"] == "application/problem+json", response
    document = json.loads(response.body)
    assert document["status"] == response.status, document
    assert document["title"], document
    # RFC 9457: "about:blank" says no more than the status does, and its title is the status's.
    assert document["type"] != "about:blank" or document["title"] == response.reason, document
    assert document.get("detail"), document
    return document


def with_query(href, **changes):
    """A link with some of its parameters changed; None takes one away."""
    path, _, query = href.partition("?")
    parameters = dict(urllib.parse.parse_qsl(query))
    parameters.update(changes)
    kept = {name: value for name, value in parameters.items() if value is not None}
    return path + "?" + urllib.parse.urlencode(kept)
