"""postshiftctl with a real Redis and a real policyd, and with either of them away."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from policyd import Policyd
from processes import BIN, ROOT, run, wait_for
from redis_server import RedisServer

CTL = BIN / "postshiftctl"
OLD, NEW, STANDBY = (f"cutover-{name}:[192.0.2.{last}]:25" for name, last in (("old", 10), ("new", 20), ("standby", 30)))
DOMAINS = "example.com example.net alias.example"


def bucket(unit, domain="example.com"):
    digest = hashlib.sha256(domain.encode() + b"\0" + unit.encode()).digest()
    return (int.from_bytes(digest[:8], "big") * 10000) >> 64


class World:
    """Redis, policyd (not started), and the tool with their configuration."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.redis = RedisServer(folder / "redis", "127.20.5.2").start()
        self.policyd = Policyd(folder, "127.20.5.5", redis=self.redis, **{"domains": DOMAINS, **options})
        # Only policyd's own snapshot would be left of a domain: nothing else is shared between tests.

    def ctl(self, *words, check=True, stdin=None, environment=None):
        return run(CTL, "-c", self.policyd.config, *words, check=check, stdin=stdin, environment=environment)

    def fails(self, code, *words, **how):
        """The tool ends with this code; what it said on standard error."""
        done = self.ctl(*words, check=False, **how)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr

    def json(self, *words, **how):
        return json.loads(self.ctl(*words, "--json", **how).stdout)

    def hash(self, domain="example.com"):
        flat = self.redis.command("HGETALL", f"cutover:domain:{domain}")
        return dict(zip(flat[::2], flat[1::2]))

    def get(self, key):
        return self.redis.command("GET", f"cutover:{key}")

    def state(self, domain="example.com", **fields):
        """A good state, by plain HSET."""
        self.redis.set_domain(domain, **{"old": OLD, "new": NEW, "weight": 0, "inside": "accept", **fields})

    def stop(self):
        self.policyd.process.resume_and_kill()
        self.redis.process.resume_and_kill()


@pytest.fixture
def bare(folder):
    """Redis without policyd."""
    world = World(folder)
    yield world
    world.stop()


@pytest.fixture
def world(folder):
    """Redis and policyd; example.com at weight 0."""
    world = World(folder)
    world.state()
    world.policyd.start()
    yield world
    world.stop()


# route

def test_vectors(bare):
    bare.state(weight=30)
    for address, number in (("alice@example.com", 5319), ("bob@example.com", 5374), ("user000@example.com", 4649)):
        assert bare.json("route", address)["bucket"] == number
    said = bare.ctl("route", "alice@example.com").stdout
    assert "bucket     5319\n" in said and "policyd not asked" in said


def test_route_says_the_same_whoever_is_asked(world):
    long_ago, to_come = "until=2001-01-01T00:00:00Z", "until=2099-01-01T00:00:00Z"
    world.state(weight=50, lists="canary", standby=STANDBY)
    world.state("example.net", mode="hold")
    world.redis.set_domain("alias.example", same_as="example.com")
    for key, value in {"pin:pinned@example.com": "new note=a b c", "pin:held@example.com": f"hold {to_come}",
                       "pin:past@example.com": f"old {long_ago}", "pin:bad@example.com": "nonsense",
                       "pin:it dept": "new", "unit:member@example.com": "it dept", "pin:aside@example.com": "standby",
                       "unit:sister@example.com": "alice@example.com"}.items():
        world.redis.command("SET", f"cutover:{key}", value)
    world.redis.command("SADD", "cutover:list:example.com:canary", "listed@example.com")
    world.redis.command("SADD", "cutover:list:example.com:exclude", "never@example.com")
    world.policyd.wait_for_route("listed@example.com", "cutover-new")
    world.policyd.wait_for_route("sister@example.com", "cutover-")
    addresses = [
        "alice@example.com", "Alice+tag@EXAMPLE.com", "pinned@example.com", "pinned@alias.example", "held@example.com",
        "past@example.com", "bad@example.com", "member@example.com", "sister@example.com", "listed@example.com",
        "never@example.com", "aside@example.com", "postmaster@example.com", "a@example.net", "a@elsewhere.example", "no address",
        '"quoted name"@example.com', "prvs=1234abcd=alice@example.com", "a@[192.0.2.1]",
        *(f"user{i:03d}@alias.example" for i in range(20))]
    asked = [world.json("route", address, check=False) for address in addresses]
    world.policyd.stop()
    for address, by_policyd in zip(addresses, asked):
        by_redis = world.json("route", address, check=False)
        assert (by_policyd.pop("source"), by_redis.pop("source")) == ("policyd", "redis")
        assert by_policyd == by_redis, address
    assert asked[0]["result"] == "old" and asked[3]["result"] == "new" and asked[3]["reason"] == "pin"
    assert asked[9]["reason"] == "list" and asked[12]["reason"] == "system" and asked[11]["nexthop"] == STANDBY


@pytest.mark.parametrize("rev", ["9007199254740991", "9007199254740992", "9007199254740993", "99999999999999999999", "x"])
def test_set_is_in_force_whatever_rev_somebody_typed(world, rev):
    world.redis.command("HSET", "cutover:domain:example.com", "rev", rev)
    for weight in (70, 5, 70):
        assert "policyd answers so" in world.ctl("set", "example.com", f"weight={weight}").stdout
        world.policyd.wait_for_route("alice@example.com", "new" if weight == 70 else "old")
        assert world.json("status", check=False)["domains"][1]["why"] is None


def test_what_is_not_taken_stands_on_its_domains_row(world):
    """Pins, units and lists as well; example.com is not the row of what is about other.example.com or example.company."""
    world.state("example.net")
    world.redis.command("SET", "cutover:pin:a@example.net", "nonsense")
    world.redis.command("SET", "cutover:list:example.com:it", "no set")
    wait_for(lambda: len(world.json("status", check=False)["notes"]) == 2, 5, "both are told")
    found = {finding["domain"]: finding["text"] for finding in world.json("status", check=False)["findings"]}
    assert "nonsense" in found["example.net"] and "is not a set" in found["example.com"]
    assert world.ctl("status", check=False).returncode == 1


def test_oddly_written_keys_count_whoever_is_asked(world):
    """`pin:Alice@Example.com` is a pin on alice, where none is written canonically; units, lists and domains likewise."""
    world.redis.command("DEL", "cutover:domain:example.com")
    world.redis.set_domain("Example.NET", old=OLD, new=NEW, weight="0", inside="accept", lists="it")
    for key, value in {"pin:Alice+x@Example.net": "new", "pin:BOB@example.net": "new", "pin:bob@example.net": "old",
                       "unit:Carol@example.net": "Dave@example.net", "pin:DAVE@example.net": "hold"}.items():
        world.redis.command("SET", f"cutover:{key}", value)
    world.redis.command("SADD", "cutover:list:EXAMPLE.net:it", "Eve@example.net", "frank@example.net")
    wanted = {"alice": "new", "bob": "old", "carol": "hold", "dave": "hold", "eve": "new", "grete": "old"}
    world.policyd.wait_for_route("carol@example.net", "retry:")
    world.policyd.wait_for_route("eve@example.net", "new")
    addresses = "".join(f"{name}@example.net\n" for name in wanted)
    for stop in (False, True):
        if stop:
            world.policyd.stop()
        assert {name: world.json("route", f"{name}@example.net")["result"] for name in wanted} == wanted
    world.redis.command("HSET", "cutover:domain:example.net", "old", OLD, "new", NEW, "weight", "0", "inside", "accept", "lists", "it")
    assert world.ctl("moves", "example.net", "--to", "100", stdin=addresses).stdout.split() == ["grete@example.net"]


def test_next_hops_of_a_site(folder):
    world = World(folder, site="fra")
    world.state(weight=0)
    world.policyd.start()
    try:
        there = OLD.replace("192.0.2.10", "198.51.100.10")
        assert "old@ams" in world.fails(1, "set", "example.com", "old@ams=nonsense")
        world.fails(2, "set", "example.com", "weight@fra=5")
        world.ctl("set", "example.com", f"old@fra={there}", "old@ams=site")
        world.policyd.wait_for_route("alice@example.com", there)
        assert world.json("route", "alice@example.com")["nexthop"] == there
        assert world.json("status", check=False)["notes"] == []
        assert world.json("route", "alice@example.com")["site"] == world.json("status", check=False)["site"] == "fra"
        assert "site       fra" in world.ctl("route", "alice@example.com").stdout
        assert " at site fra," in world.ctl("status", check=False).stdout
        world.ctl("set", "example.com", "old@fra=")
        world.policyd.wait_for_route("alice@example.com", OLD)
    finally:
        world.stop()


