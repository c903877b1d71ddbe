# SPDX-License-Identifier: Apache-2.0
"""A git host of the usual kind, for tests: `git http-backend` behind HTTP or HTTPS, with a password."""
import base64
import http.server
import json
import os
import queue
import ssl
import subprocess
import threading


class GitHost:
    """Serves the repositories of a folder at .url while in `with`."""

    def __init__(self, folder, user=None, password=None, certificate=None):
        self.folder = str(folder)
        wanted = None if user is None else "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length) if length else self.chunks()
                if wanted and not self.path.startswith("/api/") and self.headers.get("Authorization") != wanted:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="host"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                path, _, query = self.path.partition("?")
                if path.startswith("/api/"):  # what a host offers beside git
                    status, answer = host.answer(self.command, path, dict(self.headers), json.loads(body or b"null"))
                    content = json.dumps(answer).encode()
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                    return
                env = dict(os.environ, GIT_PROJECT_ROOT=folder_of_host, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
                           QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_USER=user or "",
                           CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
                           HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
                           GIT_PROTOCOL=self.headers.get("Git-Protocol", ""))
                out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE,
                                     check=False).stdout
                head, _, content = out.partition(b"\r\n\r\n")
                lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
                status = next((int(v.split()[0]) for k, v in lines if k == "Status"), 200)
                self.send_response(status)
                for name, value in lines:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if host.holds and b"PACK" in content:
                    self.wfile.write(content[:-20])
                    self.wfile.flush()
                    host.held.put(path)
                    try:
                        self.rfile.read(1)  # until the other end has gone
                    except OSError:
                        pass
                    host.cut.put(path)
                    return
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

            def chunks(self):
                out = b""
                while self.headers.get("Transfer-Encoding") == "chunked":
                    size = int(self.rfile.readline(), 16)
                    out += self.rfile.read(size)
                    self.rfile.readline()
                    if not size:
                        break
                return out

        folder_of_host, host = self.folder, self
        self.told, self.hooks, self.refuses_hooks = [], {}, False
        self.holds = False  # clones stay without the end of their packs: told in .held; .cut: they have gone
        self.held, self.cut = queue.Queue(), queue.Queue()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate:  # a PEM file with its key
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def answer(self, method, path, headers, body):
        """Statuses are kept in .told, webhooks in .hooks by their address."""
        front, _, number = path.partition("/hooks")
        if front == path:
            self.told.append((path, headers, body))
            return 201, {}
        if self.refuses_hooks:
            return 404, {"message": "Not Found"}
        if method == "GET":
            return 200, [v for k, v in self.hooks.items() if k.startswith(front + "/hooks/")]
        if method == "DELETE":
            return (204, None) if self.hooks.pop(path, None) else (404, None)
        if method == "POST":
            number = f"/{len(self.hooks) + 1}"
        address = f"{front}/hooks{number}"
        self.hooks[address] = dict(body, id=int(number[1:]))
        return (201 if method == "POST" else 200), self.hooks[address]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
