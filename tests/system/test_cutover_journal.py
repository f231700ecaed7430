"""postshift-cutover follows the journal, by a journalctl in PATH that speaks its export format."""
import os
import signal
import time

import pytest

from cutover import Cutover, Maillog
from processes import wait_for
from redis_server import RedisServer

ADDRESS = "127.20.55.1"

# Entries are files 1, 2, ... of a folder; --after-cursor=N begins behind N.  It notes how it was called, and refused.
JOURNALCTL = """#!/usr/bin/python3
import os, pathlib, sys, time
parent = os.getppid()
folder = pathlib.Path({folder!r})
with open(folder / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if (folder / "refuse").exists():
    with open(folder / "refused", "a") as refused:
        refused.write("once\\n")
    sys.exit(1)
at = next((int(word.partition("=")[2]) for word in sys.argv if word.startswith("--after-cursor=")), 0)
while os.getppid() == parent:  # a controller that was killed takes none with it
    entry = folder / str(at + 1)
    if entry.exists():
        sys.stdout.buffer.write(entry.read_bytes())
        sys.stdout.buffer.flush()
        at += 1
    else:
        time.sleep(0.05)
"""


class Journal:
    def __init__(self, folder):
        self.folder = folder / "journal"
        self.folder.mkdir()
        self.number = 0
        program = self.folder / "journalctl"
        program.write_text(JOURNALCTL.format(folder=str(self.folder)))
        program.chmod(0o755)
        self.environment = {"PATH": f"{self.folder}:{os.environ['PATH']}"}

    def entry(self, program, text, binary=False):
        self.number += 1
        message = text.encode()
        field = b"MESSAGE\n" + len(message).to_bytes(8, "little") + message if binary else b"MESSAGE=" + message
        made = self.folder / ".made"
        made.write_bytes(b"\n".join([
            b"__CURSOR=%d" % self.number, b"__REALTIME_TIMESTAMP=%d" % (time.time() * 1e6), b"_HOSTNAME=gw1",
            b"SYSLOG_FACILITY=2", b"SYSLOG_IDENTIFIER=" + program.encode(), b"SYSLOG_PID=100", field, b"", b""]))
        made.rename(self.folder / str(self.number))

    def write(self, log, messages, binary=False):
        for _ in range(messages):
            for line in log.message().splitlines():
                program, _, text = line.split(" ", 2)[2].partition(": ")
                self.entry(program.partition("[")[0], text, binary)

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    def refusals(self):
        refused = self.folder / "refused"
        return len(refused.read_text().splitlines()) if refused.exists() else 0

    def child(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [int(child) for child in children.read().split()]


@pytest.fixture
def journal(folder):
    return Journal(folder)


@pytest.fixture
def cutover(folder, journal):
    redis = RedisServer(folder / "redis", "127.20.55.2").start()
    made = Cutover(folder, ADDRESS, domains="example.com", log="journal", redis=redis, environment=journal.environment)
    yield made
    made.process.resume_and_kill()
    redis.process.resume_and_kill()


def all_once(cutover, log):
    wanted = sorted((f"{0xA0000000 + n:X}", "a@example.com") for n in range(1, log.number + 1))
    wait_for(lambda: len(cutover.delivered()) >= len(wanted), 20, f"{len(wanted)} deliveries", every=0.1)
    assert cutover.delivered() == wanted
    assert cutover.audit()["balanced"]


def test_restarts_and_a_child_that_ends(cutover, journal, folder):
    log = Maillog(folder / "none")
    journal.write(log, 5)
    cutover.start()
    all_once(cutover, log)
    assert "--after-cursor" not in journal.calls()[0] and "SYSLOG_FACILITY=2" in journal.calls()[0]
    cutover.kill()
    journal.write(log, 5, binary=True)
    cutover.start()
    all_once(cutover, log)
    assert "--after-cursor=25" in journal.calls()[1]
    for pid in journal.child(cutover.process.pid):
        os.kill(pid, signal.SIGKILL)
    journal.write(log, 5)
    all_once(cutover, log)
    assert not cutover.said("error"), cutover.process.output()
    began = time.monotonic()
    assert cutover.stop() == 0
    assert time.monotonic() - began < 5


def test_a_journal_that_may_not_be_read(cutover, journal, folder):
    log = Maillog(folder / "none")
    (journal.folder / "refuse").touch()
    cutover.start()
    wait_for(lambda: cutover.said("systemd-journal"), 10, "it says so")
    wait_for(lambda: journal.refusals() >= 2, 20, "it tries again")
    assert cutover.page("/healthz")[0] == 503
    (journal.folder / "refuse").unlink()
    journal.write(log, 3)
    all_once(cutover, log)
    assert len(cutover.said("systemd-journal")) == 1
