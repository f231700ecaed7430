"""postshift-cutover follows a log file: rotations of all kinds, restarts, what can't be read."""
import gzip
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from cutover import Cutover, Maillog, PROGRAM
from processes import wait_for
from redis_server import RedisServer

ADDRESS = "127.20.53.1"


@pytest.fixture(scope="module")
def redis(module_folder):
    """Without it each controller waits two seconds for what it might know of domains."""
    made = RedisServer(module_folder / "redis", "127.20.53.2").start()
    yield made
    made.process.resume_and_kill()


@pytest.fixture
def log(folder):
    (folder / "log").mkdir()
    return Maillog(folder / "log" / "mail.log")


@pytest.fixture
def started():
    """What a test started is ended."""
    running = []
    yield running
    for cutover in running:
        cutover.process.resume_and_kill()


@pytest.fixture
def make(folder, log, started, redis):
    redis.command("FLUSHALL")

    def make_one(**options):
        cutover = Cutover(folder, ADDRESS, domains="example.com", **{"log": log.path, "redis": redis, **options})
        started.append(cutover)
        return cutover
    return make_one


def all_once(cutover, log, seconds=20.0):
    """Each message of the log is in the books, once, and nothing else."""
    wanted = sorted((f"{0xA0000000 + n:X}", "a@example.com") for n in range(1, log.number + 1))
    wait_for(lambda: len(cutover.delivered()) >= len(wanted), seconds, f"{len(wanted)} deliveries", every=0.1)
    assert cutover.delivered() == wanted
    audit = cutover.audit()
    assert audit["balanced"] and audit["accepted"] == audit["delivered"] == log.number, audit


def rename(log, name):
    """As logrotate does; who writes goes on for a moment with the old one."""
    rotated = log.path.with_name(name)
    log.path.rename(rotated)
    log.write(1, rotated)
    log.path.touch()
    log.write(1, rotated)
    log.write(3)
    return rotated


def age(path):
    """Nothing has come for longer than a renamed file is waited for."""
    past = time.time() - 10
    os.utime(path, (past, past))


