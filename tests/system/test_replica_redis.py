"""What is not an order: each rule done to a real Redis, with a real policyd that follows it.

Addresses: 127.20.1.x.
"""
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from policyd import Policyd
from processes import BIN, can_connect, run, wait_for
from redis_server import RedisServer, Sentinel

OLD = "cutover-old:[127.0.0.1]:12601"
NEW = "cutover-new:[127.0.0.1]:12602"
TEMP = "TEMP"
INVALID = "postshift_policyd_replica_invalid"
# Buckets: alice 5319, bob 5374.
ALICE, BOB = "alice@example.com", "bob@example.com"
PINS = 300


class Site:
    """Starts what a test needs, each program in the test's folder, and ends it all."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = []

    def redis(self, name="redis", address="127.20.1.1", **how):
        return self.keep(RedisServer(self.folder / name, address, **how)).start()

    def policyd(self, redis=None, *, start=True, loaded=None, address="127.20.1.2", domains="example.com", **how):
        program = self.keep(Policyd(self.folder, address, redis=redis, domains=domains, **how))
        return program.start(loaded=loaded) if start else program

    def sentinel(self, address, primary, name="sentinel", **how):
        return self.keep(Sentinel(self.folder / name, address, 26379, primary, **how))

    def keep(self, program):
        self.programs.append(program)
        return program

    def stop(self):
        codes = [program.stop() for program in reversed(self.programs) if program.process.running()]
        assert not any(codes), (codes, [program.process.output() for program in self.programs])

    def secret(self, text):
        path = self.folder / "secret"
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path


@pytest.fixture
def site(folder):
    made = Site(folder)
    try:
        yield made
        made.stop()
    finally:
        for program in made.programs:
            program.process.kill()


@pytest.fixture
def redis(site):
    return site.redis()


@pytest.fixture
def policyd(site, redis):
    good(redis)
    return site.policyd(redis, domains="example.com example.org")


def good(redis, weight=30, domain="example.com", **more):
    redis.set_domain(domain, weight=weight, old=OLD, new=NEW, **more)


def backend(policyd, address=ALICE):
    """old, new, hold, TEMP or NOTFOUND."""
    answer = policyd.ask(address)
    for text, name in (("cutover-old:", "old"), ("cutover-new:", "new"), ("retry:4.2.1", "hold"),
                       ("TEMP", "TEMP"), ("NOTFOUND", "NOTFOUND")):
        if text in answer:
            return name
    raise AssertionError(answer)


def wait_for_backend(policyd, name, address=ALICE, seconds=5):
    wait_for(lambda: backend(policyd, address) == name, seconds, f"{address} on {name}")


def status(policyd, domain="example.com"):
    rows = [row for row in policyd.document("/status.json")["domains"] if row["domain"] == domain]
    return rows[0] if rows else None


def notes(policyd):
    return "\n".join(policyd.document("/status.json")["notes"])


def has_alarm(policyd):
    return "alarm:" in notes(policyd)


def caught_up(policyd, redis):
    """A change made now is in force only when all before it are; the pin stands in no other test's way."""
    caught_up.count += 1
    redis.command("SET", f"cutover:pin:marker{caught_up.count}@example.com", "hold")
    wait_for_backend(policyd, "hold", f"marker{caught_up.count}@example.com")


caught_up.count = 0


def loads(policyd, result):
    return policyd.process.output().count(f"load={result}")


def reload(policyd, redis, result="taken"):
    """Cuts the connections; the whole is read again."""
    before = loads(policyd, result)
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    wait_for(lambda: loads(policyd, result) > before, 15, f"a load that is {result}")


def set_pins(redis, count=PINS, value="new"):
    with redis.connect() as client:
        client.pipeline([("SET", f"cutover:pin:user{i}@example.com", value) for i in range(count)])


def delete_pins(redis, first, last):
    with redis.connect() as client:
        client.pipeline([("DEL", f"cutover:pin:user{i}@example.com") for i in range(first, last)])


def pins(policyd):
    return policyd.document("/status.json")["pins"]


# Values.

