"""What waits is routed anew when the direction turns: once policyd answers so, by a root helper, on a real Postfix."""
import os
import pathlib
import shutil
import signal
import time

import pytest

from cutover import Cutover
from mailsite import MailSite, side
from processes import ROOT, Process, run, wait_for

FLUSH = ROOT / "postfix-conf" / "flush"
PEOPLE = [f"person{n}@example.com" for n in range(40)]


@pytest.fixture(scope="module")
def site(module_folder):
    made = MailSite(module_folder, "127.20.61").start()
    yield made
    made.stop()


@pytest.fixture
def cutover(site, folder):
    site.reset()
    site.gateway.wait_until_empty()
    drain = folder / "flush"
    drain.touch()
    made = Cutover(folder, site.address[5], redis=site.redis, domains="example.com", log=site.gateway.log,
                   postfix=site.gateway.etc, drain=drain,
                   policyd_lines={"metrics": "inet:%s:%d" % site.policyd.page_address})
    made.drain = drain
    made.start()
    wait_for(lambda: made.said("replica: load=taken"), 10, "what is in force was read")
    wait_for(lambda: not made.said("drain: ") or quiet(drain), 10, "no drain is on its way")
    yield made
    made.process.resume_and_kill()


def quiet(drain):
    return time.time() - drain.stat().st_mtime > 2


def touched(cutover):
    return cutover.drain.stat().st_mtime_ns


def wait_for_word(cutover, text):
    """The controller has heard of it."""
    wait_for(lambda: cutover.count("SELECT count(*) FROM input_now WHERE value LIKE ?", f"%{text}%"), 10,
             f"{text} is known")


@pytest.fixture
def helper(site, cutover, folder):
    """What stands for the root helper where there is no systemd."""
    made = Process([FLUSH, "--watch"], folder / "helper.log",
                   environment={**os.environ, "POSTSHIFT_CONF": str(cutover.config), "MAIL_CONFIG": ""})
    made.start()
    yield made
    made.kill()


def test_waits_until_policyd_answers_so(site, cutover):
    before = touched(cutover)
    site.policyd.process.pause()
    try:
        site.redis.set_domain("example.com", weight=30)
        wait_for_word(cutover, "weight=30")
        time.sleep(1)       # nothing to wait for: nothing is to happen
        assert touched(cutover) == before
    finally:
        site.policyd.process.resume()
    wait_for(lambda: touched(cutover) != before, 15, "the file was touched")
    assert len(cutover.said("drain: domain=example.com")) >= 1


@pytest.mark.limit(120)
def test_a_silent_policyd_is_told_of_and_does_not_hold_it_up(site, cutover):
    before = touched(cutover)
    site.policyd.process.pause()
    try:
        start = time.monotonic()
        site.redis.set_domain("example.com", weight=70)
        wait_for(lambda: touched(cutover) != before, 60, "the file was touched")
        assert time.monotonic() - start >= 29
        assert cutover.said("policyd does not answer the new way within 30 s (no answer in time)")
    finally:
        site.policyd.process.resume()


def test_pins_and_units_by_hand_and_other_fields_turn_nothing(site, cutover):
    before = touched(cutover)
    site.redis.command("SET", "cutover:pin:alice@example.com", "new")
    site.redis.set_domain("example.com", imap_old="127.20.61.3")
    wait_for_word(cutover, "127.20.61.3")
    time.sleep(1)           # nothing to wait for: nothing is to happen
    assert touched(cutover) == before


def test_mail_that_waits_goes_where_it_belongs_now(site, cutover, helper):
    moved = [person for person in PEOPLE if side(person, 70) == "new"][:5]
    site.set(weight=70)
    site.new.refuse()
    for person in moved:
        site.gateway.send(site.sender, [person])
    for person in moved:
        site.gateway.wait_for_waiting(person, "refused")
    site.redis.set_domain("example.com", weight=0)
    assert site.old.wait_for(len(moved), 60)
    assert sorted(site.old.recipients()) == sorted(moved)
    site.gateway.wait_until_empty()


