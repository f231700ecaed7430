"""undo: copies by a real Postfix, the journal, and mail brought back to old; killed, with a wrong key, on a full disk."""
import collections
import json
import os
import random
import re
import smtplib
import socket
import time

import pytest

from page import Page
from processes import BIN, Process, run, wait_for
from test_cutover_postfix import fill
from undosite import UndoSite

# `make soak` has 1,000 mails and 20 kills.
MAILS = int(os.environ.get("UNDO_MAILS", "60"))
KILLS = int(os.environ.get("UNDO_KILLS", "5"))
ID = re.compile(rb"^Message-ID: (\S+)", re.M | re.I)


@pytest.fixture(scope="module")
def shared(module_folder):
    """Its journal has a small disk of its own, which a test can fill."""
    journal = module_folder / "journal"
    journal.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={8 + MAILS // 100}m", "tmpfs", journal)
    try:
        made = UndoSite(module_folder, "127.20.70", journal=journal).start()
        yield made
        made.stop()
    finally:
        run("umount", "-l", journal)


@pytest.fixture
def undo(shared):
    """Empty sinks, nothing that counts from before."""
    shared.site.reset()
    if not shared.listener.running():
        shared.start_listener()
    shared.begin()
    return shared


def ids(sink):
    """Message-ID -> how often the sink has it."""
    return collections.Counter(ID.search(copy.data)[1] for copy in sink.copies)


def land(undo, count, **how):
    """So many on new, in books and journal; gives the recipients."""
    before = undo.told()["copies"]
    sent = undo.send(count, **how)
    undo.site.new.wait_for(count, 60)
    undo.wait_for_copies(before + count)
    undo.wait_for_books(count)
    return sent


@pytest.mark.limit(600)
def test_what_landed_on_new_comes_to_old_once(undo):
    """Killed again and again on its way; new has lost all it had."""
    undo.site.set(weight=100)
    land(undo, MAILS, body="Hello.\n.\n..dots\n\xe4\n")
    wanted = ids(undo.site.new)
    envelopes = sorted((copy.sender, copy.recipient) for copy in undo.site.new.copies)
    undo.site.new.forget()
    undo.books.ctl("rollback", "example.com")
    chance = random.Random(os.getpid())
    for _ in range(KILLS):
        running = undo.begin_undo("--json")
        had = len(undo.site.old.copies)
        undo.site.old.wait_for(had + 1 + chance.randrange(max(2, (MAILS - had) // (2 * KILLS))), 60)
        time.sleep(chance.random() * 0.06)
        running.kill()
        running.communicate()
    done = undo.undo_json()
    assert (done["landed"], done["sent"], done["left"], done["why"]) == (MAILS, MAILS, 0, [])
    found = ids(undo.site.old)
    assert set(found) == set(wanted)
    # At most the one in flight each time, and it is named, also where the run that sent it again was killed later.
    of = {message: queue_id for queue_id, message in undo.books.rows("SELECT queue_id, message_id FROM message")}
    double = {of[key.decode().strip("<>")] for key, count in found.items() if count > 1}
    assert double <= set(done["twice"]) and sum(count - 1 for count in found.values()) <= KILLS >= len(done["twice"])
    print(f"{MAILS} mails, {KILLS} kills: {len(double)} double, {len(done['twice'])} named")
    first = {}
    for copy in undo.site.old.copies:
        first.setdefault(ID.search(copy.data)[1], copy)
    assert sorted((copy.sender, copy.recipient) for copy in first.values()) == envelopes
    assert b"\n.\n..dots\n\xe4\n" in undo.site.old.copies[0].data
    # A second run has nothing to do.
    count = len(undo.site.old.copies)
    again = undo.undo_json()
    assert (again["sent"], again["now"], again["left"], again["twice"]) == (MAILS, 0, 0, done["twice"])
    assert len(undo.site.old.copies) == count
    events = undo.site.redis.command("XREVRANGE", "cutover:events", "+", "-", "COUNT", "3")
    assert any("undo" in fields and any(text.startswith("0 sent, 0 left") for text in fields) for _, fields in events)
    assert undo.books.audit()["balanced"]


def test_the_one_in_flight_comes_twice_and_is_named(undo):
    """Old takes it, and its answer reaches nobody; also where the run that sends it again is killed."""
    undo.site.set(weight=100)
    land(undo, 3)
    undo.books.ctl("rollback", "example.com")
    progress = undo.journal / "example.com.progress"
    for _ in range(2):
        before = progress.stat().st_size if progress.exists() else 0
        undo.site.old.answer("body", None, times=1, delay=0.5)
        running = undo.begin_undo()
        wait_for(lambda: progress.exists() and progress.stat().st_size > before, 10, "one has begun")
        time.sleep(0.2)
        running.kill()
        running.communicate()
        time.sleep(0.5)
    done = undo.undo_json()
    assert (done["sent"], done["left"], len(done["twice"])) == (3, 0, 1), done
    assert sorted(ids(undo.site.old).values())[:2] == [1, 1] and set(ids(undo.site.old)) == set(ids(undo.site.new))
    assert undo.undo_json()["twice"] == done["twice"]
    told = undo.undo().stdout
    assert "may be there twice" in told and f"{done['twice'][0]} to person" in told


def test_a_wrong_key_sends_nothing(undo):
    undo.site.set(weight=100)
    land(undo, 2)
    right = undo.key.read_bytes()
    for key, mode, wanted in ((os.urandom(32), 0o400, "is not the key that the copies in"),
                              (b"not a key\n", 0o400, "it is no key: 32 octets or 64 hexadecimal digits are wanted"),
                              (right, 0o440, "others than its owner may use it (mode 0440): chmod 0400 it")):
        undo.write_key(key)
        undo.key.chmod(mode)
        done = undo.undo(check=False)
        assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1, done
        assert wanted in done.stderr
        checked = run(BIN / "postshift-undo", "-c", undo.books.config, "-t", check=False)
        assert checked.returncode == (0 if len(key) == 32 else 78)
    undo.write_key(right)
    assert undo.site.old.copies == []
    assert undo.undo_json()["sent"] == 2


def test_mail_flows_while_the_disk_is_full(undo):
    """Copies are refused, dropped and told; no sender hears of them."""
    undo.site.set(weight=100)
    land(undo, 3)
    refused = undo.told()["refused"]
    filled = undo.journal / "filled"
    fill(filled)
    undo.send(10, body="Hello.\n" * 3000)
    undo.site.new.wait_for(13, 5)
    wait_for(lambda: undo.told()["refused"] >= refused + 5, 10, "refused copies")
    undo.site.gateway.wait_until_empty(10)
    assert undo.site.other.copies == []
    status = undo.books.ctl("status", check=False)
    assert status.returncode == 1 and "copies could not be kept" in status.stdout, status.stdout
    filled.unlink()
    time.sleep(1.1)
    before = undo.told()["copies"]
    undo.send(2)
    undo.wait_for_copies(before + 2)
    undo.wait_for_books(15)
    undo.books.ctl("rollback", "example.com")
    done = undo.undo_json()
    assert done["sent"] + done["left"] == 15 and done["sent"] >= 5 and done["left"] >= 5, done
    assert {left["why"] for left in done["why"]} == {"no copy of it"} and done["coverage"]["refused"] >= 5
    assert len(undo.site.old.copies) == done["sent"]
    assert undo.books.audit()["balanced"]


def test_mail_flows_while_the_listener_hangs_or_is_gone(undo):
    """Its copies wait in the queue and come when it is back, after a rollback.  A file ends in the middle of a record."""
    def size():
        return sum(file.stat().st_size for file in undo.journal.glob("*.undo"))

    def all_accounted():
        found = undo.books.audit()
        return found["accepted"] == found["delivered"] and not found["waiting"]

    undo.site.set(weight=100)
    before = size()
    with socket.socket(socket.AF_UNIX) as half:
        half.connect(str(undo.sock))
        half.sendall(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<undo@undo.postshift.invalid>\r\nDATA\r\n" + b"x" * 100000)
        wait_for(lambda: size() > before, 5, "half a message")
        undo.listener.pause()
    undo.send(10)
    undo.site.new.wait_for(10, 4)
    undo.listener.kill()        # not resumed: what is cut now was answered to nobody
    last = max(undo.journal.glob("*.undo"))
    os.truncate(last, last.stat().st_size - 5)
    undo.send(10)
    undo.site.new.wait_for(20, 4)
    wait_for(all_accounted, 10, "copies that wait are in no account", every=0.1)
    assert undo.site.gateway.queued()
    undo.books.ctl("rollback", "example.com")
    undo.send(3)
    undo.site.old.wait_for(3)
    wait_for(lambda: "undo: postshift-undo has said nothing since" in undo.books.ctl("status", check=False).stdout, 20, "status", every=0.5)
    undo.start_listener()
    undo.site.gateway.wait_until_empty(30, flush=True)
    undo.wait_for_books(20)
    done = undo.undo_json()
    assert (done["landed"], done["sent"], done["left"]) == (20, 20, 0), (done["why"][:1], done["stopped"])
    assert done["coverage"]["cut"] >= 1 and done["coverage"]["foreign"] == 0
    assert len(undo.site.old.copies) == 23 and set(ids(undo.site.old)) >= set(ids(undo.site.new))
    assert undo.site.other.copies == [] and undo.books.audit()["balanced"]


def test_a_rollback_in_the_middle_of_writing(undo):
    """Mail comes all the time; whatever reached new is on old afterwards, and nobody has anything twice."""
    undo.site.set(weight=100)
    undo.send(30)
    undo.books.ctl("rollback", "example.com")
    undo.send(30)
    undo.site.gateway.wait_until_empty(20, flush=True)
    landed = len(undo.site.new.copies)
    assert landed + len(undo.site.old.copies) == 60
    undo.wait_for_books(landed)
    done = undo.undo_json()
    assert (done["landed"], done["sent"], done["left"]) == (landed, landed, 0), done
    assert len(ids(undo.site.old)) == 60 and set(ids(undo.site.old).values()) == {1}


def test_what_old_refuses_is_left_and_named(undo):
    """And comes with the next run, when old takes it."""
    undo.site.set(weight=100)
    sent = land(undo, 3)
    undo.books.ctl("rollback", "example.com")
    undo.site.old.answer("rcpt", "550 5.1.1 no such user", recipient=sent[1])
    done = undo.undo_json()
    assert (done["sent"], done["left"], done["why"][0]["to"]) == (2, 1, sent[1]), done
    assert "said: 550 5.1.1 no such user" in done["why"][0]["why"]
    undo.site.old.refuse()
    stopped = undo.undo_json()
    assert (stopped["sent"], stopped["left"]) == (2, 1) and "Connection refused" in stopped["stopped"], stopped
    undo.site.old.accept()
    undo.site.old.be_good()
    told = undo.undo().stdout
    assert "3 of them are on old now, 1 by this run" in " ".join(told.split()) and "undo covers since" in told
    assert "What was read, answered, filed or deleted on new is not known here" in told
    assert set(ids(undo.site.old).values()) == {1}


def test_old_site_wants_to_be_told_where_old_is(undo):
    undo.site.set(weight=100)
    land(undo, 1)
    undo.site.set(old="site", weight=0)
    try:
        done = undo.undo(check=False)
        assert done.returncode == 1 and "has old=site" in done.stderr and "--to smtp:[HOST]:PORT" in done.stderr
        host, port = undo.site.old.address
        assert undo.undo_json("--to", f"smtp:[{host}]:{port}")["sent"] == 1
    finally:
        undo.site.set(old=undo.site.old_route)


def test_the_oldest_goes_at_the_ceiling(folder):
    """The listener by itself."""
    (folder / "journal").mkdir()
    key = folder / "key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o400)
    config = folder / "postshift.conf"
    config.write_text(f"[cutover]\nundo = 1h\nundo_key = {key}\nundo_folder = {folder}/journal\nundo_listen = unix:{folder}/s\nundo_max = 1M\n"
                      "undo_metrics = inet:127.20.70.30:8795\n")
    shown = Page()
    shown.page_address = ("127.20.70.30", 8795)
    listener = Process([BIN / "postshift-undo", "-c", config], folder / "undo.log").start()
    try:
        wait_for((folder / "s").exists, 10, "the socket")
        with smtplib.LMTP(str(folder / "s")) as client:
            for _ in range(20):
                client.sendmail("a@outside.example", ["undo@undo.postshift.invalid"], "Subject: x\r\n\r\n" + "x" * 78 * 1000)
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.sendmail("a@outside.example", ["alice@example.com"], "x")
            assert refused.value.recipients["alice@example.com"][0] == 550
            # One mail that is more than all: taken to its end, refused, and nobody else suffers.
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.sendmail("a@outside.example", ["undo@undo.postshift.invalid"], "x" * 1500000)
            assert refused.value.smtp_code == 452
            assert shown.page("/healthz") == (503, "the last copy was refused, the log says why\n")
            client.sendmail("a@outside.example", ["undo@undo.postshift.invalid"], "Subject: last\r\n\r\n")
        found = sorted((folder / "journal").glob("*.undo"))
        assert sum(file.stat().st_size for file in found) <= 1 << 20
        assert not found[0].name.endswith("-0001.undo")
        wait_for(shown.is_well, 5, "/healthz", every=0.1)
        wait_for(lambda: shown.metric("postshift_undo_bytes") == sum(file.stat().st_size for file in found), 5, "the size", every=0.1)
        assert shown.metric('postshift_undo_copies_total{result="kept"}') == 21
        assert shown.metric('postshift_undo_copies_total{result="refused"}') == 1
        assert shown.metric("postshift_undo_early_removals_total") > 0
        assert time.time() - 60 < shown.metric("postshift_undo_covers_since_timestamp_seconds") <= time.time()
        wait_for(lambda: json.loads((folder / "journal/told.json").read_text())["copies"] == 21, 5, "what it tells")
        assert b"Subject" not in b"".join(file.read_bytes() for file in found)
        assert listener.stop() == 0
        assert not (folder / "s").exists()
    finally:
        listener.resume_and_kill()


def test_remove_takes_the_copies_out(undo):
    """The last one of this file."""
    undo.site.set(weight=0)
    undo.site.redis.command("HSET", "cutover:domain:mark.example", "mode", "old")
    wait_for(lambda: "old" in undo.site.policyd.ask("mark@mark.example"), 5, "nobody is on new")
    undo.setup("--remove")
    left = run("postconf", "-c", undo.site.gateway.etc, "-M").stdout
    assert "undo" not in left and "recipient_bcc_maps" not in left
