"""An SMTP server that misbehaves as it is told, on a free port of the loopback.

  --reply STEP=TEXT   answers so at this step, instead of well
  --hang STEP         answers nothing at this step
  --drip STEP         answers a byte at a time, for ever
  --close STEP        closes the connection at this step
  --offer WORD        a word that the answer to EHLO has more

Steps: GREETING, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, END, QUIT. One line of JSON on
standard output for being ready, and one for each connection that has ended, with every byte that
came. Ends when standard input does.
"""

import argparse
import base64
import json
import select
import socketserver
import sys
import threading

LOCK = threading.Lock()
GOOD = {"GREETING": "220 ready", "EHLO": "250 here", "HELO": "250 here", "STARTTLS": "220 go on",
        "AUTH": "235 fine", "MAIL": "250 fine", "RCPT": "250 fine", "DATA": "354 go on",
        "END": "250 taken", "QUIT": "221 bye"}


def tell(value):
    with LOCK:
        print(json.dumps(value), flush=True)


class Gone(Exception):
    pass


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.seen = b""
        try:
            self.converse()
        except (Gone, BrokenPipeError, ConnectionResetError):
            pass
        tell({"raw": base64.b64encode(self.seen).decode()})

    def converse(self):
        self.step("GREETING")
        while True:
            line = self.line()
            verb = line.split(b" ")[0].strip().upper().decode("latin-1")
            reply = self.step(verb if verb in GOOD else "QUIT")
            if verb == "DATA" and reply.startswith("354"):
                while self.line() != b".\r\n":
                    pass
                self.step("END")
            if verb == "QUIT":
                return

    def line(self):
        line = self.rfile.readline()
        self.seen += line
        if not line:
            raise Gone()
        return line

    def step(self, name):
        if name in OPTIONS.close:
            raise Gone()
        if name in OPTIONS.hang:
            self.wait_until_gone()
        if name in OPTIONS.drip:
            while not select.select([self.connection], [], [], 0.02)[0]:
                self.wfile.write(b"2")
            raise Gone()
        text = dict(each.split("=", 1) for each in OPTIONS.reply).get(name, GOOD[name])
        if name == "EHLO" and OPTIONS.offer and text.startswith("250"):
            words = ["here", *OPTIONS.offer]
            text = "\r\n".join("250-" + word for word in words[:-1]) + f"\r\n250 {words[-1]}"
        self.wfile.write(text.encode() + b"\r\n")
        return text

    def wait_until_gone(self):
        while self.connection.recv(4096):
            pass
        raise Gone()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


parser = argparse.ArgumentParser()
for option in ["reply", "hang", "drip", "close", "offer"]:
    parser.add_argument("--" + option, action="append", default=[])
OPTIONS = parser.parse_args()
SERVER = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
tell({"port": SERVER.server_address[1]})
sys.stdin.read()