def test_old_site_and_known_units(world):
    world.state(old="site", weight=60)
    world.redis.command("SADD", "cutover:list:example.com:known", "alice@example.com", "Pinned@example.com")
    world.redis.command("SET", "cutover:pin:pinned@example.com", "old")
    world.policyd.wait_for_route("catchall@example.com", "NOTFOUND")
    world.policyd.wait_for_route("alice@example.com", "cutover-new")
    wanted = {"alice@example.com": ("new", "bucket"), "catchall@example.com": ("old", "unlisted"),
              "pinned@example.com": ("old", "pin"), "srs0=a=b=c.example=d@example.com": ("old", "system")}
    for stop in (False, True):
        if stop:
            world.policyd.stop()
        for address, (result, reason) in wanted.items():
            said = world.json("route", address)
            assert (said["result"], said["reason"]) == (result, reason)
            assert said["nexthop"] == ("site" if result == "old" else NEW)
    assert "the site's own maps" in world.ctl("route", "catchall@example.com").stdout
    movers = world.ctl("moves", "example.com", "--to", "100", stdin="alice@example.com\ncatchall@example.com\n").stdout
    assert movers.split() == ["catchall@example.com"]


def test_route_exit_code_tells_whether_there_is_one(world):
    assert world.ctl("route", "alice@example.com").returncode == 0
    world.fails(1, "route", "alice@elsewhere.example")
    world.fails(1, "route", "alice@example.net")        # listed, without a state
    world.fails(1, "route", "nobody")
    world.fails(2, "route")
    world.fails(2, "route", "a@example.com", "b@example.com")


def test_route_works_with_redis_down(world):
    world.redis.kill()
    said = world.ctl("route", "alice@example.com").stdout
    assert "result     old -> " + OLD in said and "not asked" not in said


# set

def test_set_makes_and_changes_a_domain(world):
    said = world.ctl("set", "example.net", f"old={OLD}", f"new={NEW}", "weight=0", "inside=relay", "--why", "begin").stdout
    assert "policyd answers so" in said
    first = world.hash("example.net")
    assert abs(int(first.pop("rev")) - time.time()) < 10
    assert first == {"old": OLD, "new": NEW, "weight": "0", "inside": "relay"}
    assert world.policyd.ask("a@example.net") == f"OK {OLD}"
    said = world.ctl("set", "EXAMPLE.NET", "weight=12.5", "mode=split").stdout
    assert "example.net weight: 0 -> 12.5" in said
    assert world.hash("example.net")["weight"] == "12.5"
    assert world.json("route", "a@example.net")["weight"] == 12.5
    assert "nothing changes" in world.ctl("set", "example.net", "weight=12.5").stdout
    events = world.json("events", "--domain", "example.net")
    assert [(e["what"], e["from"], e["to"]) for e in events] == [
        ("old", "", OLD), ("new", "", NEW), ("weight", "", "0"), ("inside", "", "relay"),
        ("weight", "0", "12.5"), ("mode", "", "split")]
    assert events[0]["why"] == "begin" and events[0]["who"] and events[0]["host"] and abs(events[0]["time"] - time.time()) < 10
    assert events[-1]["rev"] == world.hash("example.net")["rev"]


BAD_VALUES = [
    ("weight=30%",), ("weight=-1",), ("weight=101",), ("weight=1e1",), ("weight=030",), ("weight=",), ("mode=both",), ("old=",),
    ("new=smtp:[192.0.2.20]:25",), ("new=cutover-new:mail.example.com:25",), ("new=cutover-new:[192.0.2.20]",),
    ("new=error:no",), ("new=cutover-new:unix:/x",), ("standby=discard:",), ("mode=standby",), ("inside=maybe",),
    ("same_as=example.com",), ("imap_old=host:",), ("pop3_new=host:0",), ("old=cutover-old:[192.0.2.1\x01]:25",), ("lists=a/b:c",),
]


@pytest.mark.parametrize("words", BAD_VALUES, ids=[repr(w[0]) for w in BAD_VALUES])
def test_nothing_is_written_that_policyd_would_refuse(bare, words):
    bare.state(rev=7)
    before = bare.hash()
    said = bare.fails(1, "set", "example.com", *words)
    assert "nothing was changed" in said and "\x01" not in said
    assert bare.hash() == before and bare.json("events") == []


def test_the_files_limits_hold(folder):
    world = World(folder, transports="cutover-old cutover-new", nexthops="192.0.2.0/28 mail.example.com", allow_loopback="no")
    try:
        for value in ("cutover-standby:[192.0.2.3]:25", "cutover-new:[192.0.2.20]:25", "cutover-new:[127.0.0.1]:25"):
            world.fails(1, "set", "example.com", "old=cutover-old:[192.0.2.1]:25", f"new={value}", "weight=0")
        world.ctl("set", "example.com", "old=cutover-old:[192.0.2.1]:25", "new=cutover-new:[mail.example.com]:25", "weight=0")
    finally:
        world.stop()


def test_a_bad_hash_can_be_set_right(bare):
    bare.state(weight="30%", nonsense="x")
    bare.ctl("set", "example.com", "weight=30")
    assert bare.hash()["weight"] == "30" and bare.hash()["nonsense"] == "x"


def test_optional_fields_can_be_taken_out(bare):
    bare.state(standby=STANDBY, lists="canary")
    bare.ctl("set", "example.com", "standby=", "lists=")
    assert "standby" not in bare.hash() and "lists" not in bare.hash()


@pytest.mark.parametrize("words, text", [
    (("weigth=3",), "did you mean weight"), (("rev=3",), "rev is counted"), (("weight",), "field=value"),
    (("weight=1", "weight=2"), "given twice"), ((), "something is missing"), (("weight=1", "--frob"), "unknown option"),
    (("weight=1", "--if-rev", "x"), "takes a number")])
def test_usage_of_set(bare, words, text):
    bare.state()
    assert text in bare.fails(2, "set", "example.com", *words)
    assert "is no domain name" in bare.fails(2, "set", "exa mple", "weight=1")


def test_guard_of_inside(bare):
    bare.redis.set_domain("example.com", old=OLD, new=NEW, weight=0)
    for words in ("weight=0.01",), ("mode=new",), ("weight=100", "mode=hold"):
        assert "without `inside`" in bare.fails(4, "set", "example.com", *words)
    assert bare.hash() == {"old": OLD, "new": NEW, "weight": "0"}
    bare.ctl("set", "example.com", "weight=10", "--force", "--why", "test run")
    assert bare.json("events")[-1]["why"] == "test run (forced: a weight above 0 without `inside`)"
    bare.ctl("set", "example.com", "weight=5")      # less is never refused
    bare.fails(4, "set", "example.com", "weight=6")
    bare.ctl("set", "example.com", "weight=6", "inside=accept")
    bare.fails(4, "set", "example.com", "inside=")


def test_compare_and_set(bare):
    bare.state(rev=41)
    assert "has rev 41, not 40" in bare.fails(4, "set", "example.com", "weight=1", "--if-rev", "40")
    assert bare.hash()["weight"] == "0"
    bare.ctl("set", "example.com", "weight=1", "--if-rev", "41")
    ahead = int(time.time()) + 100000
    bare.redis.set_domain("example.com", rev=ahead)
    bare.ctl("set", "example.com", "weight=2")
    assert bare.hash()["rev"] == str(ahead + 1)


def test_many_at_once_lose_nothing(bare):
    bare.state()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda i: bare.ctl("set", "example.com", f"weight={i}", check=False), range(1, 13)))
    succeeded = [d for d in done if d.returncode == 0]
    assert len(succeeded) >= 6 and all("try again" in d.stderr for d in done if d.returncode)
    events = [e for e in bare.json("events", "--limit", "100") if e["what"] == "weight"]
    assert len(events) == len(succeeded)
    assert [e["from"] for e in events[1:]] == [e["to"] for e in events[:-1]], "each began where the one before it ended"
    revs = [int(e["rev"]) for e in events]
    assert revs == sorted(set(revs))