BAD = {
    "percent": {"weight": "30%"}, "word": {"weight": "abc"}, "negative": {"weight": "-1"}, "exponent": {"weight": "1e9"},
    "above": {"weight": "101"}, "three decimals": {"weight": "30.123"}, "empty weight": {"weight": ""},
    "unknown mode": {"mode": "sideways"}, "standby without standby": {"mode": "standby"},
    "discard": {"new": "discard:"}, "error": {"new": "error:no"}, "unknown service": {"new": "smtp:[127.0.0.1]:25"},
    "unbracketed": {"new": "cutover-new:mx.example:25"}, "unix without lmtp": {"new": "cutover-new:unix:/a"},
    "control characters": {"new": "cutover-new:[127.0.0.1]:25\r\nx"}, "empty nexthop": {"new": "cutover-new:"},
    "negative rev": {"rev": "-1"}, "no bytes of text": {"old": b"\xff\xfe\x00"},
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_value_keeps_the_last_good_state(policyd, redis, what):
    redis.set_domain("example.com", weight=70)
    wait_for_backend(policyd, "new")
    redis.set_domain("example.com", **BAD[what])
    caught_up(policyd, redis)
    assert backend(policyd) == "new"
    row = status(policyd)
    field = next(iter(BAD[what]))
    assert row["suspect"] and row["weight"] == 70 and field in row["why"].replace("mode is standby", "mode")
    wait_for(lambda: policyd.metric(INVALID) == 1, 5, "it is counted")
    line = "warning: domain=example.com, field="
    assert policyd.process.output().count(line) == 1
    # Read again it is told no more, and a restart of Redis' state to sense ends it.
    reload(policyd, redis)
    assert backend(policyd) == "new" and policyd.process.output().count(line) == 1
    redis.command("DEL", "cutover:domain:example.org")
    redis.command("HDEL", "cutover:domain:example.com", "mode", "rev")
    good(redis, weight=10)
    wait_for_backend(policyd, "old")
    assert not status(policyd)["suspect"] and not has_alarm(policyd)
    wait_for(lambda: policyd.metric(INVALID) == 0, 5, "none is counted")


@pytest.mark.parametrize("field", ["old", "new", "weight"])
def test_a_missing_field_keeps_the_last_good_state(policyd, redis, field):
    redis.command("HDEL", "cutover:domain:example.com", field)
    caught_up(policyd, redis)
    assert backend(policyd) == "old" and status(policyd)["suspect"]
    assert "is missing" in status(policyd)["why"]


def test_another_type_of_key_keeps_the_last_good_state(policyd, redis):
    redis.command("SET", "cutover:domain:example.com", "weight=100")
    caught_up(policyd, redis)
    assert backend(policyd) == "old" and status(policyd)["suspect"]
    reload(policyd, redis)
    assert backend(policyd) == "old" and status(policyd)["suspect"] and not has_alarm(policyd)


def test_a_domain_that_never_was_good_waits(policyd, redis):
    redis.set_domain("example.org", weight="x", old=OLD, new=NEW)
    caught_up(policyd, redis)
    assert backend(policyd, "a@example.org") == TEMP
    redis.set_domain("example.org", weight="100")
    wait_for_backend(policyd, "new", "a@example.org")


MIB17 = 17 << 20

TOO_LARGE = {
    "a field": lambda r: r.command("HSET", "cutover:domain:big.example", "old", "x" * MIB17),
    "a field's name": lambda r: r.command("HSET", "cutover:domain:big.example", "x" * MIB17, "1"),
    "fields": lambda r: r.connect(60).command("EVAL", "for i = 1, 500000 do redis.call('HSET', KEYS[1], i, i) end", 1,
                                              "cutover:domain:big.example"),
    "an unlisted domain": lambda r: r.command("HSET", "cutover:domain:unlisted.example", "weight", "9" * MIB17),
    "a pin": lambda r: r.command("SET", "cutover:pin:big@example.com", "new note=" + "x" * MIB17),
    "a unit": lambda r: r.command("SET", "cutover:unit:big@example.com", "x" * MIB17),
    "a member": lambda r: r.command("SADD", "cutover:list:example.com:big", "a@example.com", "x" * MIB17),
    "another type": lambda r: r.command("SADD", "cutover:pin:big@example.com", "x" * MIB17),
    "a key": lambda r: r.command("SET", "cutover:pin:" + "k" * MIB17, "new"),
    "accept": lambda r: r.command("SET", "cutover:accept", "x" * MIB17),
}


@pytest.mark.limit(90)
@pytest.mark.parametrize("what, live", [*((what, True) for what in TOO_LARGE), ("fields", False), ("a pin", False),
                                        ("a member", False), ("a key", False)])
def test_what_is_too_large_is_a_bad_value_of_that_key_alone(site, what, live):
    redis = site.redis()
    good(redis)
    redis.command("SET", f"cutover:pin:{BOB}", "hold")
    policyd = site.policyd(redis, domains="example.com big.example", start=live)
    TOO_LARGE[what](redis)
    policyd = policyd if live else policyd.start()
    # The others are followed as ever, over the same connections, and Redis is left in peace.
    redis.set_domain("example.com", weight=100)
    redis.command("DEL", f"cutover:pin:{BOB}")
    wait_for_backend(policyd, "new", seconds=20)
    wait_for_backend(policyd, "new", BOB, seconds=20)
    commands = int(re.search(r"total_commands_processed:(\d+)", redis.command("INFO", "stats"))[1])
    time.sleep(2)
    assert int(re.search(r"total_commands_processed:(\d+)", redis.command("INFO", "stats"))[1]) - commands < 30
    assert "redis=down" not in policyd.process.output()
    # Named, once, but for what means nothing (accept).
    name = {"a key": "kkk", "an unlisted domain": "unlisted.example"}.get(what, "big")
    if what != "accept" and not (live and what == "a key"):
        assert name in notes(policyd)
        told = [line for line in policyd.process.output().splitlines() if name in line and "warning" in line]
        assert 1 <= len(told) <= 2 and all(len(line) < 5000 for line in told), told


def test_an_unknown_field_changes_nothing(policyd, redis):
    redis.set_domain("example.com", colour="red", weight=100)
    wait_for_backend(policyd, "new")
    assert not status(policyd)["suspect"]
    assert policyd.process.output().count("field=colour, value=red") == 1


def test_a_domain_that_the_file_does_not_name_is_refused(policyd, redis):
    good(redis, domain="other.example")
    good(redis, domain="other.example", weight=40)
    caught_up(policyd, redis)
    assert backend(policyd, "a@other.example") == "NOTFOUND"
    assert not status(policyd, "other.example")["ours"]
    assert policyd.process.output().count("domain=other.example") == 1


def test_pins_that_turn_to_nonsense(policyd, redis):
    redis.command("SET", f"cutover:pin:{ALICE}", "new")
    wait_for_backend(policyd, "new")
    redis.command("SET", f"cutover:pin:{ALICE}", "newer")
    redis.command("SET", f"cutover:pin:{BOB}", "sometimes")
    redis.command("RPUSH", "cutover:pin:carol@example.com", "new")
    wait_for_backend(policyd, TEMP, BOB)
    wait_for_backend(policyd, TEMP, "carol@example.com")
    assert backend(policyd) == "new"
    wait_for(lambda: policyd.metric(INVALID) == 3, 5, "they are counted")
    reload(policyd, redis)
    assert [backend(policyd, a) for a in (ALICE, BOB, "carol@example.com")] == ["new", TEMP, TEMP]
    redis.command("DEL", f"cutover:pin:{BOB}")
    wait_for_backend(policyd, "old", BOB)
    wait_for(lambda: policyd.metric(INVALID) == 2, 5, "one fewer is counted")


def test_what_is_written_canonically_goes_before(policyd, redis):
    redis.command("SET", "cutover:pin:Alice+x@EXAMPLE.com", "hold")
    wait_for_backend(policyd, "hold")
    redis.command("SET", f"cutover:pin:{ALICE}", "new")
    wait_for_backend(policyd, "new")
    redis.command("SET", "cutover:pin:Alice+x@EXAMPLE.com", "old")
    caught_up(policyd, redis)
    assert backend(policyd) == "new"
    assert "another key means the same" in notes(policyd)
    reload(policyd, redis)
    assert backend(policyd) == "new"
    # Without it, the other one counts.
    redis.command("SET", "cutover:pin:Alice+x@EXAMPLE.com", "hold")
    redis.command("DEL", f"cutover:pin:{ALICE}")
    wait_for_backend(policyd, "hold")
    redis.command("DEL", "cutover:pin:Alice+x@EXAMPLE.com")
    wait_for_backend(policyd, "old")


def test_domains_units_and_lists_are_made_canonical(policyd, redis):
    good(redis, domain="EXAMPLE.Org", weight=100)
    wait_for_backend(policyd, "new", "a@example.org")
    redis.command("SET", "cutover:unit:Alice@Example.com", "Team@Example.com")
    redis.command("SET", "cutover:pin:TEAM@example.com", "hold")
    wait_for_backend(policyd, "hold")
    redis.command("SADD", "cutover:list:Example.COM:it", "BOB@example.com", "x")
    redis.set_domain("example.com", lists="it")
    wait_for_backend(policyd, "new", BOB)
    reload(policyd, redis)
    assert [backend(policyd, a) for a in ("a@example.org", ALICE, BOB)] == ["new", "hold", "new"]


# Absence.

def kept(policyd, weight=30):
    """The last good state of example.com answers, with an alarm."""
    assert backend(policyd) == ("old" if weight < 53 else "new")
    row = status(policyd)       # a page may be a second old
    return row["good"] and row["weight"] == weight and row["suspect"] and has_alarm(policyd)


@pytest.mark.parametrize("how", ["DEL", "UNLINK", "PEXPIRE", "RENAME"])
def test_a_domain_that_goes_is_kept(policyd, redis, how):
    key = "cutover:domain:example.com"
    redis.command(how, key, *{"PEXPIRE": ["50"], "RENAME": ["cutover:domain:elsewhere.example"]}.get(how, []))
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    # Nor does a full load drop it, or take anything else.
    redis.command("SET", f"cutover:pin:{BOB}", "hold")
    wait_for_backend(policyd, "hold", BOB)
    reload(policyd, redis, "refused")
    assert kept(policyd) and backend(policyd, BOB) == "hold"
    # It is back: no alarm, and orders are orders.
    good(redis, weight=31)
    wait_for(lambda: not has_alarm(policyd), 20, "the alarm is over")
    assert status(policyd)["weight"] == 31 and not status(policyd)["suspect"]
    redis.command("DEL", f"cutover:pin:{BOB}")
    wait_for_backend(policyd, "old", BOB)


def test_a_forgotten_domain_may_go(policyd, redis):
    redis.set_domain("example.com", mode="forgotten")
    wait_for_backend(policyd, "NOTFOUND")
    wait_for(lambda: "[policyd] domains still lists it" in notes(policyd), 5, "that is told")
    assert "domain=example.com, field=mode, value=forgotten" in policyd.process.output()
    redis.command("DEL", "cutover:domain:example.com")
    caught_up_by_log = policyd.process.output()
    reload(policyd, redis)
    assert backend(policyd) == "NOTFOUND" and not has_alarm(policyd), caught_up_by_log


def test_single_deletions_are_orders(policyd, redis):
    redis.command("SET", f"cutover:pin:{ALICE}", "new")
    redis.command("SET", f"cutover:unit:{BOB}", "team")
    redis.command("SET", "cutover:pin:team", "hold")
    redis.command("SADD", "cutover:list:example.com:it", "x@example.com", "y@example.com")
    redis.set_domain("example.com", lists="it")
    wait_for_backend(policyd, "new", "x@example.com")
    assert [backend(policyd, a) for a in (ALICE, BOB, "y@example.com")] == ["new", "hold", "new"]
    redis.command("DEL", f"cutover:pin:{ALICE}")
    wait_for_backend(policyd, "old")
    redis.command("DEL", f"cutover:unit:{BOB}")
    wait_for_backend(policyd, "old", BOB)
    redis.command("SREM", "cutover:list:example.com:it", "x@example.com")
    row = {a: backend(policyd, a) for a in ("y@example.com",)}
    assert row == {"y@example.com": "new"}
    redis.command("SET", f"cutover:pin:{ALICE}", "hold", "PX", "100")
    wait_for_backend(policyd, "hold")
    wait_for_backend(policyd, "old")
    assert not has_alarm(policyd)


def test_a_list_of_several_members_does_not_vanish(policyd, redis):
    key = "cutover:list:example.com:it"
    redis.command("SADD", key, "zeta@example.com", "eta@example.com")
    redis.set_domain("example.com", weight=0, lists="it")
    wait_for_backend(policyd, "new", "zeta@example.com")
    redis.command("DEL", key)
    caught_up(policyd, redis)
    assert backend(policyd, "zeta@example.com") == "new" and "list:example.com:it" in notes(policyd)
    reload(policyd, redis)
    assert backend(policyd, "zeta@example.com") == "new" and "list:example.com:it" in notes(policyd)
    redis.command("SADD", key, "eta@example.com")
    wait_for_backend(policyd, "old", "zeta@example.com")
    redis.command("DEL", key)
    wait_for_backend(policyd, "old", "eta@example.com")
    wait_for(lambda: "list:" not in notes(policyd), 5)      # a page may be a second old


def test_a_list_of_another_type_is_kept(policyd, redis):
    key = "cutover:list:example.com:it"
    redis.command("SADD", key, "zeta@example.com", "eta@example.com")
    redis.set_domain("example.com", weight=0, lists="it")
    wait_for_backend(policyd, "new", "zeta@example.com")
    redis.command("SET", key, "eta@example.com")
    caught_up(policyd, redis)
    reload(policyd, redis)
    assert backend(policyd, "zeta@example.com") == "new"
    wait_for(lambda: policyd.metric(INVALID) == 1, 5, "it is counted")


def test_many_losses_at_once_come_back(policyd, redis):
    set_pins(redis)
    wait_for(lambda: pins(policyd) >= PINS, 5, "pins")
    before = pins(policyd)
    delete_pins(redis, 0, 150)
    wait_for(lambda: has_alarm(policyd), 5, "alarm")
    assert pins(policyd) == before
    wait_for(lambda: policyd.metric("postshift_policyd_replica_suspect") == 1, 5, "it is counted")
    assert {backend(policyd, f"user{i}@example.com") for i in range(0, 150, 7)} == {"new"}
    reload(policyd, redis, "refused")
    assert pins(policyd) == before
    # What is written counts all the time; and once they are back, all is well.
    redis.command("SET", "cutover:pin:user1@example.com", "hold")
    wait_for_backend(policyd, "hold", "user1@example.com")
    set_pins(redis)
    wait_for(lambda: not has_alarm(policyd), 25, "the alarm is over")
    wait_for(lambda: policyd.metric("postshift_policyd_replica_suspect") == 0, 5, "it is counted")


def test_up_to_a_hundred_losses_are_orders(policyd, redis):
    set_pins(redis)
    wait_for(lambda: pins(policyd) >= PINS, 5, "pins")
    delete_pins(redis, 0, 90)
    wait_for(lambda: pins(policyd) == PINS - 90, 5, "deleted")
    assert not has_alarm(policyd)


def test_bulk_verbs_write_none_first(policyd, redis):
    set_pins(redis)
    wait_for(lambda: pins(policyd) >= PINS, 5, "pins")
    set_pins(redis, value="none")
    wait_for(lambda: pins(policyd) == 0, 5, "none")
    delete_pins(redis, 0, PINS)
    redis.command("SET", f"cutover:pin:{ALICE}", "hold")
    wait_for_backend(policyd, "hold")
    assert not has_alarm(policyd)


def test_a_pin_that_redis_expires_is_warned_of(policyd, redis):
    good(redis)
    redis.command("SET", f"cutover:pin:{BOB}", "hold")
    wait_for_backend(policyd, "hold", BOB)
    assert "until=TIME" not in policyd.process.output()
    for n in range(5):
        redis.command("SET", f"cutover:pin:e{n}@example.com", "hold", "EX", 3)
    policyd.process.wait_for_output("until=TIME in the pin is the way")
    wait_for(lambda: policyd.document("/status.json")["pins"] == 1, 10, "they expired, which is an order")
    assert policyd.process.output().count("until=TIME") == 1 and not has_alarm(policyd)


def test_units_are_guarded_too(policyd, redis):
    with redis.connect() as client:
        client.pipeline([("SET", f"cutover:unit:user{i}@example.com", "team") for i in range(PINS)])
        client.command("SET", "cutover:pin:team", "hold")
        wait_for_backend(policyd, "hold", "user299@example.com")
        client.pipeline([("DEL", f"cutover:unit:user{i}@example.com") for i in range(150)])
    wait_for(lambda: has_alarm(policyd), 5, "alarm")
    assert {backend(policyd, f"user{i}@example.com") for i in range(0, 300, 7)} == {"hold"}


def test_a_partial_loss_while_nobody_looked(policyd, redis):
    set_pins(redis)
    wait_for(lambda: pins(policyd) >= PINS, 5, "pins")
    policyd.process.pause()
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    redis.command("CLIENT", "KILL", "TYPE", "normal")
    delete_pins(redis, 0, 101)
    redis.command("SET", "cutover:pin:user250@example.com", "hold")
    policyd.process.resume()
    wait_for(lambda: loads(policyd, "refused") == 1, 15, "refused")
    # Refused whole: the hold neither.
    assert pins(policyd) == PINS and backend(policyd, "user250@example.com") == "new" and has_alarm(policyd)
    assert "101 of 300 pins" in notes(policyd)


@pytest.mark.parametrize("how", [("FLUSHALL",), ("FLUSHDB",), ("FLUSHALL", "ASYNC")])
def test_a_flush_is_no_order(policyd, redis, how):
    set_pins(redis, 20)
    redis.command("SADD", "cutover:list:example.com:it", "zeta@example.com", "eta@example.com")
    redis.set_domain("example.com", lists="it")
    wait_for_backend(policyd, "new", "zeta@example.com")
    redis.command(*how)
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    assert pins(policyd) == 20 and backend(policyd, "user7@example.com") == "new"
    assert backend(policyd, "zeta@example.com") == "new"
    wait_for(lambda: policyd.metric("postshift_policyd_replica_suspect") == 1, 5, "it is counted")
    # A whole state written after it is an order: a rollback works.
    good(redis, weight=100, lists="it")
    wait_for_backend(policyd, "new")
    good(redis, weight=0)
    wait_for_backend(policyd, "old")


@pytest.mark.parametrize("other_is_empty", [True, False])
def test_swapped_databases_are_seen_soon(policyd, redis, other_is_empty):
    """Redis invalidates nothing then.  An empty one is no order; a complete state is."""
    good(redis, weight=0)
    wait_for_backend(policyd, "old")
    if not other_is_empty:
        with redis.connect() as client:
            client.command("SELECT", 1)
            client.command("HSET", "cutover:domain:example.com", "weight", 100, "old", OLD, "new", NEW)
    redis.command("SWAPDB", 0, 1)
    if other_is_empty:
        wait_for(lambda: has_alarm(policyd), 6, "the alarm")
        assert backend(policyd) == "old"
    else:
        wait_for_backend(policyd, "new", seconds=6)
    # And back.
    redis.command("SWAPDB", 0, 1)
    wait_for(lambda: backend(policyd) == "old" and not has_alarm(policyd), 30, "as before")


def test_a_flush_of_another_database_is_nothing(policyd, redis):
    set_pins(redis, 20)
    with redis.connect() as client:
        client.command("SELECT", "3")
        client.command("SET", "cutover:pin:user1@example.com", "hold")
        client.command("FLUSHDB")
    wait_for(lambda: loads(policyd, "taken") >= 2, 5, "read again")
    assert pins(policyd) == 20 and backend(policyd, "user1@example.com") == "new" and not has_alarm(policyd)


def test_eviction_is_no_order(redis, policyd):
    set_pins(redis)
    wait_for(lambda: pins(policyd) >= PINS, 5, "pins")
    redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    used = int(redis.command("INFO", "memory").split("used_memory:")[1].split()[0])
    redis.command("CONFIG", "SET", "maxmemory", used + 200000)
    with redis.connect() as client:
        deadline = time.monotonic() + 60
        while client.command("EXISTS", "cutover:domain:example.com") and time.monotonic() < deadline:
            client.pipeline([("SET", f"filler{time.monotonic()}:{i}", "x" * 500) for i in range(500)])
    assert not redis.command("EXISTS", "cutover:domain:example.com")
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    assert pins(policyd) == PINS
    reload(policyd, redis, "refused")
    assert pins(policyd) == PINS
    assert "maxmemory-policy" in notes(policyd)
    assert policyd.process.output().count("maxmemory-policy=allkeys-random") == 1


def test_a_wrong_database_is_no_order(site, redis, policyd):
    set_pins(redis, 20)
    wait_for(lambda: pins(policyd) == 20, 5, "pins")
    assert policyd.stop() == 0
    other = site.policyd(redis, loaded=False, redis_lines={"database": 5})
    wait_for(lambda: loads(other, "refused") == 1, 10, "refused")
    assert kept(other) and pins(other) == 20


# Old states.

def test_a_lower_rev_is_no_order(policyd, redis):
    good(redis, weight=40, rev=100)
    wait_for(lambda: status(policyd)["weight"] == 40, 5, "weight 40")
    redis.set_domain("example.com", weight=90, rev=99)
    wait_for(lambda: kept(policyd, 40), 5, "kept with an alarm")
    assert "lower than ours" in status(policyd)["why"]
    # An edit by hand leaves rev alone.
    redis.set_domain("example.com", weight=91, rev=100)
    wait_for(lambda: status(policyd)["weight"] == 91, 5, "weight 91")
    wait_for(lambda: not has_alarm(policyd), 20, "the alarm is over")
    # Without one the memory is gone.
    redis.command("HDEL", "cutover:domain:example.com", "rev")
    redis.set_domain("example.com", weight=92)
    wait_for(lambda: status(policyd)["weight"] == 92, 5, "weight 92")
    assert status(policyd)["rev"] == 0
    redis.set_domain("example.com", weight=93, rev=1)
    wait_for(lambda: status(policyd)["weight"] == 93, 5, "weight 93")


def test_a_restored_dump_is_refused_whole(site, folder):
    server = site.redis(save=True)
    good(server, weight=20, rev=5)
    good(server, weight=20, domain="example.org", rev=5)
    server.command("SET", f"cutover:pin:{BOB}", "new")
    server.command("SAVE")
    shutil.copy(folder / "redis/dump.rdb", folder / "old.rdb")
    policyd = site.policyd(server, domains="example.com example.org")
    good(server, weight=40, rev=6)
    server.command("SET", f"cutover:pin:{BOB}", "hold")
    server.command("SET", f"cutover:pin:{ALICE}", "hold")
    wait_for_backend(policyd, "hold")
    server.kill()
    shutil.copy(folder / "old.rdb", folder / "redis/dump.rdb")
    server.start()
    wait_for(lambda: loads(policyd, "refused") == 1, 20, "refused")
    assert status(policyd)["weight"] == 40 and has_alarm(policyd)
    assert [backend(policyd, a) for a in (ALICE, BOB)] == ["hold", "hold"]
    # Killed, policyd doesn't forget it.
    wait_for(lambda: b"alice@" in policyd.snapshot.read_bytes(), 10, "the snapshot has it all")
    policyd.restart(loaded=False)
    wait_for(lambda: loads(policyd, "refused") == 2, 20, "refused")
    assert status(policyd)["weight"] == 40 and backend(policyd, BOB) == "hold"
    # Unless it is accepted: once, as it stands.
    server.command("SET", "cutover:accept", f"* {int(time.time())}")
    wait_for(lambda: status(policyd)["weight"] == 20, 10, "accepted")
    assert [backend(policyd, a) for a in (ALICE, BOB)] == ["old", "new"] and not has_alarm(policyd)


# Accepting.

def accept(redis, what, when=None):
    accept.time = max(int(time.time()), accept.time + 1) if when is None else when
    redis.command("SET", "cutover:accept", f"{what} {accept.time}")


accept.time = 0


def test_accepting_all_takes_redis_as_it_is(policyd, redis):
    set_pins(redis)
    wait_for(lambda: pins(policyd) >= PINS, 5, "pins")
    redis.command("FLUSHALL")
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    redis.command("SET", f"cutover:pin:{BOB}", "hold")
    accept(redis, "*")
    wait_for(lambda: pins(policyd) == 1, 10, "accepted")
    # Ours without a state: it waits, and is never NOTFOUND.
    assert backend(policyd) == TEMP and not has_alarm(policyd)
    good(redis, weight=100)
    wait_for_backend(policyd, "new")
    # Once.
    redis.command("DEL", "cutover:domain:example.com")
    wait_for(lambda: kept(policyd, 100), 5, "kept with an alarm")
    reload(policyd, redis, "refused")
    assert kept(policyd, 100)


def test_accepting_one_domain_keeps_the_others(policyd, redis):
    good(redis, domain="example.org", weight=100)
    redis.command("SET", "cutover:pin:zoe@example.org", "hold")
    set_pins(redis, 20)
    wait_for_backend(policyd, "hold", "zoe@example.org")
    redis.command("FLUSHALL")
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    good(redis, domain="example.org", weight=0)
    accept(redis, "Example.org")
    wait_for(lambda: backend(policyd, "zoe@example.org") == "old", 10, "accepted")
    assert kept(policyd) and pins(policyd) == 20
    accept(redis, "example.com")
    wait_for(lambda: backend(policyd) == TEMP, 10, "accepted")
    wait_for(lambda: not has_alarm(policyd), 20, "the alarm is over")
    assert pins(policyd) == 0 and backend(policyd, "zoe@example.org") == "old"


def test_what_was_accepted_while_policyd_was_away(policyd, redis):
    set_pins(redis)
    wait_for(lambda: pins(policyd) >= PINS, 5, "pins")
    redis.command("FLUSHALL")
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    assert policyd.stop() == 0
    good(redis, weight=90)
    accept(redis, "*")
    policyd.start()
    assert backend(policyd) == "new" and pins(policyd) == 0 and not has_alarm(policyd)
    policyd.wait_for_snapshot(time.time())
    policyd.restart()
    assert "source=accept" not in policyd.process.output()[policyd.process.output().rindex("serves"):]


def test_a_first_start_only_remembers_what_was_accepted(site, redis):
    good(redis)
    accept(redis, "*")
    policyd = site.policyd(redis)
    redis.command("DEL", "cutover:domain:example.com")
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    reload(policyd, redis, "refused")
    assert kept(policyd)


@pytest.mark.parametrize("value", ["*", "now", "* x", "* -5", "a b c", "", "* 99999999999999"])
def test_nonsense_is_not_accepted(policyd, redis, value):
    redis.command("DEL", "cutover:domain:example.com")
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    redis.command("SET", "cutover:accept", value)
    wait_for(lambda: "accept" in notes(policyd).replace("accept-state", ""), 5, "told")
    reload(policyd, redis, "refused")
    assert kept(policyd)


# Redis away.

def test_answers_go_on_without_redis(policyd, redis):
    redis.command("SET", f"cutover:pin:{BOB}", "hold")
    wait_for_backend(policyd, "hold", BOB)
    redis.kill()
    wait_for(lambda: policyd.metric("postshift_redis_up") == 0, 5, "down is told")
    assert [backend(policyd, a) for a in (ALICE, BOB)] == ["old", "hold"]
    document = policyd.document("/status.json")
    assert not document["redis"]["up"] and document["redis"]["error"]
    # Restarted empty: it forgets all, and we nothing.
    redis.start()
    wait_for(lambda: loads(policyd, "refused") == 1, 15, "refused")
    assert [backend(policyd, a) for a in (ALICE, BOB)] == ["old", "hold"] and kept(policyd)
    good(redis, weight=100)
    wait_for_backend(policyd, "new")
    # A line for each loss, not for each try (a busy machine may lose it once more).
    said = policyd.process.output()
    assert 1 <= said.count("redis=down") < said.count("redis: state=up"), said


@pytest.mark.limit(120)
def test_a_half_open_connection_is_noticed(policyd, redis):
    redis.pause()
    assert backend(policyd) == "old"
    wait_for(lambda: policyd.metric("postshift_redis_up") == 0, 15, "the reading connection is down")
    wait_for(lambda: "redis=down" in policyd.process.output(), 25, "the following connection is down")
    assert backend(policyd) == "old"
    # What was written meanwhile, by somebody who got through as it woke up, is found.
    redis.resume()
    redis.set_domain("example.com", weight=100)
    wait_for_backend(policyd, "new", seconds=20)
    wait_for(lambda: policyd.metric("postshift_redis_up") == 1, 20, "up again")


def test_a_pause_shorter_than_the_heartbeat_costs_nothing(policyd, redis):
    redis.pause()
    time.sleep(0.7)
    redis.resume()
    redis.set_domain("example.com", weight=100)
    wait_for_backend(policyd, "new", seconds=3)


def test_policyd_that_was_stopped_itself_catches_up(policyd, redis):
    policyd.process.pause()
    redis.set_domain("example.com", weight=100)
    time.sleep(2.5)
    policyd.process.resume()
    wait_for_backend(policyd, "new", seconds=3)
    assert "redis=down" not in policyd.process.output()


def role(server):
    """None where the Sentinel has just cut all its connections."""
    try:
        return server.command("ROLE")[0]
    except OSError:
        return None


@pytest.mark.limit(120)
def test_a_sentinel_failover(site):
    one = site.redis("one", "127.20.1.10")
    two = site.redis("two", "127.20.1.11", lines=[f"replicaof {one.address} {one.port}"])
    good(one, weight=30)
    sentinel = site.sentinel("127.20.1.12", one).start(replicas=1)
    lines = {"sentinels": "inet:127.20.1.99:26379 inet:127.20.1.12:26379", "primary": "cutover"}
    both = [site.policyd(address=f"127.20.1.{20 + i}", redis_lines=lines, name=f"policyd{i}") for i in range(2)]
    wait_for(lambda: two.command("HGET", "cutover:domain:example.com", "weight") == "30", 10, "replicated")
    one.kill()
    wait_for(lambda: sentinel.primary() == (two.address, two.port), 30, "failover")
    for policyd in both:
        assert backend(policyd) == "old"
    wait_for(lambda: role(two) == "master", 10, "promoted")
    two.set_domain("example.com", weight=100)
    for policyd in both:
        wait_for_backend(policyd, "new", seconds=15)
        assert policyd.document("/status.json")["redis"]["address"] == f"inet:{two.address}:{two.port}"
        assert not has_alarm(policyd)
    # The old one comes back, and is a replica soon: nobody believes it.
    one.start()
    wait_for(lambda: role(one) == "slave", 40, "demoted")
    for policyd in both:
        assert backend(policyd) == "new"


@pytest.mark.limit(120)
def test_a_failover_is_followed_while_the_old_primary_still_answers(site):
    """To Sentinel it says no more; everybody else is answered, and it believes to be the primary for ever."""
    lines = ["user watcher on >secret ~* &* +@all"]
    one = site.redis("one", "127.20.1.10", lines=lines)
    two = site.redis("two", "127.20.1.11", lines=[*lines, f"replicaof {one.address} {one.port}"])
    good(one, weight=30)
    sentinel = site.sentinel("127.20.1.12", one, user=("watcher", "secret")).start(replicas=1)
    sentinels = {"sentinels": "inet:127.20.1.99:26379 inet:127.20.1.12:26379", "primary": "cutover"}
    both = [site.policyd(address=f"127.20.1.{20 + i}", redis_lines=sentinels, name=f"policyd{i}") for i in range(2)]
    wait_for(lambda: two.command("HGET", "cutover:domain:example.com", "weight") == "30", 10, "replicated")
    one.command("ACL", "SETUSER", "watcher", "-ping", "-replicaof", "-slaveof", "-multi")
    wait_for(lambda: sentinel.primary() == (two.address, two.port), 30, "failover")
    wait_for(lambda: role(two) == "master", 10, "promoted")
    assert role(one) == "master" and [backend(policyd) for policyd in both] == ["old", "old"]
    # postshiftctl writes where the sentinels say, and policyd reads there.
    done = run(BIN / "postshiftctl", "-c", both[0].config, "set", "example.com", "weight=100", "inside=accept")
    assert done.returncode == 0, done.stderr
    assert two.command("HGET", "cutover:domain:example.com", "weight") == "100"
    for policyd in both:
        wait_for_backend(policyd, "new", seconds=8)
        assert policyd.document("/status.json")["redis"]["address"] == f"inet:{two.address}:{two.port}"
        assert f"the sentinels name inet:{two.address}:{two.port} as the primary" in policyd.process.output()
        assert not has_alarm(policyd)


def test_a_replica_is_not_asked(site):
    one = site.redis("one", "127.20.1.10")
    two = site.redis("two", "127.20.1.11", lines=[f"replicaof {one.address} {one.port}"])
    policyd = site.policyd(two, loaded=False)
    policyd.process.wait_for_output("reason=role")
    time.sleep(1.5)
    assert policyd.process.output().count("redis=down") == 1
    assert backend(policyd) == TEMP
    # Promoted, it is; demoted, no longer.
    two.command("REPLICAOF", "NO", "ONE")
    good(two, weight=0)
    wait_for_backend(policyd, "old", seconds=15)
    two.command("REPLICAOF", one.address, one.port)
    wait_for(lambda: policyd.metric("postshift_redis_up") == 0, 15, "down")
    assert backend(policyd) == "old"


@pytest.mark.parametrize("lines, reason", [({}, "auth"), ({"database": 999}, "database"),
                                           ({"address": "inet:127.20.1.77:6379"}, "connect"),
                                           ({"address": "inet:nobody.invalid:6379"}, "resolve")])
def test_one_clear_line_when_redis_is_out_of_reach(site, lines, reason):
    server = site.redis(password="right-horse")
    if reason == "auth":
        lines = {"password_file": site.secret("wrong-horse")}
    policyd = site.policyd(server, loaded=False, redis_lines=lines)
    policyd.process.wait_for_output(f"reason={reason}", 20)
    time.sleep(2)
    assert policyd.process.output().count("redis=down") == 1
    assert "horse" not in policyd.process.output()
    assert backend(policyd) == TEMP and backend(policyd, "a@other.example") == "NOTFOUND"
    wait_for(lambda: policyd.metric(f'postshift_redis_errors_total{{reason="{reason}"}}') >= 1, 5, "it is counted")


def test_junk_in_the_channel_is_nothing(policyd, redis):
    for value in ("", "cutover:domain:example.com", "x" * 100000, b"\xff\x00\r\n"):
        redis.command("PUBLISH", "__redis__:invalidate", value)
    redis.set_domain("example.com", weight=100)
    wait_for_backend(policyd, "new")
    assert "redis=down" not in policyd.process.output() and not has_alarm(policyd)


def test_a_user_that_only_reads(site):
    acl = ("user reader on >secret resetchannels &__redis__:invalidate ~cutover:* -@all +@read +@connection "
           "-@dangerous +subscribe +unsubscribe +client|id +client|tracking +info +role +scan")
    server = site.redis(lines=[acl])
    good(server)
    policyd = site.policyd(server, redis_lines={"username": "reader", "password_file": site.secret("secret")})
    server.set_domain("example.com", weight=100)
    wait_for_backend(policyd, "new")
    # It loses a right: its connections end, answers go on, and one line says what is missing.
    server.command("ACL", "SETUSER", "reader", "-client|tracking")
    server.command("CLIENT", "KILL", "TYPE", "pubsub")
    policyd.process.wait_for_output("reason=permission")
    time.sleep(2)
    assert policyd.process.output().count("reason=permission") == 1 and backend(policyd) == "new"
    server.command("ACL", "SETUSER", "reader", "+client|tracking")
    server.set_domain("example.com", weight=0)
    wait_for_backend(policyd, "old", seconds=15)


@pytest.mark.parametrize("prefix", ["we[i]rd*?:", "a\\b:", "x", "[a-z]^-:"])
def test_any_prefix(site, prefix):
    server = site.redis()
    server.command("HSET", f"{prefix}domain:example.com", "weight", 100, "old", OLD, "new", NEW)
    server.command("SET", f"{prefix}pin:{BOB}", "hold")
    good(server, weight=0)
    policyd = site.policyd(server, redis_lines={"prefix": prefix})
    assert [backend(policyd, a) for a in (ALICE, BOB)] == ["new", "hold"]
    server.command("HSET", f"{prefix}domain:example.com", "weight", 0)
    wait_for_backend(policyd, "old")
    good(server, weight=100)
    server.command("DEL", f"{prefix}pin:{BOB}")
    wait_for_backend(policyd, "old", BOB)


def test_a_new_configuration_allows_less(site, redis):
    good(redis, weight=100)
    good(redis, weight=100, domain="example.org")
    policyd = site.policyd(redis, domains="example.com example.org")
    assert backend(policyd, "a@example.org") == "new"
    policyd.policyd_options["transports"] = "cutover-old"
    policyd.policyd_options["domains"] = "example.com"
    policyd.write_config()
    policyd.process.signal(signal.SIGHUP)
    wait_for_backend(policyd, TEMP)
    assert backend(policyd, "a@example.org") == "NOTFOUND"
    policyd.policyd_options["transports"] = None
    policyd.policyd_options["domains"] = "example.com example.org"
    policyd.write_config()
    policyd.process.signal(signal.SIGHUP)
    wait_for_backend(policyd, "new")
    wait_for_backend(policyd, "new", "a@example.org")
    assert not has_alarm(policyd)


def test_a_unix_socket(site, folder):
    path = folder / "redis.sock"
    server = site.redis(lines=[f"unixsocket {path}"])
    good(server, weight=100)
    policyd = site.policyd(server, redis_lines={"address": f"unix:{path}"})
    assert backend(policyd) == "new"
    server.set_domain("example.com", weight=0)
    wait_for_backend(policyd, "old")


# Files.

def test_pins_that_expire_by_themselves_are_no_loss(site, redis):
    """150 holds set with EX, some before policyd is there and some after: each is over at its time, and a deletion beside
    them counts."""
    good(redis, weight=100)
    ends = int(time.time()) + 6         # policyd starts and is asked before
    with redis.connect() as client:
        client.pipeline([("SET", f"cutover:pin:early{n}@example.com", "hold note=is being copied", "EXAT", ends) for n in range(150)])
        client.command("SET", "cutover:pin:single@example.com", "old")
        policyd = site.policyd(redis)
        client.pipeline([("SET", f"cutover:pin:late{n}@example.com", "old", "EXAT", ends) for n in range(150)])
    policyd.wait_for_route("late149@example.com", OLD)
    assert policyd.ask("early0@example.com").startswith("OK retry:")
    assert policyd.document("/route.json?address=late7@example.com")["pin"]["until"] is not None
    for n in (0, 149):
        policyd.wait_for_route(f"early{n}@example.com", NEW, 10)
        policyd.wait_for_route(f"late{n}@example.com", NEW, 10)
    wait_for(lambda: not redis.command("KEYS", "cutover:pin:*ly0@example.com"), 10, "Redis has deleted them")
    redis.command("DEL", "cutover:pin:single@example.com")
    policyd.wait_for_route("single@example.com", NEW)
    assert notes(policyd) == "" and "alarm" not in policyd.process.output()
    assert policyd.stop() == 0


def test_the_override_file_wins(policyd, redis):
    redis.set_domain("example.com", weight=100)
    wait_for_backend(policyd, "new")
    policyd.override.write_text("example.com weight=0\n")
    wait_for_backend(policyd, "old")
    wait_for(lambda: status(policyd)["override"] == {"weight": 0, "mode": None} and "override file" in notes(policyd), 5,
             "status has seen it too")
    # Through a load, a change in Redis, a Redis that is gone, and a restart.
    reload(policyd, redis)
    redis.set_domain("example.com", weight=99)
    caught_up(policyd, redis)
    assert backend(policyd) == "old"
    redis.kill()
    assert policyd.stop() == 0
    policyd.start(loaded=False)
    assert backend(policyd) == "old"
    # Replaced by rename, a bad line among good ones, written in place, gone.
    other = policyd.folder / "override.new"
    other.write_text("# night shift\nexample.com mode=hold\nexample.com speed=9\n")
    other.rename(policyd.override)
    wait_for_backend(policyd, "hold")
    assert "line=3" in policyd.process.output()
    # A typing error does not end it.
    policyd.override.write_text("example.com mode=hodl\n")
    wait_for(lambda: "1 bad line" in notes(policyd) and "line=1" in policyd.process.output(), 5, "the bad line is noticed")
    assert backend(policyd) == "hold"
    with open(policyd.override, "w", encoding="ascii") as file:
        file.write("example.com mode=old")
    wait_for_backend(policyd, "old")
    policyd.override.unlink()
    wait_for_backend(policyd, "new")
    wait_for(lambda: status(policyd)["override"] is None and notes(policyd) == "", 5, "status has seen it too")


def test_an_override_file_that_is_wrong_at_start_makes_mail_wait(site, folder, redis):
    """It says something, and nothing is known of what it said before: never as if there were none."""
    redis.set_domain("example.com", old=OLD, new=NEW, weight="100")
    redis.set_domain("example.net", old=OLD, new=NEW, weight="100")
    policyd = site.policyd(redis, start=False, domains="example.com example.net")
    policyd.override.parent.mkdir(parents=True, exist_ok=True)
    policyd.override.write_text("example.com weigth=0\n")
    policyd.start()
    assert policyd.ask("a@example.com").startswith("TEMP ") and policyd.ask("a@example.net") == f"OK {NEW}"
    page = policyd.document("/route.json?address=a@example.com")
    assert (page["result"], page["reason"]) == ("unknown", "override")
    assert status(policyd)["override"]["unclear"]
    policyd.override.write_text("example.com weight=0\n")
    policyd.wait_for_route("a@example.com", OLD)
    assert policyd.stop() == 0
    policyd.override.unlink()
    policyd.override.mkdir()            # can't be read, whoever we are
    policyd.start()
    for domain in ("example.com", "example.net"):
        assert policyd.ask(f"a@{domain}").startswith("TEMP ")
    assert policyd.ask("a@elsewhere.example") == "NOTFOUND "
    assert "all mail waits" in policyd.process.output()
    policyd.override.rmdir()
    policyd.wait_for_route("a@example.com", NEW)
    assert policyd.stop() == 0


def test_the_folder_of_the_override_file_comes_later(site, folder, redis):
    good(redis, weight=100)
    deep = folder / "etc/postshift"
    policyd = site.policyd(redis, override=deep / "override")
    assert backend(policyd) == "new"
    deep.mkdir(parents=True)
    (deep / "override").write_text("example.com weight=0\n")
    wait_for_backend(policyd, "old")
    shutil.rmtree(folder / "etc")
    wait_for_backend(policyd, "new")
    deep.mkdir(parents=True)
    (deep / "ready").write_text("example.com mode=hold\n")
    (deep / "ready").rename(deep / "override")
    wait_for_backend(policyd, "hold")


def test_a_snapshot_answers_when_redis_is_away(policyd, redis):
    set_pins(redis, 50)
    redis.command("SET", f"cutover:unit:{BOB}", "team")
    redis.command("SET", "cutover:pin:team", "hold")
    redis.command("SADD", "cutover:list:example.com:it", "zeta@example.com", "eta@example.com")
    redis.set_domain("example.com", lists="it", rev=9)
    wait_for_backend(policyd, "new", "zeta@example.com")
    caught_up(policyd, redis)
    wait_for(lambda: policyd.metric('postshift_policyd_snapshot_writes_total{result="done"}') >= 1
             and policyd.snapshot.exists(), 5, "snapshot")
    policyd.wait_for_snapshot(time.time())
    redis.kill()
    policyd.kill()
    policyd.start(loaded=False)
    addresses = (ALICE, BOB, "user7@example.com", "zeta@example.com")
    wanted = ["old", "hold", "new", "new"]
    assert [backend(policyd, a) for a in addresses] == wanted
    # Restarted together with Redis, which is empty: the snapshot remembers what there was.
    redis.start()
    wait_for(lambda: loads(policyd, "refused") == 1, 20, "refused")
    assert [backend(policyd, a) for a in addresses] == wanted and has_alarm(policyd)
    assert status(policyd)["rev"] == 9


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "another version", "no snapshot", "a folder"])
def test_a_damaged_snapshot_is_refused_with_a_line(policyd, redis, damage):
    set_pins(redis, 50)
    caught_up(policyd, redis)
    assert policyd.stop() == 0
    data = policyd.snapshot.read_bytes()
    assert data.startswith(b"postshift snapshot 1\n") and b"user7@example.com" in data
    policyd.snapshot.unlink()
    if damage == "a folder":
        policyd.snapshot.mkdir()
    else:
        policyd.snapshot.write_bytes({
            "cut": data[:-40], "flipped": data.replace(b"user7@", b"user8@"), "empty": b"",
            "another version": data.replace(b"snapshot 1", b"snapshot 2"), "no snapshot": b"hello\n" * 50}[damage])
    redis.pause()
    policyd.start(loaded=False)
    assert policyd.process.output().count("refused=") == 1
    assert backend(policyd) == TEMP
    redis.resume()
    wait_for_backend(policyd, "old", seconds=20)


