"""postshift-cutover behind a real Postfix: books, backends, queue and counters agree, message by message."""
import collections
import gzip
import os
import re
import shutil
import signal
import sqlite3
import threading
import time

import pytest

from cutover import Cutover
from gateway import make_message
from mailsite import MailSite
from processes import run, wait_for

PEOPLE = [f"person{n}@example.com" for n in range(40)]
PASSED = re.compile(rb"with E?SMTP id (\w+)")


@pytest.fixture(scope="module")
def site(module_folder):
    made = MailSite(module_folder, "127.20.41", main={"maillog_file_compressor": "gzip"}).start()
    yield made
    made.stop()


@pytest.fixture
def disk(folder):
    """A disk of its own for the books, which a test can fill."""
    place = folder / "disk"
    place.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", place)
    yield place
    run("umount", "-l", place)


@pytest.fixture
def cutover(site, folder, request):
    """Its log begins with the test."""
    site.reset()
    site.gateway.wait_until_empty()
    for rotated in site.gateway.log.parent.glob(site.gateway.log.name + "?*"):
        rotated.unlink()
    os.truncate(site.gateway.log, 0)
    place = request.getfixturevalue("disk") if "disk" in request.fixturenames else folder
    made = Cutover(folder, site.address[5], redis=site.redis, domains="example.com mark.example", log=site.gateway.log,
                   books=place / "books.db", postfix=site.gateway.etc)
    made.start()
    yield made
    made.process.resume_and_kill()


def at_backends(site):
    """(queue id, recipient) of each copy that a backend has."""
    return sorted((PASSED.search(copy.data)[1].decode(), copy.recipient)
                  for sink in (site.old, site.new) for copy in sink.copies)


def in_books(cutover, since):
    return sorted(cutover.rows("SELECT m.queue_id, r.addr FROM message m JOIN recipient r ON r.message = m.id"
                               " WHERE r.end = 1 AND r.domain = 'example.com' AND m.begun >= ?", int(since * 1000)))


def counted(site, since):
    """Field -> sum over the slots of both backends."""
    sums = collections.Counter()
    for key in site.redis.command("KEYS", "cutover:stat:example.com:*"):
        if int(key.rpartition(":")[2]) >= int(since):
            values = site.redis.command("HGETALL", key)
            sums.update({name: int(value) for name, value in zip(values[::2], values[1::2])})
    return sums