def test_set_says_what_policyd_does(world):
    assert "policyd answers so" in world.ctl("set", "example.com", "weight=5").stdout
    world.policyd.override.write_text("example.com weight=0\n")
    wait_for(lambda: world.json("status", check=False)["domains"][1]["override"], 5, "the override is in force")
    assert "override file goes before" in world.ctl("set", "example.com", "weight=6").stdout
    world.policyd.stop()
    assert "policyd not asked: inet:127.20.5.5:8793: Connection refused" in world.ctl("set", "example.com", "weight=7").stdout


def test_set_of_a_domain_that_is_not_listed_is_warned_of(bare):
    said = bare.ctl("set", "other.example", f"old={OLD}", f"new={NEW}", "weight=0").stderr
    assert "not among [policyd] domains" in said


# pin, unpin

def test_pins(world):
    said = world.ctl("pin", "Alice+x@Example.COM", "new", "--note", "asked for it").stdout
    assert world.get("pin:alice@example.com") == "new note=asked for it"
    assert "policyd answers new for it" in said
    said = world.ctl("pin", "alice@example.com", "hold", "--until", "2h").stdout
    value = world.get("pin:alice@example.com")
    assert re.fullmatch(r"hold until=20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", value)
    assert world.policyd.ask("alice@example.com").startswith("OK retry:4.2.1")
    said = world.ctl("unpin", "alice@example.com").stdout
    assert "-> (none)" in said and world.get("pin:alice@example.com") is None
    assert "policyd answers old for it: bucket 5319" in said
    assert "there is no pin on alice@example.com" in world.fails(1, "unpin", "alice@example.com")
    events = world.json("events")
    assert [(e["what"], e["key"], e["domain"]) for e in events] == [("pin", "alice@example.com", "example.com")] * 3
    assert events[1]["from"] == "new note=asked for it" and events[2]["to"] == ""


def test_a_pin_on_a_unit(world):
    world.ctl("unit", "set", "bob@example.com", "it dept")
    assert "belongs to the unit it dept" in world.ctl("pin", "bob@example.com", "old").stdout
    world.ctl("unpin", "bob@example.com")
    world.ctl("pin", "it dept", "new")
    assert world.get("pin:it dept") == "new"
    world.policyd.wait_for_route("bob@example.com", "cutover-new")


@pytest.mark.parametrize("name", ["*@example.com", "@example.com", "*@Example.COM"])
def test_a_pattern_is_no_pin_no_unit_no_member(world, name):
    said = world.fails(2, "pin", name, "hold")
    assert "is a pattern" in said and "mode=" in said and len(said.splitlines()) == 1
    world.fails(2, "unit", "set", name, "team")
    world.fails(2, "unit", "set", "a@example.com", name)
    assert world.redis.command("KEYS", "cutover:*[pu]ni*:*") == []
    # Typed into Redis it is told, and no change.
    world.redis.command("SET", f"cutover:pin:{name}", "hold")
    wait_for(lambda: any("pattern" in note for note in world.json("status", check=False)["notes"]), 5, "it is told")
    page = world.json("status", check=False)
    assert page["pins"] == 0 and f"pin:{name}" in str(page["notes"])
    assert "change: pin" not in world.policyd.process.output()
    world.redis.command("DEL", f"cutover:pin:{name}")
    wait_for(lambda: not world.json("status", check=False)["notes"], 5, "it is over")


def test_a_pin_that_changes_nothing_is_warned_of(world):
    world.redis.set_domain("example.net", mode="forgotten")
    for name, warning in (("alice", "alice@DOMAIN"), ("alice@example.net", "is forgotten"),
                          ("alice@elsewhere.example", "not among [policyd] domains")):
        assert warning in world.ctl("pin", name, "new").stderr
    assert world.ctl("pin", "alice@example.com", "new").stderr == ""
    world.state("alias.example", weight="30%")
    assert "no good state" in world.ctl("pin", "a@alias.example", "new").stderr


def test_accept_state_of_nobodys_domain(world):
    said = world.fails(1, "accept-state", "exmaple.com")
    assert "did you mean example.com?" in said and world.get("accept") is None
    world.ctl("accept-state", "example.com")


@pytest.mark.parametrize("routes, said", [
    ((OLD, "cutover-new:[192.0.2.10]:25"), "the same place"), (("cutover-new:[192.0.2.10]:25", NEW), "`old`"),
    ((OLD, "cutover-old:[192.0.2.20]:25"), "`new`"),
    (("cutover-old:[192.0.2.20]:25", "cutover-new:[192.0.2.10]:25"), "swapping")])
def test_routes_that_are_hardly_meant(bare, routes, said):
    bare.state(rev=1)
    words = ("set", "example.com", f"old={routes[0]}", f"new={routes[1]}")
    assert said in bare.fails(4, *words) and bare.hash()["old"] == OLD
    bare.ctl(*words, "--force")
    assert bare.hash()["new"] == routes[1] and said in bare.json("events")[0]["why"]
    bare.ctl("set", "example.com", "weight=1")      # what stands already is no reason to refuse the rest


def test_pins_of_an_alias_stand_where_they_are_looked_up(world):
    world.redis.set_domain("alias.example", same_as="example.com")
    assert "alice@alias.example is looked up as alice@example.com" in world.ctl("pin", "alice@alias.example", "new").stdout
    assert world.get("pin:alice@example.com") == "new" and world.get("pin:alice@alias.example") is None
    world.policyd.wait_for_route("alice@alias.example", "cutover-new")


def test_a_pin_on_a_standby_that_is_not_there(bare):
    bare.state()
    assert "has no standby" in bare.fails(1, "pin", "a@example.com", "standby")
    bare.state(standby=STANDBY)
    bare.ctl("pin", "a@example.com", "standby")


@pytest.mark.parametrize("words", [
    ("a@example.com",), ("a@example.com", "both"), ("a@", "new"), ("a@b c", "new"), ("a@example.com", "new", "--until", "yesterday"),
    ("a@example.com", "new", "--until", "2001-01-01T00:00:00Z"), ("a@example.com", "new", "--note", "two\nlines"), ("a@example.com", "new", "x"),
    ("--file", "x", "new", "old")])
def test_usage_of_pin(bare, words):
    bare.fails(2, "pin", *words)
    assert bare.redis.command("KEYS", "cutover:pin:*") == []


def test_many_pins_from_a_file(world):
    many = world.folder / "many"
    many.write_text("# who goes first\n\n" + "".join(f"User{i:04d}@example.com\n" for i in range(1500)) +
                    "held@example.com hold note=is being copied\n")
    assert "1501 pins written" in world.ctl("pin", "--file", many, "new").stdout
    assert world.get("pin:user0000@example.com") == "new" == world.get("pin:user1499@example.com")
    assert world.get("pin:held@example.com") == "hold note=is being copied"
    world.policyd.wait_for_route("user1499@example.com", "cutover-new")
    event = world.json("events")[-1]
    assert (event["what"], event["to"]) == ("pin", "new (1501)")

    many.write_text("".join(f"user{i:04d}@example.com\n" for i in range(1500)))
    assert "1500 pins removed" in world.ctl("unpin", "--file", many).stdout
    assert world.get("pin:user0000@example.com") == "none"
    assert 500 < world.redis.command("TTL", "cutover:pin:user0000@example.com") <= 600
    world.policyd.wait_for_route("user1499@example.com", "cutover-old")
    assert world.json("status", check=False)["notes"] == [], "it was no loss"


def test_pins_are_listed(bare):
    bare.state()
    assert bare.ctl("pin", "--list").stdout == "no pins\n" and bare.json("pin", "--list") == []
    bare.ctl("pin", "bob@example.com", "hold", "--until", "2099-01-01T00:00:00Z", "--note", "copying")
    bare.ctl("pin", "it dept", "new")
    for key, value in {"old@example.net": "old until=2001-01-01T00:00:00Z", "bad@example.com": "nonsense", "gone@example.com": "none"}.items():
        bare.redis.command("SET", f"cutover:pin:{key}", value)
    assert bare.json("pin", "--list") == [
        {"on": "bad@example.com", "place": "bad", "until": None, "over": False, "note": "nonsense"},
        {"on": "bob@example.com", "place": "hold", "until": "2099-01-01T00:00:00Z", "over": False, "note": "copying"},
        {"on": "it dept", "place": "new", "until": None, "over": False, "note": ""},
        {"on": "old@example.net", "place": "old", "until": "2001-01-01T00:00:00Z", "over": True, "note": ""}]
    assert [pin["on"] for pin in bare.json("pin", "--list", "EXAMPLE.net")] == ["old@example.net"]
    said = bare.ctl("pin", "--list").stdout
    assert "2099-01-01T00:00:00Z" in said and "(over)" in said and "it dept" in said
    bare.fails(2, "pin", "--list", "no domain")
    bare.fails(2, "pin", "--list", "example.com", "new")
    bare.redis.command("SET", "cutover:pin:big@example.com", "x" * (1 << 20))
    assert len(bare.ctl("pin", "--list").stdout) < 4000, "what is none is cut"
    assert [p["place"] for p in bare.json("pin", "--list") if p["on"] == "big@example.com"] == ["bad"]