@pytest.fixture
def small_disk(folder):
    """A file system of 128 KiB."""
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"can't mount a small file system here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place):
    with open(place / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(1024)):
                pass
        except OSError:
            pass


@pytest.mark.limit(120)
def test_a_rollback_with_a_full_disk_outlives_a_restart_without_redis(site, redis, small_disk):
    good(redis, weight=100)
    policyd = site.policyd(redis, snapshot=small_disk / "snapshot")
    wait_for_backend(policyd, "new")
    wait_for((small_disk / "snapshot").exists, 10, "a snapshot")
    time.sleep(1.5)                     # and no other one is being written
    assert not notes(policyd)
    fill(small_disk)
    redis.set_domain("example.com", weight=50)
    wait_for(lambda: "can't be written: No space left on device" in notes(policyd), 15, "status says so")
    assert "the domains' states are kept beside it" in notes(policyd)
    redis.set_domain("example.com", weight=0)
    wait_for_backend(policyd, "old")
    time.sleep(3)                       # the child that writes, at most once a second
    policyd.kill()
    redis.stop()
    policyd.start(loaded=False)
    assert backend(policyd) == "old"
    assert "the domains' states are newer than the snapshot" in policyd.process.output()
    # Space again: at the next change, or within a minute.
    (small_disk / "ballast").unlink()
    redis.start()
    good(redis, weight=30)
    redis.set_domain("example.com", weight=100)
    wait_for_backend(policyd, "new", seconds=15)
    wait_for(lambda: "can't be written" not in notes(policyd), 70, "status is quiet again")


