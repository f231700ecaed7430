"""A plan with stays of seconds on a real Postfix: advances on a good new side, freezes and goes back on a bad one."""
import itertools
import json
import os
import signal
import threading
import time

import pytest

from cutover import Cutover
from gateway import make_message
from mailsite import MailSite, bucket, side
from processes import ROOT, Process, wait_for
from sink import Session

FLUSH = ROOT / "postfix-conf" / "flush"
PEOPLE = [f"person{n}@example.com" for n in range(60)]
PLAN = "cutover:plan:example.com"
DOMAIN = "cutover:domain:example.com"


@pytest.fixture(scope="module")
def site(module_folder):
    made = MailSite(module_folder, "127.20.62").start()
    yield made
    made.stop()


class Mail(threading.Thread):
    """About 25 messages a second, to one after the other, until it is told to end."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.over = site, threading.Event()
        self.sent, self.problem = [], None
        self.start()

    def run(self):
        try:
            with self.site.gateway.session() as client:
                while not self.over.is_set():
                    person = PEOPLE[len(self.sent) % len(PEOPLE)]
                    client.sendmail(f"w{len(self.sent)}@outside.example", [person],
                                    make_message("w@outside.example", f"load {len(self.sent)}"))
                    self.sent.append(person)
                    self.over.wait(0.04)
        except Exception as problem:    # told by the test
            self.problem = problem

    def end(self):
        self.over.set()
        self.join(20)
        assert self.problem is None, self.problem


def controller(site, folder, name="cutover", page_port=8794, **options):
    drain = folder / "flush"
    drain.touch()
    return Cutover(folder, site.address[5], redis=site.redis, domains="example.com", log=site.gateway.log, name=name,
                   page_port=page_port, probe_interval="2s", postfix=site.gateway.etc, drain=drain,
                   policyd_lines={"metrics": "inet:%s:%d" % site.policyd.page_address}, **options)


@pytest.fixture
def clean(site):
    site.reset()
    site.gateway.wait_until_empty()
    os.truncate(site.gateway.log, 0)
    with site.redis.connect() as client:
        for kind in ("plan", "stat", "judge", "gateway", "events", "claim", "acked", "list", "guard"):
            for key in client.command("KEYS", f"cutover:{kind}*"):
                client.command("DEL", key)
    return site


@pytest.fixture
def cutover(clean, folder, request):
    """One whose options a test states by @pytest.mark.parametrize("cutover", [{...}], indirect=True)."""
    made = controller(clean, folder, **getattr(request, "param", {}))
    helper = Process([FLUSH, "--watch"], folder / "helper.log",
                     environment={**os.environ, "POSTSHIFT_CONF": str(made.config), "MAIL_CONFIG": ""})
    made.start()
    helper.start()
    yield made
    helper.kill()
    made.process.resume_and_kill()


@pytest.fixture
def mail(cutover, site):
    started = Mail(site)
    yield started
    started.over.set()
    started.join(20)        # nothing of it comes when the next test has cleaned up


def start(site, **fields):
    """As `plan start` would write it."""
    site.redis.command("HSET", PLAN, "state", "waiting", "rev", int(time.time()), "stages", "30 70 100",
                       "stays", "4s 4s 4s", "min_samples", 10, "min_success", "90", "slow", "95 8s", "fast", "50 3s",
                       *[word for pair in fields.items() for word in pair])


def plan(site, field="state"):
    return site.redis.command("HGET", PLAN, field)


def weight(site):
    return site.redis.command("HGET", DOMAIN, "weight")


def events(site, what=None):
    found = []
    for _, words in site.redis.command("XRANGE", "cutover:events", "-", "+"):
        event = dict(zip(words[::2], words[1::2]))
        if what is None or event["what"] == what:
            found.append(event)
    return found


def wait_for_state(site, state, seconds=60):
    wait_for(lambda: plan(site) == state, seconds, f"the plan is {state}", every=0.1)


def shown(cutover):
    return json.loads(cutover.page("/status.json")[1])["plans"]


@pytest.mark.limit(240)
def test_a_good_new_side_ends_at_100(site, cutover, mail):
    start(site)
    wait_for_state(site, "done", 120)
    mail.end()
    assert weight(site) == "100"
    advances = events(site, "plan-advance")
    assert [(event["from"], event["to"]) for event in advances] == [("0", "30"), ("30", "70"), ("70", "100")]
    times = [int(event["time"]) for event in advances]
    assert all(later - earlier >= 4 for earlier, later in zip(times, times[1:]))
    assert len(cutover.said("transition: domain=example.com, kind=advance")) == 3
    wait_for(lambda: cutover.metric('postshift_cutover_plan_state{domain="example.com",state="done"}') == 1, 10, "it is shown")
    assert cutover.metric('postshift_cutover_plan_stage{domain="example.com"}') == 3
    [page] = shown(cutover)
    assert page["state"] == "done" and page["weight"] == 100
    site.gateway.wait_until_empty(flush=True)
    assert cutover.audit()["balanced"]
    assert len(mail.sent) == len(site.old.copies) + len(site.new.copies)


@pytest.mark.limit(240)
def test_a_new_side_that_refuses_connections_freezes_then_goes_back(site, cutover, mail):
    start(site, stays="3s 600s 600s")
    wait_for(lambda: weight(site) == "70", 60, "the second stage", every=0.1)
    site.new.refuse()
    wait_for_state(site, "paused", 60)
    assert weight(site) == "70"
    wait_for_state(site, "rolled-back", 60)
    assert weight(site) == "0"
    mail.end()
    [freeze], [back] = events(site, "freeze"), events(site, "rollback")
    assert freeze["who"] == "fast-trigger" and back["who"] == "slow-trigger"
    # All that waited is on old, without anybody's help.
    wait_for(lambda: len(mail.sent) == len(site.old.copies) + len(site.new.copies), 90, "all mail arrived")
    wait_for(lambda: events(site, "drain"), 60, "how long that took was told")
    figures = dict(word.split("=") for word in events(site, "drain")[0]["why"].split())
    assert figures["left"] == "0" and 0 < int(figures["rto_s"]) < 120, figures
    # Nothing restarts itself.
    site.new.accept()
    time.sleep(5)
    assert weight(site) == "0" and plan(site) == "rolled-back"


@pytest.fixture
def asked(site, monkeypatch):
    """Recipients whom somebody names with the null sender: the guard's questions, of (old, new)."""
    found = ([], [])
    real = Session.rcpt

    def rcpt(session, rest):
        if session.sender == "":
            found[session.sink is site.new].append(session.path(rest).lower())
        real(session, rest)
    monkeypatch.setattr(Session, "rcpt", rcpt)
    return found


