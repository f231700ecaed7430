"""Two gateways on one Redis with replicas and Sentinels, under load: each part falls in turn, and nothing is lost.

make soak: CLUSTER_RATE=100 (messages a second) CLUSTER_CUT=60 (seconds).  Blocks 127.20.120 to 123, in a network of
its own.
"""
import collections
import os
import random
import smtplib
import sys
import threading
import time

import pytest

from mailsite import bucket
from processes import ROOT, wait_for

sys.path.insert(0, str(ROOT / "tests/cluster"))
from cluster_site import DOMAIN, Cluster    # noqa: E402 (the path above leads to it)
from network import Unable                  # noqa: E402

RATE = float(os.environ.get("CLUSTER_RATE", "15"))
CUT = float(os.environ.get("CLUSTER_CUT", "12"))
PEOPLE = [f"person{n}@{DOMAIN}" for n in range(400)]
ADDRESSES = [f"user{n}@{DOMAIN}" for n in range(10000)]
SETTLED = 3     # seconds in which a change is surely in force, deliveries under way included


def side(recipient, weight):
    return "new" if bucket(recipient) < weight * 100 else "old"


class Load:
    """Messages to several recipients each, to one gateway after the other; what was accepted is remembered."""

    def __init__(self, cluster):
        self.cluster, self.over = cluster, threading.Event()
        self.accepted = {}              # sender -> (time, recipients)
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(2)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def run(self, number):
        chance, client, count = random.Random(number), None, 0
        while not self.over.wait(2 / RATE):
            gateway = self.cluster.gateways[(count + number) % len(self.cluster.gateways)]
            sender = f"load-{number}-{count}@outside.example"
            people = chance.sample(PEOPLE, chance.randint(1, 4))
            count += 1
            begun = time.time()
            try:
                if not gateway.send(sender, people, f"load {sender}", source="127.0.0.1"):
                    self.accepted[sender] = (begun, people)
            except (OSError, smtplib.SMTPException):
                client = None           # a gateway that is gone: a client would come again
        assert client is None

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def wanted(self):
        return {(sender, person) for sender, (_, people) in list(self.accepted.items()) for person in people}


class Weights:
    """Which weights were in force, when."""

    def __init__(self, cluster):
        self.cluster, self.known = cluster, []

    def set(self, weight, write=None):
        (write or (lambda: self.cluster.set(weight=weight)))()
        self.known.append((time.time(), weight))

    def between(self, begin, end):
        """All that may have counted then."""
        found = {weight for at, weight in self.known if begin <= at <= end}
        before = [weight for at, weight in self.known if at < begin]
        return found | set(before[-1:])


@pytest.fixture
def cluster(folder):
    try:
        cluster = Cluster(folder)
    except Unable as error:
        pytest.skip(f"no cluster here: {error}")
    cluster.start()
    yield cluster
    cluster.stop()


def copies(cluster):
    """(sender, recipient) -> [(side, when)]."""
    found = collections.defaultdict(list)
    for sink in (cluster.old, cluster.new):
        for copy in list(sink.copies):
            found[copy.sender, copy.recipient].append((sink.name, copy.when))
    return found


def all_delivered(cluster, load):
    missing = load.wanted() - set(copies(cluster))
    if missing:
        for gateway in cluster.gateways:
            gateway.postfix.flush()
    return not missing


def agree(cluster, weight):
    """Both gateways answer this weight, for all addresses."""
    answers = [gateway.answers(ADDRESSES) for gateway in cluster.gateways]
    wanted = ["cutover-" + side(address, weight) for address in ADDRESSES]
    return all(answer.startswith(f"OK {want}:") for given in answers for answer, want in zip(given, wanted))


