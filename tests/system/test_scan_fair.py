"""A cheap message that takes long to scan does not stop the rest."""
import itertools
import os
import pathlib
import threading
import time

from milter import Session
from processes import wait_for
from scanner import children, start, workers_of
from signatures import EICAR, PLAIN, attachment, long_work


class Bombs:
    """Always so many at a time, each followed by the next: the workers are busy whatever the machine's speed.
    No two are alike: what a worker died at twice is not scanned again."""

    def __init__(self, address, parts, *more, at_a_time, client="198.51.100.{}"):
        self.address, self.parts, self.more, self.client = address, parts, more, client
        self.replies, self.going = [], True
        self.threads = [threading.Thread(target=self.run, args=(i + 1,), daemon=True) for i in range(at_a_time)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        for turn in itertools.count():
            if not self.going:
                return
            data = long_work(self.parts, *self.more, ("which", f"{number} {turn}"))
            with Session(self.address, client=self.client.format(number)) as session:
                answer = session.message(*attachment(data), sender="<bomb@example.org>")
                self.replies.append(answer.reply or answer.field("X-Virus-Status"))

    def end(self):
        self.going = False
        for thread in self.threads:
            thread.join(60)


def ordinary_mail(address, over, seconds=90):
    """Until it is over: (how many there were, what was said to those that did not pass)."""
    count, refused = 0, []
    end = time.monotonic() + seconds
    with Session(address) as session:
        while not over() and time.monotonic() < end:
            answer = session.message(*attachment(b"an ordinary file\n" * 100))
            count += 1
            if answer.field("X-Virus-Status") != "Clean":
                refused.append(answer.reply or answer.field("X-Virus-Status"))
            time.sleep(0.02)
    return count, refused


def gave_way(milter):
    """How many were killed for the sake of others, to go on in the long lane."""
    return milter.metric('postshift_scan_worker_exits_total{reason="long"}')


def test_ordinary_mail_passes_while_bombs_come(folder):
    """Without lanes it would get its turn once in as many bombs as there are at a time."""
    milter = start(folder, "127.20.79.1", deadline="6s", max_scan="1G")
    try:
        # Two for the workers, one for the long lane, two that wait.
        bombs = Bombs(milter.address, 6, at_a_time=5, client="198.51.100.9")
        wait_for(lambda: gave_way(milter) >= 1, 60, "a bomb to give way")
        before = len(bombs.replies)
        count, refused = ordinary_mail(milter.address, lambda: len(bombs.replies) >= before + 4)
        ended = len(bombs.replies) - before
        assert not refused and ended >= 4
        assert count > 2 * ended
        bombs.end()
        assert all(r.startswith(("Unscanned (", "451 4.7.1 ")) or r == "Clean" for r in bombs.replies), bombs.replies
        assert milter.send(*attachment(EICAR)).reply.startswith("550 ")
        wait_for(lambda: len(workers_of(milter)) == 3, 20, "the long lane's worker to end")
    finally:
        milter.stop()


def test_what_takes_long_is_scanned_to_its_end(folder):
    """In the long lane too, and it finds what there is."""
    milter = start(folder, "127.20.79.2", workers=1, deadline="150s")
    try:
        bombs = Bombs(milter.address, 2, ("b.com", EICAR), at_a_time=3)
        count, refused = ordinary_mail(milter.address, lambda: gave_way(milter) >= 1)
        bombs.end()
        assert count and not refused
        assert gave_way(milter) >= 1
        assert all(reply.startswith("550 5.7.1 ") for reply in bombs.replies), bombs.replies
    finally:
        milter.stop()


class Stalled:
    """A message that stops before its end."""

    def __init__(self, address, octets):
        self.session = Session(address, client="198.51.100.9")
        self.session.step("M", b"<stalled@example.org>\0")
        self.session.step("R", b"<recipient@example.com>\0")
        self.session.step("T")
        self.session.step("N")
        for _ in range(octets // 60000):
            self.session.step("B", b"x" * 60000)
        self.session.flush()


def in_memory_files(milter):
    """Octets of messages that the serving process holds."""
    total = 0
    for pid in children(milter.process.pid):
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                if "memfd:postshift-scan" in os.readlink(descriptor):
                    total += descriptor.stat().st_size
            except FileNotFoundError:
                pass
    return total


def test_stalled_messages_do_not_take_all_memory(folder):
    milter = start(folder, "127.20.79.3", max_message="4M")
    try:
        stalled = [Stalled(milter.address, 3800000) for _ in range(12)]
        wait_for(lambda: in_memory_files(milter) > 8 << 20, 10, "them to arrive")
        assert in_memory_files(milter) <= 16 << 20
        assert milter.send(PLAIN, b"small\r\n").field("X-Virus-Status") == "Clean"
        large = (PLAIN, b"a line of a large message\r\n" * 50000)
        wait_for(lambda: milter.send(*large).field("X-Virus-Status") == "Clean", 15, "a large one to have room")
        assert in_memory_files(milter) <= 16 << 20
        for one in stalled:
            one.session.close()
        wait_for(lambda: in_memory_files(milter) == 0, 5, "all to be given back")
    finally:
        milter.stop()