def of_new(number, weight):
    people = (f"user{n}@example.com" for n in range(100000))
    return list(itertools.islice((person for person in people if side(person, weight) == "new"), number))


def guard_of(cutover):
    plans = shown(cutover)
    return plans and plans[0]["guard"] or {}


def pins(site, note=""):
    found = {}
    for key in site.redis.command("KEYS", "cutover:pin:*"):
        value = site.redis.command("GET", key)
        if note in value:
            found[key.removeprefix("cutover:pin:")] = value
    return found


@pytest.mark.limit(240)
def test_a_new_side_that_refuses_us_freezes(site, cutover, asked):
    start(site, stays="600s 600s 600s", slow_action="none", fast_action="none")
    wait_for(lambda: weight(site) == "30", 30, "the first stage")
    site.new.answer("rcpt", "554 5.7.1 Unable to relay")
    began = time.monotonic()
    for person in of_new(40, 30):
        site.gateway.send(site.sender, [person])
    wait_for_state(site, "paused", 120)
    assert time.monotonic() - began < 120
    wait_for(lambda: events(site, "refused-us"), 10, "it was told")
    [refused] = events(site, "refused-us")
    assert events(site, "freeze")[0]["who"] == "guard"
    assert weight(site) == "30" and refused["domain"] == "example.com"
    wait_for(lambda: guard_of(cutover).get("stopped"), 10, "the page has it")
    # No further questions, also of a controller that is started anew.
    cutover.kill()
    before = len(asked[0]) + len(asked[1])
    cutover.start()
    wait_for(lambda: guard_of(cutover).get("stopped"), 20, "it knows of the freeze")
    for person in of_new(60, 30)[40:]:
        site.gateway.send(site.sender, [person])
    wait_for(lambda: cutover.count("SELECT count(*) FROM message") >= 60, 30, "the books have them")
    print(f"refuses us: frozen, {before} questions")
    assert before == len(asked[0]) + len(asked[1]) <= 20
    assert not pins(site)