def test_lists(world):
    assert world.json("list", "example.com") == {"domain": "example.com", "lists": []}
    world.state(lists="canary", weight=0)
    world.policyd.wait_for_route("alice@example.com", "cutover-old")
    assert world.ctl("list", "example.com").stdout == "no lists\n"
    said = world.ctl("list", "example.com", "canary", "add", "Alice+tag@EXAMPLE.com", "bob@example.com", "--why", "first").stdout
    assert "alice@example.com is on canary" in said and "its units are on new" in said
    world.policyd.wait_for_route("alice@example.com", "cutover-new")
    assert world.json("list", "example.com", "canary") == {
        "domain": "example.com", "list": "canary", "members": ["alice@example.com", "bob@example.com"]}
    event = world.json("events")[-1]
    assert (event["what"], event["key"], event["to"], event["why"]) == ("list", "bob@example.com", "canary", "first")
    assert "was on canary" in world.ctl("list", "example.com", "canary", "add", "bob@example.com").stdout
    assert "is off canary" in world.ctl("list", "example.com", "canary", "remove", "alice@example.com").stdout
    world.policyd.wait_for_route("alice@example.com", "cutover-old")
    assert world.ctl("list", "example.com", "canary", "remove", "alice@example.com", check=False).returncode == 1
    assert "decide nothing" in world.ctl("list", "example.com", "later", "add", "zoe@example.com").stdout
    assert "stay on old" in world.ctl("list", "example.com", "exclude", "add", "zoe@example.com").stdout
    assert world.json("list", "example.com") == {"domain": "example.com", "lists": [
        {"list": "canary", "units": 1}, {"list": "exclude", "units": 1}, {"list": "later", "units": 1}]}
    said = world.ctl("list", "example.com").stdout
    assert "canary, 1 unit, which are on new" in said and "exclude, 1 unit" in said and "later, 1 unit" in said
    assert "exclude is now empty: it keeps nobody on old" in world.ctl(
        "list", "example.com", "exclude", "remove", "zoe@example.com").stdout
    assert "exclude is empty" in world.ctl("list", "example.com", "exclude").stdout
    assert "stay on old" in world.ctl("list", "example.com", "known", "add", "zoe@example.com", "bob@example.com").stdout
    assert "others stay on old" in world.ctl("list", "example.com", "known", "remove", "bob@example.com").stdout
    said = world.ctl("list", "example.com", "known", "remove", "zoe@example.com").stdout
    assert "known is now empty" in said and "others stay on old" not in said
    world.fails(2, "list", "example.com", "can ary")
    world.fails(2, "list", "example.com", "canary", "add")
    assert "nothing was changed" in world.fails(2, "list", "example.com", "canary", "add", "zed@example.com", "@")
    assert "zed" not in str(world.json("list", "example.com", "canary"))
    world.fails(2, "list", "example.com", "canary", "toggle", "a@example.com")
    world.fails(1, "list", "example.net", "canary")
    world.redis.set_domain("alias.example", same_as="example.com")
    assert "same_as" in world.fails(1, "list", "alias.example", "canary")


@pytest.mark.parametrize("words, says", [(("moves", "example.com", "--to", "30"), "reads addresses"),
                                         (("pin", "--file", "-", "new"), "reads lines"), (("unit", "load", "-"), "reads lines")])
def test_who_types_is_told_what_is_waited_for(bare, words, says):
    bare.state()
    child, terminal = pty.fork()
    if child == 0:
        os.execv(CTL, [str(CTL), "-c", str(bare.policyd.config), *words])
    text = ""
    while "Ctrl-D ends" not in text:
        text += os.read(terminal, 65536).decode()
    os.write(terminal, b"\x04")
    os.waitpid(child, 0)
    os.close(terminal)
    assert says in text


def test_a_bad_line_and_nothing_is_written(bare):
    bare.state()
    lines = "a@example.com\nno@address@\nb@example.com both\n"
    said = bare.fails(1, "pin", "--file", "-", "new", stdin=lines)
    assert "standard input:2: no@address@" in said and "standard input:3: both" in said and "2 lines are wrong" in said
    assert bare.redis.command("KEYS", "cutover:pin:*") == [] and bare.json("events") == []
    assert "the place is missing" in bare.fails(1, "pin", "--file", "-", stdin="a@example.com\n")
    bare.fails(1, "pin", "--file", "/nonexistent", "new")


# unit

def test_units(world):
    said = world.ctl("unit", "set", "A.Smith+x@Example.com", "alice@EXAMPLE.com").stdout
    assert world.get("unit:a.smith@example.com") == "alice@example.com"
    assert "policyd answers" in said
    assert world.json("route", "a.smith@example.com")["bucket"] == 5319
    listed = "bob@example.com, it dept\ncarol@example.com it dept\ndave@example.com\tit dept\n# no one\n"
    assert "3 units written" in world.ctl("unit", "load", "-", stdin=listed).stdout
    assert world.json("unit", "show", "bob@example.com") == world.json("unit", "show", "it dept")
    shown = world.json("unit", "show", "it dept")
    assert shown["unit"] == "it dept" and sorted(shown["addresses"]) == [f"{n}@example.com" for n in ("bob", "carol", "dave")]
    assert "3 addresses by name" in world.ctl("unit", "show", "it dept").stdout
    world.ctl("unit", "delete", "bob@example.com")
    assert world.get("unit:bob@example.com") is None
    world.fails(1, "unit", "delete", "bob@example.com")
    assert world.json("unit", "show", "bob@example.com") == {"unit": "bob@example.com", "addresses": []}
    assert "2: b@example.com: an address and its unit" in world.fails(1, "unit", "load", "-", stdin="a@example.com x\nb@example.com\n")
    for words in ("set", "a@example.com"), ("frob",), ("set", "nobody", "x"), ("load",), ("show",):
        world.fails(2, "unit", *words)


# moves

def test_moves_are_those_of_the_buckets(bare):
    bare.state(weight=20, lists="canary")
    bare.redis.set_domain("alias.example", same_as="example.com")
    bare.redis.command("SADD", "cutover:list:example.com:canary", "user0001@example.com")
    bare.redis.command("SADD", "cutover:list:example.com:exclude", "user0002@example.com")
    bare.redis.command("SET", "cutover:pin:user0003@example.com", "old")
    bare.redis.command("SET", "cutover:unit:user0004@example.com", "user0005@example.com")
    users = [f"user{i:04d}@example.com" for i in range(2500)]

    def side(user, weight):
        if user[4:8] in ("0001", "0002", "0003"):
            return None
        unit = user.replace("0004", "0005")
        return bucket(unit) < weight * 100

    wanted = [u for u in users if side(u, 20) != side(u, 45.5)]
    assert 500 < len(wanted) < 800
    given = "\n".join(["Postmaster@example.com", "x@elsewhere.example", "no address", *users, "user0007@alias.example"])
    done = bare.ctl("moves", "example.com", "--to", "45.5", stdin=given)
    alias = ["user0007@alias.example"] if side("user0007@example.com", 20) != side("user0007@example.com", 45.5) else []
    assert done.stdout.split() == wanted + alias
    assert "1 line is no address" in done.stderr
    back = bare.json("moves", "example.com", "--to", "0", stdin="\n".join(users))
    assert {m["address"] for m in back} == {u for u in users if side(u, 20)}
    assert {(m["from"], m["to"]) for m in back} == {("new", "old")}
    assert bare.ctl("moves", "example.com", "--to", "20", stdin=given).stdout == ""