@pytest.mark.parametrize("domains, other", [("example.com", "NOTFOUND"), (None, TEMP)])
def test_no_snapshot_and_no_redis(site, domains, other):
    policyd = site.policyd(loaded=False, domains=domains, redis_lines={"address": "inet:127.20.1.77:6379"})
    assert backend(policyd) == TEMP and backend(policyd, "a@other.example") == other


def test_without_a_list_the_domains_that_were_good_are_ours(site, redis):
    good(redis)
    policyd = site.policyd(redis, domains=None)
    assert backend(policyd) == "old" and backend(policyd, "a@other.example") == "NOTFOUND"
    redis.set_domain("bad.example", weight="x")
    redis.command("FLUSHALL")
    wait_for(lambda: kept(policyd), 5, "kept with an alarm")
    accept(redis, "*")
    wait_for_backend(policyd, TEMP)
    assert backend(policyd, "a@bad.example") == "NOTFOUND"
    # Also when it was killed and Redis is away.
    time.sleep(1.5)
    policyd.kill()
    redis.kill()
    policyd.start(loaded=False)
    assert backend(policyd) == TEMP and backend(policyd, "a@other.example") == "NOTFOUND"


def test_a_killed_policyd_leaves_no_listener_behind(policyd, redis):
    set_pins(redis, 20000)
    policyd.kill()
    wait_for(lambda: not can_connect(policyd.page_address), 3, "the port is free")
    policyd.start()
    assert backend(policyd, "user7@example.com") == "new"