@pytest.fixture
def unwanted(site, monkeypatch):
    """A sender whom new refuses at RCPT, as some do, whoever the recipient is."""
    real = Session.rcpt

    def rcpt(session, rest):
        if session.sink is site.new and session.sender == UNWANTED:
            session.say("550 5.7.1 Sender address rejected")
        else:
            real(session, rest)
    monkeypatch.setattr(Session, "rcpt", rcpt)


UNWANTED = "unwanted@outside.example"
WORDS = ["550 5.4.1 Recipient address rejected: Access denied", "553 5.3.0 no such user here", "550 5.2.1 not here",
         "550 5.7.1 User unknown", "550 nobody"]


@pytest.mark.limit(400)
def test_mailboxes_that_new_lacks_are_pinned_to_old(site, cutover, asked, unwanted):
    """Whom old knows for seven days, whom neither knows for an hour, nobody else; then new refuses everybody."""
    people = of_new(263, 70)
    lacking, refused, known, unknown, later = people[:5], people[5:8], people[8:20], people[20:220], people[220:]
    start(site, stays="600s 600s 600s", stages="70 80 100", slow_action="none", fast_action="none")
    wait_for(lambda: weight(site) == "70", 30, "the first stage")
    for person, reply in zip(lacking, WORDS):
        site.new.answer("rcpt", reply, recipient=person)
    for person in unknown:
        site.new.answer("rcpt", "550 5.1.1 unknown", recipient=person)
        site.old.answer("rcpt", "550 5.1.1 unknown", recipient=person)
    for person in lacking + known:
        site.gateway.send(site.sender, [person])
    for person in refused:
        site.gateway.send(UNWANTED, [person])
    for first in range(0, len(unknown), 50):
        site.gateway.send(site.sender, unknown[first:first + 50])

    wait_for(lambda: len(pins(site, "unknown on both")) == 200, 240, "whom nobody knows is pinned: old's word is final")
    wait_for(lambda: len(pins(site, "known on old")) == 5, 60, "so are those whom old knows")
    found = pins(site)
    assert {person: note for person, note in found.items() if "known on old" in note}.keys() == set(lacking)
    assert found.keys() == set(lacking + unknown)
    week, hour = (time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + seconds)) for seconds in (7 * 86400 - 600, 600))
    assert all(found[person].split("until=")[1] > (week if person in lacking else hour) for person in found)
    wait_for(lambda: sorted(site.old.recipients()) == sorted(lacking), 60, "their mail is on old")
    assert sorted(site.new.recipients()) == sorted(known)
    wait_for(lambda: sorted(event["key"] for event in events(site, "misprovision")) == sorted(lacking + unknown), 20, "an event each")
    # Many of the same words are no reason to stop where old says the same.
    assert plan(site) == "running" and not events(site, "freeze") and not events(site, "refused-us")
    wait_for(lambda: guard_of(cutover) == {"pinned": 5, "unknown": 200, "stopped": None}, 15, "the page has them")
    # Each was asked about once on new, whom new refused for himself on old as well.
    assert sorted(asked[1]) == sorted(lacking + unknown + refused) and sorted(asked[0]) == sorted(lacking + unknown)
    # No failure of new: its availability stays whole.
    counts = site.redis.command("KEYS", "cutover:stat:example.com:new:*")
    assert counts and not any(site.redis.command("HGET", key, "fail") for key in counts)
    assert shown(cutover)[0]["sides"]["new"]["success"] == 100

    for side in asked:
        side.clear()
    site.new.answer("rcpt", "554 5.7.1 Unable to relay")
    for first in range(0, len(later), 10):
        site.gateway.send(site.sender, later[first:first + 10])
    wait_for_state(site, "paused", 120)
    assert events(site, "freeze")[0]["who"] == "guard" and pins(site).keys() == set(lacking + unknown)
    assert len([person for side in asked for person in side if person in later]) <= 20


