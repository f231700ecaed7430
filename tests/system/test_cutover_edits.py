"""Edits by redis-cli are events, once over all controllers; what our own programs write is told by them alone."""
import time

import pytest

from cutover import Cutover
from processes import wait_for
from redis_server import RedisServer

DOMAIN = "cutover:domain:example.com"
QUIET = 1.5     # how long a domain is quiet before its edits are told


@pytest.fixture(scope="module")
def server(module_folder):
    made = RedisServer(module_folder / "redis", "127.20.84.2").start()
    yield made
    made.stop()


@pytest.fixture
def gateways(server, folder):
    """Two controllers on one Redis."""
    with server.connect() as client:
        client.command("FLUSHALL")
    server.command("HSET", DOMAIN, "weight", "30", "old", "cutover-old:[127.20.84.8]:2525", "new", "cutover-new:[127.20.84.9]:2525",
                   "inside", "accept")
    (folder / "mail.log").touch()
    made = [Cutover(folder, "127.20.84.3", redis=server, domains="example.com", log=folder / "mail.log", name=f"gw{n}",
                    gateway=f"gw{n}", page_port=8794 + n) for n in (1, 2)]
    for each in made:
        each.start()
    for each in made:
        wait_for(lambda each=each: each.said("replica: load=taken"), 10, "what is in force was read")
    yield made
    for each in made:
        each.process.resume_and_kill()


def events(server):
    found = []
    for _, words in server.command("XRANGE", "cutover:events", "-", "+"):
        found.append(dict(zip(words[::2], words[1::2])))
    return found


def told(server, who="redis"):
    return [tuple(event.get(name, "") for name in ("what", "key", "from", "to")) for event in events(server) if event["who"] == who]


def barrier(server, gateways, number):
    """All that was changed before was told by both, where it was to be."""
    server.command("SET", f"cutover:unit:barrier{number}@barrier.example", f"now{number}")
    for each in gateways:
        wait_for(lambda each=each: each.count("SELECT count(*) FROM input_now WHERE key = ?", f"unit:barrier{number}@barrier.example"),
                 10, "each has heard of it")
    wait_for(lambda: ("unit", f"barrier{number}@barrier.example", "", f"now{number}") in told(server), 20, "the last one was told")
    time.sleep(QUIET)   # the other controller, a tick later: nothing is to come


def edits(server):
    return [edit for edit in told(server) if not edit[1].startswith("barrier")]


def test_a_weight_by_hand_is_told_once(server, gateways):
    for number, (before, after) in enumerate((("30", "50"), ("50", "60"), ("60", "50"))):
        server.command("HSET", DOMAIN, "weight", after)
        barrier(server, gateways, number)
        assert edits(server)[-1] == ("weight", "", before, after)
        assert len(edits(server)) == number + 1
    [first, *_] = [event for event in events(server) if event["what"] == "weight"]
    assert first["domain"] == "example.com" and first["host"] in ("gw1", "gw2") and first["why"] == "by hand, in Redis"
    assert abs(int(first["time"]) - time.time()) < 60 and "rev" in first


def test_other_fields_pins_units_and_lists(server, gateways):
    server.command("HSET", DOMAIN, "mode", "hold", "new", "cutover-new:[127.20.84.10]:2525")
    server.command("SET", "cutover:pin:anna@example.com", "new note=a canary")
    server.command("SET", "cutover:unit:anna@example.com", "board")
    server.command("SADD", "cutover:list:example.com:canary", "anna@example.com")
    barrier(server, gateways, 1)
    assert sorted(edits(server)) == [
        ("list", "anna@example.com", "", "canary"), ("mode", "", "split", "hold"),
        ("new", "", "cutover-new:[127.20.84.9]:2525", "cutover-new:[127.20.84.10]:2525"),
        ("pin", "anna@example.com", "", "new"), ("unit", "anna@example.com", "", "board")]
    server.command("DEL", "cutover:pin:anna@example.com")
    barrier(server, gateways, 2)
    assert edits(server)[-1] == ("pin", "anna@example.com", "new", "")
    assert len(edits(server)) == 6


