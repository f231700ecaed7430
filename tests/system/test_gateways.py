"""Several gateways in one picture: what each says of itself, who answers otherwise, who is silent."""
import json
import time

import pytest

from cutover import Cutover, Maillog
from processes import wait_for
from redis_server import RedisServer


class Gateways:
    """One Redis, two controllers, each with a log of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.redis = RedisServer(folder / "redis", "127.20.122.2").start()
        self.redis.set_domain("example.com", old="cutover-old:[127.20.122.8]:2525", new="cutover-new:[127.20.122.9]:2525", weight=30,
                              inside="accept")
        self.logs, self.both = [], []
        for n in (1, 2):
            log = Maillog(folder / f"mail{n}.log")
            log.clock = time.time() - 60
            log.HOST = f"gw{n}"
            log.append(log.message(recipient=f"person{n}@example.com"))
            self.logs.append(log)
            self.both.append(Cutover(folder, f"127.20.122.{2 + n}", redis=self.redis, domains="example.com", log=log.path, name=f"gw{n}",
                                     gateway=f"gw{n}").start())
        self.one, self.other = self.both

    def rows(self, code=0):
        done = self.one.ctl("status", "--gateways", "--json", check=False)
        found = json.loads(done.stdout)
        assert done.returncode == (1 if found["bad"] else 0)
        return found

    def say(self, name, **fields):
        """As a gateway that is not there would."""
        self.redis.command("ZADD", "cutover:gateways", int(time.time()), name)
        self.redis.command("HSET", f"cutover:gateway:{name}", *[word for pair in fields.items() for word in pair])

    def leave(self, name):
        self.redis.command("ZREM", "cutover:gateways", name)
        self.redis.command("DEL", f"cutover:gateway:{name}")

    def stop(self):
        for each in self.both:
            each.process.resume_and_kill()
        self.redis.stop()


@pytest.fixture(scope="module")
def gateways(module_folder):
    made = Gateways(module_folder)
    yield made
    made.stop()


def test_each_gateway_is_a_row(gateways):
    def rows():
        found = gateways.rows()["gateways"]
        return len(found) == 2 and all(row["digest"] and row["waiting"] == 0 for row in found) and found
    one, other = wait_for(rows, 20, "both have said all")
    assert (one["name"], other["name"]) == ("gw1", "gw2") and one["digest"] == other["digest"]
    assert one["books"] == 0 and one["log_time"] > 1764000000 and one["age"] < 10 and not one["silent"]
    assert gateways.rows()["bad"] is False
    text = gateways.one.ctl("status", "--gateways").stdout
    assert text.count("balanced") == 2 and max(map(len, text.splitlines())) <= 100


def test_one_that_answers_otherwise_is_an_alarm(gateways):
    def told():
        gateways.say("gw3", digest="0123456789abcdef", time=int(time.time()), version="0.1.0")
        return gateways.one.said("gateways: state=differ, gateway=gw1") and gateways.other.metric("postshift_cutover_gateways_differ") == 1
    wait_for(told, 20, "both controllers tell it", every=0.1)
    found = gateways.rows()
    assert found["bad"] and "gw3" in found["differ"]
    assert "have answered otherwise for over 5 s" in gateways.one.ctl("status", "--gateways", check=False).stdout
    gateways.leave("gw3")
    wait_for(lambda: gateways.one.said("gateways: state=alike"), 15, "and its end")
    # Of a site's own next hops nobody else knows.
    gateways.say("gw4", digest="0123456789abcdef", time=int(time.time()), site="fra")
    assert gateways.rows()["bad"] is False
    gateways.leave("gw4")


def test_a_silent_one_is_named_with_what_waited_there(gateways):
    gateways.say("gw9", digest="0123456789abcdef", time=int(time.time()) - 60, waiting=7)
    text = gateways.one.ctl("status", "--gateways", check=False).stdout
    assert "silent; 7 waited there at its last word" in text
    assert gateways.rows()["differ"] == []

    def page():
        found = json.loads(gateways.one.page("/status.json")[1])["gateways"]
        return [row for row in found if row["silent"] and row["waiting"] == 7]
    assert wait_for(page, 10, "the page")[0]["name"] == "gw9"
    gateways.leave("gw9")