@pytest.mark.limit(300)
@pytest.mark.parametrize("state", ["paused", None])
def test_the_guard_asks_without_a_plan_that_moves(site, cutover, state):
    """While a person has paused it, and without any plan, where the weight was set by hand; Redis refuses meanwhile."""
    if state:
        site.redis.command("HSET", PLAN, "state", state, "stage", "1", "weight", "70", "since", int(time.time()), "stages", "70 100",
                           "stays", "600s 600s", "why", "lunch", "rev", int(time.time()))
    site.set(weight=70)
    lacking, unknown = of_new(4, 70)[:2], of_new(4, 70)[2:]
    for person in lacking + unknown:
        site.new.answer("rcpt", "550 5.1.1 unknown", recipient=person)
    for person in unknown:
        site.old.answer("rcpt", "550 5.1.1 unknown", recipient=person)
    site.redis.command("CONFIG", "SET", "min-replicas-to-write", "1")
    try:
        for person in lacking + unknown:
            site.gateway.send(site.sender, [person])
        wait_for(lambda: cutover.said("redis refuses to write pins: NOREPLICAS"), 60, "Redis can't take them")
        wait_for(lambda: len(cutover.said("misprovision:")) == 4, 120, "all were found")
    finally:
        site.redis.command("CONFIG", "SET", "min-replicas-to-write", "0")
    wait_for(lambda: sorted(pins(site, "known on old")) == sorted(lacking), 30, "what was found was kept")
    wait_for(lambda: sorted(pins(site, "unknown on both")) == sorted(unknown), 30, "and the other two")
    # The first of them is found before the controller has read a plan for the first time: it counts all the same.
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert all(value.split()[1].removeprefix("until=") > now for value in pins(site).values()), pins(site)
    wait_for(lambda: sorted(event["key"] for event in events(site, "misprovision")) == sorted(lacking + unknown), 30, "an event each")
    wait_for(lambda: sorted(site.old.recipients()) == sorted(lacking), 60, "their mail is on old")
    shown_of(cutover)
    cutover.kill()
    cutover.start()
    shown_of(cutover)       # also by one that asked nobody


def shown_of(cutover):
    """Two and two, on the page and as metrics, with a plan and without one."""
    def guard():
        return next(domain["guard"] for domain in json.loads(cutover.page("/status.json")[1])["domains"] if domain["domain"] == "example.com")
    wait_for(lambda: guard() == {"pinned": 2, "unknown": 2, "stopped": None}, 20, "the page has them")
    for kind in ("known", "unknown"):
        wait_for(lambda: cutover.metric(f'postshift_cutover_guard_pins{{domain="example.com",kind="{kind}"}}') == 2, 10, "they are counted")


@pytest.mark.limit(300)
def test_pins_of_a_former_life_count(site, cutover):
    start(site, stays="600s 600s 600s", slow_action="none", fast_action="none", max_misprovisioned=2)
    wait_for(lambda: weight(site) == "30", 30, "the first stage")
    people = of_new(3, 30)
    for person in people:
        site.new.answer("rcpt", "550 5.1.1 unknown", recipient=person)
    for person in people[:2]:
        site.gateway.send(site.sender, [person])
    wait_for(lambda: len(pins(site, "known on old")) == 2, 120, "they are pinned")
    assert plan(site) == "running"
    cutover.kill()
    cutover.start()
    wait_for(lambda: guard_of(cutover) == {"pinned": 2, "unknown": 0, "stopped": None}, 20, "it knows of them")
    site.gateway.send(site.sender, people[2:])
    wait_for_state(site, "paused", 120)
    wait_for(lambda: sorted(pins(site, "known on old")) == sorted(people), 30, "the last one is pinned, too")
    assert "max_misprovisioned" in plan(site, "why") and events(site, "freeze")[0]["who"] == "guard"