class Load(threading.Thread):
    """Mail to two recipients each, about 40 messages a second, until it is told to end."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.over, self.may = site, threading.Event(), threading.Event()
        self.sent = 0
        self.problem = None
        self.may.set()
        self.start()

    def run(self):
        try:
            with self.site.gateway.session() as client:
                while not self.over.is_set():
                    self.may.wait()
                    some = [PEOPLE[self.sent % 40], PEOPLE[(self.sent + 7) % 40]]
                    client.sendmail(f"w{self.sent}@outside.example", some,
                                    make_message("w@outside.example", f"load {self.sent}"))
                    self.sent += 1
                    time.sleep(0.02)
        except Exception as problem:    # told by the test
            self.problem = problem

    def end(self):
        self.may.set()
        self.over.set()
        self.join(20)
        assert self.problem is None, self.problem


def fill(path):
    """Until the disk is full."""
    out = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(out, b"\0" * 4096)
    except OSError:
        pass
    finally:
        os.close(out)


@pytest.fixture
def load(site):
    """Mail that comes until the test ends it."""
    started = []

    def begin():
        started.append(Load(site))
        return started[0]
    yield begin
    for one in started:
        one.may.set()
        one.over.set()
        one.join(20)


LOGGED = re.compile(r"^(\w{3} [ \d]\d [\d:]{8}) \S+ postfix/cutover-(old|new)/smtp\[\d+\]: (\w+): to=<([^>]*)>, .*?"
                    r"delays=[\d.]+/[\d.]+/([\d.]+)/([\d.]+), .*?status=(sent|deferred)", re.M)


def text_of(path):
    return (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8").read()


def logged_attempts(log):
    """Each attempt that Postfix told, rotated files before the log: backend, queue id, recipient, unix time, ms of c+d,
    sent or deferred."""
    year = time.localtime().tm_year
    text = "".join(map(text_of, sorted(log.parent.glob(log.name + "*"), key=lambda path: path.stat().st_mtime)))
    for stamp, backend, queue_id, recipient, c, d, status in LOGGED.findall(text):
        when = int(time.mktime(time.strptime(f"{year} {stamp}", "%Y %b %d %H:%M:%S")))
        yield backend, queue_id, recipient, when, round(1000 * float(c)) + round(1000 * float(d)), status


def first_attempts(attempts):
    """(backend, slot, field) -> what is to be counted."""
    wanted, seen = collections.Counter(), set()
    for backend, queue_id, recipient, when, delay, status in attempts:
        if (queue_id, recipient) in seen:
            continue
        seen.add((queue_id, recipient))
        wanted[backend, when, "ok" if status == "sent" else "neutral"] += 1
        if status == "sent":
            wanted[backend, when, "delay_ms"] += delay
            wanted[backend, when, "delay_count"] += 1
    return wanted


def in_redis(site):
    """(backend, slot, field) -> what was counted."""
    found = collections.Counter()
    for key in site.redis.command("KEYS", "cutover:stat:example.com:*"):
        *_, backend, slot = key.split(":")
        values = site.redis.command("HGETALL", key)
        found.update({(backend, int(slot), name): int(value) for name, value in zip(values[::2], values[1::2])})
    return found


def wait_for_counts(site, attempts):
    """Each slot of each backend, and no more than that."""
    wanted = first_attempts(attempts)
    ok = sum(number for (*_, name), number in wanted.items() if name == "ok")
    wait_for(lambda: sum(v for (*_, name), v in in_redis(site).items() if name == "ok") >= ok, 30, "all counted", every=0.3)
    time.sleep(1.5)
    assert +in_redis(site) == +wanted
    return wanted


def keep(site):
    """Redis comes back with what it had."""
    site.redis.command("CONFIG", "SET", "save", "3600 1")


def forget_counts(site):
    site.redis.command("DEL", *site.redis.command("KEYS", "cutover:stat:*"), "cutover:ledger:example.com")


def rotated_by_rename(site, cutover):
    """Once while it reads, once while it is dead."""
    run("postfix", "-c", site.gateway.etc, "logrotate")
    time.sleep(1.1)         # its names have seconds
    cutover.kill()
    time.sleep(1)
    run("postfix", "-c", site.gateway.etc, "logrotate")
    time.sleep(1)
    cutover.start()


def without_redis(site):
    site.redis.stop()
    time.sleep(2)
    site.redis.start()
    keep(site)


def on_a_full_disk(disk, cutover):
    def told():
        return len(cutover.said("disk is full") + cutover.said("I/O error"))

    filler, before = disk / "filler", told()
    fill(filler)
    wait_for(lambda: told() > before, 30, "it tells of the full disk")
    time.sleep(2)
    filler.unlink()
    assert told() <= before + 2
    wait_for(lambda: cutover.metric("postshift_cutover_trouble") == 0, 30, "the books are written again")


def rotated_by_copy(site, cutover, load, day):
    """What comes between copy and truncation nobody has: nothing does."""
    log = site.gateway.log
    cutover.process.pause()
    load.may.clear()
    time.sleep(0.5)
    site.new.be_good()
    site.gateway.wait_until_empty(flush=True)
    time.sleep(1)
    shutil.copy(log, log.with_name(f"{log.name}-202611{day:02}"))
    os.truncate(log, 0)
    load.may.set()
    time.sleep(1)
    cutover.process.resume()


@pytest.mark.limit(400)
def test_storm(site, cutover, disk, load):
    """A minute of load; rotated in both ways, killed, without Redis, on a full disk, again and again.  Backends, books,
    queue and counters agree, message by message."""
    keep(site)
    forget_counts(site)
    site.set(weight=50)
    load = load()
    begun = time.monotonic()
    for day in range(1, 29):
        site.new.answer("rcpt", "450 4.2.1 busy", times=5)
        time.sleep(1)
        rotated_by_rename(site, cutover)
        without_redis(site)
        on_a_full_disk(disk, cutover)
        rotated_by_copy(site, cutover, load, day)
        if time.monotonic() > begun + 60:
            break
    site.new.answer("rcpt", "450 4.2.1 busy")
    time.sleep(1)
    load.end()

    # What waits is what Postfix has in its queue.
    def all_wait():
        found = [(message["queue_id"], one["address"], one.get("delay_reason") or "")
                 for message in site.gateway.queued() for one in message["recipients"]]
        return all("busy" in why for *_, why in found) and sorted((queue_id, address) for queue_id, address, _ in found)

    queued = wait_for(all_wait, 60, "what is in the queue was tried")
    delivered = at_backends(site)
    assert len(delivered) == len(set(delivered)) and len(delivered) + len(queued) == 2 * load.sent
    wait_for(lambda: len(cutover.delivered()) >= len(delivered), 60, "all deliveries in the books", every=0.2)
    assert cutover.delivered() == delivered
    in_books = "SELECT m.queue_id, r.addr FROM message m JOIN recipient r ON r.message = m.id WHERE r.end = 0"
    wait_for(lambda: sorted(cutover.rows(in_books)) == queued, 20, "what waits is in the books")
    audit = cutover.audit()
    assert audit["balanced"] and audit["waiting"] == len(queued) and audit["accepted"] == 2 * load.sent, audit

    site.new.be_good()
    site.gateway.wait_until_empty(flush=True)
    wanted = at_backends(site)
    assert len(wanted) == len(set(wanted)) == 2 * load.sent
    wait_for(lambda: len(cutover.delivered()) >= len(wanted), 30, "all deliveries in the books", every=0.2)
    assert cutover.delivered() == wanted
    assert not cutover.said("gap"), cutover.process.output()
    audit = cutover.audit()
    assert audit["balanced"] and not audit["lost"] and not audit["queue_only"] and audit["waiting"] == 0, audit
    attempts = list(logged_attempts(site.gateway.log))
    assert sorted((queue_id, recipient) for _, queue_id, recipient, *_, status in attempts if status == "sent") == wanted
    wait_for_counts(site, attempts)


@pytest.mark.limit(120)
def test_counters_through_all_that_happens_to_redis(site, cutover, load):
    """Redis away, Redis that answers too late: every first attempt counts once."""
    time.sleep(1.1)
    since = int(time.time())
    site.set(weight=50)
    site.new.answer("rcpt", "450 4.2.1 busy", times=3)
    load = load()
    for _ in range(3):
        time.sleep(1.2)
        site.redis.pause()          # takes what was sent, and answers when nobody waits any more
        time.sleep(2)
        site.redis.resume()
    cutover.restart()
    time.sleep(1)
    load.end()
    site.gateway.wait_until_empty(flush=True)
    wanted = at_backends(site)
    wait_for(lambda: len(in_books(cutover, since)) >= len(wanted), 30, "all deliveries in the books", every=0.2)
    assert in_books(cutover, since) == wanted
    wait_for(lambda: counted(site, since)["ok"] >= len(wanted) - 3, 20, "all counted", every=0.2)
    time.sleep(1.5)
    sums = counted(site, since)
    assert (sums["ok"], sums["neutral"], sums["delay_count"]) == (len(wanted) - 3, 3, len(wanted) - 3), sums
    ledger = site.redis.command("HGETALL", "cutover:ledger:example.com")
    assert set(ledger[::2]) >= {copy.recipient for copy in site.new.copies}
    assert all(re.fullmatch(r"\d+ sure", value) for value in ledger[1::2])


@pytest.mark.limit(120)
def test_counts_and_ledger_message_by_message(site, cutover, load):
    """Redis stopped and started, the controller killed in between: each slot of each backend, and who first had mail
    on new, are what Postfix's own log and the backends say, read here by other means."""
    keep(site)
    forget_counts(site)
    site.set(weight=50)
    site.new.answer("rcpt", "450 4.2.1 busy", times=3)
    load = load()
    time.sleep(1.5)
    site.redis.stop()
    time.sleep(1.5)
    cutover.kill()                  # what was counted is in the books alone
    cutover.start()
    time.sleep(1.5)
    site.redis.start()
    wait_for(lambda: cutover.metric("postshift_redis_up") == 1, 15, "the controller's Redis")
    time.sleep(1.2)
    keep(site)
    cutover.kill()                  # while parts are sent and answered
    site.redis.stop()
    site.redis.start()
    cutover.start()
    time.sleep(1.5)
    load.end()
    site.gateway.wait_until_empty(flush=True)

    attempts = list(logged_attempts(site.gateway.log))
    sent = sorted((queue_id, recipient) for _, queue_id, recipient, *_, status in attempts if status == "sent")
    assert sent == at_backends(site) and len(sent) == 2 * load.sent
    first_on_new = {}
    for backend, _, recipient, when, _, status in attempts:
        if backend == "new" and status == "sent":
            first_on_new[recipient] = min(when, first_on_new.get(recipient, when))
    wanted = wait_for_counts(site, attempts)
    assert sum(v for (*_, name), v in wanted.items() if name == "neutral") == 3
    ledger = site.redis.command("HGETALL", "cutover:ledger:example.com")
    assert dict(zip(ledger[::2], ledger[1::2])) == {unit: f"{when} sure" for unit, when in first_on_new.items()}


