"""postshiftctl plan simulate: what a plan would have decided on a log of the past."""
import json
import time

import pytest

from processes import BIN, run
from redis_server import RedisServer

START = 1795500000 // 3600 * 3600      # a Tuesday
OK = "dsn=2.0.0, status=sent (250 2.0.0 stored)"
DOWN = "dsn=4.4.1, status=deferred (connect to 192.0.2.20[192.0.2.20]:25: Connection refused)"


class Log:
    """Deliveries at stated seconds after START, written in the order of their times."""

    def __init__(self, path):
        self.path, self.lines, self.number = path, [], 0

    def delivery(self, at, backend, result=OK, recipient="a@example.com", tries=1):
        self.number += 1
        name = f"{0xB0000000 + self.number:X}"
        rows = [(0, "postfix/smtpd", f"{name}: client=unknown[192.0.2.9]"),
                (0, "postfix/qmgr", f"{name}: from=<s@outside.example>, size=400, nrcpt=1 (queue active)")]
        service = f"postfix/cutover-{backend}/smtp" if backend in ("old", "new") else backend
        rows += [(i, service, f"{name}: to=<{recipient}>, relay=192.0.2.20[192.0.2.20]:25, delay=0.3, delays=0.05/0/0.2/0.1, {result}")
                 for i in range(tries)]
        rows.append((tries, "postfix/qmgr", f"{name}: removed"))
        self.lines += [(START + at + second, f"{program}[100]: {text}") for second, program, text in rows]

    def every(self, step, first, last, backend, result=OK):
        for at in range(first, last, step):
            self.delivery(at, backend, result)
        return self

    def write(self):
        with open(self.path, "w", encoding="utf-8") as log:
            for at, text in sorted(self.lines, key=lambda line: line[0]):
                log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}+00:00 gw1 {text}\n")


class World:
    def __init__(self, folder):
        self.redis = RedisServer(folder / "redis", "127.20.73.2").start()
        self.config = folder / "postshift.conf"
        self.config.write_text("[redis]\naddress = inet:127.20.73.2:6379\ntimeout = 1s\n[policyd]\ndomains = example.com\n"
                               "metrics = inet:127.20.73.3:8793\n[cutover]\nmin_samples = 50\n")
        self.log = Log(folder / "mail.log")

    def simulate(self, *words, check=True, environment=None):
        self.log.write()
        return run(BIN / "postshiftctl", "-c", self.config, "plan", "simulate", "example.com", "--log", self.log.path, *words,
                   check=check, environment=environment)

    def decisions(self, *words):
        document = json.loads(self.simulate("--json", *words).stdout)
        return [(row["what"], row["from"], row["to"], row["time"] - START) for row in document["decisions"]], document


@pytest.fixture
def world(folder):
    world = World(folder)
    yield world
    world.redis.process.resume_and_kill()


def test_a_good_new_goes_through_all_stages(world):
    world.log.every(10, 0, 4 * 3600, "old").every(10, 5, 4 * 3600, "new")
    found, document = world.decisions("--stages", "30 100", "--stays", "1h 1h", "timezone=UTC")
    assert [row[:3] for row in found] == [("plan-advance", "0", "30"), ("plan-advance", "30", "100"), ("plan-done", "running", "done")]
    assert found[0][3] == 0 and 3600 <= found[1][3] <= 3660 and 7200 <= found[2][3] <= 7320
    assert (document["state"], document["stage"], document["weight"]) == ("done", 2, 100)
    assert document["delivered_new"] == document["delivered_old"] == 1440


def test_a_backend_that_fails_is_frozen_by_the_fast_trigger(world):
    world.log.every(10, 0, 4000, "old").every(10, 5, 1800, "new").every(10, 1805, 4000, "new", DOWN)
    found, document = world.decisions("--stages", "30 100", "--stays", "2h 1h")
    assert [row[:3] for row in found] == [("plan-advance", "0", "30"), ("freeze", "running", "paused")]
    assert 1800 + 150 <= found[1][3] <= 1800 + 360 and document["state"] == "paused"
    said = world.simulate("--stages", "30 100", "--stays", "2h 1h").stdout
    assert "availability of new" in said and "at the end: paused in stage 1 of 2, 30 %" in said
    assert all(len(line) <= 100 for line in said.splitlines())


def test_too_few_deliveries_never_advance(world):
    world.log.every(10, 0, 4 * 3600, "old").every(600, 5, 4 * 3600, "new")
    found, document = world.decisions("--stages", "30 100", "--stays", "1h 1h")
    assert [row[0] for row in found] == ["plan-advance"]
    gates = {gate["name"]: gate for gate in document["gates"]}
    assert gates["samples"]["answer"] == "no" and "24 of 50" in gates["samples"]["text"] and gates["stay"]["answer"] == "yes"


def test_only_first_attempts_of_the_domain_count(world):
    world.log.every(60, 0, 3600, "old")
    world.log.delivery(10, "new", DOWN, tries=5)
    world.log.delivery(20, "new", recipient="a@example.net")
    world.log.delivery(30, "postfix/smtp")
    world.log.delivery(40, "new", recipient="B@EXAMPLE.com")
    document = world.decisions()[1]
    assert (document["delivered_old"], document["delivered_new"]) == (60, 1)
    assert next(gate["text"] for gate in document["gates"] if gate["name"] == "samples").startswith("1 of 50 ")


def test_old_is_what_the_site_delivers_by_where_it_says_so(world):
    world.redis.set_domain("example.com", old="site", new="cutover-new:[192.0.2.20]:25", weight=0)
    world.log.every(60, 0, 3600, "postfix/smtp")
    assert world.decisions()[1]["delivered_old"] == 60


def test_the_same_bytes_on_every_run(world):
    world.log.every(7, 0, 9000, "old").every(11, 3, 9000, "new").every(13, 5, 9000, "new", DOWN)
    words = ("--stages", "10 30 100", "--stays", "30m 30m 30m", "min_success=90")
    first = world.simulate(*words).stdout
    assert first and {world.simulate(*words).stdout for _ in range(3)} == {first}
    assert world.simulate(*words, environment={"TZ": "Asia/Tokyo"}).stdout == first


def test_the_plan_of_redis_with_what_is_given_over_it(world):
    world.redis.command("HSET", "cutover:plan:example.com", "stages", "50 100", "stays", "1h 1h", "state", "rolled-back", "stage", "1",
                        "why", "enough", "freeze_until", "2099-01-01T00:00:00Z")
    world.log.every(10, 0, 3 * 3600, "old").every(10, 5, 3 * 3600, "new")
    found, document = world.decisions()
    assert [row[:3] for row in found] == [("plan-advance", "0", "50")]
    assert next(gate for gate in document["gates"] if gate["name"] == "window")["answer"] == "no"
    assert [row[2] for row in world.decisions("freeze_until=")[0]] == ["50", "100", "done"]
    assert world.redis.command("HGET", "cutover:plan:example.com", "state") == "rolled-back"


def test_what_is_no_log_or_no_plan_is_told(world):
    assert "no line of Postfix" in world.simulate(check=False).stderr
    world.log.every(60, 0, 600, "old")
    done = world.simulate("--stages", "30 20", check=False)
    assert done.returncode == 1 and "stages" in done.stderr
    done = run(BIN / "postshiftctl", "-c", world.config, "plan", "simulate", "example.com", check=False)
    assert done.returncode == 2 and "a log is wanted" in done.stderr
    assert "no delivery by cutover-new is in this log" in world.simulate().stdout