def test_probes_are_a_gate(site, cutover):
    site.old.refuse()
    start(site)
    wait_for(lambda: weight(site) == "30", 30, "the first stage, an operator's word")

    def gate():
        found = [gate for gate in shown(cutover)[0]["gates"] if gate["name"] == "probe"]
        return found[0] if found else {"answer": None}
    wait_for(lambda: gate()["answer"] == "no", 30, "the probe of old failed")
    assert cutover.metric('postshift_cutover_probe_success{domain="example.com",backend="old"}') == 0
    assert cutover.metric('postshift_cutover_probe_success{domain="example.com",backend="new"}') == 1


def hook(folder, name, body):
    """A program that only root may write."""
    place = folder / "hooks"
    place.mkdir(mode=0o755, exist_ok=True)
    path = place / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def hooked(clean, folder):
    """hooked(before_advance="body", ...) gives a controller with such hooks; $DIR is the folder."""
    made = []

    def make(name="cutover", page_port=8794, **bodies):
        hooks = {kind: hook(folder, f"{name}-{kind}", f"DIR={folder}\n{body}") for kind, body in bodies.items()}
        made.append(controller(clean, folder, name=name, page_port=page_port, gateway=f"gw-{name}", **hooks))
        return made[-1].start()

    yield make
    for each in made:
        each.process.resume_and_kill()


def running(folder, name):
    """Processes of a hook, by the number that it wrote."""
    path = folder / name
    if not path.exists() or not path.read_text().strip():
        return False
    return os.path.exists(f"/proc/{path.read_text().strip()}")


@pytest.mark.parametrize("stop, state", [(("state", "aborted"), "aborted"), (("state", "paused"), "paused")])
def test_a_stop_ends_a_hook_that_hangs(site, folder, hooked, stop, state):
    made = hooked(before_advance="echo $$ > $DIR/pid\nsleep 600")
    start(site)
    wait_for(lambda: running(folder, "pid"), 30, "the hook runs")
    wait_for(lambda: shown(made)[0]["step"] and shown(made)[0]["hook"], 10, "the page has it")
    [page] = shown(made)
    assert page["hook"]["name"] == "before_advance" and page["step"]["stage"] == 1
    site.redis.command("HSET", PLAN, *stop)
    site.redis.command("HDEL", PLAN, "step", "step_by", "step_since", "order", "past")
    wait_for(lambda: not running(folder, "pid"), 15, "the hook was ended")
    wait_for(lambda: events(site, "hook-end"), 10, "its end was told")
    assert events(site, "hook-end")[0]["why"].startswith("stopped")
    assert weight(site) == "0" and plan(site) == state
    assert not events(site, "plan-advance")
    wait_for(lambda: made.metric('postshift_cutover_hook_runs_total{hook="before_advance",result="stopped"}') == 1, 5, "it is counted")


def test_movers_notes_and_what_follows_a_transition(site, folder, hooked):
    known = [f"person{n}@example.com" for n in range(30)]
    departments = [f"department{n}" for n in range(4)]
    people = {f"{name}-{department}@example.com": department for department in departments for name in ("ann", "ben")}
    with site.redis.connect() as client:
        client.command("SADD", "cutover:list:example.com:known", *known, *departments)
        for address, department in people.items():
            client.command("SET", f"cutover:unit:{address}", department)
        client.command("SET", "cutover:unit:stranger@example.com", "unlisted")
    made = hooked(before_advance="cat > $DIR/movers; env > $DIR/env; echo note=snapshot-7",
                  after_transition="echo \"$POSTSHIFT_FROM $POSTSHIFT_TO $POSTSHIFT_STAGE\" >> $DIR/after",
                  notify="cat >> $DIR/news")
    wait_for(lambda: made.count("SELECT count(*) FROM input_now WHERE key LIKE '%known%' OR key LIKE 'unit:%'") >= 43, 10,
             "the list is known")
    start(site, stays="600s 600s 600s")
    wait_for(lambda: (folder / "after").exists() and (folder / "news").exists(), 30, "its hooks have run")
    movers = (folder / "movers").read_text().split()
    moved = [address for address, department in people.items() if bucket(department, "example.com") < 3000]
    assert 0 < len(moved) < len(people)
    assert movers == sorted([person for person in known if side(person, 30) == "new"] + moved)
    assert (folder / "after").read_text() == "0 30 1/3\n"
    wait_for(lambda: "plan-advance" in (folder / "news").read_text(), 20, "it was told")
    news = [json.loads(line) for line in (folder / "news").read_text().splitlines()]
    assert [(each["what"], each["from"], each["to"], each["escalated"]) for each in news] == [("plan-advance", "0", "30", False)]
    ends = {event["to"]: event["why"] for event in events(site, "hook-end")}
    assert ends["before_advance"].startswith("exit 0") and ends["before_advance"].endswith("note=snapshot-7")
    environment = dict(line.split("=", 1) for line in (folder / "env").read_text().splitlines())
    assert environment["POSTSHIFT_TO"] == "30" and environment["POSTSHIFT_FROM"] == "0"


