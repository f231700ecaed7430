"""New is asked, by the envelopes of real mail, whether it would take the mail of those who move next; it gets none."""
import json
import os
import pathlib
import pwd
import signal
import time

import pytest

from cutover import Cutover, Maillog
from mailsite import bucket
from processes import ROOT, run, wait_for
from redis_server import RedisServer
from rehearsal import Rehearsal
from sink import Sink

BLOCK = "127.20.96"
FAULTS, ALL, BUSY = "example.com", "all.example", "busy.example"
LIMIT = 60000


def movers(domain, number, weight=30):
    """So many who move with the first stage, and one who doesn't."""
    names = (f"user{n}@{domain}" for n in range(10000))
    found, other = [], None
    for name in names:
        if bucket(name, domain) < weight * 100:
            found.append(name)
        elif other is None:
            other = name
        if len(found) >= number and other:
            return found, other
    raise AssertionError


class Busy(Sink):
    """421 from the 21st recipient on."""
    asked = 0

    def reply_to(self, phase, recipient=None):
        if phase == "rcpt":
            self.asked += 1
            if recipient.startswith("postshift-rehearsal-"):
                return "550 5.1.1 nobody of that name"
            if self.asked > 20:
                return "421 4.7.0 too many recipients from you, come back later"
        return super().reply_to(phase, recipient)


class Site:
    def __init__(self, folder):
        self.redis = RedisServer(folder / "redis", f"{BLOCK}.2").start()
        self.new = Sink("new", (f"{BLOCK}.3", 2525), size_limit=LIMIT).start()
        self.all = Sink("all", (f"{BLOCK}.4", 2525)).start()
        self.busy = Busy("busy", (f"{BLOCK}.6", 2525)).start()
        for domain, last in ((FAULTS, 3), (ALL, 4), (BUSY, 6)):
            self.redis.set_domain(domain, old=f"cutover-old:[{BLOCK}.7]:2525", new=f"cutover-new:[{BLOCK}.{last}]:2525", weight=0,
                                  inside="accept", rev=1)
        self.log = Maillog(folder / "mail.log")
        self.people, self.other = movers(FAULTS, 14)
        self.plant()
        self.cutover = Cutover(folder, f"{BLOCK}.5", redis=self.redis, domains=f"{FAULTS} {ALL} {BUSY}", log=self.log.path,
                               rehearsal="70", probe_interval="1s")
        self.rehearsal = Rehearsal(self.cutover, **self.confined(folder))
        self.cutover.start()
        self.cutover.wait_for_delivered(len(self.people) + 2 + 3 + 24)
        self.rehearsal.start()

    def confined(self, folder):
        """As on a gateway: a user whose group reads the books, in Redis one that can write its own answers alone."""
        [line] = [line for line in (ROOT / "postfix-conf/redis-users.acl").read_text().splitlines() if line.startswith("user postshift-rehearsal ")]
        self.redis.command("ACL", "SETUSER", "postshift-rehearsal", *line.split()[2:], "on", ">secret")
        secret = folder / "secret"
        secret.write_text("secret\n")
        more = {"redis_username": "postshift-rehearsal", "redis_password_file": secret}
        if os.geteuid() != 0:
            return more
        nobody, own = pwd.getpwnam("nobody"), folder / "own"
        own.mkdir()
        os.chown(own, nobody.pw_uid, nobody.pw_gid)
        os.chown(secret, nobody.pw_uid, nobody.pw_gid)
        secret.chmod(0o400)
        os.chown(self.cutover.folder, 0, nobody.pw_gid)
        self.cutover.folder.chmod(0o2750)
        return {**more, "user": "nobody", "state": own / "asked.db"}

    def mail(self, recipient, **more):
        self.log.append(self.log.message(recipient, service="postfix/cutover-old/smtp", **more))

    def plant(self):
        """The first of them are refused, each for a reason of its own; the others are known."""
        (unknown, nobody, denied, quota, big, sender, grey, pinned, unit, alias, *clean) = self.people
        self.new.answer("rcpt", "550 5.1.1 no such user here")
        for name in (big, sender, *clean):
            self.new.answer("rcpt", None, recipient=name)
        self.new.answer("rcpt", "550 5.4.1 Recipient address rejected: Access denied", recipient=denied)
        self.new.answer("rcpt", "553 5.3.0 <%s>... User Unknown" % nobody, recipient=nobody)
        self.new.answer("rcpt", "552 5.2.2 Mailbox full, over quota", recipient=quota)
        self.new.answer("rcpt", "451 4.7.1 Greylisting in action, please come back later", recipient=grey)
        self.new.answer("mail", "550 5.7.1 sender rejected", recipient="bad@evil.example")
        self.planted = {unknown: "unknown", nobody: "unknown", denied: "unknown", quota: "quota", big: "size", sender: "sender",
                        grey: "defers", alias: "unknown"}
        self.unit, self.alias, self.clean = unit, alias, clean
        self.redis.command("SET", f"cutover:pin:{pinned}", "old")
        self.redis.command("SET", f"cutover:unit:{alias}", unit)
        self.log.clock = time.time() - 600
        for name in self.people:
            if name != unit:
                self.mail(name, **({"size": LIMIT + 1} if name == big else {"sender": "bad@evil.example"} if name == sender else {}))
        self.mail(unknown, sender="t@other.example")
        self.mail(self.other)
        self.mail(f"nobody@{FAULTS[1:]}")
        for domain, number in ((ALL, 3), (BUSY, 24)):
            for name in movers(domain, number)[0]:
                self.mail(name)

    def stop(self):
        self.rehearsal.process.resume_and_kill()
        self.cutover.process.resume_and_kill()
        self.redis.process.resume_and_kill()
        for sink in (self.new, self.all, self.busy):
            sink.stop()


