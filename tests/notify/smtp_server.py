"""A real SMTP server (aiosmtpd) on a free port of the loopback.

One line of JSON on standard output for being ready and for each message that was accepted, taken
apart by Python's own parser of mail; ends when standard input does.
"""

import argparse
import asyncio
import base64
import email
import email.policy
import json
import logging
import ssl
import subprocess
import sys
import tempfile

from aiosmtpd.smtp import SMTP, AuthResult


def tell(value):
    print(json.dumps(value), flush=True)


def make_certificate(folder):
    key, certificate = folder + "/key.pem", folder + "/cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return key, certificate


class Handler:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tell({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "ehlo": session.host_name,
            "tls": session.ssl is not None,
            "user": session.auth_data,
            "raw": base64.b64encode(envelope.content).decode(),
            "type": message.get_content_type(),
            "headers": [[name, str(value)] for name, value in message.items()],
            "defects": [str(defect) for defect in message.defects],
            "parts": [{"type": part.get_content_type(), "text": part.get_content()}
                      for part in message.iter_parts()],
        })
        return "250 OK"


async def serve(options):
    def authenticate(server, session, envelope, mechanism, data):
        good = (data.login.decode(), data.password.decode()) == (options.user, options.password)
        return AuthResult(success=good, handled=good, auth_data=data.login.decode())

    with tempfile.TemporaryDirectory() as folder:
        settings, context, ready = {}, None, {}
        if options.starttls or options.tls:
            key, ready["certificate"] = make_certificate(folder)
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(ready["certificate"], key)
        if options.starttls:
            settings.update(tls_context=context, require_starttls=True)
        if options.user:
            settings.update(authenticator=authenticate, auth_required=True,
                            auth_require_tls=options.starttls)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(Handler(), hostname="localhost", loop=loop, **settings),
            "127.0.0.1", 0, ssl=context if options.tls else None)
        ready["port"] = server.sockets[0].getsockname()[1]
        tell(ready)
        await loop.run_in_executor(None, sys.stdin.read)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--starttls", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--user")
    parser.add_argument("--password")
    # A client that breaks off is no news.
    for name in ["asyncio", "mail.log"]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    asyncio.run(serve(parser.parse_args()))


main()
