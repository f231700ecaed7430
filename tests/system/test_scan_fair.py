"""A cheap message that takes long to scan does not stop the rest."""
import bz2
import io
import os
import pathlib
import statistics
import threading
import time
import zipfile

import pytest

from milter import Session
from processes import wait_for
from scanner import children, start, workers_of
from signatures import EICAR, PLAIN, attachment


def bomb():
    """About 1 kB; with the default limits a scan of several seconds."""
    packed = bz2.compress(bytes(60 << 20))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"{i}.bz2", packed)
    return out.getvalue()


class Bombs:
    """One every so often, each over a connection of its own, none waited for."""

    def __init__(self, address, every, count):
        self.replies = []
        data = bomb()
        self.threads = [threading.Thread(target=self.send, args=(address, data), daemon=True) for i in range(count)]
        self.thread = threading.Thread(target=self.run, args=(every,), daemon=True)
        self.thread.start()

    def run(self, every):
        for thread in self.threads:
            thread.start()
            time.sleep(every)

    def send(self, address, data):
        with Session(address, client="198.51.100.9") as session:
            answer = session.message(*attachment(data), sender="<bomb@example.org>")
            self.replies.append(answer.reply or answer.field("X-Virus-Status"))

    def join(self):
        self.thread.join()
        for thread in self.threads:
            thread.join(60)


def ordinary_mail(address, seconds):
    """(how long each took, what was said to those that did not pass)"""
    took, refused = [], []
    end = time.monotonic() + seconds
    with Session(address) as session:
        while time.monotonic() < end:
            began = time.monotonic()
            answer = session.message(*attachment(b"an ordinary file\n" * 100))
            took.append(time.monotonic() - began)
            if answer.field("X-Virus-Status") != "Clean":
                refused.append(answer.reply or answer.field("X-Virus-Status"))
            time.sleep(0.02)
    return took, refused


@pytest.fixture
def scanner(folder):
    milter = start(folder, "127.20.45.1", deadline="6s")
    yield milter
    milter.stop()


def test_ordinary_mail_passes_while_bombs_come(scanner):
    bombs = Bombs(scanner.address, 1, 8)
    time.sleep(1)
    took, refused = ordinary_mail(scanner.address, 7)
    assert not refused
    assert statistics.quantiles(took, n=20)[-1] < 2, (max(took), len(took))
    assert len(took) > 30
    bombs.join()
    assert scanner.metric('postshift_scan_worker_exits_total{reason="long"}') >= 1
    assert len(bombs.replies) == 8
    assert all(r.startswith(("Unscanned (", "451 4.7.1 ")) or r == "Clean" for r in bombs.replies), bombs.replies
    assert scanner.send(*attachment(EICAR)).reply.startswith("550 ")
    wait_for(lambda: len(workers_of(scanner)) == 3, 10, "the long lane's worker to end")


def test_what_takes_long_is_scanned_to_its_end(folder):
    """In the long lane too, and it finds what there is."""
    milter = start(folder, "127.20.45.2", workers=1)
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.bz2", bz2.compress(bytes(60 << 20)))
        archive.writestr("b.com", EICAR)
    try:
        found = []
        with Session(milter.address) as session:
            thread = threading.Thread(target=lambda: found.append(session.message(*attachment(hidden.getvalue())).reply))
            thread.start()
            took, refused = ordinary_mail(milter.address, 3)
            thread.join(60)
        assert found[0].startswith("550 5.7.1 ")
        assert not refused and took
        milter.send(PLAIN, b"hello\r\n")
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
    milter = start(folder, "127.20.45.3", max_message="4M")
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
