"""An evening's load through the whole chain, Postfix with both milters, policyd and the controller, with one fault after
the other, beside login processes and queue managers that hold their connection to policyd open.

make soak: SOAK_RATE=120 (messages a second) SOAK_SECONDS=600, with all faults, one a minute, and 3,000 and 100 clients
held; else a short form with three.  Blocks 127.20.120, 122 and 123, in a network of its own.
"""
import collections
import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import resource
import signal
import smtplib
import sys
import threading
import time

import pytest

from authsite import Keys
from mailsite import bucket
from processes import ROOT, Process, run, wait_for
from scanner import children
from sink import Sink

sys.path.insert(0, str(ROOT / "tests/cluster"))
from cluster_site import DOMAIN, Cluster, route     # noqa: E402 (the path above leads to it)
from network import Unable                          # noqa: E402
sys.path.insert(0, str(ROOT / "tests/fakes"))
from dns_server import DnsServer                    # noqa: E402

RATE = float(os.environ.get("SOAK_RATE", "20"))
SECONDS = float(os.environ.get("SOAK_SECONDS", "12"))
IS_LONG = SECONDS >= 60
DICTS, ROUTES = (3000, 100) if IS_LONG else (1100, 20)
SESSIONS, MAILS_A_SESSION = 40, 20
P99_MS = 5
PEOPLE = [f"person{n}@{DOMAIN}" for n in range(2000)]
SENDER = "sender.example"
ZONE = f"{SENDER} TXT v=spf1 ip4:127.0.0.0/8 -all\n_dmarc.{SENDER} TXT v=DMARC1; p=reject\n"
SILENT = f"{SENDER} MODE silent\n_dmarc.{SENDER} MODE silent\ns1._domainkey.{SENDER} MODE silent\n"
BODY = b"".join(b"Line %d of an ordinary mail, as long as people write them.\r\n" % n for n in range(30))


def side(recipient):
    return "new" if bucket(recipient) < 5000 else "old"


class Backend(Sink):
    """Of many mails it keeps what is asked afterwards."""

    def __init__(self, *arguments, **how):
        super().__init__(*arguments, **how)
        self.verdicts = collections.Counter()

    def keep(self, copy, sure):
        results = " ".join(copy.headers("Authentication-Results"))
        verdict = (next((v for v in ("pass", "temperror", "fail", "none") if f"dmarc={v}" in results), "no result"),
                   " ".join(copy.headers("X-Virus-Status")))
        backends = ",".join(copy.headers("X-Cutover-Backend")).encode()
        super().keep(dataclasses.replace(copy, data=backends), sure)
        with self.lock:
            self.verdicts[verdict] += 1


class Load:
    """RATE messages a second, each due at its time, whatever becomes of those before."""

    def __init__(self, gateway, keys):
        self.gateway = gateway
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.begun = time.monotonic()
        fields = (("From", f"<a@{SENDER}>"), ("To", "undisclosed-recipients:;"), ("Subject", "soak"),
                  ("Date", time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())))
        head = "".join(f"{name}: {value}\r\n" for name, value in keys.sign(fields, BODY, domain=SENDER))
        self.text = head.replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\r\n" + BODY
        self.accepted = {}              # sender -> recipients
        self.unsure = set()             # senders whose session broke
        self.minutes = collections.defaultdict(collections.Counter)
        self.replies = collections.Counter()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(SESSIONS)]
        for thread in self.threads:
            thread.start()

    def take(self):
        """The next message's number, at its time; None at the end."""
        with self.lock:
            number = next(self.numbers)
        due = self.begun + number / RATE
        if due > self.begun + SECONDS:
            return None
        time.sleep(max(0.0, due - time.monotonic()))
        return number

    def count(self, number, what, reply=None):
        with self.lock:
            self.minutes[int(number / RATE / 60)][what] += 1
            if reply:
                self.replies[reply] += 1
            if time.monotonic() > self.begun + number / RATE + 1:
                self.minutes[int(number / RATE / 60)]["a second late"] += 1

    def run(self):
        client, mails = None, 0
        while (number := self.take()) is not None:
            sender = f"load-{number}@{SENDER}"
            people = [PEOPLE[number * 7919 % len(PEOPLE)], *([PEOPLE[number * 7919 % len(PEOPLE) - 1]] if number % 4 == 0 else [])]
            try:
                client = client or self.gateway.session()
                with self.lock:
                    self.unsure.add(sender)
                client.sendmail(sender, people, b"Message-ID: <%d@sender.example>\r\n" % number + self.text)
                with self.lock:
                    self.accepted[sender] = people
                    self.unsure.discard(sender)
                self.count(number, "accepted")
            except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as refused:
                with self.lock:
                    self.unsure.discard(sender)
                self.count(number, "later", f"{refused.smtp_code} {refused.smtp_error.decode()[:60]}")
                client = self.leave(client)
            except smtplib.SMTPRecipientsRefused as refused:
                with self.lock:
                    self.unsure.discard(sender)
                code, text = next(iter(refused.recipients.values()))
                self.count(number, "later", f"{code} {text.decode()[:60]}")
            except (OSError, smtplib.SMTPException) as error:
                self.count(number, "broken", repr(error)[:80])
                client = self.leave(client)
            mails += 1
            if mails % MAILS_A_SESSION == 0:
                client = self.leave(client)
        self.leave(client)

    @staticmethod
    def leave(client):
        if client:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()

    def end(self):
        for thread in self.threads:
            thread.join(SECONDS + 120)

    def wanted(self):
        return {(sender, person) for sender, people in self.accepted.items() for person in people}


