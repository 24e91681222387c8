"""What those need who run the app: health, metrics, limits, the command line, and its files."""

import json
import os
import shutil
import re
import socket
import stat
import subprocess
import tempfile
import unittest
import urllib.request

from harness import APP, DEADLINE_S, App, need


def metric(text, name, **labels):
    """The value of one line of metrics whose labels include these."""
    for line in text.splitlines():
        found = re.match(rf"{name}(?:\{{(.*)\}})? (\S+)$", line)
        if found and all(f'{key}="{value}"' in (found.group(1) or "")
                         for key, value in labels.items()):
            return float(found.group(2))
    raise AssertionError(f"no {name} {labels} in\n{text}")


class OperationsTest(unittest.TestCase):

    def test_health(self):
        with App() as app:
            user = app.client()
            self.assertEqual(user.get("/healthz").status, 200)
            ready = user.get("/readyz")
            self.assertEqual(ready.status, 200)
            self.assertIn("version", json.loads(ready.body))

    def test_not_ready_without_its_documents(self):
        with App() as app:
            user = app.client()
            artifacts = os.path.join(app.data_dir, "artifacts")
            shutil.rmtree(artifacts)
            self.assertEqual(user.get("/readyz").status, 503)
            self.assertEqual(user.get("/healthz").status, 200)  # A restart would not help.

    def test_metrics(self):
        with App("--allow-simulate", "--retry-initial", "1ms", "--max-attempts", "2") as app:
            user = app.client()
            user.wait(user.create({"format": "csv"}))
            user.wait(user.create({"simulate": "fail_once", "format": "csv"}))
            user.wait(user.create({"simulate": "fail"}))
            response = user.get("/metrics")
            self.assertTrue(response.headers["Content-Type"].startswith("text/plain"))
            check = subprocess.run([need("promtool"), "check", "metrics"], input=response.body,
                                   capture_output=True, check=False)
            self.assertEqual((check.returncode, check.stderr), (0, b""), check)
            text = response.body.decode()
            report = {"queue": "reports", "kind": "report.generate"}
            self.assertEqual(metric(text, "outlive_jobs_completed_total", **report), 2)

    def test_a_slow_client_holds_nobody_up(self):
        with App() as app:
            slow = socket.create_connection(("127.0.0.1", app.port))
            slow.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            lazy = socket.create_connection(("127.0.0.1", app.port))
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            user = app.client()
            report, _ = user.document({"content": "detail", "format": "html"})
            target = report["download"]["href"]
            request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {user.cookie}\r\n\r\n"
            lazy.sendall(request.encode())  # And reads nothing of several megabytes.
            for _ in range(3):
                self.assertEqual(user.wait(user.create({"format": "csv"}))["state"], "completed")
            lazy.close()
            slow.close()
            self.assertEqual(app.stop(), 0)

    def test_files_are_for_their_owner(self):
        with App() as app:
            modes = {name: stat.S_IMODE(os.stat(os.path.join(app.data_dir, name)).st_mode)
                     for name in ("", "app.db", "keys", "artifacts")}
            self.assertEqual(modes, {"": 0o700, "app.db": 0o600, "keys": 0o600,
                                     "artifacts": 0o700})

    def test_secrets_are_not_logged(self):
        secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY="
        with App("--access-log", "--webhook-url", "https://hooks.example.com/", "--allow-simulate",
                 env={"OUTLIVE_WEBHOOK_SECRET": secret}) as app:
            user = app.client()
            report, _ = user.document({"species": "canary-species", "format": "csv"})
            user.wait(user.create({"species": "canary-species", "simulate": "dead"}))
            self.assertEqual(app.stop(), 0)
            log = app.log()
            self.assertIn("GET /artifacts/", log)
            with open(os.path.join(app.data_dir, "keys"), encoding="utf-8") as keys:
                secrets = re.findall(r"[0-9a-f]{64}", keys.read())
            signature = report["download"]["href"].split("sig=")[1]
            for word in (secret, signature, user.cookie.split("=")[1], "canary-species", *secrets):
                self.assertNotIn(word, log)

    def run_app(self, *arguments, env=None):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        return subprocess.run([APP, *arguments], capture_output=True, text=True, check=False,
                              cwd=folder, timeout=DEADLINE_S, env={**os.environ, **(env or {})})

    def test_bad_command_lines(self):
        for arguments in (["--prot", "1"], ["--port", "x"], ["--port", "70000"],
                          ["--pace", "-1"], ["--lease", "0"], ["--lease", "10"],
                          ["--link-ttl", "8760h"], ["--concurrency", "0"],
                          ["--smtp-url", "smtp://x:1"], ["--webhook-secret-file", "/none"],
                          ["--base-url", "javascript:alert(1)"], ["--base-url", "https://"],
                          ["--base-url", "https://a.example/?x"], ["--base-url", "example.com"]):
            with self.subTest(arguments=arguments):
                result = self.run_app(*arguments)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(arguments[0].lstrip("-"), result.stderr + result.stdout)
        self.assertEqual(self.run_app("--help").returncode, 0)

    def test_other_machines_are_not_served_by_accident(self):
        app = App("--address", "0.0.0.0")
        with self.assertRaises(AssertionError) as refused:
            app.start()
        self.assertIn("loopback", str(refused.exception))
        app.__exit__(None, None, None)

    def test_behind_a_proxy_with_tls(self):
        with App("--base-url", "https://reports.example.com/", "--host-name", "other.example") as app:
            for host, status in (("reports.example.com", 200), ("other.example", 200),
                                 ("127.0.0.1", 200), ("evil.example", 421)):
                self.assertEqual(app.client().get("/reports", Host=host).status, status, host)
            cookie = app.client().get("/reports").headers["Set-Cookie"]
            self.assertIn("; Secure", cookie)
        with App() as app:
            self.assertNotIn("Secure", app.client().get("/reports").headers["Set-Cookie"])

    def test_the_longest_lease(self):
        with App("--lease", "24h") as app:
            user = app.client()
            self.assertEqual(user.wait(user.create({"format": "csv"}))["state"], "completed")

    def test_on_ipv6(self):
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")
        with tempfile.TemporaryDirectory() as folder:
            command = [APP, "--address", "::1", "--port", "0", "--data-dir", folder + "/data"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                try:
                    url = re.fullmatch(r"outlive_report_app: listening on (http://\[::1\]:\d+)\n",
                                       process.stdout.readline()).group(1)
                    with urllib.request.urlopen(url + "/reports", timeout=DEADLINE_S) as response:
                        self.assertEqual(json.load(response)["reports"], [])
                finally:
                    process.terminate()
            self.assertEqual(process.returncode, 0)

    def test_a_port_that_is_taken(self):
        with App() as app:
            other = self.run_app("--port", str(app.port), "--data-dir", app.folder + "/other")
            self.assertEqual(other.returncode, 1)
            self.assertIn(str(app.port), other.stderr)

    def test_the_port_file(self):
        with App() as first:
            path = os.path.join(first.folder, "port")
            with App("--port-file", path) as app, open(path, encoding="ascii") as file:
                self.assertEqual(int(file.read()), app.port)

    def test_two_processes_on_one_folder(self):
        with App("--concurrency", "1", "--pace", "1") as app:
            other = App("--concurrency", "1", "--pace", "1")
            os.rmdir(other.folder)
            other.folder, other.data_dir, other.log_path = (app.folder, app.data_dir,
                                                            app.log_path + "2")
            other.start()
            try:
                user = app.client()
                reports = [user.create({"format": "csv", "content": "detail"}) for _ in range(6)]
                for report in reports:
                    self.assertEqual(user.wait(report)["state"], "completed")
                elsewhere = other.client()
                elsewhere.cookie = user.cookie  # The keys are shared, too.
                self.assertEqual(len(elsewhere.json("/reports")["reports"]), 6)
                self.assertEqual(other.stop(), 0)
            finally:
                other.end()


if __name__ == "__main__":
    unittest.main()