def test_moves_in_other_forms(bare):
    bare.state(weight=0)
    given = 'alice@example.com\n"odd \\"name, x"@example.com\n'
    csv = bare.ctl("moves", "example.com", "--to", "100", "--format", "csv", stdin=given).stdout.splitlines()
    assert csv == ["address,from,to,unit,redirect,mails,mean_size,aliases,forwards,rehearsal",
                   "alice@example.com,old,new,alice@example.com,alice@new.example.com,,,,,",
                   '"""odd \\""name, x""@example.com",old,new,"odd ""name, x@example.com","""odd \\""name, x""@new.example.com",,,,,']
    sieve = bare.ctl("moves", "example.com", "--to", "100", "--format", "sieve", stdin=given).stdout.splitlines()
    assert sieve[0] == 'require ["envelope"];'
    assert sieve[1] == 'if envelope :is "to" "alice@example.com" { redirect "alice@new.example.com"; stop; }'
    assert sieve[2].startswith('if envelope :is "to" "\\"odd \\\\\\"name, x\\"@example.com" {')
    virtual = bare.ctl("moves", "example.com", "--to", "100", "--format", "virtual", stdin=given).stdout.splitlines()
    assert virtual == ["alice@example.com alice@new.example.com",
                       '"odd \\"name, x"@example.com "odd \\"name, x"@new.example.com']
    bare.state(weight=100)
    back = bare.ctl("moves", "example.com", "--to", "0", "--format", "virtual", stdin="alice@example.com").stdout
    assert back == "# no redirect any more: alice@example.com\n"
    for words in ("--to", "101"), ("--to", "30%"), (), ("--to", "3", "--format", "xml"):
        bare.fails(2, "moves", "example.com", *words, stdin="")
    bare.fails(1, "moves", "example.net", "--to", "3", stdin="")


# rollback, forget, accept-state

def test_rollback(world):
    world.state(weight=70, lists="canary")
    world.redis.command("SADD", "cutover:list:example.com:canary", "a@example.com", "b@example.com")
    for i in range(25):
        world.redis.command("SET", f"cutover:pin:p{i:02d}@example.com", "new")
    world.redis.command("SET", "cutover:pin:dept", "new")
    world.redis.command("SET", "cutover:pin:other@example.net", "new")
    world.redis.command("SET", "cutover:pin:held@example.com", "hold")
    said = world.ctl("rollback", "example.com").stdout
    assert world.hash()["weight"] == "0" and "rollback: 70 -> 0" in said and "policyd answers so" in said
    assert "by the list canary: 2 units" in said and "and 6 more by their pins" in said
    assert "other@example.net" not in said and "held@" not in said
    assert "postfix reload && sleep 2 && postqueue -f" in said
    assert world.json("events")[-1]["why"] == "rollback"
    said = world.ctl("rollback", "example.com", "--all").stdout
    assert world.hash()["mode"] == "old"
    world.policyd.wait_for_route("p00@example.com", "cutover-old")


def test_rollback_of_what_is_all_new(world):
    world.state(weight=100, mode="new")
    assert "--all" not in world.ctl("rollback", "example.com").stdout     # nobody is left on new
    assert (world.hash()["weight"], world.hash()["mode"]) == ("0", "split")
    world.policyd.wait_for_route("a@example.com", "cutover-old")


def test_rollback_that_is_none(bare):
    bare.redis.set_domain("alias.example", same_as="example.com")
    assert "same_as example.com" in bare.fails(1, "rollback", "alias.example")
    assert "has no state" in bare.fails(1, "rollback", "example.com")
    bare.state(weight=9, rev=5)
    bare.fails(4, "rollback", "example.com", "--if-rev", "4")


def test_set_mode_forgotten_has_the_guard_of_forget(world):
    assert "whose old is not the site's own way" in world.fails(4, "set", "example.com", "mode=forgotten")
    assert "without a good state" in world.fails(4, "set", "example.net", "mode=forgotten")
    world.ctl("set", "example.com", "mode=forgotten", "--force")
    world.ctl("set", "example.com", "mode=forgotten")


def test_a_rev_that_is_none_is_written_over(world):
    for rev in ("9223372036854775807", "18446744073709551615", "nonsense"):
        world.redis.command("HSET", "cutover:domain:example.com", "rev", rev)
        world.ctl("set", "example.com", "weight=1")
        assert abs(int(world.hash()["rev"]) - time.time()) < 60
        world.ctl("set", "example.com", "weight=0")


def test_rollback_names_a_mode_that_a_weight_does_not_change(world):
    world.ctl("set", "example.com", "mode=hold")
    assert "its mode stays hold" in world.ctl("rollback", "example.com").stdout
    assert "its mode stays" not in world.ctl("rollback", "example.com", "--all").stdout


def test_unpin_while_an_alarm_stands_says_that_it_waits(world):
    world.ctl("pin", "zed@example.com", "new")
    world.ctl("set", "example.net", "old=" + OLD, "new=" + NEW, "weight=0")
    world.redis.command("DEL", "cutover:domain:example.net")
    wait_for(lambda: "alarm: example.net is gone" in world.ctl("status", check=False).stdout, 10, "the alarm")
    said = world.ctl("unpin", "zed@example.com").stdout
    assert "policyd answers new" in said and "waits until accept-state" in said
    world.ctl("accept-state")
    wait_for(lambda: world.json("route", "zed@example.com")["pin"] is None, 10, "the pin is gone")


def test_forget(world):
    for weight in (0.01, 99, 100):
        world.state(weight=weight)
        assert "has people on new" in world.fails(4, "forget", "example.com")
    world.state(weight=0, mode="new")
    assert "has people on new" in world.fails(4, "forget", "example.com")
    world.state(weight=0, mode="split", old="site")
    world.ctl("pin", "alice@example.com", "new")
    assert "pins to new, standby or hold: 1" in world.fails(4, "forget", "example.com")
    world.ctl("pin", "alice@example.com", "old")
    world.ctl("forget", "example.com")
    assert world.hash()["mode"] == "forgotten"
    wait_for(lambda: world.policyd.ask("a@example.com").startswith("NOTFOUND"), 5, "the site's own maps route it")
    assert world.json("events")[-1]["what"] == "forget"
    world.state("example.net", weight=1)
    world.ctl("forget", "example.net", "--force", "--why", "given up")
    assert "given up (forced: forgetting" in world.json("events")[-1]["why"]
    world.fails(1, "forget", "alias.example")


@pytest.mark.parametrize("verb", [("forget", "example.com"), ("set", "example.com", "mode=forgotten")])
def test_who_is_forgotten_with_a_domain(world, verb):
    """By her pin, by a pin on her unit (which may bear any name), by another domain that looks there."""
    world.state(old="site")
    world.ctl("pin", "Bob@Example.com", "hold")
    assert "pins to new, standby or hold: 1" in world.fails(4, *verb)
    world.ctl("unpin", "bob@example.com")
    for unit in ("sales", "boss@example.net"):
        world.ctl("unit", "set", "carol@example.com", unit)
        world.ctl("pin", unit, "new")
        assert "pins to new, standby or hold: 1" in world.fails(4, *verb), unit
        world.ctl("unpin", unit)
    world.ctl("pin", "elsewhere", "new")
    world.ctl("set", "alias.example", "same_as=example.com")
    assert "alias.example is same_as it" in world.fails(4, *verb)
    assert "mode" not in world.hash() or world.hash()["mode"] == "split"
    world.ctl(*verb, "--force", "--why", "moved away")
    assert world.json("events")[-1]["why"] == "moved away (forced: alias.example is same_as it)"
    world.ctl(*verb)


@pytest.mark.parametrize("verb", [("forget", "alias.example"), ("set", "alias.example", "mode=forgotten")])
def test_an_alias_is_forgotten_with_the_people_of_the_other(world, verb):
    world.ctl("set", "alias.example", "same_as=example.com")
    assert "it is same_as example.com: its old is not the site's own way" in world.fails(4, *verb)
    world.ctl("set", "example.com", "old=site", "weight=10")
    assert "it is same_as example.com: about 10 %" in world.fails(4, *verb)
    world.ctl("set", "example.com", "weight=0")
    world.ctl("pin", "alice@example.com", "new")
    assert "pins to new" in world.fails(4, *verb)
    world.ctl("unpin", "alice@example.com")
    world.ctl(*verb)
    assert world.hash("alias.example")["mode"] == "forgotten"