POSTQUEUE = """#!/bin/sh
# Notes whether the queue manager of before the reload is still there.
if grep -qs 'qmgr)' /proc/{old}/stat; then echo old; else echo new; fi >>{notes}
{meanwhile}
exec {postqueue} "$@"
"""


def queue_manager(site):
    return run("pgrep", "-P", site.gateway.master_pid(), "-x", "qmgr").stdout.strip()


@pytest.fixture
def flush(site, folder):
    """The root helper, run once, with a postqueue that takes notes: flush(a command of the shell)."""
    started = []

    def start(meanwhile=":"):
        notes, wrapper = folder / "notes", folder / "bin/postqueue"
        wrapper.parent.mkdir()
        wrapper.write_text(POSTQUEUE.format(old=queue_manager(site), notes=notes, meanwhile=meanwhile,
                                            postqueue=shutil.which("postqueue")), encoding="utf-8")
        wrapper.chmod(0o755)
        conf = folder / "flush.conf"
        conf.write_text(f"[cutover]\npostfix = {site.gateway.etc}\ndrain = {folder / 'touched'}\n", encoding="utf-8")
        made = Process([FLUSH], folder / "flush.log", environment={
            **os.environ, "POSTSHIFT_CONF": str(conf), "MAIL_CONFIG": "", "PATH": f"{wrapper.parent}:{os.environ['PATH']}"})
        made.start()
        started.append(made)
        made.notes = lambda: notes.read_text(encoding="utf-8").split() if notes.exists() else []
        return made

    yield start
    for made in started:
        made.kill()


def test_the_new_queue_manager_is_asked(site, flush):
    """The old one would take the request up and end over it."""
    reloads = len(site.gateway.log_lines("reload -- version"))
    old = int(queue_manager(site))
    os.kill(old, signal.SIGSTOP)            # it ends late
    try:
        helper = flush()
        wait_for(lambda: len(site.gateway.log_lines("reload -- version")) > reloads, 20, "the reload")
        time.sleep(1)       # nothing to wait for: nothing is to happen
        assert helper.notes() == []
    finally:
        os.kill(old, signal.SIGCONT)
    wait_for(lambda: helper.notes() == ["new"], 20, "the new one was asked")
    wait_for(lambda: not helper.running(), 10, "the helper's end")


def test_touched_while_it_drains(site, flush, folder):
    """Once more: who starts it does not start it twice at a time."""
    helper = flush(f"[ -e {folder / 'touched'} ] || touch {folder / 'touched'}")
    wait_for(lambda: not helper.running(), 30, "the helper's end")
    assert helper.notes() == ["new", "new"]


def test_the_file_can_not_be_touched(site, folder):
    made = Cutover(folder, site.address[5], redis=site.redis, domains="example.com", log=site.gateway.log,
                   drain=pathlib.Path("/nowhere/flush"), name="other", page_port=8795,
                   policyd_lines={"metrics": "inet:%s:%d" % site.policyd.page_address})
    made.start()
    try:
        wait_for(lambda: made.said("replica: load=taken"), 10, "what is in force was read")
        site.redis.set_domain("example.com", weight=33)
        wait_for(lambda: made.said("/nowhere/flush can't be touched"), 20, "it was told")
    finally:
        made.kill()


@pytest.mark.parametrize("used", [True, False])
def test_what_one_side_said_of_addresses_is_forgotten(site, folder, used):
    """The cache of reject_unverified_recipient knows addresses, not backends."""
    etc = site.gateway.etc
    cache = folder / "verify"
    file = pathlib.Path(f"{cache}.db")
    file.write_bytes(b"what new said")
    before = (etc / "main.cf").read_text()
    try:
        run("postconf", "-c", etc, "-e", f"address_verify_map=btree:{cache}",
            *(["smtpd_restriction_classes=verified", "verified=reject_unverified_recipient"] if used else []))
        run(FLUSH, environment={**os.environ, "MAIL_CONFIG": str(etc)})
        assert file.exists() != used
    finally:
        (etc / "main.cf").write_text(before)
        run(FLUSH, environment={**os.environ, "MAIL_CONFIG": str(etc)})
