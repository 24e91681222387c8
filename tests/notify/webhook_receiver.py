"""An HTTP receiver of webhooks on a free port of the loopback.

It checks signatures on its own, as the Standard says, and answers as the path asks. One line of
JSON on standard output for being ready and for each request; ends when standard input does.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import select
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import zlib

LOCK = threading.Lock()


def tell(value):
    with LOCK:
        print(json.dumps(value), flush=True)


def make_certificate(folder):
    """A certificate of its own for 127.0.0.1 and localhost."""
    key, certificate = folder + "/key.pem", folder + "/cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return key, certificate


def is_signed(headers, body, secret):
    """True where one of the signatures was made with this secret."""
    key = base64.b64decode(secret[len("whsec_"):])
    text = b".".join([headers.get("webhook-id", "").encode(),
                      headers.get("webhook-timestamp", "").encode(), body])
    wanted = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return wanted in headers.get("webhook-signature", "").split(" ")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    secrets = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        tell({"path": self.path, "headers": headers, "body": body.decode("utf-8"),
              "signed": [is_signed(headers, body, secret) for secret in self.secrets]})
        self.close_connection = True
        words = [urllib.parse.unquote(word) for word in self.path.split("/")[1:]]
        try:
            getattr(self, "on_" + words[0].replace("-", "_"))(*words[1:])
        except (BrokenPipeError, ConnectionResetError):
            tell({"cut": self.path})

    def log_message(self, *arguments):
        pass

    def raw(self, text):
        self.wfile.write(text if isinstance(text, bytes) else text.encode())

    def answer(self, status, *lines):
        self.raw("\r\n".join([f"HTTP/1.1 {status} Words", *lines, "Content-Length: 0", "", ""]))

    def client_is_gone(self, seconds):
        return bool(select.select([self.connection], [], [], seconds)[0])

    def on_ok(self, *_):
        self.answer(204)

    def on_status(self, status):
        self.answer(status)

    def on_retry_after(self, status, value):
        self.answer(status, "Retry-After: " + value)

    def on_redirect(self, status):
        self.answer(status, f"Location: http://{self.headers['Host']}/ok/redirected")

    def on_continue(self, status):
        self.raw("HTTP/1.1 100 Continue\r\n\r\n")
        self.answer(status)

    def on_huge(self, status):
        self.raw(f"HTTP/1.1 {status} Words\r\nContent-Length: 1000000000\r\n\r\n")
        for _ in range(1000):
            self.raw(b"x" * 1000000)

    def on_huge_header(self):
        self.raw("HTTP/1.1 200 Words\r\n")
        for i in range(100000):
            self.raw(f"X-{i}: {'x' * 1000}\r\n")

    def on_bomb(self, status):
        bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = bomb.compress(b"\0" * 5000000) + bomb.flush()
        self.raw(f"HTTP/1.1 {status} Words\r\nContent-Encoding: gzip\r\n"
                 f"Content-Length: {len(data)}\r\n\r\n")
        self.raw(data)

    def on_drip_header(self):
        self.raw("HTTP/1.1 200 Words\r\nX-Slow: ")
        while not self.client_is_gone(0.02):
            self.raw("x")

    def on_drip_body(self, status):
        self.raw(f"HTTP/1.1 {status} Words\r\nContent-Length: 1000000\r\n\r\n")
        while not self.client_is_gone(0.02):
            self.raw("x")

    def on_silent(self):
        self.client_is_gone(None)

    def on_reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def on_close(self):
        pass

    def on_garbage(self):
        self.raw("SSH-2.0-OpenSSH_9.2\r\n" * 10)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        tell({"broken": True})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--secret", action="append", default=[])
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    Handler.secrets = options.secret
    with tempfile.TemporaryDirectory() as folder:
        server = Server(("127.0.0.1", 0), Handler)
        ready = {"port": server.server_address[1]}
        if options.tls:
            key, ready["certificate"] = make_certificate(folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(ready["certificate"], key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tell(ready)
        sys.stdin.read()


main()