def test_accept_state(world):
    world.redis.command("DEL", "cutover:domain:example.com")
    wait_for(lambda: world.json("status", check=False)["domains"][1]["suspect"], 5, "policyd keeps what it had")
    assert world.policyd.ask("a@example.com") == f"OK {OLD}"
    world.ctl("accept-state", "Example.com")
    assert re.fullmatch(r"example\.com \d{10}", world.get("accept"))
    wait_for(lambda: world.policyd.ask("a@example.com").startswith("TEMP"), 5, "policyd took it")
    world.state()
    world.policyd.wait_for_route("a@example.com", OLD)
    world.redis.command("DEL", "cutover:domain:example.com")
    wait_for(lambda: world.json("status", check=False)["domains"][1]["suspect"], 5, "policyd keeps what it had")
    first = int(world.get("accept").split()[1])
    world.ctl("accept-state")       # within the same second
    assert int(world.get("accept").removeprefix("* ")) > first
    wait_for(lambda: world.policyd.ask("a@example.com").startswith("TEMP"), 5, "policyd took it once more")
    assert [e["domain"] for e in world.json("events")] == ["example.com", "*"]


# --local

def test_local_works_without_redis(world):
    world.state(weight=70)
    world.policyd.wait_for_route("alice@example.com", "cutover-new")
    world.policyd.override.write_text("# by hand\nexample.net mode=hold\n")
    world.redis.kill()
    said = world.ctl("--local", "rollback", "example.com").stdout
    assert "policyd answers so" in said and "on each of the others" in said
    assert world.policyd.override.read_text() == "# by hand\nexample.net mode=hold\nexample.com weight=0\n"
    assert world.policyd.ask("alice@example.com") == f"OK {OLD}"
    assert world.json("route", "alice@example.com")["overridden"] is True
    world.ctl("--local", "set", "example.com", "weight=60", "mode=split")
    assert world.policyd.ask("alice@example.com") == f"OK {NEW}"
    said = world.ctl("--local", "rollback", "example.com", "--all").stdout
    assert "weight=0 mode=old" in said
    world.ctl("--local", "set", "example.com", "mode=")
    assert "weight=0" in world.policyd.override.read_text() and "mode=old" not in world.policyd.override.read_text()
    world.ctl("--local", "clear", "example.com")
    assert world.policyd.override.read_text() == "# by hand\nexample.net mode=hold\n"
    world.policyd.wait_for_route("alice@example.com", "cutover-new")


def test_local_rollback_of_what_is_all_new(world):
    world.state(mode="new")
    world.policyd.wait_for_route("alice@example.com", "cutover-new")
    world.ctl("--local", "rollback", "example.com")
    assert "mode=split" in world.policyd.override.read_text()
    world.policyd.wait_for_route("alice@example.com", "cutover-old")


@pytest.mark.parametrize("words", [("rollback", "exmaple.com"), ("rollback", "exmaple.com", "--all"), ("set", "exmaple.com", "mode=old")])
def test_local_of_a_misspelt_domain_is_no_rollback(bare, words):
    """With policyd and Redis down too: the right one would stay where it is, and rc 0 would say that all is done."""
    assert "did you mean example.com?" in bare.fails(1, "--local", *words)
    assert not bare.policyd.override.exists()
    bare.policyd.override.write_text("gone.example weight=0\n")
    bare.ctl("--local", "clear", "gone.example")
    assert bare.policyd.override.read_text() == ""


def test_usage_of_local(bare):
    for words in (("set", "example.com"), ("set", "example.com", "old=x"), ("set", "example.com", "weight=200"),
                  ("set", "example.com", "mode=forgotten"), ("status",), ("clear",)):
        bare.fails(2, "--local", *words)
    assert not bare.policyd.override.exists()
    bare.fails(2, "clear", "example.com")
    bare.policyd.policyd_options["override"] = "/nonexistent/override"
    bare.policyd.write_config()
    assert "/nonexistent/override" in bare.fails(1, "--local", "set", "example.com", "weight=1")


# status

