# SPDX-License-Identifier: Apache-2.0
"""Carries shop-api through its whole pipeline with Towpath, and breaks it on the way.

Three pipelines share a repository: pushes to feature branches are built and tested, what is merged to
dev goes to the servers, what is merged to main goes everywhere. A load generator asks all environments
all along and counts the answers by version."""
import argparse
import os
import signal
import sys
import time

from load import Load, await_answer
from progress import Progress
from scenes import SCENES
from server import ROOT, TOWPATH, Server, free_port
from shop import LONG, SHORT, Checkout, Shop
from summary import questions, table
from terminal import Trouble, clock, headline, note, paint, say
from view import View
from webhook import Webhook

PORTS = {"server": 8080, "webhook": 8087, "dev": 8088, "staging": 8089, "production": 8090}
QUESTION = {"Approve": "Release this to dev and staging?", "ManualApprove": "Release this to production?"}


class Demo:
    def __init__(self, options):
        self.options = options
        self.folder = os.path.join(os.path.abspath(options.data), "demo")
        self.progress = Progress(os.path.join(self.folder, "progress.json"))
        self.server = Server(os.path.abspath(options.data), options.clock_rate)
        self.loads, self.webhook, self.good = {}, None, {}
        self.began = time.monotonic()

    # ---- beginning, or going on ----

    def prepare(self):
        goes_on = self.progress.exists() and not self.options.fresh
        if goes_on:
            self.progress.load()
            goes_on = bool(self.progress.values)
        if not goes_on:
            if os.path.exists(os.path.join(self.server.data, "towpath.db")):
                self.server.destroy()
            self.progress = Progress(self.progress.path)
            self.progress.clock_rate = self.options.clock_rate
            self.progress.ports = {name: free_port(port) for name, port in PORTS.items()}
            if self.options.port:
                self.progress.ports["dev"] = self.options.port
        self.server.clock_rate = self.progress.clock_rate
        self.view = View(self.server, self.progress.usual)
        ports = self.progress.ports
        self.shop = Shop(self.server, ports, self.folder, SHORT if self.options.short else LONG)
        self.checkout = Checkout(self.server, os.path.join(self.folder, "shop-api"))
        self.webhook = Webhook(ports["webhook"])
        headline("0", f"Going on after {len(self.progress.results)} scenes" if goes_on else
                 "Starting the server and making the shop's objects")
        note(f"server ready after {clock(self.server.start(ports['server']))} at {self.server.endpoint}")
        if self.server.clock_rate != 1:
            note(f"its clock runs {self.server.clock_rate} times as fast as true time: "
                 f"5 minutes take {300 / self.server.clock_rate:g} seconds")
        if goes_on:
            self.shop.values = self.progress.values
            self.recall()
        else:
            self.make()

    def make(self):
        started = time.monotonic()
        os.makedirs(self.folder, exist_ok=True)
        self.shop.make(self.webhook)
        self.checkout.make()
        self.progress.values = self.shop.values
        self.progress.save()
        note("roles, projects, servers, container services, alarms and three pipelines made after "
             f"{clock(time.monotonic() - started)}")

    def recall(self):
        """What earlier scenes left: good versions, and environments under load."""
        self.good = dict(self.progress.values.get("GOOD", {}))
        for environment in self.progress.loads:
            self.load(environment)

    def load(self, environment):
        if environment not in self.loads:
            self.loads[environment] = Load(environment, self.progress.ports[environment]).start()
        if environment not in self.progress.loads:
            self.progress.loads.append(environment)

    # ---- scenes ----

    def answer(self, stage, action):
        if self.options.yes:
            return "Approved"
        self.view.end()
        reply = input(f"   {QUESTION.get(stage, action)} [Y/n] ").strip().lower()
        return "Rejected" if reply.startswith("n") else "Approved"

    def scene(self, number, scene):
        headline(number, scene.title)
        for environment in scene.loads:
            await_answer(environment, self.progress.ports[environment])
            self.load(environment)
        for load in self.loads.values():
            load.phase = scene.key
        started = time.monotonic()
        outcome, version = scene.run(self)
        seconds = time.monotonic() - started
        note(paint("32", "→ ") + outcome)
        counts = [c for load in self.loads.values() for c in load.counts() if c[0] == scene.key]
        self.progress.results.append({"key": scene.key, "title": scene.title, "outcome": outcome, "version": version,
                                      "bad": scene.bad, "seconds": seconds, "counts": counts})
        self.progress.pending = None
        self.progress.values["GOOD"] = self.good
        for environment in scene.loads_after:
            self.load(environment)
        self.progress.save()

    def run(self):
        self.prepare()
        for number, scene in enumerate(self.chosen(), 1):
            if number > len(self.progress.results):
                self.scene(str(number), scene)
        time.sleep(1)
        for load in self.loads.values():
            load.phase = "after"
        answered = questions(self.server, self.progress.values.get("BUILD"))
        for load in self.loads.values():
            load.stop()
        failed = table(self.progress.results, self.progress.seconds + time.monotonic() - self.began)
        for load in self.loads.values():
            for failure in load.failures[:5]:
                say(paint("31", f"   {failure}"))
        if self.options.keep:
            self.tell_how_to_go_on()
        return 0 if failed == 0 and answered else 1

    def chosen(self):
        wanted = self.options.scenes.split(",") if self.options.scenes else [s.key for s in SCENES]
        return [s for s in SCENES if s.key in wanted]

    def tell_how_to_go_on(self):
        ports = self.progress.ports
        say()
        say(f"   The server goes on. Your own tools work with:  eval \"$({TOWPATH} env --data {self.options.data})\"")
        for environment in ("dev", "staging", "production"):
            say(f"     curl http://127.0.0.1:{ports[environment]}/products      # {environment}")
        say(f"     {TOWPATH} logs -f {self.progress.values.get('BUILD')}")
        say(f"     git clone {self.server.endpoint}/v1/repos/shop-api")
        say(f"   Stop it with: kill {self.server.process.pid}")

    # ---- ending ----

    def end(self, code):
        for load in self.loads.values():
            load.stopping.set()
        if self.options.keep and code == 0:
            return
        if code != 0 and self.progress.values:
            self.progress.seconds += time.monotonic() - self.began
            self.progress.save()
        self.server.stop()
        if self.webhook:
            self.webhook.close()
        if code == 0:
            self.server.destroy()
        else:
            say("Its data is kept: ./demo goes on where it was, ./demo --fresh begins again.")
            say(f"To remove it: {TOWPATH} destroy --data {self.options.data}")


