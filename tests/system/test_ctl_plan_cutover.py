"""The verbs of a plan with the controller itself: what is typed, what follows, what both show of it."""
import json
import time

import pytest

from cutover import Cutover, Maillog
from processes import wait_for
from redis_server import RedisServer

OLD, NEW = "cutover-old:[192.0.2.10]:25", "cutover-new:[192.0.2.20]:25"
FIELDS = ["--stages", "list:it 30 70 100", "--stays", "1h 1h 1h 1h", "min_samples=5", "min_success=90", "slow_action=none", "fast_action=none"]


class World:
    def __init__(self, folder):
        self.redis = RedisServer(folder / "redis", "127.20.76.2").start()
        self.redis.set_domain("example.com", old=OLD, new=NEW, weight=0, inside="accept", rev=1)
        self.log = Maillog(folder / "mail.log")
        self.log.clock = time.time()
        self.log.append(self.log.message(recipient="a@example.net"))
        self.cutover = Cutover(folder, "127.20.76.4", log=self.log.path, redis=self.redis, domains="example.com").start()

    def ctl(self, *words, check=True):
        return self.cutover.ctl(*words, check=check)

    def shown(self):
        done = self.ctl("plan", "show", "example.com", "--json", check=False)
        return json.loads(done.stdout) if done.stdout else {}

    def wait_for(self, seconds=20, **fields):
        """The controller shows the plan so."""
        def is_so():
            shown = self.shown()
            return shown.get("source") == "controller" and all(shown.get(name) == value for name, value in fields.items()) and shown
        return wait_for(is_so, seconds, f"the controller shows {fields}", every=0.1)

    def domain(self, field):
        return self.redis.command("HGET", "cutover:domain:example.com", field)

    def stop(self):
        self.cutover.kill()
        self.redis.process.resume_and_kill()


@pytest.fixture
def world(folder):
    world = World(folder)
    yield world
    world.stop()


def test_from_start_to_rollback(world):
    assert "the controller sets the first stage" in world.ctl("plan", "start", "example.com", *FIELDS).stdout
    shown = world.wait_for(state="running", stage=1)
    assert world.domain("lists") == "it" and world.domain("weight") == "0"
    assert [stage["name"] for stage in shown["stages"]] == ["the list it", "30 %", "70 %", "100 %"]
    gates = {gate["name"]: gate for gate in shown["gates"]}
    assert gates["stay"]["answer"] == "no" and gates["alarm"]["answer"] == "yes" and gates["window"]["answer"] == "yes"
    assert shown["waits_for"].startswith("stay (") and shown["waits_for"].endswith("30 % is next")

    # Nothing is to be done; who wants to go on at once names the gates.
    assert not world.shown()["command"]
    refused = world.ctl("plan", "advance", "example.com", check=False)
    assert refused.returncode == 4 and "gate stay says no" in refused.stderr
    closed = [gate["name"] for gate in world.shown()["gates"] if gate["answer"] != "yes"]
    world.ctl("plan", "advance", "example.com", "--past", *closed, "--why", "all were told")
    shown = world.wait_for(state="running", stage=2, weight=30)
    event = next(event for event in shown["events"] if event["what"] == "plan-advance" and event["to"] == "30")
    assert "stay" in event["why"], event

    world.ctl("plan", "pause", "example.com", "--why", "a storm")
    assert world.wait_for(state="paused")["why"] == "a storm"
    assert "says nothing there" in world.ctl("plan", "advance", "example.com", "--past", "stay", check=False).stderr
    world.ctl("plan", "resume", "example.com")
    world.wait_for(state="running", stage=2)

    # An edit by hand is seen as one, and the next advance goes above it.
    world.ctl("set", "example.com", "weight=80")
    shown = world.wait_for(state="running", edited=True, weight=80)
    assert shown["waits_for"].endswith("100 % is next")

    world.ctl("rollback", "example.com", "--why", "new is slow")
    shown = world.wait_for(state="rolled-back", weight=0)
    assert shown["why"] == "new is slow" and world.domain("weight") == "0" and world.domain("lists") in (None, "")
    assert "its plan is rolled-back: new is slow" in world.ctl("status", check=False).stdout


def test_deliveries_are_seen_beside_each_other(world):
    world.ctl("plan", "start", "example.com", *FIELDS)
    world.wait_for(state="running", stage=1)
    world.log.clock = time.time()
    world.log.append("".join(world.log.message(service=f"postfix/cutover-{side}/smtp") for side in ("new",) * 7 + ("old",) * 3))

    def counted():
        sides = world.shown().get("sides")
        return sides and (sides["old"]["delivered"], sides["new"]["delivered"]) == (3, 7) and world.shown()
    shown = wait_for(counted, 20, "three on old, seven on new", every=0.1)
    assert shown["share"]["mail"] == 70 and shown["sides"]["new"]["success"] == 100 and shown["sides"]["new"]["delay_ms"] == 50
    wait_for(lambda: sum(world.shown()["chart"]["new"]["delivered"]) == 7, 10, "their slot has ended")
    said = world.ctl("plan", "show", "example.com", check=False).stdout
    assert "70 % of the mail" in said and any(line.split()[:3] == ["new", "7", "100"] for line in said.splitlines())


def test_the_share_of_units_is_that_of_the_list_known(world):
    world.redis.command("SADD", "cutover:list:example.com:known", *(f"person{i}@example.com" for i in range(200)))
    world.redis.command("SET", "cutover:unit:person1@example.com", "person0@example.com")
    world.ctl("plan", "start", "example.com", "--stages", "30 100", "--stays", "1h 1h")
    shown = world.wait_for(state="running", stage=1, weight=30)
    shown = wait_for(lambda: world.shown()["share"]["units"] and world.shown(), 10, "the list has been read")
    assert 20 < shown["share"]["units"] < 40