def test_a_hook_that_fails_pauses(site, hooked):
    hooked(before_advance="echo this went wrong; exit 3")
    start(site)
    wait_for_state(site, "paused", 30)
    assert weight(site) == "0"
    assert plan(site, "why") == "before_advance failed"


@pytest.mark.limit(240)
def test_two_controllers_make_each_transition_once(site, folder, hooked):
    hooked(after_transition="echo $POSTSHIFT_TO >> $DIR/after", before_advance="echo $POSTSHIFT_TO >> $DIR/before")
    hooked(name="second", page_port=8795, after_transition="echo $POSTSHIFT_TO >> $DIR/after",
           before_advance="echo $POSTSHIFT_TO >> $DIR/before")
    made = Mail(site)
    try:
        start(site)
        wait_for_state(site, "done", 150)
    finally:
        made.end()
    assert [event["to"] for event in events(site, "plan-advance")] == ["30", "70", "100"]
    assert len(events(site, "plan-done")) == 1
    wait_for(lambda: (folder / "after").read_text().split() == ["30", "70", "100"], 20, "its hooks have run")
    assert (folder / "before").read_text().split() == ["30", "70", "100"]


def test_edits_by_hand(site, cutover):
    start(site, stays="600s 600s 600s")
    wait_for(lambda: weight(site) == "30", 30, "the first stage")
    site.redis.command("HSET", DOMAIN, "weight", "40")
    wait_for(lambda: events(site, "plan-edited"), 15, "it was told")
    assert plan(site) == "running" and plan(site, "edited") == "yes" and plan(site, "weight") == "40"
    site.redis.command("HSET", DOMAIN, "weight", "20")
    wait_for_state(site, "paused", 15)
    assert weight(site) == "20" and "lowered" in plan(site, "why")


@pytest.mark.parametrize("fields", [{"stages": "100 30"}, {"state": "walking"}, {"fast": "fifty"},
                                    {"rev": "-1"}, {"stays": "1s"}])
def test_nonsense_moves_nothing_and_is_told_once(site, cutover, fields):
    [name] = fields
    start(site, **fields)
    wait_for(lambda: cutover.said("plan: domain=example.com, state=bad"), 15, "it was told")
    time.sleep(2)       # nothing to wait for: nothing is to happen
    [line] = cutover.said("plan: domain=example.com, state=bad")
    assert name in line
    assert weight(site) == "0" and not events(site)


@pytest.mark.limit(180)
def test_a_time_zone_that_is_not_known_closes_the_window_and_nothing_else(site, cutover, mail):
    start(site, timezone="Mars/Base", stays="1s 600s 600s", slow_action="none")
    wait_for(lambda: weight(site) == "30", 30, "the first stage, an operator's word")

    def gates():
        return {gate["name"]: gate for gate in shown(cutover)[0]["gates"]}
    wait_for(lambda: gates().get("samples", {}).get("answer") == "yes", 30, "figures are known")
    assert gates()["window"] == {"name": "window", "answer": "not-known", "text": "no time zone Mars/Base on this machine"}
    site.new.refuse()
    wait_for_state(site, "paused", 60)
    assert events(site, "freeze")[0]["who"] == "fast-trigger" and weight(site) == "30"
    assert len(cutover.said("timezone=Mars/Base is not known")) == 1
    site.new.accept()