def parse():
    keys = ", ".join(s.key for s in SCENES)
    parser = argparse.ArgumentParser(
        prog="./demo", description="Takes shop-api through its whole pipeline: feature branch, dev (blue/green servers), "
        "staging (containers, canary), production (linear), and shows what happens by itself when something fails.")
    parser.add_argument("--yes", action="store_true", help="answer the approvals with yes")
    parser.add_argument("--keep", action="store_true", help="leave the server running at the end")
    parser.add_argument("--data", default=os.path.join(ROOT, "demo-data"), metavar="DIR", help="the server's data folder")
    parser.add_argument("--clock-rate", type=int, default=25, metavar="N",
                        help="the server's clock runs so many times as fast as true time (25); 1: true time")
    parser.add_argument("--short", action="store_true",
                        help="deployment configurations of the shop's own with steps of one minute, and no waits for "
                        "what is replaced: with --clock-rate 1 a release at true time in some minutes")
    parser.add_argument("--port", type=int, help="port of dev's load balancer (8088, or another when that is taken)")
    parser.add_argument("--scenes", metavar="LIST", help=f"only these of: {keys}")
    parser.add_argument("--fresh", action="store_true", help="begin again where an earlier demo was interrupted")
    return parser.parse_args()


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    options = parse()
    if not sys.stdin.isatty():
        options.yes = True
    signal.signal(signal.SIGTERM, interrupt)
    demo = Demo(options)
    code = 1
    try:
        code = demo.run()
    except Trouble as e:
        say(paint("31", f"\nThe demo stopped: {e}"))
        say(f"The server's log is {os.path.join(options.data, 'serve.log')}")
    except KeyboardInterrupt:
        say("\nInterrupted.")
        code = 130
    finally:
        demo.end(code)
    return code


sys.exit(main())
