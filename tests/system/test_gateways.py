"""Several gateways in one picture: what each says of itself, who answers otherwise, who is silent."""
import json
import time

import pytest

from cutover import Cutover, Maillog
from processes import BIN, wait_for
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
            # One of them hands a mail on to the other.
            if n == 1:
                text = log.message(recipient="both@example.com", result="dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as A0000003)")
                log.append(text.replace("<2@outside.example>", "<both@outside.example>"))
            else:
                log.append(log.message(recipient="later@example.com"))
                log.append(log.message(recipient="both@example.com").replace("<3@outside.example>", "<both@outside.example>"))
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
    assert "gw9 is silent; 7 waited there at its last word" in gateways.one.ctl("report").stderr
    gateways.leave("gw9")


# --all-gateways, by a command that asks this machine for each

class Fleet:
    def __init__(self, gateways):
        self.gateways, self.folder = gateways, gateways.folder
        self.ask = self.folder / "ask"
        self.ask.write_text(f'#!/bin/sh\nhost=$1; shift\n[ -e {self.folder}/instead-$host ] && exec {self.folder}/instead-$host\n'
                            f'exec {BIN}/postshiftctl -c {self.folder}/$host/postshift.conf "$@"\n')
        self.ask.chmod(0o755)
        one = gateways.one
        one.ctl_options = {"gateways": "gw1 gw2", "gateways_command": f"{self.ask} %h", "gateways_timeout": "20s"}
        one.write_config()

    def json(self, *words, code=0):
        done = self.gateways.one.ctl(*words, "--all-gateways", "--json", check=False)
        assert done.returncode == code, done
        self.said = done.stderr
        return json.loads(done.stdout)

    def instead(self, host, body):
        path = self.folder / f"instead-{host}"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path


@pytest.fixture(scope="module")
def fleet(gateways):
    for each, count in zip(gateways.both, (2, 3)):
        each.wait_for_delivered(count)
    return Fleet(gateways)


def test_what_went_through_two_is_one_story(fleet):
    (story,) = fleet.json("trace", "--message-id", "<both@outside.example>")["stories"]
    assert [leg["host"] for leg in story["legs"]] == ["gw1", "gw2"]
    found = fleet.json("trace", "--domain", "example.com", "--since", "2h")
    assert len(found["stories"]) == 4 and found["gateways_silent"] == []
    begun = [story["legs"][0]["begun"] for story in found["stories"]]
    assert begun == sorted(begun)
    text = fleet.gateways.one.ctl("trace", "--to", "both@example.com", "--all-gateways").stdout
    assert text.count("both@outside.example") == 1 and "A0000003" in text


def test_audits_and_reports_are_added_up(fleet):
    single = [json.loads(each.ctl("audit", "--json", check=False).stdout) for each in fleet.gateways.both]
    found = fleet.json("audit")
    for key in ("accepted", "delivered", "messages", "waiting"):
        assert found[key] == sum(each[key] for each in single), key
    assert found["accepted"] == 5 and found["balanced"] and found["gateways_silent"] == []
    assert "5 in, 5 out" in fleet.gateways.one.ctl("audit", "--all-gateways").stdout
    single = [json.loads(each.ctl("report", "--json").stdout) for each in fleet.gateways.both]
    found = fleet.json("report", "--compare")
    assert found["mails"] == sum(each["mails"] for each in single) and found["sides"]["new"]["ok"] == 5
    assert found["before"]["mails"] == 0
    assert "mails" in fleet.gateways.one.ctl("report", "--all-gateways").stdout


BAD = {
    "nothing": ("sleep 60", "no answer within 1 s"),
    "an error": ("echo no route to host >&2; exit 255", "no route to host"),
    "no JSON": ("echo hello", "its answer is no JSON"),
    "an array": ("echo '[]'", "its answer is no object of JSON"),
    "something else": ("echo '{\"balanced\": \"yes\"}'", "its answer is no audit"),
    "too much": ("head -c 70000000 /dev/zero", "it said more than 64 MB"),
    "too deep": ("printf '%1000s' | tr ' ' '['", "its answer is no JSON"),
}


@pytest.mark.parametrize("what", BAD)
def test_who_did_not_answer_is_said(fleet, what):
    body, why = BAD[what]
    fleet.gateways.one.ctl_options["gateways_timeout"] = "1s" if what == "nothing" else "20s"
    fleet.gateways.one.write_config()
    path = fleet.instead("gw2", body)
    try:
        found = fleet.json("audit", code=1)
        assert found["gateways_silent"] == ["gw2"] and found["accepted"] == 2 and not found["balanced"]
        assert f"gw2 did not answer: {why}" in fleet.said and fleet.said.count("\n") == 1, fleet.said
        assert "0 waited there at its last word" in fleet.said
    finally:
        path.unlink()
