"""The acceptance storm: mail keeps coming while everything around it breaks, and none is lost.

Several hundred messages with one to five recipients go through a real Postfix while weights change,
policyd is killed and restarted, Redis dies and comes back, the new backend refuses mailboxes, takes
mail without a word and dies.  Afterwards the books are made: every recipient that the gateway
accepted has exactly one copy that a backend answered with 250, its header names that backend, and
nobody got a bounce.
"""
import collections
import random
import smtplib
import threading

import pytest

from gateway import make_message
from mailsite import MailSite
from processes import wait_for
from sink import DROP

MESSAGES = 400
SENDERS = 3


class Storm:
    """Sends from several threads; knows what was accepted."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.lock = threading.Lock()
        self.next = 0
        self.allowed = 0            # the main thread lets so many through
        self.turn = threading.Condition(self.lock)
        self.accepted = []          # (number of the message, recipient)
        self.problems = []
        self.threads = [threading.Thread(target=self.send_some, daemon=True) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def take_number(self):
        with self.turn:
            self.turn.wait_for(lambda: self.next < self.allowed or self.allowed == MESSAGES)
            if self.next == MESSAGES:
                return None
            self.next += 1
            return self.next - 1

    def let_through(self, number, seconds=90):
        """Waits until so many messages have been taken."""
        with self.turn:
            self.allowed = number
            self.turn.notify_all()
        wait_for(lambda: self.next >= number or self.problems, seconds, f"{number} messages sent")
        assert not self.problems, self.problems

    def finish(self):
        for thread in self.threads:
            thread.join(90)
        assert not self.problems, self.problems

    def send_some(self):
        try:
            while (number := self.take_number()) is not None:
                self.send(number)
        except Exception as error:      # the main thread shows it
            self.problems.append(repr(error))

    def send(self, number):
        choice = random.Random(number)
        recipients = [f"user{choice.randrange(600)}x{n}@example.com" for n in range(choice.randint(1, 5))]
        text = make_message(f"s{number}@outside.example", f"storm {number}", [("X-Storm", str(number))])
        with self.gateway.session() as client:
            refused = {}
            try:
                refused = client.sendmail(f"s{number}@outside.example", recipients, text)
            except smtplib.SMTPRecipientsRefused as error:
                refused = error.recipients
            with self.lock:
                self.accepted += [(number, r) for r in recipients if r not in refused]
                if refused:
                    self.problems.append(f"message {number} was refused: {refused}")


@pytest.fixture
def site(folder):
    made = MailSite(folder, "127.20.13", save=True)
    made.start()
    yield made
    made.stop()


def met_a_dead_backend(site):
    """The queue manager does not try one that failed a moment ago; a flush makes it."""
    site.gateway.flush()
    return site.gateway.log_lines(f"{site.address[4]}]:2525: Connection refused")


def number_of(copy):
    return int(copy.header("X-Storm"))


@pytest.mark.limit(240)
def test_every_accepted_recipient_is_delivered_exactly_once(site):
    storm = Storm(site.gateway)

    def weight(value):
        site.redis.set_domain("example.com", weight=value)

    weight(30)
    storm.let_through(60)

    site.policyd.kill()                         # the queue waits, intake goes on
    storm.let_through(75)
    site.policyd.start()
    weight(70)
    storm.let_through(130)

    site.redis.command("SAVE")
    site.redis.kill()                           # nobody notices
    storm.let_through(170)
    site.policyd.kill()                         # and policyd finds only its snapshot
    site.policyd.start(loaded=False)
    storm.let_through(200)
    site.redis.start()
    site.policyd.wait_until_loaded()
    weight(100)

    site.new.answer("rcpt", "550 5.1.1 no such user")
    storm.let_through(240)
    wait_for(lambda: site.new.refused, 20, "new refused a mailbox")
    weight(50)
    site.new.be_good()
    site.new.answer("body", DROP, times=5)      # taken, but nobody knows
    storm.let_through(280)
    wait_for(lambda: site.new.unsure, 20, "new took mail without a word")

    site.new.refuse()
    storm.let_through(310)
    wait_for(lambda: met_a_dead_backend(site), 30, "mail met a dead backend", every=1)
    weight(20)                                  # rolled back while new is away
    site.gateway.reload()
    site.gateway.flush()
    storm.let_through(340)
    site.new.accept()
    weight(80.55)
    storm.let_through(370)

    site.policyd.pause()                        # stuck, not dead
    storm.let_through(372)
    site.policyd.kill()
    site.policyd.start()
    weight(0)
    weight(100)
    storm.let_through(MESSAGES)
    storm.finish()

    site.new.be_good()
    site.gateway.reload()
    site.gateway.wait_until_empty(60, flush=True)
    check_the_books(site, storm)


def check_the_books(site, storm):
    accepted = collections.Counter(storm.accepted)
    assert len({number for number, _ in storm.accepted}) == MESSAGES
    delivered = collections.Counter()
    for name, sink in (("old", site.old), ("new", site.new)):
        for copy in sink.copies:
            assert copy.headers("X-Cutover-Backend") == [name]
            delivered[number_of(copy), copy.recipient] += 1
    unsure = [(number_of(copy), copy.recipient) for sink in (site.old, site.new) for copy in sink.unsure]
    print(f"{MESSAGES} messages, {accepted.total()} recipients: "
          f"{len(site.old.copies)} to old, {len(site.new.copies)} to new")
    print(f"copies taken without a 250: {unsure}")
    assert unsure, "the storm was to have copies without a 250"
    assert not accepted - delivered, f"lost: {accepted - delivered}"
    assert not delivered - accepted, f"more than once: {delivered - accepted}"
    assert set(unsure) <= set(accepted)
    assert min(len(site.old.copies), len(site.new.copies)) > 100        # the storm was one on both sides
    assert not site.gateway.log_lines("status=bounced") and not site.gateway.log_lines("status=expired")
    assert not site.other.copies, "nobody got a bounce"