@pytest.fixture(scope="module")
def site(module_folder):
    made = Site(module_folder)
    yield made
    made.stop()


def test_each_fault_is_named_with_its_class(site):
    found = site.rehearsal.wait(FAULTS, lambda found: found["asked"] == found["movers"] == len(site.planted) + len(site.clean))
    assert {problem["address"]: problem["class"] for problem in found["problems"]} == site.planted
    assert found["stage"] == "30" and found["clean"] == len(site.clean)


def test_who_takes_everything_tells_nothing(site):
    found = site.rehearsal.wait(ALL, lambda found: found["cant_tell"] == 3 and found["why"])
    assert found["clean"] == 0 and "nobody has" in found["why"]
    assert {problem["class"] for problem in found["problems"]} == {"cant-tell"}


def test_after_421_it_comes_again_later(site):
    found = site.rehearsal.wait(BUSY, lambda found: found["why"])
    assert "421 4.7.0 too many" in found["why"] and "asked again in" in found["why"]
    assert found["clean"] == 19, "the first of twenty was after nobody"
    assert all(problem["class"] == "cant-tell" and "421" in problem["reply"] for problem in found["problems"])
    assert 1 <= found["cant_tell"] <= 2 and found["movers"] - found["asked"] == 24 - 19 - found["cant_tell"]