@pytest.mark.limit(150)
def test_the_queue_beside_the_books(site, cutover, folder):
    """Mail that waits for over a minute, deferred and on hold: books that were there agree, books that began with a
    later log name it."""
    gateway = site.gateway
    site.set(weight=100)
    site.new.answer("rcpt", "450 4.2.1 busy")
    for number in range(3):
        gateway.send(f"q{number}@outside.example", [PEOPLE[number]])
    waiting = wait_for(lambda: len(found := gateway.queued()) == 3 and all(
        one["queue_name"] == "deferred" for one in found) and sorted(one["queue_id"] for one in found), 20, "three wait")
    run("postsuper", "-c", gateway.etc, "-h", waiting[0])
    time.sleep(62)                  # what has just come may not be in the log yet: it is not compared
    held = [one["queue_name"] for one in gateway.queued() if one["queue_id"] == waiting[0]]
    assert held == ["hold"]
    os.truncate(gateway.log, 0)
    late = Cutover(folder, site.address[6], name="late", redis=site.redis, domains="example.com", log=gateway.log,
                   gateway="late", queue="yes", postfix=gateway.etc).start()
    try:
        cutover.options["queue"] = "yes"
        cutover.write_config()
        cutover.process.signal(signal.SIGHUP)
        for one, wanted in ((cutover, []), (late, waiting)):
            queue = wait_for(lambda: (found := one.document("/status.json")["queue"])["compared"] and found, 40, "compared")
            assert (queue["queue_only"], queue["books_only"], queue["trouble"]) == (len(wanted), 0, None)
            assert one.metric("postshift_queue_disagreement") == len(wanted)
            assert sorted(one.audit()["queue_only"]) == wanted
        assert not cutover.said("disagree")
        assert all(queue_id in late.said("disagree")[0] for queue_id in waiting)
        # Whose queue: that of [cutover] postfix, unless [ctl] says another.
        late.ctl_options["postfix"] = folder / "nowhere"
        late.write_config()
        audit = late.audit()
        assert audit["queue_only"] == [] and "nowhere" in audit["queue_silent"]
    finally:
        late.process.resume_and_kill()


