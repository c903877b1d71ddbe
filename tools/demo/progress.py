# SPDX-License-Identifier: Apache-2.0
"""How far the demo has come, in a file of the data folder, so that one that was interrupted goes on."""
import json
import os


class Progress:
    def __init__(self, path):
        self.path = path
        self.ports = {}      # server, webhook, dev, staging, production
        self.values = {}     # of the objects; empty until all are made
        self.clock_rate = 1
        self.results = []    # one a scene that is done
        self.pending = None  # {"scene", "commit"} that was about to be pushed
        self.usual = {}      # action -> seconds that it took
        self.seconds = 0.0   # that earlier parts took
        self.loads = []      # environments that are under load

    FIELDS = ("ports", "values", "clock_rate", "results", "pending", "usual", "seconds", "loads")

    def exists(self):
        return os.path.exists(self.path)

    def load(self):
        with open(self.path, encoding="utf-8") as f:
            for name, value in json.load(f).items():
                setattr(self, name, value)

    def save(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump({name: getattr(self, name) for name in self.FIELDS}, f)
        os.replace(self.path + ".new", self.path)
