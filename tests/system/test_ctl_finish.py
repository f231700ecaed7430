"""postshiftctl finish: a real Redis, the maps of a Postfix of its own, a queue that the test lists."""
import json
import os
import time

import pytest

from processes import BIN, run
from redis_server import RedisServer

OLD, NEW = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25"
DAY = 86400
MAP = "transport_maps = inline:{ { example.com = smtp:[192.0.2.20]:25 } }\n"


class World:
    def __init__(self, folder):
        self.folder = folder
        self.redis = RedisServer(folder / "redis", "127.20.72.2").start()
        self.config = folder / "postshift.conf"
        self.config.write_text(f"""[redis]
address = inet:127.20.72.2:6379
timeout = 1s
[policyd]
domains = example.com
override = {folder}/override
metrics = inet:127.20.72.3:8793
[ctl]
postfix = {folder}/postfix
""")
        (folder / "postfix").mkdir()
        (folder / "postfix/master.cf").write_text("")
        self.maps(MAP)
        (folder / "bin").mkdir()
        self.queue([])

    def maps(self, text):
        path = self.folder / "postfix/main.cf"
        path.write_text(f"compatibility_level = 3.6\nqueue_directory = {self.folder}/queue\nmaximal_queue_lifetime = 5d\n{text}")
        os.utime(path, (time.time() - 60, time.time() - 60))     # postconf waits until it is two seconds old

    def queue(self, recipients, status=0):
        lines = [json.dumps({"queue_name": "deferred", "queue_id": f"A{i}", "arrival_time": 1795564800, "message_size": 9,
                             "forced_expire": False, "sender": "s@x", "recipients": [{"address": address, "delay_reason": "later"}]})
                 for i, address in enumerate(recipients)]
        program = self.folder / "bin/postqueue"
        program.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines) + f"exit {status}\n")
        program.chmod(0o755)

    def ready(self, days=8, **fields):
        """All of it has been on new for so long."""
        self.redis.set_domain("example.com", **{"old": OLD, "new": NEW, "weight": 100, "inside": "accept", **fields})
        self.redis.command("HSET", "cutover:ledger:example.com", "a@example.com", "1795000000 sure", "b@example.com", "1795000001 maybe")
        self.event("weight", "70", "100", time.time() - days * DAY)

    def event(self, what, before, after, at):
        self.redis.command("XADD", "cutover:events", "*", "time", int(at), "who", "anna", "host", "gw1", "domain", "example.com",
                           "what", what, "from", before, "to", after, "why", "", "rev", "")

    def finish(self, *words):
        return run(BIN / "postshiftctl", "-c", self.config, "finish", "example.com", "--file", self.folder / "ledger.json", *words,
                   check=False, environment={"PATH": f"{self.folder}/bin:{os.environ['PATH']}"})

    def gateway(self, name, ago=2, **fields):
        now = int(time.time())
        self.redis.command("ZADD", "cutover:gateways", now - ago, name)
        if fields:
            self.redis.command("HSET", f"cutover:gateway:{name}", "time", now - ago,
                               *[word for pair in fields.items() for word in pair])

    def mode(self):
        return self.redis.command("HGET", "cutover:domain:example.com", "mode")

    def stop(self):
        self.redis.process.resume_and_kill()


@pytest.fixture
def world(folder):
    world = World(folder)
    yield world
    world.stop()


def test_what_is_ready_is_forgotten(world):
    world.ready()
    world.gateway("gw2", waiting=0)
    world.gateway(os.uname().nodename, waiting=9)       # this one: its queue is listed
    world.redis.command("HSET", "cutover:plan:example.com", "state", "done", "stage", "3")
    done = world.finish("--why", "all are there")
    assert done.returncode == 0, done.stderr
    assert world.mode() == "forgotten" and world.redis.command("HGET", "cutover:plan:example.com", "state") is None
    assert [unit["unit"] for unit in json.loads((world.folder / "ledger.json").read_text())["units"]] == ["a@example.com", "b@example.com"]
    assert "postconf -e 'transport_maps = inline:{ { example.com = smtp:[192.0.2.20]:25 } }" in done.stdout
    now = time.strftime("%Y-%m-%d", time.gmtime())
    assert f"old may be switched off from {now}" in done.stdout
    last = world.redis.command("XREVRANGE", "cutover:events", "+", "-", "COUNT", "1")[0][1]
    assert dict(zip(last[::2], last[1::2]))["what"] == "forget"