def compress(path):
    with open(path, "rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    shutil.copystat(path, f"{path}.gz")
    path.unlink()
    return pathlib.Path(f"{path}.gz")


@pytest.mark.parametrize("name", ["mail.log.1", "mail.log-20261129", "mail.log.20261129-041500"])
def test_a_renamed_log_is_read_to_its_end(make, log, name):
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    rename(log, name)
    all_once(cutover, log)
    log.write(2)
    all_once(cutover, log)
    assert not cutover.said("error"), cutover.process.output()


@pytest.mark.parametrize("name", ["mail.log.1", "mail.log-20261129", "mail.log.20261129-041500"])
@pytest.mark.parametrize("packed", [False, True])
def test_rotated_while_it_was_away(make, log, name, packed):
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    cutover.kill()
    log.write(5)
    rotated = rename(log, name)
    if packed:
        compress(rotated)
    else:
        age(rotated)
    cutover.start()
    all_once(cutover, log)
    assert not cutover.said("gap")


def test_two_rotations_while_it_was_away(make, log):
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    cutover.kill()
    log.write(5)
    first = rename(log, "mail.log.1")
    log.write(5)
    compress(first.rename(log.path.with_name("mail.log.2")))
    age(rename(log, "mail.log.1"))
    cutover.start()
    all_once(cutover, log)


def test_files_that_begin_alike(make, log):
    first = "Nov 29 00:00:00 gw1 postfix/master[1]: daemon started -- version 3.7.11\n"
    log.append(first)
    log.write(20)
    cutover = make().start()
    all_once(cutover, log)
    cutover.kill()
    log.write(5)
    log.path.rename(log.path.with_name("mail.log.1"))
    log.append(first)
    log.write(40)
    cutover.start()
    all_once(cutover, log)
    # And while it reads: the one that is open is not the newest of them.
    log.path.with_name("mail.log.1").rename(log.path.with_name("mail.log.2"))
    log.write(5)
    log.path.rename(log.path.with_name("mail.log.1"))
    log.append(first)
    log.write(5)
    all_once(cutover, log)


def test_names_move_on_while_it_reads(make, log):
    """What was FILE.1 when it was opened is FILE.3 when it has been read."""
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    cutover.process.pause()
    log.write(5)
    for _ in range(3):
        for number in (2, 1):
            if (old := log.path.with_name(f"mail.log.{number}")).exists():
                old.rename(log.path.with_name(f"mail.log.{number + 1}"))
        rename(log, "mail.log.1")
    cutover.process.resume()
    all_once(cutover, log, 30)


def test_a_gz_beside_the_file_it_is_made_of(make, log):
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    cutover.kill()
    log.write(3)
    rotated = rename(log, "mail.log.1")
    data = rotated.read_bytes()
    log.path.with_name("mail.log.1.gz").write_bytes(gzip.compress(data)[:100])      # in the making
    cutover.start()
    all_once(cutover, log)


def test_a_damaged_gz_is_a_gap(make, log):
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    cutover.kill()
    before = log.number
    log.write(200)
    packed = compress(rename(log, "mail.log.1"))
    packed.write_bytes(packed.read_bytes()[:-200])
    cutover.start()
    wait_for(lambda: cutover.said("is damaged"), 10, "the gap is told")
    assert len(cutover.said("is damaged")) == 1
    audit = wait_for(lambda: (found := cutover.audit())["gaps"] and found, 5, "a gap in the audit")
    assert not audit["balanced"] and before < audit["accepted"] < log.number


def test_what_followed_a_lost_file_is_read(make, log):
    log.write(20)
    cutover = make().start()
    all_once(cutover, log)
    cutover.kill()
    age(log.path)
    cutover_saved = cutover.rows("SELECT value FROM meta WHERE name LIKE 'position:%'")[0][0].split()[5]
    wait_for(lambda: int(time.time()) > int(cutover_saved), 5, "another second")
    # It is rotated away, and what was written to two more is there.
    log.path.unlink()
    for number in (2, 1):
        log.write(5, log.path.with_name(f"mail.log.{number}"))
    log.write(5)
    cutover.start()
    cutover.wait_for_delivered(35)
    assert len(cutover.delivered()) == 35
    assert len(cutover.audit()["gaps"]) == 1


def test_behind_a_copy_that_is_too_short(make, log):
    log.write(20)
    cutover = make().start()
    all_once(cutover, log)
    cutover.kill()
    # The last lines came between the copy and the cut: they were read, and are in no file.
    lines = log.path.read_text(encoding="utf-8").splitlines(keepends=True)
    log.path.with_name("mail.log.2").write_text("".join(lines[:-5]), encoding="utf-8")
    log.write(7, log.path.with_name("mail.log.1"))
    log.path.write_text("", encoding="utf-8")
    log.write(3)
    cutover.start()
    all_once(cutover, log)


def test_copied_and_truncated(make, log):
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    for round_ in range(2):
        cutover.process.pause()
        log.write(4)            # not read when it is copied
        shutil.copy(log.path, log.path.with_name("mail.log.1"))
        os.truncate(log.path, 0)
        log.write(3 + round_ * 20)      # once shorter, once longer than before
        cutover.process.resume()
        all_once(cutover, log)
    assert not cutover.said("gap")


def test_truncated_when_all_was_read(make, log):
    """A copy that lacks the last lines, which were read: no gap."""
    log.write(5)
    cutover = make().start()
    copy = log.path.read_bytes()
    log.write(2)
    cutover.wait_for_delivered(7)
    log.path.with_name("mail.log.1").write_bytes(copy)
    os.truncate(log.path, 0)
    log.write(1)
    all_once(cutover, log)
    assert not cutover.said("gap")


def test_truncated_without_a_copy_is_a_gap(make, log):
    log.write(5)
    cutover = make().start()
    cutover.wait_for_delivered(5)
    os.truncate(log.path, 0)
    log.write(1)
    cutover.wait_for_delivered(6)
    assert len(cutover.said("a gap in the log")) == 1
    assert cutover.audit()["gaps"]


def test_killed_again_and_again(make, log):
    log.write(1)
    cutover = make().start()
    cutover.wait_for_delivered(1)       # the first start is behind it
    for turn in range(6):
        log.write(300)
        time.sleep(0.3 * turn)        # at another moment of the second between two commits
        cutover.kill()
        if turn % 2:
            rename(log, f"mail.log-2026112{turn}")
        cutover.start()
    all_once(cutover, log, 30)


def test_lines_in_pieces(make, log):
    log.path.touch()
    cutover = make().start()
    text = log.message() + log.message()
    for at in range(0, len(text), 97):
        log.append(text[at:at + 97])
        time.sleep(0.02)
    all_once(cutover, log)


def test_a_line_of_100_kb_and_one_of_a_megabyte(make, log):
    """Of the longer one nothing is taken for a line of its own, also across a restart."""
    log.write(1)
    log.append(log.line("postfix/smtp", "B0000001: host mx said: 550 " + "x" * 100000))
    log.write(1)
    fake = "\x00" + log.line("postfix/qmgr", "B0000002: from=<>, size=1, nrcpt=1 (queue active)").rstrip("\n")
    log.append(log.line("postfix/smtp", "B0000001: host mx said: 550 " + fake * 10000))
    log.write(1)
    cutover = make().start()
    all_once(cutover, log)
    assert cutover.count("SELECT count(*) FROM message WHERE queue_id = 'B0000002'") == 0


def test_a_file_that_comes_later(make, log):
    cutover = make().start()
    wait_for(lambda: cutover.said("No such file"), 10, "it says so")
    time.sleep(2.5)
    assert len(cutover.said("No such file")) == 1
    assert cutover.page("/healthz")[0] == 503
    assert cutover.metric("postshift_cutover_trouble") == 1
    log.write(2)
    all_once(cutover, log)
    cutover.wait_until_well(15)


def test_a_file_that_only_root_may_read(make, log, folder):
    log.write(2)
    log.path.chmod(0o600)
    cutover = make(user="nobody").start()
    wait_for(lambda: cutover.said("Permission denied"), 10, "it says so")
    time.sleep(2.5)
    assert len(cutover.said("Permission denied (setfacl -m g:adm:r")) == 1
    log.path.chmod(0o644)
    all_once(cutover, log)
    # The same after a rotation: what was read stays where it is.
    log.path.rename(log.path.with_name("mail.log.1"))
    log.write(2)
    log.path.chmod(0o600)
    wait_for(lambda: cutover.metric("postshift_cutover_trouble") == 1, 15, "it is in trouble")
    # Silence is not health: whoever asks for the figures is told.
    audit = cutover.audit()
    assert not audit["balanced"] and "Permission denied" in audit["log_trouble"]
    text = cutover.ctl("audit", check=False).stdout
    assert "the log is not followed" in text and text.splitlines()[-1].endswith(", log not followed")
    assert cutover.audit("--until", "2h")["balanced"]
    assert "Permission denied" in cutover.ctl("status", check=False).stdout
    log.path.chmod(0o644)
    all_once(cutover, log)
    assert cutover.audit()["log_trouble"] is None


@pytest.mark.parametrize("kind, says", [("folder", "Is a directory"), ("pipe", "it is a pipe or a device, no file")])
def test_what_is_no_file(make, log, kind, says):
    if kind == "folder":
        log.path.mkdir()
    else:
        os.mkfifo(log.path)
    cutover = make().start()
    wait_for(lambda: cutover.said(says), 10, "it says so")
    assert cutover.metric("postshift_cutover_trouble") == 1
    log.path.rename(log.path.with_name("other"))
    log.write(2)
    all_once(cutover, log)
    assert len(cutover.said(says)) == 1


def test_nothing_of_postfix(make, log):
    for number in range(1100):
        log.append(log.line("sshd", f"line {number}"))
    cutover = make().start()
    wait_for(lambda: cutover.said("is it the right log"), 10, "it asks")
    wait_for(lambda: cutover.audit()["log_trouble"], 10, "audit asks, too")
    assert "is it the right log" in cutover.audit()["log_trouble"]
    assert "is it the right log" in cutover.ctl("status", check=False).stdout
    log.write(1)
    all_once(cutover, log)
    assert len(cutover.said("is it the right log")) == 1


def test_term_commits_what_is_in_hand(make, log):
    cutover = make().start()
    log.write(500)
    wait_for(lambda: cutover.metric("postshift_cutover_log_last_line_timestamp_seconds") > 0, 10, "it reads")
    began = time.monotonic()
    assert cutover.stop() == 0
    assert time.monotonic() - began < 5
    cutover.start()
    all_once(cutover, log)


def test_hup_takes_all_or_nothing(make, log, folder):
    log.write(3)
    cutover = make().start()
    cutover.wait_for_delivered(3)
    cutover.options["slot"] = "2h"
    cutover.write_config()
    cutover.process.signal(signal.SIGHUP)
    wait_for(lambda: cutover.said("is refused"), 5, "it refuses")
    assert cutover.metric("postshift_config_last_reload_successful") == 0
    log.write(2)
    all_once(cutover, log)
    # Another log.
    other = Maillog(folder / "log" / "other.log")
    other.number = log.number
    other.write(4)
    cutover.options.update(slot="1s", log=other.path)
    cutover.write_config()
    cutover.process.signal(signal.SIGHUP)
    wait_for(lambda: cutover.said("read anew"), 5, "it reads anew")
    all_once(cutover, other)
    assert cutover.metric("postshift_config_last_reload_successful") == 1
    # Back again: the first log goes on where it was left.
    log.number = other.number
    log.write(1)
    cutover.options.update(log=log.path)
    cutover.write_config()
    cutover.process.signal(signal.SIGHUP)
    all_once(cutover, log)


def test_locked_books(make, log):
    """Somebody holds the books: told once, and nothing is lost."""
    log.write(3)
    cutover = make().start()
    cutover.wait_for_delivered(3)
    holder = subprocess.Popen([sys.executable, "-c", (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10); c.execute('BEGIN IMMEDIATE');"
        "print('held', flush=True); sys.stdin.read(); c.execute('ROLLBACK')"), str(cutover.books)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    log.write(3)
    wait_for(lambda: cutover.said("locked by another process"), 10, "it says so")
    time.sleep(3)
    assert len(cutover.said("locked by another process")) == 1
    holder.communicate("")
    all_once(cutover, log)


def test_standard_input(folder, log, make):
    cutover = make(log="-")
    text = "".join(log.message() for _ in range(50)).rstrip("\n")     # the last line has no end
    done = subprocess.run([PROGRAM, "-c", cutover.config], input=text, text=True, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    wanted = sorted((f"{0xA0000000 + n:X}", "a@example.com") for n in range(1, 51))
    assert cutover.delivered() == wanted
    assert cutover.audit()["balanced"]