def test_a_bulk_is_one_event(server, gateways):
    with server.connect() as client:
        for n in range(3000):
            client.command("SET", f"cutover:pin:user{n}@example.com", "old")
    barrier(server, gateways, 1)
    assert edits(server) == [("pin", "", "", "3000 changes")]


def test_what_our_own_programs_write_is_told_by_them(server, gateways, folder):
    ctl = gateways[0].ctl
    people = folder / "people"
    people.write_text("".join(f"user{n}@example.com\n" for n in range(1000)))
    few = folder / "few"
    few.write_text("anna@example.com\nben@example.com\n")
    ctl("set", "example.com", "weight=40", "--force")
    ctl("pin", "carl@example.com", "new")
    ctl("pin", "--file", people, "old")
    ctl("unit", "set", "carl@example.com", "board")
    ctl("list", "example.com", "canary", "add", "carl@example.com")
    barrier(server, gateways, 1)
    ctl("pin", "--file", few, "new")
    ctl("rollback", "example.com")
    barrier(server, gateways, 2)
    assert edits(server) == []
    assert {event["what"] for event in events(server)} >= {"weight", "pin", "unit", "list"}
    # By hand after that, to where it was.
    server.command("HSET", DOMAIN, "weight", "40")
    barrier(server, gateways, 3)
    assert edits(server) == [("weight", "", "0", "40")]


def test_what_differs_after_redis_was_away(server, gateways):
    for each in gateways:
        each.process.pause()
    server.command("HSET", DOMAIN, "weight", "70")
    with server.connect() as client:
        client.command("SET", "cutover:pin:anna@example.com", "old")
        client.command("SET", "cutover:unit:ben@example.com", "board")
        client.command("CLIENT", "KILL", "TYPE", "pubsub")
        client.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    for each in gateways:
        each.process.resume()
    wait_for(lambda: edits(server), 30, "it was told")
    barrier(server, gateways, 1)
    assert sorted(edits(server)) == [("pin", "anna@example.com", "", "old"), ("unit", "ben@example.com", "", "board"), ("weight", "", "30", "70")]


def test_what_differs_after_the_controllers_were_away(server, gateways):
    """What our own programs wrote meanwhile was told by them."""
    server.command("SET", "cutover:pin:anna@example.com", "old")
    barrier(server, gateways, 1)
    for each in gateways:
        each.kill()
    server.command("SET", "cutover:pin:anna@example.com", "new until=2036-12-24T18:00:00Z")
    server.command("SET", "cutover:unit:ben@example.com", "board")
    gateways[0].ctl("pin", "carl@example.com", "old")
    with server.connect() as client:
        for n in range(25):
            client.command("SET", f"cutover:unit:user{n}@many.example", "many")
    for each in gateways:
        each.start()
    wait_for(lambda: len(edits(server)) == 4, 30, "it was told")
    barrier(server, gateways, 2)
    assert sorted(edits(server)) == [
        ("pin", "anna@example.com", "", "old"), ("pin", "anna@example.com", "old", "new until=2036-12-24T18:00:00Z"),
        ("unit", "", "", "25 changes"), ("unit", "ben@example.com", "", "board")]


def test_an_erased_address_is_not_told_again(server, gateways):
    server.command("SET", "cutover:pin:anna@example.com", "new")
    barrier(server, gateways, 1)
    with server.connect() as client:
        client.command("DEL", "cutover:events")
    time.sleep(6)       # the window in which another controller's word counts
    gateways[0].ctl("erase", "anna@example.com")
    server.command("SET", "cutover:pin:anna@example.com", "old")    # late, by hand
    wait_for(lambda: all(each.count("SELECT count(*) FROM input_now WHERE key = 'pin:anna@example.com' AND value = 'old'")
                         for each in gateways), 10, "each has heard of it")
    time.sleep(2 * QUIET)   # nothing to wait for: nothing is to come
    assert [event["what"] for event in events(server)] == ["erase"]
    assert "anna" not in str(events(server))