@pytest.mark.limit(600)
def test_each_part_falls_and_nothing_is_lost(cluster):
    one, two = cluster.gateways
    weights = Weights(cluster)
    weights.set(50)
    wait_for(lambda: agree(cluster, 50), 10, "both know the weight")
    load = Load(cluster).start()
    wait_for(lambda: len(load.accepted) > RATE, 30, "mail comes in")

    # A gateway dies; while it is gone new refuses, and the other one's controller drains after the rollback.
    two.kill()
    cluster.new.refuse()
    wait_for(lambda: len(one.postfix.waiting()) > 5, 30, "mail waits for new", every=0.5)
    weights.set(0, lambda: one.ctl("rollback", DOMAIN, "--why", "new refuses"))
    drained = wait_for(lambda: [e for e in one.json("events", "--limit", "50") if e["what"] == "drain"], 90, "the survivor drains", every=0.5)
    assert drained[-1]["host"] == one.name and "left=0" in drained[-1]["why"], drained
    cluster.new.accept()
    two.come_back()
    weights.set(70)
    wait_for(lambda: agree(cluster, 70), 20, "both are there again")

    # The primary dies.
    before = len(load.accepted)
    first = cluster.redis[0]
    first.kill()
    wait_for(lambda: cluster.primary() not in (None, first), 30, "another primary")
    weights.set(40)
    wait_for(lambda: agree(cluster, 40), 20, "both follow the new primary")
    assert len(load.accepted) > before
    # It comes back as a replica, and is made the primary once more: the cut below needs it.
    first.start()
    wait_for(lambda: first.role() == "slave", 60, "it follows the new one")
    for other in cluster.redis[1:]:
        other.command("CONFIG", "SET", "replica-priority", "0")
    wait_for(lambda: cluster.sentinels[0].replicas() == 2, 60, "it has all")
    wait_for(lambda: cluster.primary() is first or failover(cluster), 60, "the first one leads again", every=1.0)
    wait_for(lambda: cluster.is_at_rest(), 60, "no failover is under way", every=0.5)
    assert cluster.primary() is first
    for other in cluster.redis[1:]:
        other.command("CONFIG", "SET", "replica-priority", "100")
    wait_for(lambda: agree(cluster, 40), 20, "both follow")

    # A Sentinel dies: two of three are enough.
    cluster.sentinels[2].process.kill()
    weights.set(60)
    wait_for(lambda: agree(cluster, 60), 10, "orders go on")
    cluster.sentinels[2].start(replicas=2)
    wait_for(lambda: all(cluster.known_sentinels(s) == 2 for s in cluster.sentinels), 60, "the Sentinels know each other")

    # One gateway is cut off, with a Redis that goes on answering it.
    cluster.cut_off(one)
    begun = time.monotonic()
    wait_for(lambda: cluster.primary() not in (None, first), 60, "the others have a primary of their own")
    weights.set(20)
    wait_for(lambda: two.answers(ADDRESSES[:50]) == [f"OK cutover-{side(a, 20)}:[127.20.123.{4 if side(a, 20) == 'new' else 3}]:2525"
                                                    for a in ADDRESSES[:50]], 20, "the second follows it")
    assert first.role() == "master" and not agree(cluster, 20)
    # Each says that it hears nothing of the other.
    for here, other in ((one, two), (two, one)):
        wait_for(lambda h=here, o=other: says_silent(h, o), 40, f"{here.name} says that {other.name} is silent", every=0.5)
    wait_for(lambda: time.monotonic() - begun > CUT, CUT + 5, "the cut has lasted")
    cluster.network.heal()
    healed = time.monotonic()
    wait_for(lambda: agree(cluster, 20), 30, "both answer alike")
    print(f"same answers {time.monotonic() - healed:.2f} s after the cut was healed")

    load.end()
    wait_for(lambda: all_delivered(cluster, load), 120, "all that was accepted is delivered", every=2.0)
    for gateway in cluster.gateways:
        gateway.postfix.wait_until_empty(60)
    check_sides(cluster, load, weights)
    for gateway in cluster.gateways:
        audit = wait_for(lambda g=gateway: balanced(g), 30, f"{gateway.name} balances", every=0.5)
        assert audit["misrouted"] == [] and audit["lost"] == [], audit
    whole = one.json("audit", "--all-gateways")
    assert whole["balanced"] and whole["gateways_silent"] == [], whole
    assert whole["accepted"] == sum(gateway.json("audit")["accepted"] for gateway in cluster.gateways)
    print(f"{len(load.accepted)} messages, {len(load.wanted())} recipients")


def says_silent(here, other):
    """By its controller, which is on its side of the cut."""
    rows = here.controller.document("/status.json")["gateways"]
    return [row["name"] for row in rows if row["silent"]] == [other.name]


def failover(cluster):
    try:
        cluster.sentinels[0].command("SENTINEL", "failover", "cutover")
    except Exception:       # one is under way, or none is good yet: the next look shows it
        pass
    return False


def balanced(gateway):
    audit = gateway.json("audit")
    return audit if audit.get("balanced") and audit["waiting"] == 0 else None


def check_sides(cluster, load, weights):
    for (sender, person), found in copies(cluster).items():
        if sender not in load.accepted:
            continue        # accepted, and the answer was lost with its gateway
        begin = load.accepted[sender][0]
        for name, when in found:
            # While the network was cut the first gateway went on by what it knew.
            might = {side(person, weight) for weight in weights.between(begin - SETTLED - CUT - 60, when)}
            assert name in might, f"{sender} to {person}: on {name}, by the weights {might}"