def test_the_queue_outlives_the_seven_days(world):
    world.maps(MAP.replace("transport", "maximal_queue_lifetime = 20d\ntransport"))
    world.ready(days=8)
    when = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 12 * DAY))
    assert f"old may be switched off from {when}" in world.finish().stdout


@pytest.mark.parametrize("change, says", [
    (lambda world: world.ready(days=6), "its weight has been 100 for 6 d, not for 7 d"),
    (lambda world: world.ready(weight=70), "its weight is 70, not 100"),
    (lambda world: (world.ready(), world.event("rollback", "100", "0", time.time() - DAY)), "since when its weight is 100 is not known"),
    (lambda world: world.ready(mode="hold"), "its mode is hold, not split"),
    (lambda world: (world.ready(), world.queue(["a@example.com", "b@EXAMPLE.com", "c@example.net"])), "waits in the queue: 2 recipients"),
    (lambda world: (world.ready(), world.queue([], status=69)), "whether mail of it waits can't be told"),
    (lambda world: (world.ready(), world.maps("")), "transport_maps do not name it"),
    (lambda world: (world.ready(), world.maps(MAP.replace(".20]", ".10]"))), "lead to smtp:[192.0.2.10]:25, not to smtp:[192.0.2.20]:25"),
    (lambda world: (world.ready(), world.redis.command("SET", "cutover:pin:a@example.com", "old")), "pins keep addresses of it from new: 1"),
    (lambda world: (world.ready(), world.gateway("gw2", waiting=7)), "mail waits on the gateway gw2: 7 recipients, of whatever domain"),
    (lambda world: (world.ready(), world.gateway("gw2", ago=7200, waiting=0)), "gw2 can't be told: its controller is silent for 2 h"),
    (lambda world: (world.ready(), world.redis.command("HSET", "cutover:gateway:gw2", "version", "1")), "gw2 can't be told: its controller said nothing"),
    (lambda world: (world.ready(), world.gateway("gw2", waiting="unknown")), "gw2 can't be told: it does not know it"),
])
def test_each_reason_is_told_and_nothing_is_done(world, change, says):
    change(world)
    done = world.finish()
    assert done.returncode == 4 and says in done.stderr, done.stderr
    reasons = [line for line in done.stderr.splitlines() if "finish is refused" not in line]
    assert len(reasons) == 1, done.stderr
    assert world.mode() != "forgotten" and not (world.folder / "ledger.json").exists()
    assert "postconf -e" in done.stdout


def test_all_reasons_are_told_at_once_and_force_names_them(world):
    world.ready(days=1)
    world.maps("")
    world.queue(["a@example.com"])
    assert len(world.finish().stderr.splitlines()) == 4
    done = world.finish("--force")
    assert done.returncode == 0 and world.mode() == "forgotten"
    last = world.redis.command("XREVRANGE", "cutover:events", "+", "-", "COUNT", "1")[0][1]
    why = dict(zip(last[::2], last[1::2]))["why"]
    assert "forced: its weight has been 100 for 24 h" in why and "waits in the queue" in why and "do not name it" in why


def test_a_ledger_that_is_there_is_not_written_over(world):
    world.ready()
    (world.folder / "ledger.json").write_text("precious")
    done = world.finish()
    assert done.returncode == 1 and "ledger.json" in done.stderr and world.mode() != "forgotten"
    assert (world.folder / "ledger.json").read_text() == "precious"