class Faults:
    """Each begins, lasts for some seconds and is over; rows of (begin, end, name) in `told`, in unix time."""

    def __init__(self, cluster, dns, zone):
        self.cluster, self.gateway, self.dns, self.zone = cluster, cluster.gateways[0], dns, zone
        self.told, self.lasts = [], 0.0
        self.without_policyd = []

    def run(self, fault, lasts):
        self.lasts = lasts
        begun = time.time()
        fault(self)
        self.told.append((begun, time.time(), fault.__name__.replace("_", " ")))
        if fault in (Faults.policyd_killed, Faults.policyd_stopped):
            self.without_policyd.append((begun, time.time()))

    def policyd_killed(self):
        self.gateway.policyd.kill()
        time.sleep(1)
        self.gateway.policyd.start()

    def new_refuses(self):
        self.cluster.new.refuse()
        time.sleep(self.lasts)
        self.cluster.new.accept()
        self.gateway.postfix.flush()

    def scan_keeper_killed(self):
        """First a worker, then the keeper."""
        milter = self.gateway.milters["scan"]

        def keeper():
            return [child for child in children(milter.pid) if children(child)]

        for pid in (lambda: children(keeper()[0])[0], lambda: keeper()[0]):
            wait_for(keeper, 20, "a keeper with workers")
            with contextlib.suppress(IndexError, ProcessLookupError):
                os.kill(pid(), signal.SIGKILL)
            time.sleep(min(self.lasts, 3))
        wait_for(keeper, 20, "a keeper with workers")

    def redis_dies(self):
        first = self.cluster.primary()
        first.kill()
        wait_for(lambda: self.cluster.primary() not in (None, first), 60, "another primary")
        time.sleep(self.lasts)
        first.start()
        wait_for(lambda: first.role() == "slave", 60, "it follows the new one")

    def redis_flushed(self):
        wait_for(self.cluster.primary, 30, "a primary").command("FLUSHALL")
        time.sleep(self.lasts)
        set_domain(self.cluster)
        self.gateway.ctl("accept-state")

    def redis_silent(self):
        for server in self.cluster.redis:
            server.pause()
        time.sleep(self.lasts)
        for server in self.cluster.redis:
            server.resume()
        wait_for(self.cluster.primary, 60, "a primary")

    def policyd_stopped(self):
        """Stuck, until its unit's watchdog ends it."""
        policyd = self.gateway.policyd
        policyd.pause()
        time.sleep(min(self.lasts, 10))
        policyd.kill()
        policyd.start()

    def milters_killed(self):
        """All that the supervisors started, but for the keeper."""
        for milter in self.gateway.milters.values():
            for child in children(milter.pid):
                if not children(child):
                    os.kill(child, signal.SIGKILL)
        time.sleep(self.lasts)

    def dns_silent(self):
        self.dns.load(SILENT)
        time.sleep(self.lasts)
        self.dns.load(self.zone)

    def log_rotated(self):
        """Twice; the second time nobody reads it."""
        self.rotate()
        time.sleep(max(self.lasts / 2, 1.1))        # its names have seconds
        self.gateway.controller.kill()
        self.rotate()
        time.sleep(self.lasts / 2)
        self.gateway.controller.start(30)

    def rotate(self):
        """As logrotate does with `create`: what Postfix makes itself root alone can read."""
        log = self.gateway.postfix.log
        made = log.with_name("mail.new")
        made.touch()
        made.chmod(0o644)
        log.rename(log.with_name(f"{log.name}.{time.strftime('%Y%m%d-%H%M%S')}"))
        made.rename(log)
        run("postfix", "-c", self.gateway.postfix.etc, "reload")

    def controller_killed(self):
        self.gateway.controller.kill()
        time.sleep(self.lasts)
        self.gateway.controller.start(30)


