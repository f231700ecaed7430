"""plansite - a plan, one Redis and any number of controllers, each with a log that is written by hand.

    site = PlanSite(folder, "127.20.87"); made = site.controller(); site.start()
    site.feed.begin(); site.wait_weight(30); made.plan()["gates"]; site.stop()

Of its block, .2 is Redis, .3 old, .4 new, .5 and on the controllers.
"""
import json
import pathlib
import threading
import time

from cutover import Cutover, Maillog
from processes import wait_for
from redis_server import RedisServer
from sink import Sink

PLAN, DOMAIN = "cutover:plan:example.com", "cutover:domain:example.com"
FAILED = "dsn=4.4.1, status=deferred (connect to 127.0.0.3[127.0.0.3]:2525: Connection refused)"


def hook_file(folder, body, name="hook"):
    """A program that only root may write."""
    place = folder / "hooks"
    place.mkdir(mode=0o755, exist_ok=True)
    path = place / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


class Feed(threading.Thread):
    """In each log five deliveries on either side, ten times a second; those on new fail while `bad` is set."""

    def __init__(self, logs):
        super().__init__(daemon=True)
        self.logs, self.bad, self.over, self.problem = logs, threading.Event(), threading.Event(), None

    def run(self):
        try:
            while not self.over.wait(0.1):
                for log in list(self.logs):
                    log.clock = time.time()
                    new = {"result": FAILED} if self.bad.is_set() else {}
                    log.append("".join(log.message(service=f"postfix/cutover-{side}/smtp", **(new if side == "new" else {}))
                                       for side in ("old", "new") for _ in range(5)))
        except Exception as problem:    # told by the test
            self.problem = problem

    def end(self):
        self.over.set()
        if self.ident:
            self.join(10)
        assert self.problem is None, self.problem


class Controller(Cutover):
    """gw-NAME."""

    def plan(self):
        found = json.loads(self.page("/status.json")[1])["plans"]
        return found[0] if found else {"state": None, "gates": [], "step": None}

    def gate(self, name):
        return next((gate for gate in self.plan()["gates"] if gate["name"] == name), {"answer": None, "text": ""})

    def wait_gate(self, name, answer, text="", seconds=30):
        return wait_for(lambda: (found := self.gate(name))["answer"] == answer and text in found["text"] and found, seconds,
                        f"gate {name} says {answer} {text}", every=0.1)


class PlanSite:
    def __init__(self, folder, block, redis=None):
        self.folder, self.block = pathlib.Path(folder), block
        self.redis = redis or RedisServer(self.folder / "redis", f"{block}.2").start()
        self.sinks = [Sink(name, (f"{block}.{last}", 2525)) for name, last in (("old", 3), ("new", 4))]
        for sink in self.sinks:
            sink.start()
        self.old, self.new = self.sinks
        self.controllers, self.logs = [], []
        self.feed = Feed(self.logs)
        self.redis.set_domain("example.com", old=f"cutover-old:[{block}.3]:2525", new=f"cutover-new:[{block}.4]:2525", weight=0,
                              inside="accept", rev=1)

    def controller(self, name="one", start=True, redis_lines=None, **options):
        log = Maillog(self.folder / f"{name}.log")
        log.clock = time.time()
        log.append(log.message(recipient="a@example.net"))
        made = Controller(self.folder, f"{self.block}.{5 + len(self.controllers)}", redis=self.redis, domains="example.com",
                          log=log.path, name=name, gateway=f"gw-{name}", probe_interval="1s", **options)
        made.redis_options.update(redis_lines or {})
        made.write_config()
        self.controllers.append(made)
        self.logs.append(log)
        return made.start() if start else made

    def start(self, **fields):
        """As `plan start` would write it."""
        plan = {"state": "waiting", "rev": int(time.time()), "stages": "30 70 100", "stays": "4s 600s 600s", "min_samples": 10,
                "min_success": 90, "slow_action": "none", "fast_action": "none", **fields}
        self.redis.command("HSET", PLAN, *[word for pair in plan.items() for word in pair])

    def get(self, field, key=PLAN):
        return self.redis.command("HGET", key, field)

    def weight(self):
        return self.get("weight", DOMAIN)

    def wait_weight(self, weight, seconds=40):
        wait_for(lambda: self.weight() == str(weight), seconds, f"weight {weight}", every=0.1)

    def wait_state(self, state, seconds=40):
        wait_for(lambda: self.get("state") == state, seconds, f"the plan is {state}", every=0.1)

    def events(self, what=None):
        found = [dict(zip(words[::2], words[1::2])) for _, words in self.redis.command("XRANGE", "cutover:events", "-", "+")]
        return [event for event in found if what in (None, event["what"])]

    def stop(self):
        self.feed.end()
        for each in self.controllers:
            each.process.resume_and_kill()
        self.redis.process.resume_and_kill()
        for sink in self.sinks:
            sink.stop()