# Load and speed.

def test_changes_during_a_load(policyd, redis):
    count = 200000
    set_pins(redis, count)
    wait_for(lambda: pins(policyd) == count, 60, "pins")
    before, ups = loads(policyd, "taken"), policyd.process.output().count("state=up")
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    wait_for(lambda: policyd.process.output().count("state=up") > ups, 5, "up again", every=0.001)
    with redis.connect() as client, policyd.route_client() as route:
        weight, changes = 0, 0
        while loads(policyd, "taken") == before:
            weight = 100 - weight
            client.command("HSET", "cutover:domain:example.com", "weight", weight)
            client.command("SET", "cutover:pin:user5@example.com", "hold" if weight else "old")
            wanted = "cutover-new" if weight else "cutover-old"
            wait_for(lambda: wanted in route.ask(ALICE), 2, wanted, every=0)
            changes += 1
        assert changes > 5
        for address, text in ((ALICE, wanted), ("user5@example.com", "retry" if weight else "cutover-old")):
            wait_for(lambda: text in route.ask(address), 2, text)
    assert pins(policyd) == count


@pytest.mark.parametrize("how", ["FLUSHALL", "DEL", "pins"])
def test_losses_during_a_load(policyd, redis, how):
    count = 100000
    set_pins(redis, count)
    wait_for(lambda: pins(policyd) == count, 60, "pins")
    before, ups = loads(policyd, "taken"), policyd.process.output().count("state=up")
    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    wait_for(lambda: policyd.process.output().count("state=up") > ups, 5, "up again", every=0.001)
    if how == "FLUSHALL":
        redis.command("FLUSHALL")
    elif how == "DEL":
        redis.command("DEL", "cutover:domain:example.com")
    else:
        delete_pins(redis, 0, 3000)
    wait_for(lambda: has_alarm(policyd), 30, "alarm")
    wait_for(lambda: loads(policyd, "taken") > before or loads(policyd, "refused"), 30, "the load has ended")
    wait_for(lambda: not policyd.document("/status.json").get("loading"), 30, "no load")
    assert status(policyd)["weight"] == 30 and status(policyd)["suspect"] and pins(policyd) == count
    assert backend(policyd, "user7@example.com") == "new" and backend(policyd, "user99999@example.com") == "new"
    assert has_alarm(policyd)