def test_it_may_read_the_books_and_write_its_own_answers(site):
    assert not site.rehearsal.said("redis refuses") and not site.rehearsal.said("keeps the books")
    as_it = [*site.redis.cli_words(), "--user", "postshift-rehearsal", "--pass", "secret", "--no-auth-warning"]
    for words in (("SET", "cutover:pin:a@example.com", "new"), ("HSET", f"cutover:domain:{FAULTS}", "weight", "100"),
                  ("DEL", "cutover:events"), ("FLUSHALL",)):
        assert "NOPERM" in run(*as_it, *words, check=False).stdout
    if os.geteuid() == 0:
        assert pathlib.Path(f"/proc/{site.rehearsal.process.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert site.cutover.books.stat().st_mode & 0o777 == 0o640


def test_what_it_shows(site):
    assert site.rehearsal.is_well()
    shown = {answer: site.rehearsal.metric(f'postshift_rehearsal_questions_total{{answer="{answer}"}}')
             for answer in ("fine", "refused", "defers", "cant-tell")}
    assert shown["fine"] >= len(site.clean) and shown["refused"] >= len(site.planted) and shown["defers"] >= 1 and shown["cant-tell"] >= 1
    assert site.rehearsal.metric(f'postshift_rehearsal_movers{{domain="{FAULTS}"}}') == len(site.planted) + len(site.clean)
    assert site.rehearsal.metric(f'postshift_rehearsal_movers{{domain="{BUSY}"}}') == 24
    wait_for(lambda: time.time() - site.rehearsal.metric("postshift_rehearsal_last_look_timestamp_seconds") < 30, 30, "a look", every=0.2)
    assert site.rehearsal.metric("postshift_redis_up") == 1


def test_no_message_is_sent(site):
    for sink in (site.new, site.all, site.busy):
        assert sink.verbs["DATA"] == 0 and not sink.copies
        assert sink.verbs["RSET"] and sink.verbs["RSET"] >= sink.verbs["RCPT"] - 2      # none behind a 421
    assert site.new.verbs["RCPT"] < 2 * site.new.connections


def test_a_table_tells_what_to_do(site):
    done = site.cutover.ctl("rehearsal", FAULTS, check=False)
    assert done.returncode == 1
    assert max(map(len, done.stdout.splitlines())) <= 100
    first = done.stdout.splitlines()[1]
    assert first.split()[1:4] == ["2", "refused", "unknown"], "who has most mail stands first"
    assert "Mailbox full, over quota" in done.stdout and "greylisting" in done.stdout.lower()
    assert f"of {len(site.planted) + len(site.clean)} who move with 30" in done.stdout.replace("\n  ", " ")


def test_a_restart_asks_nobody_again(site):
    asked = site.new.verbs["RCPT"]
    site.rehearsal.stop()
    site.rehearsal.start()
    wait_for(lambda: len(site.rehearsal.said("asks new about those who move next")) == 2, 10, "the second start")
    site.rehearsal.process.signal(signal.SIGHUP)
    wait_for(lambda: site.rehearsal.said("configuration read anew"), 10, "a reload")
    site.mail(site.clean[0])
    found = site.rehearsal.wait(FAULTS, lambda found: not found["silent"] and found["clean"] == len(site.clean) and not found["why"])
    assert len(found["problems"]) == len(site.planted)
    fresh = site.people[-1]
    site.mail(fresh, sender="first@new.example")
    wait_for(lambda: site.new.verbs["RCPT"] == asked + 2, 15, "the new sender, and nobody once more")


def test_the_gate_waits_until_the_refused_are_pinned(site):
    site.redis.command("HSET", f"cutover:plan:{FAULTS}", "state", "paused", "stage", "0", "stages", "30 70 100", "rev", int(time.time()))

    def gate():
        plans = json.loads(site.cutover.page("/status.json")[1])["plans"]
        return next((gate for plan in plans for gate in plan["gates"] if gate["name"] == "rehearsal"), None)
    closed = wait_for(lambda: (found := gate()) and "33.33 % of 12 movers" in found["text"] and found, 15, "the gate's figures")
    assert closed["answer"] == "no" and closed["text"].endswith("70 % are wanted: 7 refused, 1 deferred"), closed
    done = site.cutover.ctl("rehearsal", FAULTS, "--pin-refused", "--why", "not at new yet")
    assert "5 pins written" in done.stdout
    pinned = [name for name, why in site.planted.items() if why in ("unknown", "quota")]
    for name in pinned:
        assert site.redis.command("GET", f"cutover:pin:{site.unit if name == site.alias else name}") == "old note=rehearsal"
    assert site.redis.command("GET", f"cutover:pin:{site.alias}") is None
    found = site.rehearsal.wait(FAULTS, lambda found: found["movers"] == 3 + len(site.clean))
    assert {problem["class"] for problem in found["problems"]} == {"size", "sender", "defers"}


def test_who_is_erased_is_forgotten(site):
    gone = site.clean[0]
    said = site.cutover.ctl("erase", gone).stdout
    assert "1 in a rehearsal" in said
    assert gone not in site.redis.command("HKEYS", f"cutover:rehearsal:{FAULTS}:gw1")


def test_silence_is_not_known(site):
    """Its last word is of ten minutes ago."""
    site.rehearsal.stop()
    key = f"cutover:rehearsal:{FAULTS}"
    name, value = site.redis.command("HGETALL", key)
    first, _, rest = value.partition(" ")
    site.redis.command("HSET", key, name, f"{int(first) - 600} {rest}")
    done = site.cutover.ctl("rehearsal", FAULTS, check=False)
    assert done.returncode == 1 and "postshift-rehearsal of gw1 has said nothing for 10 min" in done.stdout.replace("\n  ", " ")


def test_where_nobody_is_asked_nothing_is_shown(site):
    if not site.rehearsal.process.running():
        site.rehearsal.start()
    wait_for(lambda: site.rehearsal.metric(f'postshift_rehearsal_movers{{domain="{BUSY}"}}') == 24, 20, "who moves next", every=0.1)
    site.cutover.options["rehearsal"] = "no"
    site.cutover.write_config()
    site.rehearsal.process.signal(signal.SIGHUP)
    wait_for(lambda: "postshift_redis_up NaN" in site.rehearsal.page()[1], 10, "a rehearsal that is off", every=0.1)
    assert "postshift_rehearsal_movers{" not in site.rehearsal.page()[1]
    assert site.rehearsal.page("/healthz") == (200, "ok\n")