def test_content_filter_of_two_passes(site, cutover):
    """Two ids, one story; reports count one."""
    gateway = site.gateway
    inner, outer = f"{gateway.address}:10027", f"{gateway.address}:10028"
    for where, options in ((inner, ["content_filter=", "myhostname=filter.example"]), (outer, [f"content_filter=smtp:[{gateway.address}]:10027"])):
        gateway.postconf("-M", f"{where}/inet={where} inet n - y - - smtpd")
        gateway.postconf("-P", *(f"{where}/inet/{option}" for option in options))
    gateway.reload()
    wait_for(lambda: cutover.count("SELECT 1 FROM meta"), 20, "the books")
    before = cutover.audit()
    port, gateway.port = gateway.port, 10028
    try:
        gateway.send("two@outside.example", [PEOPLE[0]], "two passes")
    finally:
        gateway.port = port
    site.old.wait_for(1)
    stories = wait_for(lambda: (found := cutover.trace("--from", "two@outside.example")) and len(found[0]["legs"]) == 2
                       and all(r["end"] != "waiting" for leg in found[0]["legs"] for r in leg["recipients"]) and found,
                       15, "a story of two legs", every=0.3)
    assert len(stories) == 1
    ids = [leg["queue_id"] for leg in stories[0]["legs"]]
    assert len(set(ids)) == 2
    assert cutover.trace("--queue-id", ids[0]) == cutover.trace("--queue-id", ids[1])
    audit = cutover.audit()
    assert audit["balanced"], audit
    assert (audit["messages"] - before["messages"], audit["stories"] - before["stories"]) == (2, 1), (before, audit)


