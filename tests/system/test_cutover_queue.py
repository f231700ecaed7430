"""postshift-cutover beside Postfix's queue: what is on one side alone is counted and told; what can't be asked is not
known.  A stand-in for postqueue prints what the test wants."""
import json
import os
import signal
import time

import pytest

from cutover import Cutover, Maillog
from processes import wait_for

ADDRESS = "127.20.43.1"
DISAGREE = "postshift_queue_disagreement"


class Queue:
    """postqueue of a test: prints a file, or does what a script says."""

    def __init__(self, folder):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.listing, self.asked = folder / "listing", folder / "asked"
        self.path = f"{self.bin}:{os.environ['PATH']}"
        self.prints()

    def does(self, script):
        fresh = self.bin / "fresh"
        fresh.write_text(f"#!/bin/sh\necho \"$@\" >> {self.asked}\n{script}\n", encoding="ascii")
        fresh.chmod(0o755)
        fresh.rename(self.bin / "postqueue")

    def prints(self, *ids, age=3600):
        self.listing.write_text("".join(json.dumps({
            "queue_name": "deferred", "queue_id": one, "arrival_time": int(time.time()) - age, "message_size": 400,
            "sender": "s@outside.example", "recipients": [{"address": "a@example.com", "delay_reason": "busy"}]}) + "\n"
            for one in ids), encoding="ascii")
        self.does(f"cat {self.listing}")


@pytest.fixture
def queue(folder, monkeypatch):
    made = Queue(folder)
    monkeypatch.setenv("PATH", made.path)
    return made


@pytest.fixture
def log(folder):
    (folder / "log").mkdir()
    return Maillog(folder / "log" / "mail.log")


@pytest.fixture
def cutover(folder, log, queue):
    log.write(3)
    made = Cutover(folder, ADDRESS, domains="example.com", log=log.path, queue="yes", postfix=folder)
    yield made
    made.process.resume_and_kill()


def waiting(log):
    """A message that waits since an hour; its id."""
    lines = log.message(result="dsn=4.2.1, status=deferred (host 127.0.0.3[127.0.0.3] said: 450 4.2.1 busy "
                               "(in reply to RCPT TO command))").splitlines(keepends=True)
    log.append("".join(lines[:-1]))
    return log.last



def not_known(cutover):
    """It says so: a series that is not there says nothing."""
    return f"\n{DISAGREE} NaN\n" in cutover.page("/metrics")[1]


def ask(cutover):
    """It compares now, not within a minute."""
    before = len(cutover.said("read anew"))
    cutover.process.signal(signal.SIGHUP)
    wait_for(lambda: len(cutover.said("read anew")) > before, 5, "it reads anew")


def test_a_difference_is_counted_and_told_once(cutover, log, queue):
    lost = [waiting(log) for _ in range(7)]
    cutover.start()
    assert not_known(cutover)      # not compared yet: no figure
    wait_for(lambda: cutover.metric(DISAGREE) == 7, 15, "what waits in the books alone")
    assert queue.asked.read_text(encoding="ascii") == f"-c {cutover.options['postfix']} -j\n"
    told = cutover.said("the books disagree")
    assert len(told) == 1
    assert f"in the queue alone 0, waiting in the books alone 7 ({' '.join(lost[:5])} ...)" in told[0], told
    # By the same rule as audit.
    assert cutover.audit()["books_only"] == lost
    # Another difference while they disagree is no news.
    queue.prints(*lost, "B0000001", "B0000002")
    ask(cutover)
    wait_for(lambda: cutover.metric(DISAGREE) == 2, 15, "what is in the queue alone")
    found = cutover.audit()
    assert (found["queue_only"], found["books_only"]) == (["B0000001", "B0000002"], [])
    assert len(cutover.said("the books disagree")) == 1
    queue.prints(*lost)
    ask(cutover)
    wait_for(lambda: cutover.metric(DISAGREE) == 0, 15, "they agree")
    assert len(cutover.said("the books agree again")) == 1
    # What has just come may not be in the log yet.
    queue.prints(*lost, "B0000003", age=20)
    ask(cutover)
    time.sleep(6)
    assert cutover.metric(DISAGREE) == 0 and len(cutover.said("the books disagree")) == 1


@pytest.mark.limit(90)
@pytest.mark.parametrize("script, said", [
    ("echo 'postqueue: fatal: mail system is down' >&2; exit 69", "postqueue -j: exit 69: postqueue: fatal: mail system is down"),
    ("cat $LISTING; exit 1", "postqueue -j: exit 1"),
    ("kill -9 $$", "postqueue -j was ended by signal 9"),
    ("echo Mail queue is empty", "postqueue -j prints what is no listing"),
    ("cat $LISTING; printf '{\"queue_id\": \"AB'", "postqueue -j prints what is no listing"),
    ("head -c 30000000 /dev/zero | tr '\\0' x", "postqueue -j prints a line of more than 8 MiB"),
    ("yes \"$(cat $LISTING)\"", "the queue has more than 300000 messages"),
    ("tr '\\0' '\\n' < /dev/zero", "postqueue -j prints more than 256 MiB"),
    ("cat $LISTING; sleep 1000", "postqueue -j has not ended within 30 seconds"),
    ("exec 1>&-; sleep 1000", "postqueue -j has not ended within 30 seconds"),
])
def test_what_cannot_be_asked_is_not_known(cutover, log, queue, script, said):
    lost = waiting(log)
    queue.prints(lost)
    cutover.start()
    wait_for(lambda: cutover.metric(DISAGREE) == 0, 15, "they agree")
    queue.does(script.replace("$LISTING", str(queue.listing)))
    ask(cutover)
    log.write(5)            # the log is read on meanwhile
    assert len(cutover.wait_for_delivered(8, 10)) == 8
    wait_for(lambda: not_known(cutover), 50, "it is not known")
    assert said in cutover.said("is not compared with the books")[0]
    if "30 seconds" not in said:
        asked = queue.asked.read_text(encoding="ascii").count("-j")
        ask(cutover)
        wait_for(lambda: queue.asked.read_text(encoding="ascii").count("-j") > asked, 10, "it asks again")
        time.sleep(2)
    assert len(cutover.said("is not compared with the books")) == 1
    assert not_known(cutover)
    # Nothing of it is left running.
    queue.prints(lost)
    ask(cutover)
    wait_for(lambda: cutover.metric(DISAGREE) == 0, 15, "it is known again")
    assert len(cutover.said("is compared with the books again")) == 1
    assert not cutover.said("disagree")
    assert not children(cutover)


def children(cutover):
    with open(f"/proc/{cutover.process.pid}/task/{cutover.process.pid}/children", encoding="ascii") as found:
        return found.read().split()


def test_not_asked_at_all(cutover, queue):
    cutover.options["queue"] = "no"
    cutover.write_config()
    cutover.start()
    cutover.wait_for_delivered(3)
    time.sleep(2)
    assert not queue.asked.exists()
    assert not_known(cutover)
    assert not cutover.said("not compared")


def test_a_log_that_cannot_be_read_makes_no_figure(cutover, log, queue):
    queue.prints("B0000001")
    log.path.unlink()
    cutover.start()
    wait_for(queue.asked.exists, 10, "it asks")
    time.sleep(6)
    assert not_known(cutover) and not cutover.said("disagree")


def test_term_while_postqueue_hangs(cutover, queue):
    queue.does("sleep 1000")
    cutover.start()
    wait_for(queue.asked.exists, 10, "it asks")
    began = time.monotonic()
    assert cutover.stop() == 0
    assert time.monotonic() - began < 5
