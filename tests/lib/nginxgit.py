# SPDX-License-Identifier: Apache-2.0
"""`git http-backend` behind nginx and fcgiwrap, with a password: the peer of measurements."""
import os
import shutil
import signal
import socket
import subprocess
import time

from backends import free_ports

CONFIG = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nodelay on;
  client_body_temp_path {folder}/body; fastcgi_temp_path {folder}/fastcgi; proxy_temp_path {folder}/proxy;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 0;
    auth_basic "git"; auth_basic_user_file {folder}/users;
    location / {{
      fastcgi_pass unix:{folder}/fcgi.sock;
      fastcgi_buffering off; fastcgi_request_buffering off;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {root}; fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $uri; fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param GIT_PROTOCOL $http_git_protocol; fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
    }}
  }}
}}
"""


def missing():
    """What of it is not installed, or None."""
    return next((name for name in ("nginx", "fcgiwrap") if not shutil.which(name, path="/usr/sbin:/usr/bin")), None)


class NginxGit:
    """Serves the bare repositories of a folder at .url while in `with`."""

    def __init__(self, folder, root, workers=16):
        self.folder, self.root, self.workers = folder, root, workers
        self.port = free_ports(1)[0]
        self.url = f"http://user:password@127.0.0.1:{self.port}"
        self.running = []

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        backend = os.path.join(subprocess.run(["git", "--exec-path"], check=True, text=True,
                                              stdout=subprocess.PIPE).stdout.strip(), "git-http-backend")
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as f:
            # as the user who runs this, so that the repositories are its own
            f.write(f"user {os.environ.get('USER', 'root')};\n" if os.geteuid() == 0 else "")
            f.write(CONFIG.format(folder=self.folder, port=self.port, root=self.root, backend=backend))
        with open(os.path.join(self.folder, "users"), "w", encoding="utf-8") as f:
            f.write("user:{PLAIN}password\n")
        self.running = [
            subprocess.Popen(["/usr/sbin/fcgiwrap", "-c", str(self.workers), "-s", f"unix:{self.folder}/fcgi.sock"],
                             stderr=subprocess.DEVNULL, start_new_session=True),
            subprocess.Popen(["/usr/sbin/nginx", "-c", config, "-e", f"{self.folder}/error.log"])]
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise AssertionError("nginx does not start: " + open(f"{self.folder}/error.log", encoding="utf-8").read())

    def __exit__(self, *_):
        os.killpg(self.running[0].pid, signal.SIGTERM)
        self.running[1].send_signal(signal.SIGQUIT)
        for process in self.running:
            process.wait(20)