def test_a_list_that_changes_all_the_time(policyd, redis):
    key = "cutover:list:example.com:big"
    redis.set_domain("example.com", weight=0, lists="big")
    with redis.connect() as client:
        for i in range(60):
            client.command("SADD", key, *(f"m{i * 500 + j}@example.com" for j in range(500)))
        client.command("SREM", key, "m0@example.com")
        client.command("SADD", key, "last@example.com")
    wait_for_backend(policyd, "new", "last@example.com", 10)
    wait_for_backend(policyd, "old", "m0@example.com", 10)
    wait_for(lambda: {backend(policyd, f"m{i}@example.com") for i in range(1, 30000, 1999)} == {"new"}, 10)


def test_the_same_pin_set_and_deleted_again_and_again(policyd, redis):
    with redis.connect() as client:
        for _ in range(300):
            client.command("SET", f"cutover:pin:{ALICE}", "hold")
            client.command("DEL", f"cutover:pin:{ALICE}")
    caught_up(policyd, redis)
    assert backend(policyd) == "old" and not has_alarm(policyd)


def test_a_message_with_very_many_keys(policyd, redis):
    redis.command("EVAL", "for i=1,60000 do redis.call('SET', 'cutover:pin:user'..i..'@example.com', 'new') end", "0")
    wait_for(lambda: pins(policyd) == 60000, 20, "pins")
    redis.command("EVAL", "for i=1,40000 do redis.call('SET', 'cutover:pin:user'..i..'@example.com', 'old') end", "0")
    wait_for_backend(policyd, "old", "user39999@example.com", 20)
    assert backend(policyd, "user40001@example.com") == "new" and not has_alarm(policyd)


def test_weights_are_in_force_within_milliseconds(policyd, redis):
    times = []
    with redis.connect() as client, policyd.route_client() as route:
        for i in range(200):
            weight = 100 * (i % 2)
            begun = time.monotonic()
            client.command("HSET", "cutover:domain:example.com", "weight", weight)
            while ("cutover-new" if weight else "cutover-old") not in route.ask(ALICE):
                pass
            times.append(time.monotonic() - begun)
    times.sort()
    assert times[100] < 0.005 and times[197] < 0.1, (times[100], times[197])


def test_a_server_that_answers_nonsense(site):
    """Not Redis at all: the connection is dropped, and policyd goes on."""
    listener = socket.create_server(("127.20.1.30", 6379))
    listener.settimeout(10)
    policyd = site.policyd(loaded=False, redis_lines={"address": "inet:127.20.1.30:6379"})
    for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*3\r\n", b"*999999999\r\n", b"$99999999999999999999\r\n",
                   b"*1\r\n" * 20, b":1\r\n:2\r\n:3\r\n", b"*0\r\n", b"+OK\r\n" * 1000):
        client, _ = listener.accept()
        client.recv(1000)
        client.sendall(answer)
        client.close()
        assert policyd.is_serving()
    listener.close()
