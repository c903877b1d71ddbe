# SPDX-License-Identifier: Apache-2.0
"""A chat's incoming webhook: takes what topics send, confirms subscriptions, keeps the messages."""
import http.server
import json
import queue
import threading
import urllib.request


class Webhook:
    def __init__(self, port=0):
        self.messages = queue.Queue()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if body.get("Type") == "SubscriptionConfirmation":
                    urllib.request.urlopen(body["SubscribeURL"], timeout=30).read()
                    webhook.messages.put("subscribed")
                elif body.get("Type") == "Notification":
                    webhook.messages.put(json.loads(body["Message"]))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/services/shop-api"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self, seconds):
        """The next message, or None."""
        try:
            return self.messages.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self):
        self.server.shutdown()
        self.server.server_close()