def test_misrouted(site, cutover):
    """A delivery forced to the other backend is named; one that was under way at a change of weight is not."""
    wait_for(lambda: cutover.metric("postshift_redis_up") == 1, 5, "the controller's Redis")
    wait_for(lambda: cutover.rows("SELECT 1 FROM input WHERE key = 'domain:example.com'"), 10, "what decides is in the books")
    # The queue manager may remember an answer for half a minute: as if the controller had been there for longer.
    with sqlite3.connect(cutover.books, timeout=10) as books:
        books.execute("UPDATE input SET at = at - 60000")
    # At weight 0 Postfix itself is told to send to new: no route says that.
    by_service = site.gateway.postconf("-P", "rewrite-cutover/unix/transport_maps").partition("=")[2].strip()
    site.gateway.set(by_service=by_service, forced_maps=f"inline:{{{{{PEOPLE[2]}={site.new_route}}}}}, $by_service")
    site.gateway.postconf("-P", "rewrite-cutover/unix/transport_maps=$forced_maps")
    site.gateway.reload()
    try:
        site.gateway.send("forced@outside.example", [PEOPLE[2]])
        site.new.wait_for(1)
    finally:
        site.gateway.postconf("-P", "rewrite-cutover/unix/transport_maps=$by_service")
        site.gateway.reload()
    ended = "SELECT m.queue_id FROM message m JOIN recipient r ON r.message = m.id WHERE m.sender = ? AND r.end = 1"
    forced = wait_for(lambda: cutover.rows(ended, "forced@outside.example"), 10, "it is in the books")
    # The weight changes while old takes its time.
    site.old.answer("body", "250 2.0.0 stored, at last", delay=3)
    site.gateway.send("slow@outside.example", [PEOPLE[1]])
    time.sleep(1)
    site.set(weight=100)
    wait_for(lambda: cutover.rows(ended, "slow@outside.example"), 15, "it is in the books")
    time.sleep(1)
    audit = cutover.audit("--since", "1m")
    assert audit["misrouted"] == [forced[0][0]] and not audit["balanced"], audit