def on_terminal(words, environment=None, seconds=20.0, until=None):
    """What a command prints on a terminal; with `until`, interrupted once that text was seen.  Also its exit code."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update({"TERM": "xterm", **(environment or {})})
        os.execv(words[0], [str(word) for word in words])
    text = ""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            text += data.decode()
        if until and until(text):
            os.kill(child, signal.SIGINT)
            until = None
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return text, os.waitstatus_to_exitcode(status)


def test_status_fits_and_explains(world):
    world.state(standby=STANDBY, lists="canary", weight=30.5)
    long_host = "a" * 60 + "." + "b" * 50 + ".example"
    world.redis.set_domain("example.net", old=f"cutover-old:[{long_host}]:25", new=f"cutover-new:[{long_host}]:25", weight=1, inside="forward")
    world.redis.set_domain("alias.example", same_as="example.com")
    world.policyd.wait_for_route("a@alias.example", "OK")
    wait_for(lambda: world.json("status", check=False)["domains"][2]["good"], 5, "all are known")
    said = world.ctl("status", check=False).stdout
    assert max(len(line) for line in said.splitlines()) <= 100
    assert "\x1b" not in said
    assert re.search(r"^example.com +split +30\.5 +accept", said, re.M)
    assert "the same as example.com" in said and f"standby {STANDBY}" in said and "list canary is on new" in said
    assert "is up, agreed" in said
    world.redis.set_domain("example.com", weight="30%\x1b[2J")
    wait_for(lambda: world.json("status", check=False)["domains"][1]["suspect"], 5, "policyd noticed")
    said = world.ctl("status", check=False).stdout
    assert "the last good state stays in force" in said and "\x1b" not in said
    assert max(len(line) for line in said.splitlines()) <= 100
    world.redis.kill()
    wait_for(lambda: "is away" in world.ctl("status", check=False).stdout, 10, "policyd noticed that Redis is away")


def test_status_with_policyd_down_and_with_both(bare):
    bare.state(weight=4)
    bare.redis.set_domain("example.net", old=OLD, new=NEW, weight="x")
    bare.redis.set_domain("stranger.example", old=OLD, new=NEW, weight=0)
    bare.policyd.override.write_text("example.com weight=2\n")
    said = bare.ctl("status", check=False).stdout
    assert "policyd not asked" in said and re.search(r"^example.com +split +2! ", said, re.M)
    assert "overridden by the file" in said and "not among [policyd] domains" in said
    document = bare.json("status", check=False)
    assert document["source"] == "redis" and document["pins"] is None
    assert [d["domain"] for d in document["domains"]] == ["alias.example", "example.com", "example.net", "stranger.example"]
    assert [d["good"] for d in document["domains"]] == [False, True, False, True]
    bare.redis.kill()
    done = bare.ctl("status", check=False)
    assert done.returncode == 3 and "Redis can't be used" in done.stderr
    # What needs neither of them is told all the same.
    assert "policyd not asked" in done.stdout and "wir" in done.stdout and "overridden by the file" in done.stdout
    assert "no good state" not in done.stdout and "no domains" not in done.stdout
    document = bare.json("status", check=False)
    assert document["source"] == "nobody" and document["bad"] is True and document["redis"]["up"] is False
    assert document["postfix"]["state"] and document["redis"]["error"] and document["pins"] is None


def test_colour_only_on_a_terminal(world):
    world.policyd.override.write_text("example.com weight=0\n")
    wait_for(lambda: "!" in world.ctl("status", check=False).stdout, 5, "the override is in force")
    words = [CTL, "-c", world.policyd.config, "status"]
    plain = world.ctl("status", check=False).stdout
    coloured, code = on_terminal(words)
    assert code == 1 and "\x1b[31mexample.com" in coloured and "\x1b" not in plain
    assert "\x1b" not in on_terminal(words, {"NO_COLOR": "1"})[0]
    assert "\x1b" not in on_terminal(words, {"TERM": "dumb"})[0]


def test_status_exits_1_when_something_is_bad(world):
    world.state("example.net")
    world.redis.set_domain("alias.example", same_as="example.com")
    world.policyd.wait_for_route("a@alias.example", "OK")
    wait_for(lambda: world.ctl("status", check=False).returncode == 0, 5, "all is well")
    document = world.json("status")
    assert document["bad"] is False and document["domains"][0]["domain"] == "alias.example"
    said = world.ctl("status").stdout

    def bad(text, undo, *, times=1):
        wait_for(lambda: text in world.ctl("status", check=False).stdout, 10, text)
        done = world.ctl("status", check=False)
        assert done.returncode == 1 and done.stdout.count(text) == times, done.stdout
        assert world.json("status", check=False)["bad"] is True
        undo()
        wait_for(lambda: world.ctl("status", check=False).returncode == 0, 10, f"{text}: over")

    world.policyd.override.write_text("example.com weight=0\n")
    bad("overridden by the file", lambda: world.policyd.override.unlink())
    world.policyd.override.write_text("example.com wait=0\n")
    bad("1 bad line", lambda: world.policyd.override.unlink())
    world.redis.set_domain("example.com", weight="30%")
    bad("weight=30%", lambda: world.redis.set_domain("example.com", weight=0))
    world.redis.command("SET", "cutover:pin:a@example.com", "nonsense")
    bad("nonsense", lambda: world.redis.command("DEL", "cutover:pin:a@example.com"))
    text = world.policyd.config.read_text()
    later = time.time() + 100
    world.policyd.config.write_text(text + "# changed\n")
    os.utime(world.policyd.config, (later, later))
    bad("is newer than what policyd runs with", lambda: world.policyd.process.signal(signal.SIGHUP))
    world.policyd.config.write_text(text + "[policyd]\nhold_at = nowhere\n")
    world.policyd.process.signal(signal.SIGHUP)

    def mend():
        world.policyd.config.write_text(text)
        world.policyd.process.signal(signal.SIGHUP)

    bad("policyd has refused to reload", mend)
    # A warning is none of that.
    world.redis.command("HSET", "cutover:domain:example.com", "colour", "blue")
    wait_for(lambda: "warning: " in world.ctl("status", check=False).stdout, 5, "the unknown field is told")
    assert world.ctl("status").returncode == 0
    world.redis.kill()
    wait_for(lambda: "is away" in world.ctl("status", check=False).stdout, 10, "policyd noticed")
    assert world.ctl("status", check=False).returncode == 1
    assert said.startswith("policyd ")


def test_q_ends_the_watch_and_leaves_the_terminal_as_it_was(world):
    child, terminal = pty.fork()
    if child == 0:
        os.environ["TERM"] = "xterm"
        os.execv("/bin/sh", ["/bin/sh", "-c", f"'{CTL}' -c '{world.policyd.config}' status --watch; echo code $?; stty -a"])
    text = ""
    while "DOMAIN" not in text:
        text += os.read(terminal, 65536).decode()
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} on \S+, every 2 s; q ends", text)
    os.write(terminal, b"xq")
    try:
        while data := os.read(terminal, 65536):
            text += data.decode()
    except OSError:
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    assert "code 0" in text and re.search(r"(?<!-)icanon", text) and re.search(r"(?<!-)\becho\b", text)


def test_watch_goes_on_until_interrupted(world):
    words = [CTL, "-c", world.policyd.config, "status", "--watch"]
    text, code = on_terminal(words, until=lambda text: text.count("\x1b[H\x1b[2J") >= 2)
    assert code == 0 and text.count("DOMAIN") >= 2
    with subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout.readline().startswith("policyd ")
        world.policyd.kill()
        for line in watch.stdout:
            if line.startswith("policyd not asked"):
                break
        watch.send_signal(signal.SIGTERM)
        watch.stdout.close()
        assert watch.wait(10) in (0, 1)


def test_status_names_a_changed_transport_maps(world):
    etc = world.folder / "etc"
    etc.mkdir()
    main = etc / "main.cf"
    main.write_text(f"compatibility_level = 3.6\nqueue_directory = {world.policyd.folder}\ntransport_maps = hash:/new\n")
    (etc / "master.cf").write_text(pathlib.Path("/etc/postfix/master.cf.proto").read_text() +
        "rewrite-cutover unix - - y - - trivial-rewrite\n"
        "  -o { transport_maps = socketmap:unix:run/route.sock:transport, hash:/old }\n")
    os.utime(main, (1, 1))
    said = world.ctl("status", "--directory", etc, check=False).stdout
    assert "transport_maps has changed since the last --apply" in said and "hash:/new" in said and "hash:/old" in said
    main.write_text(main.read_text().replace("hash:/new", "hash:/old"))
    os.utime(main, (1, 1))
    assert "has changed" not in world.ctl("status", "--directory", etc, check=False).stdout


# events

def test_events(bare):
    bare.state("example.com")
    bare.state("example.net")
    for i in range(1, 31):
        bare.redis.command("XADD", "cutover:events", "*", "time", 1764000000 + i, "who", "w\x1b", "host", "h", "domain",
                           "example.net" if i % 3 else "example.com", "what", "weight", "from", i - 1, "to", i, "why", "", "rev", i)
    assert [e["rev"] for e in bare.json("events")] == [str(i) for i in range(11, 31)]
    assert [e["rev"] for e in bare.json("events", "--domain", "EXAMPLE.com", "--limit", "3")] == ["24", "27", "30"]
    said = bare.ctl("events", "--limit", "1").stdout
    assert "2025-11-24T16:00:30Z" in said and "29 -> 30" in said and "w\\x1b@h" in said
    assert "no events" in bare.ctl("events", "--domain", "alias.example").stdout
    long = "a.rather.long.name.of.somebody@department.example.com"
    bare.redis.command("XADD", "cutover:events", "*", "time", 1764000031, "who", "root", "host", "gateway-1.example.net", "domain",
                       "example.com", "what", "pin", "from", f"{long} none", "to", f"{long} new", "why", "asked for it \u202e", "rev", "")
    said = bare.ctl("events", "--limit", "1").stdout
    assert f"{long} none -> {long} new" in " ".join(said.split()) and "root@gateway-1.example.net" in said
    assert "\u202e" not in said and max(len(line) for line in said.splitlines()) <= 100
    bare.fails(2, "events", "--limit", "x")
    bare.fails(2, "events", "--domain", "a b")


def test_events_are_followed(bare):
    bare.state()
    command = [str(CTL), "-c", str(bare.policyd.config), "events", "--follow", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        found = []

        def change():
            bare.ctl("set", "example.com", f"weight={len(found) + 1}")
            found.append(1)
            return select.select([follower.stdout], [], [], 1)[0]

        wait_for(change, 15, "the follower says something")
        assert json.loads(follower.stdout.readline())["what"] == "weight"
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 0


# The rest.

def test_unknown_verbs_and_help(bare):
    said = bare.fails(2, "frobnicate")
    for verb in ("status", "route", "set", "pin", "unpin", "unit", "moves", "rollback", "forget", "accept-state", "events", "preflight", "postfix-setup"):
        assert verb in said
        done = bare.ctl(verb, "--help")
        assert done.stdout.startswith(f"usage: postshiftctl {verb}")
        assert verb in bare.ctl("-h").stdout
    assert "there is no verb rehearse" in bare.fails(2, "rehearse", "example.com")
    assert run(CTL, "-V").stdout.startswith("postshiftctl ")
    assert run(CTL, check=False).returncode == 2
    assert "takes no --" in bare.fails(2, "route", "a@example.com", "--force")


def test_errors_of_the_file_are_those_of_the_daemons(bare):
    bare.policyd.config.write_text("[policyd]\ntransport = x\nsnapshot = here\n[reddis]\n[redis]\ntimeout = 2 s\n")
    by_ctl = bare.ctl("status", check=False)
    by_policyd = run(BIN / "postshift-policyd", "-t", "-c", bare.policyd.config, check=False)
    assert by_ctl.returncode == by_policyd.returncode == 78
    assert by_ctl.stderr == by_policyd.stderr
    assert len(by_ctl.stderr.splitlines()) == 4
    assert run(CTL, "-c", "/nonexistent/file", "status", check=False).returncode == 78


@pytest.mark.parametrize("lines", [
    "[scan]\nworkres = 4\n", "[auth]\nlisten = here\n", "[dns]\nservers 127.0.0.1\n",
    "[cutover]\nkep = 30d\n", "[scam]\nworkers = 4\n", "[policyd]\nhold_at = nonsense\n", "[policyd]\nlog_rotues = yes\n",
    "[policyd]\nuser = nobody-of-that-name\n", "[log]\nlevel = loud\n", "[policyd]\nsnapshot = here\n"])
def test_what_an_emergency_does_not_need_may_be_wrong(bare, lines):
    bare.state(weight=10)
    bare.policyd.config.write_text(bare.policyd.config.read_text() + lines)
    for words in ("rollback", "example.com"), ("--local", "rollback", "example.com"), ("status",), ("route", "a@example.com"):
        done = bare.ctl(*words, check=words[0] != "status")
        assert f"warning: {bare.policyd.config}:" in done.stderr, words
    assert bare.hash()["weight"] == "0" and "example.com weight=0" in bare.policyd.override.read_text()
    assert bare.fails(78, "-t").startswith(str(bare.policyd.config))
    assert bare.ctl("postfix-setup", check=False).returncode == 78


@pytest.mark.parametrize("lines", [
    "[policyd]\ntransports = [x]\n", "[policyd]\nnexthop = 192.0.2.1\n", "[policyd]\ndomains = a_b@c\n", "[polcyd]\ndomains = a.example\n",
    "[policyd]\noverride = here\n", "[policyd]\nno assignment\n"])
def test_what_it_needs_must_be_right(bare, lines):
    bare.state(weight=10)
    text = bare.policyd.config.read_text()
    key = lines.splitlines()[1].split(" =")[0]
    text = "".join(line for line in text.splitlines(True) if not line.startswith(key + " "))
    bare.policyd.config.write_text(text + lines)
    for words in ("rollback", "example.com"), ("--local", "rollback", "example.com"), ("status",):
        bare.fails(78, *words)
    assert bare.hash()["weight"] == "10"


def test_a_wrong_redis_section_leaves_what_needs_no_redis(world):
    world.policyd.config.write_text(world.policyd.config.read_text() + f"[ctl]\nredis_password_file = {world.folder}/none\n")
    assert "warning: " in world.ctl("--local", "rollback", "example.com").stderr
    assert "warning: " in world.ctl("status", check=False).stderr
    assert "redis_password_file" in world.fails(78, "rollback", "example.com")
    world.policyd.kill()
    said = world.fails(3, "route", "a@example.com")
    assert "what the file says of it is wrong" in said
    done = world.ctl("status", check=False)
    assert done.returncode == 3 and "policyd not asked" in done.stdout and "wir" in done.stdout


def test_a_file_for_others_is_explained(bare):
    bare.policyd.config.chmod(0o600)
    user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run([str(CTL), "-c", str(bare.policyd.config), "status"], capture_output=True, text=True, **user)
    assert done.returncode == 78 and "Permission denied" in done.stderr and "run this with sudo" in done.stderr


@pytest.mark.parametrize("typo, verb", [("stauts", "status"), ("rolback", "rollback"), ("pins", "pin"), ("evnets", "events"),
                                        ("postfix-stup", "postfix-setup")])
def test_a_misspelt_verb_gets_a_suggestion(bare, typo, verb):
    assert f"there is no verb {typo} (did you mean {verb}?)" in bare.fails(2, typo)


def test_the_example_has_every_key_at_its_default(folder):
    text = (ROOT / "postfix-conf/postshift.conf").read_text(encoding="utf-8")
    bare_text = re.sub(r"(?m)^#(\w+ =)", r"\1", text)
    assert not re.search(r"(?m)^[^#\[\n]", text), "only comments and sections"
    file = folder / "postshift.conf"
    # These name what the machine has or hasn't.
    file.write_text(re.sub(r"(?m)^(user|databases|temp|snapshot) =.*\n", "", bare_text), encoding="utf-8")
    for program in ("postshiftctl", "postshift-policyd"):
        assert run(BIN / program, "-c", file, "-t", check=False).returncode == 0


def example_groups():
    """Of each comment in the example: section, comment, and the keys with their defaults that it explains."""
    section, comment, keys = None, "", {}
    for line in [*(ROOT / "postfix-conf/postshift.conf").read_text(encoding="utf-8").splitlines(), "[]"]:
        key = re.fullmatch(r"#(\w+) =(.*)", line)
        if key:
            keys[key[1]] = key[2].strip()
            continue
        if keys:
            yield section, comment, keys
            comment, keys = "", {}
        if line.startswith("["):
            section, comment = line.strip("[]"), ""
        comment += line


def test_the_example_is_right_about_empty_values(folder):
    """A key that stands there without a value may; so may one of those of which it says what empty means."""
    programs = {"auth": "postshift-auth", "scan": "postshift-scan", "dns": "postshift-auth", "cutover": "postshift-cutover", "rehearsal": "postshift-rehearsal",
                "ctl": "postshiftctl"}
    file = folder / "postshift.conf"
    for section, comment, keys in example_groups():
        refused = set()
        for key in keys:
            file.write_text(f"[{section}]\n{key} =\n", encoding="utf-8")
            said = run(BIN / programs.get(section, "postshift-policyd"), "-c", file, "-t", check=False)
            if f"[{section}] {key}" in said.stdout + said.stderr:
                refused.add(key)
        assert not {key for key in refused if keys[key] == ""}, f"{section}: an empty default that is refused"
        if re.search("(?i)empty", comment):
            assert refused != set(keys), f"{section}: {comment}"


def test_the_manual_page_has_every_key_of_the_example():
    page = (ROOT / "postfix-conf/postshift.conf.5").read_text(encoding="utf-8")
    heads = {part.split("\n")[0].strip('"').removeprefix("SECTION ").strip("[]"): " ".join(re.findall(r"(?m)^\.TP\n\.B?R? ?(.*)", part))
             for part in re.split(r"(?m)^\.S[HS] ", page)}
    missing = [f"[{section}] {key}" for section, _, keys in example_groups() for key in keys
               if not re.search(rf"\b{key}\b", heads.get(section, ""))]
    assert not missing, "keys that postshift.conf(5) does not explain"


def test_redis_away_or_unwilling_is_3(bare):
    bare.state()
    bare.redis.command("CONFIG", "SET", "requirepass", "secret")
    for words in ("set", "example.com", "weight=1"), ("pin", "a@example.com", "new"), ("events",), ("accept-state",):
        assert "Redis can't be used" in bare.fails(3, *words)
    bare.redis.process.resume_and_kill()
    for words in (("set", "example.com", "weight=1"), ("unpin", "a@example.com"), ("unit", "show", "a@example.com"),
                  ("moves", "example.com", "--to", "3"), ("forget", "example.com"), ("rollback", "example.com"), ("route", "a@example.com")):
        said = bare.fails(3, *words, stdin="")
        assert "--local rollback work without it" in said


def test_keys_of_another_type_are_named(bare):
    bare.redis.command("SET", "cutover:domain:example.com", "x")
    bare.redis.command("SADD", "cutover:pin:a@example.com", "x")
    assert "no hash" in bare.fails(1, "set", "example.com", f"old={OLD}", f"new={NEW}", "weight=0")
    assert "another type" in bare.fails(1, "pin", "a@example.com", "new")
    assert "no hash" in bare.ctl("status", check=False).stdout


def test_a_hanging_redis_is_not_waited_for(bare):
    bare.state()
    bare.redis.pause()
    started = time.monotonic()
    bare.fails(3, "set", "example.com", "weight=1")
    assert time.monotonic() - started < 5
    bare.redis.resume()


def test_the_users_of_redis(folder):
    acl = (ROOT / "postfix-conf/redis-users.acl").read_text(encoding="utf-8")
    users = folder / "users.acl"
    users.write_text(re.sub(r"(?m)^(user \S+) off ", r"\1 on >secret ", acl) + "user default off\n", encoding="utf-8")
    password = folder / "password"
    password.write_text("secret\n")
    redis = RedisServer(folder / "redis", "127.20.5.2", lines=[f"include {users}"])
    redis.is_ready = lambda: redis.process.running() and "Ready to accept" in redis.process.output()
    redis.start()
    policyd = Policyd(folder, "127.20.5.5", redis=redis, domains=DOMAINS,
                      redis_lines={"username": "postshift-policyd", "password_file": password})
    policyd.config.write_text(policyd.config.read_text() + f"[ctl]\nredis_username = postshift-operator\nredis_password_file = {password}\n")
    try:
        policyd.start()
        for words in (("set", "example.com", f"old={OLD}", f"new={NEW}", "weight=10", "inside=accept"), ("pin", "a@example.com", "new"),
                      ("unit", "set", "b@example.com", "a@example.com"), ("unit", "show", "b@example.com"), ("unpin", "a@example.com"),
                      ("rollback", "example.com"), ("events",), ("accept-state",)):
            policyd.ctl(*words)
        policyd.wait_for_route("b@example.com", "cutover-old")
        text = policyd.config.read_text()
        policyd.config.write_text(text.replace("redis_username = postshift-operator", "redis_username = postshift-policyd"))
        refused = policyd.ctl("set", "example.com", "weight=1", check=False)
        assert refused.returncode == 3 and "NOPERM" in refused.stderr
    finally:
        policyd.process.resume_and_kill()
        redis.process.resume_and_kill()
