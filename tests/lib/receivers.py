# SPDX-License-Identifier: Apache-2.0
"""Receivers of notifications: an HTTP server that keeps what it was sent."""
import base64
import email
import email.policy
import http.server
import json
import queue
import socketserver
import subprocess
import tempfile
import threading
import urllib.request


class HttpReceiver:
    """Every POST goes to `messages` as (headers in lower case, body); answers are taken from
    `statuses` (then 200)."""

    def __init__(self):
        self.messages, self.statuses = queue.Queue(), []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the sender was killed
                    return
                # taken first: who has got the message may set what the next one is answered
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.messages.put(({k.lower(): v for k, v in self.headers.items()}, body.decode()))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, timeout=180):
        """The next message's headers and its document."""
        headers, body = self.messages.get(timeout=timeout)
        return headers, json.loads(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class MailReceiver:
    """A mail server; each mail goes to `mails` as (sender, recipients, message). Answers to the end of
    a mail are taken from `answers` (then 250); those below 400 alone count as received."""

    def __init__(self):
        self.mails, self.answers = queue.Queue(), []
        receiver = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def data(self):
                self.say("354 go on")
                lines = []
                for line in iter(self.rfile.readline, b".\r\n"):
                    assert line.endswith(b"\r\n") and len(line) <= 1000
                    lines.append(line[1:] if line.startswith(b"..") else line)
                return email.message_from_bytes(b"".join(lines), policy=email.policy.default)

            def handle(self):
                sender, recipients = None, []
                self.say("220 test")
                for line in self.rfile:
                    verb, _, rest = line.decode().strip().partition(":")
                    if verb.upper() == "MAIL FROM":
                        sender, recipients = rest.split()[0].strip("<>"), []
                    elif verb.upper() == "RCPT TO":
                        recipients.append(rest.split()[0].strip("<>"))
                    elif verb.upper() == "DATA":
                        message = self.data()
                        answer = receiver.answers.pop(0) if receiver.answers else 250
                        if answer < 400:
                            receiver.mails.put((sender, recipients, message))
                        self.say(f"{answer} that is it")
                        continue
                    elif verb.upper() == "QUIT":
                        self.say("221 bye")
                        return
                    self.say("250 fine")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, timeout=180):
        return self.mails.get(timeout=timeout)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn",
          "Type")


def verify(document):
    """The signature, by openssl and the certificate at SigningCertURL."""
    confirmation = document["Type"] != "Notification"
    fields = [f for f in SIGNED if f in document and (
        confirmation or f not in ("SubscribeURL", "Token")) and not (confirmation and f == "Subject")]
    text = "".join(f"{f}\n{document[f]}\n" for f in fields)
    certificate = urllib.request.urlopen(document["SigningCertURL"]).read()
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("cert", certificate), ("text", text.encode()),
                           ("signature", base64.b64decode(document["Signature"]))):
            with open(f"{folder}/{name}", "wb") as f:
                f.write(data)
        key = subprocess.run(["openssl", "x509", "-in", "cert", "-noout", "-pubkey"], check=True,
                             cwd=folder, stdout=subprocess.PIPE).stdout
        with open(f"{folder}/key", "wb") as f:
            f.write(key)
        digest = {"1": "-sha1", "2": "-sha256"}[document["SignatureVersion"]]
        return subprocess.run(["openssl", "dgst", digest, "-verify", "key", "-signature",
                               "signature", "text"], cwd=folder, check=False,
                              stdout=subprocess.DEVNULL).returncode == 0