SHORT = (Faults.policyd_killed, Faults.scan_keeper_killed, Faults.new_refuses)
LONG = (Faults.redis_dies, Faults.policyd_killed, Faults.new_refuses, Faults.scan_keeper_killed, Faults.redis_flushed,
        Faults.policyd_stopped, Faults.milters_killed, Faults.dns_silent, Faults.log_rotated, Faults.redis_silent)


def set_domain(cluster):
    cluster.set(old=route("cutover-old", cluster.old), new=route("cutover-new", cluster.new), weight=50, inside="accept",
                imap_old=cluster.old.address[0], imap_new=cluster.new.address[0])


@pytest.fixture
def cluster(folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * DICTS + 2200:
        pytest.skip(f"no more than {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        cluster = Cluster(folder, gateways=1, trusted="", sink=Backend)
    except Unable as error:
        pytest.skip(f"no cluster here: {error}")
    cluster.gateways[0].postfix.set(smtpd_peername_lookup="no")
    cluster.start()
    yield cluster
    cluster.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def dns(folder, cluster):
    keys = Keys(folder)
    server = DnsServer(f"{ZONE}s1._domainkey.{SENDER} TXT {keys.record}\n", f"{cluster.gateways[0].block}.6", 5353).start()
    yield server, keys, f"{ZONE}s1._domainkey.{SENDER} TXT {keys.record}\n"
    server.stop()


@pytest.fixture
def held(folder, cluster):
    """The clients' process, and where its result will be."""
    sockets, result = cluster.gateways[0].postfix.sockets, folder / "held.json"
    often = min(40, SECONDS * 0.7)
    process = Process([sys.executable, ROOT / "tests/system/held.py", sockets / "dict.sock", DICTS, often,
                       sockets / "route.sock", ROUTES, min(20, often), f"person%d@{DOMAIN}", result], folder / "held.log")
    yield process, result
    process.kill()


def delivered(cluster, load):
    missing = load.wanted() - set(copies(cluster))
    if missing:
        cluster.gateways[0].postfix.flush()
    return not missing


def processor_time():
    """Of all processors: (busy, all), in ticks."""
    ticks = [int(word) for word in pathlib.Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def share(before, after):
    return (after[0] - before[0]) / max(1, after[1] - before[1])


def copies(cluster):
    """(sender, recipient) -> how often a backend said 250."""
    return collections.Counter((copy.sender, copy.recipient) for sink in (cluster.old, cluster.new) for copy in list(sink.copies))


def wait_for_balance(gateway, seconds):
    """The audit; one that has not come to balance by then, too."""
    deadline = time.monotonic() + seconds
    while True:
        audit = gateway.json("audit")
        if audit.get("balanced") and audit["waiting"] == 0 or time.monotonic() > deadline:
            return audit
        time.sleep(0.5)


@pytest.mark.limit(int(SECONDS) + 600)
def test_an_evening_with_faults(cluster, dns, held):
    gateway, (server, keys, zone), (clients, result) = cluster.gateways[0], dns, held
    set_domain(cluster)
    wait_for(lambda: '"new"' in gateway.policyd.page(f"/route.json?address={next(p for p in PEOPLE if side(p) == 'new')}")[1], 20,
             "the weight is known")
    clients.start()
    clients.wait_for_output("open", 30)
    load, faults, begun, busy = Load(gateway.postfix, keys), Faults(cluster, server, zone), time.time(), processor_time()
    rows = LONG if IS_LONG else SHORT
    for number, fault in enumerate(rows):
        time.sleep(max(0.0, begun + SECONDS * (number + 0.25) / len(rows) - time.time()))
        faults.run(fault, min(15.0, SECONDS / len(rows) / 4))
    load.end()
    lasted = time.time() - begun
    print(f"\nprocessors busy: {100 * share(busy, processor_time()):.0f} %, {100 * time.process_time() / lasted:.0f} % of one for clients, "
          "backends and DNS of the test")
    clients.stop()

    wait_for(lambda: delivered(cluster, load), 300, "all that was accepted is delivered", every=2.0)
    gateway.postfix.wait_until_empty(60, flush=True)
    drained = time.time() - begun - lasted
    found = copies(cluster)
    audit = wait_for_balance(gateway, 120)
    tell(cluster, load, faults, audit, lasted, drained)
    check_mail(cluster, load, found, audit)
    check_clients(json.loads(pathlib.Path(result).read_text(encoding="ascii")), faults, begun)


def tell(cluster, load, faults, audit, lasted, drained):
    print(f"{len(load.accepted)} messages, {len(load.wanted())} recipients in {lasted:.1f} s: {len(load.accepted) / lasted:.1f} "
          f"a second; empty {drained:.1f} s later")
    for minute, counts in sorted(load.minutes.items()):
        print(f"minute {minute}: {dict(counts)}")
    for begin, end, name in faults.told:
        print(f"{name}: {end - begin:.1f} s")
    print(f"answers to clients: {dict(load.replies)}; sessions that broke over a message: {len(load.unsure)}")
    print(f"verdicts: { {' '.join(v): n for v, n in (cluster.old.verdicts + cluster.new.verdicts).items()} }")
    print(f"audit: { {key: value for key, value in audit.items() if isinstance(value, (int, float, bool)) or key in ('gaps', 'double')} }")


def check_mail(cluster, load, found, audit):
    for sink in (cluster.old, cluster.new):
        for copy in sink.copies:
            assert side(copy.recipient) == sink.name == copy.data.decode(), f"{copy.sender} to {copy.recipient} on {sink.name}"
    assert not cluster.other.copies, "nobody got a bounce"
    unknown = {sender for sender, _ in found} - set(load.accepted) - load.unsure
    assert not unknown, f"delivered, though the client was refused: {sorted(unknown)[:10]}"
    assert audit["balanced"] and audit["waiting"] == 0, audit
    assert audit["misrouted"] == [] and audit["lost"] == [] and not audit["gaps"], audit
    unsure = sum(count for (sender, _), count in found.items() if sender in load.unsure)
    assert audit["accepted"] == len(load.wanted()) + unsure, audit
    twice = sum(count - 1 for count in found.values())
    assert twice <= len(cluster.new.unsure) + len(cluster.old.unsure), f"{twice} copies too many"


def p99(times):
    return sorted(times)[int(len(times) * 0.99)] if times else float("nan")


def check_clients(told, faults, begun):
    """What policyd's own faults did to them is no matter: it was not there."""
    def is_there(at):
        return not any(begin - 1 <= at <= end + 2 for begin, end in faults.without_policyd)

    closed = [(kind, at - begun) for kind, at in told["closed"] if is_there(at)]
    print(f"clients closed: {len(closed)}, and {len(told['closed']) - len(closed)} by policyd's own end; on the way at the end: {told['unanswered']}")
    slowest = {}
    for kind, number in (("dict", DICTS), ("route", ROUTES)):
        every = [ms for name, _, ms in told["answers"] if name == kind]
        took = [ms for name, at, ms in told["answers"] if name == kind and is_there(at)]
        minutes = collections.defaultdict(list)
        for name, at, ms in told["answers"]:
            if name == kind:
                minutes[max(0, int((at - begun) // 60))].append(ms)
        assert len(took) > 10
        slowest[kind] = p99(took)
        print(f"{kind}: {number} clients, {len(every)} answers, p50 {sorted(took)[len(took) // 2]:.2f} ms, p99 {p99(took):.2f} ms, "
              f"longest {max(took):.1f} ms; with policyd's own faults p99 {p99(every):.2f} ms; "
              f"p99 by minute {[round(p99(some), 2) for _, some in sorted(minutes.items())]}")
    assert not closed, f"{len(closed)} were closed: {closed[:10]}"
    assert not told["wrong"] and not told["away"], (told["wrong"][:3], told["away"])
    if IS_LONG:
        assert max(slowest.values()) < P99_MS, f"p99 in ms: {slowest}; other work on this machine is in it"