def test_an_old_dump_moves_nothing(site, cutover):
    start(site, stays="600s 600s 600s")
    wait_for(lambda: weight(site) == "30", 30, "the first stage")
    rev = int(plan(site, "rev"))
    site.redis.command("HSET", PLAN, "rev", rev - 100, "state", "waiting", "stage", "0")
    wait_for(lambda: cutover.said("is lower than"), 15, "it was told")
    assert len(events(site, "plan-advance")) == 1
    # A person's word is a higher one.
    site.redis.command("HSET", PLAN, "rev", rev + 100, "state", "paused", "stage", "1")
    wait_for(lambda: shown(cutover)[0]["state"] == "paused", 15, "it is read again")


def test_what_redis_refuses_moves_nothing(site, cutover):
    with site.redis.connect() as client:
        client.command("CONFIG", "SET", "min-replicas-to-write", "1")
        try:
            client.command("CONFIG", "SET", "min-replicas-to-write", "0")
            start(site)
            client.command("CONFIG", "SET", "min-replicas-to-write", "1")
            wait_for(lambda: cutover.said("redis refuses to write plans: NOREPLICAS"), 15, "it was told")
            assert client.command("HGET", DOMAIN, "weight") == "0"
            time.sleep(2)       # nothing to wait for: nothing is to happen
            assert len(cutover.said("redis refuses to write plans")) == 1
        finally:
            client.command("CONFIG", "SET", "min-replicas-to-write", "0")
    wait_for(lambda: weight(site) == "30", 15, "it goes on")
    # A stream that is no stream: both hashes stay as they are.
    site.redis.command("HSET", PLAN, "state", "paused", "rev", int(time.time()) + 10)
    site.redis.command("DEL", "cutover:events")
    site.redis.command("SET", "cutover:events", "no stream")
    site.redis.command("HSET", PLAN, "state", "waiting", "stage", "0", "rev", int(time.time()) + 20)
    site.redis.command("HSET", DOMAIN, "weight", "0")
    wait_for(lambda: cutover.said("WRONGTYPE"), 15, "it was told")
    assert weight(site) == "0"
    site.redis.command("DEL", "cutover:events")


# What stops without a person; two gateways' guards and the freeze that follows are one.  A person's pause is his own.
STOPS = [("freeze", "fast-trigger", "example.com"), ("freeze", "fast-trigger", "other.example"),
         ("plan-pause", "hook", "hooked.example"), ("plan-pause", "edit", "edited.example"), ("plan-pause", "anna", "anna.example"),
         ("refused-us", "guard", "guarded.example"), ("refused-us", "guard", "guarded.example"), ("freeze", "guard", "guarded.example"),
         ("refused-us", "guard", "unplanned.example")]


def test_escalated_once_unless_acknowledged(site, folder, hooked):
    site.redis.command("HSET", PLAN, "state", "paused", "rev", int(time.time()))
    now = int(time.time())
    ids = [site.redis.command("XADD", "cutover:events", "*", "time", now, "who", who, "host", "gw1", "domain",
                              domain, "what", what, "from", "running", "to", "paused", "why", "bad", "rev", "")
           for what, who, domain in STOPS]
    site.redis.command("SET", f"cutover:acked:{ids[1]}", "anna")
    made = controller(site, folder, gateway="gw-one", notify=hook(folder, "notify", f"cat >> {folder}/news"), escalate="3s")
    made.start()
    try:
        def news():
            if not (folder / "news").exists():
                return []
            return [json.loads(line) for line in (folder / "news").read_text().splitlines()]
        wait_for(lambda: any(each["escalated"] for each in news()), 30, "it was told once more")
        wait_for(lambda: sum(each["escalated"] for each in news()) >= 5, 30, "so were the others")
        time.sleep(3)       # nothing to wait for: nothing is to happen
        assert sorted((each["domain"], each["what"]) for each in news() if each["escalated"]) == [
            ("edited.example", "plan-pause"), ("example.com", "freeze"), ("guarded.example", "freeze"),
            ("hooked.example", "plan-pause"), ("unplanned.example", "refused-us")]
        assert sum(not each["escalated"] for each in news()) == len(STOPS)
    finally:
        made.kill()


def test_a_controller_that_is_killed_takes_its_hook_along_and_begins_again(site, folder, hooked):
    made = hooked(before_advance="echo $$ > $DIR/pid\n[ -e $DIR/quick ] || exec sleep 600")
    start(site, stays="600s 600s 600s")
    wait_for(lambda: running(folder, "pid"), 30, "the hook runs")
    made.kill()
    wait_for(lambda: not running(folder, "pid"), 10, "the hook ended with it")
    assert weight(site) == "0" and plan(site, "step") == "1"
    (folder / "quick").touch()
    made.start()
    wait_for(lambda: weight(site) == "30", 30, "the step was taken up again")
    assert len(events(site, "plan-advance")) == 1


def test_a_new_configuration_leaves_a_running_hook_alone(site, folder, hooked):
    made = hooked(before_advance="echo $$ >> $DIR/pids\nwhile [ ! -e $DIR/go ]; do sleep 0.1; done")
    start(site, stays="600s 600s 600s")
    wait_for((folder / "pids").exists, 30, "the hook runs")
    made.options["escalate"] = "20m"
    made.write_config()
    made.process.signal(signal.SIGHUP)
    wait_for(lambda: made.said("configuration read anew"), 10, "it was read")
    (folder / "go").touch()
    wait_for(lambda: weight(site) == "30", 30, "the stage was set")
    assert len((folder / "pids").read_text().split()) == 1


def test_a_silent_gateway_holds_it_up(site, cutover, mail):
    site.redis.command("ZADD", "cutover:gateways", int(time.time()), "gw9")
    site.redis.command("HSET", "cutover:gateway:gw9", "time", int(time.time()) - 60, "waiting", 7)
    start(site, stays="2s 600s 600s")
    wait_for(lambda: weight(site) == "30", 30, "the first stage")

    def traffic():
        return {gate["name"]: gate for gate in shown(cutover)[0]["gates"]}
    wait_for(lambda: traffic().get("stay", {}).get("answer") == "yes", 30, "the stay is over")
    wait_for(lambda: traffic()["samples"]["answer"] == "not-known", 10, "figures are not believed")
    assert "gw9" in traffic()["samples"]["text"]
    assert weight(site) == "30"
    site.redis.command("ZREM", "cutover:gateways", "gw9")
    wait_for(lambda: weight(site) == "70", 30, "it goes on without it")


WAITING = int(os.environ.get("WAITING") or 1000)      # `make soak` has 10,000, and a quarter of an hour


@pytest.mark.limit(300 + WAITING // 5)
def test_a_thousand_waiting_messages_go_back(site, cutover):
    """All of a stage at 100 waits when new falls; the slow trigger takes it back, and the event says how long it took."""
    number = WAITING
    start(site, stages="100", stays="600s", slow="95 15s", slow_action="none", fast_action="none")
    wait_for(lambda: weight(site) == "100", 30, "the stage")
    site.new.refuse()
    began = time.monotonic()
    with site.gateway.session() as client:
        for n in range(number):
            client.sendmail(f"w{n}@outside.example", [f"user{n}@example.com"], make_message("w@outside.example", f"{n}"))
    wait_for(lambda: (shown(cutover)[0]["sides"]["new"]["waiting"] or 0) >= number, 60 + number // 50, "the page tells that all wait")
    site.redis.command("HSET", PLAN, "slow_action", "rollback")
    wait_for_state(site, "rolled-back", 120)
    went = time.monotonic()
    # Mail that another test left may come in the meantime.
    ours = {f"user{n}@example.com" for n in range(number)}
    wait_for(lambda: ours <= set(site.old.recipients()), 900, "all is on old within a quarter of an hour", every=0.1)
    took = time.monotonic() - went
    assert sorted(c.recipient for c in site.old.copies if c.recipient in ours) == sorted(ours)
    assert not ours & set(site.new.recipients())
    wait_for(lambda: events(site, "drain"), 60, "how long that took was told")
    figures = dict(word.split("=") for word in events(site, "drain")[0]["why"].split())
    assert figures["left"] == "0" and 0 < int(figures["drained"]) <= number
    assert 0 < int(figures["rto_s"]) <= time.monotonic() - began + 5
    print(f"{number} messages in {took:.0f} s: {events(site, 'drain')[0]['why']}")
    wait_for(lambda: cutover.audit()["waiting"] == 0, 30, "the books have them all")
    found = cutover.audit()
    assert found["balanced"] and found["delivered"] == number
