"""What goes wrong around postshift-scan: workers that die at a message, no memory, no room, no folder, broken signatures."""
import contextlib
import ctypes
import io
import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
import zipfile

import pytest

from milter import Milter
from processes import BIN, LIBMILTER, is_alive, wait_for
from scanner import CALLS_ARE_WATCHED, Load, children, in_memory, keeper_of, workers_of
from signatures import EICAR, MARKER_A, MARKER_B, PLAIN, attachment, long_work, make_folder, zipped

ADDRESS = OWN_ADDRESS = "127.20.44.1"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def slow():
    """A mail that takes seconds: 190 MB are unpacked."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(10):
            archive.writestr(f"{number}.bin", b"\0" * (19 << 20))
    return attachment(out.getvalue())


SLOW = slow()
ENDLESS = attachment(long_work(30))     # with max_scan=2G: more than a deadline on any machine


class Sending:
    """A message under way in a thread."""

    def __init__(self, milter, mail, **how):
        self.answer = None
        self.began = time.monotonic()
        self.thread = threading.Thread(target=self.run, args=(milter, mail, how), daemon=True)
        self.thread.start()

    def run(self, milter, mail, how):
        with contextlib.suppress(EOFError, OSError):    # hung up on: whoever waits for the answer has none
            self.answer = milter.send(*mail, **how)
        self.seconds = time.monotonic() - self.began

    def wait(self, seconds=30):
        self.thread.join(seconds)
        assert self.answer is not None, "no answer"
        return self.answer


def busy(milter):
    return milter.metric('postshift_scan_workers{state="busy"}')


def ticks(pid):
    """User time; 0 of one that has just ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return int(stat.read().rpartition(")")[2].split()[11])
    except FileNotFoundError:
        return 0


def busy_one(milter, least=5):
    """The worker that has used so many ticks of the processor since now: it has the message that takes long."""
    wait_for(lambda: busy(milter) >= 1, 10, "a worker to take it")
    before = {w: ticks(w) for w in workers_of(milter)}
    return wait_for(lambda: next((w for w in before if ticks(w) - before[w] > least), None), 20, "it to work")


def kill_the_busy_one(milter):
    os.kill(busy_one(milter), signal.SIGKILL)


def test_a_message_that_kills_two_workers_is_not_scanned_again(own):
    milter = own()
    for _ in range(2):
        sending = Sending(milter, SLOW)
        kill_the_busy_one(milter)
        assert sending.wait().reply == "451 4.7.1 message not scanned (scanner died), try again later"
    assert milter.send(*SLOW).reply == "451 4.7.1 message not scanned (scanner died at it twice), try again later"
    assert milter.send(PLAIN, b"another\r\n").action == "accept"
    milter.write_config(on_fail="accept")
    milter.process.signal(signal.SIGHUP)
    milter.process.wait_for_output("configuration read again")
    answer = wait_for(lambda: (a := milter.send(*SLOW)).action == "accept" and a, 10, "the new configuration")
    assert answer.field("X-Virus-Status") == "Unscanned (scanner died at it twice)"


def crash_the_busy_one(milter, number=signal.SIGSEGV):
    found = busy_one(milter)
    os.kill(found, number)
    wait_for(lambda: not is_alive(found), 5, "its end")


@pytest.mark.parametrize("option,reply", [("tag", ""), ("fail", "554 5.7.1 message refused, it can't be scanned: scanner died at it twice"),
                                          ("infected", "550 5.7.1 message refused: scanner died at it twice")])
def test_a_message_that_crashes_two_workers_goes_by_policy_at_once(own, option, reply):
    """It is shown to a second worker without being asked for again; later copies cost none."""
    milter = own(on_damaged=option)
    sending = Sending(milter, SLOW)
    crash_the_busy_one(milter)
    crash_the_busy_one(milter, signal.SIGSYS)
    for answer in (sending.wait(), milter.send(*SLOW)):
        assert answer.reply == reply
        if option == "tag":
            assert answer.field("X-Virus-Status") == "Unscanned (scanner died at it twice)"
    wait_for(lambda: milter.metric('postshift_scan_worker_exits_total{reason="signal"}') == 2, 10, "both to be counted")
    assert milter.send(PLAIN, b"another\r\n").field("X-Virus-Status") == "Clean"


def test_a_single_crash_is_made_good(own):
    milter = own()
    sending = Sending(milter, SLOW)
    crash_the_busy_one(milter)
    assert sending.wait().field("X-Virus-Status") == "Clean"


@needs_root
def test_a_worker_that_can_take_no_descriptors_goes_and_its_job_to_another(own):
    milter = own(workers=2)
    wait_for(lambda: len(workers_of(milter)) == 3, 5, "two workers and the spare")
    first = workers_of(milter)
    for worker in first[:2]:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (0, 0))
    for number in range(40):
        answer = milter.send(PLAIN, b"%d\r\n" % number)
        assert answer.field("X-Virus-Status") == "Clean", answer.reply
    with milter.session() as session:
        for _ in range(20):
            assert session.message(*attachment(EICAR)).reply.startswith("550")
    wait_for(lambda: not any(is_alive(w) for w in first[:2]), 10, "both to end")


def test_a_death_costs_the_others_nothing(own):
    milter = own(workers=2, max_scan="2G")
    load = Load(milter)
    sending = Sending(milter, ENDLESS)
    os.kill(busy_one(milter, 40), signal.SIGKILL)
    assert sending.wait().reply.startswith("451 4.7.1 message not scanned (scanner died)")
    assert milter.send(PLAIN, b"x\r\n").action == "accept"
    assert set(load.end()) == {"accept"}


def test_when_all_are_busy_mail_waits(own):
    milter = own(workers=1)
    first = Sending(milter, SLOW)
    wait_for(lambda: busy(milter) == 1, 10)
    patient = Sending(milter, (PLAIN, b"hello\r\n"))
    assert first.wait().action == "accept"
    assert patient.wait().action == "accept", "it waited for the one before it"


def test_when_all_are_busy_for_long_mail_gets_451_in_time(own):
    milter = own(workers=1, deadline="4s", max_scan="2G")
    many = [Sending(milter, ENDLESS) for _ in range(24)] + [Sending(milter, (PLAIN, b"%d\r\n" % n)) for n in range(20)]
    replies = [s.wait().reply for s in many]
    assert all(r == "" or r.startswith("451 4.7.1 message not scanned (") for r in replies)
    assert any(replies), "there was work for more than four seconds"
    # libmilter's pool may let a session wait for a thread that is busy, or asleep for 10 s: the deadline begins once it has one
    assert max(s.seconds for s in many) < (20 if LIBMILTER else 10), "the deadline, and a busy machine"
    wait_for(lambda: milter.send(PLAIN, b"after\r\n").action == "accept", 10, "room")


def test_stopped_processes_are_replaced(own):
    """A worker that waits, a keeper, the serving process."""
    milter = own(workers=1)
    for choose in (lambda: workers_of(milter), lambda: [keeper_of(milter)], lambda: children(milter.process.pid)):
        stopped = choose()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: not any(is_alive(p) for p in stopped), 5, "them to be ended")
        milter.wait_until_well(10)
        assert milter.send(PLAIN, b"x\r\n").action == "accept"


def test_a_scan_longer_than_the_deadline_is_no_clean_one(own):
    milter = own(workers=1, deadline="1s", max_scan="2G")
    began = time.monotonic()
    answer = milter.send(*ENDLESS)
    assert answer.reply == "451 4.7.1 message not scanned (timed out), try again later"
    assert time.monotonic() - began < 10
    wait_for(lambda: milter.send(PLAIN, b"after\r\n").action == "accept", 10, "the next mail")


@needs_root
def test_out_of_memory_is_no_clean_one(own):
    milter = own(workers=1)
    mail = attachment(os.urandom(12 << 20))
    assert milter.send(*mail).field("X-Virus-Status") == "Clean"
    for worker in workers_of(milter):
        with open(f"/proc/{worker}/statm", encoding="ascii") as statm:
            size = int(statm.read().split()[0]) * resource.getpagesize()
        resource.prlimit(worker, resource.RLIMIT_AS, (size + (8 << 20),) * 2)
    assert milter.send(*mail).reply.startswith("451 4.7.1 message not scanned (scan")
    wait_for(lambda: milter.send(*mail).field("X-Virus-Status") == "Clean", 10, "a fresh worker")


@needs_root
def test_no_room_for_temporary_files_is_no_clean_one(own, folder):
    (folder / "small").mkdir(mode=0o1777)
    # In a mount namespace of this thread's own, which what is started from it inherits.
    if ctypes.CDLL(None).unshare(0x20000) != 0:
        pytest.skip("no mount namespace to be had")
    if subprocess.run(["mount", "--make-rprivate", "/"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounts can't be made private here: / is no mount point (a chroot)")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=1777", "tmpfs", folder / "small"], check=True)
    try:
        milter = own(temp=folder / "small")
        large = attachment(os.urandom(4 << 20) + EICAR)
        assert milter.send(*large).reply.startswith("451 4.7.1 message not scanned (scan failed: ")
        assert milter.send(*attachment(EICAR)).reply.startswith("550")
        assert milter.send(*attachment(b"small")).field("X-Virus-Status") == "Clean"
        assert "temporary files are" not in milter.log(), "they are in memory as it is"
        milter.stop()
    finally:
        subprocess.run(["umount", "--lazy", folder / "small"], check=True)


def test_without_a_temporary_folder_nothing_is_called_clean(folder):
    make_folder(folder / "db")
    milter = Milter(folder, "postshift-scan", ADDRESS, options={
        "databases": folder / "db", "temp": folder / "missing", "workers": 1})
    milter.start()
    try:
        milter.process.wait_for_output("missing")
        assert milter.send(PLAIN, b"x\r\n").reply == "451 4.7.1 message not scanned (scanner not ready), try again later"
        (folder / "missing").mkdir(mode=0o1777)
        wait_for(lambda: milter.send(PLAIN, b"x\r\n").action == "accept", 20, "the folder to be used")
    finally:
        milter.stop()


def test_a_temporary_folder_that_is_swept_away_comes_back(own, folder):
    milter = own(temp_in_memory="no")
    shutil.rmtree(next((folder / "temp").iterdir()))
    seen = set()

    def clean_again():
        answer = milter.send(*attachment(zipped("a.txt", b"text")))
        seen.add(answer.reply or answer.field("X-Virus-Status"))
        return answer.field("X-Virus-Status") == "Clean" and len(seen) > 1

    wait_for(clean_again, 20, "new folders")
    wait_for(lambda: milter.send(*attachment(EICAR)).reply.startswith("550"), 20, "new folders everywhere")
    assert all(s == "Clean" or s.startswith("451 4.7.1 message not scanned (scan") for s in seen), seen


def test_without_any_fit_worker_the_scanner_is_not_called_busy(own, folder):
    milter = own(temp_in_memory="no", deadline="1s", workers=1)
    shutil.rmtree(folder / "temp")
    not_ready = "451 4.7.1 message not scanned (scanner not ready), try again later"
    wait_for(lambda: milter.send(*attachment(zipped("a.txt", b"text"))).reply == not_ready, 20, "the reply")
    (folder / "temp").mkdir()
    (folder / "temp").chmod(0o1777)
    wait_for(lambda: milter.send(*attachment(EICAR)).reply.startswith("550"), 20, "the folder to be used")


def test_a_killed_keeper_leaves_no_folder(own, folder):
    milter = own(temp_in_memory="no")
    left, = (folder / "temp").iterdir()
    os.kill(keeper_of(milter), signal.SIGKILL)
    wait_for(lambda: not left.exists(), 10, "its folder to be removed")
    milter.wait_until_well(10)
    assert milter.send(*attachment(EICAR)).reply.startswith("550")


def test_other_peoples_files_in_the_temporary_folder_are_none_of_ours_and_delay_nothing(folder):
    temp = folder / "temp"
    temp.mkdir(mode=0o1777)
    for number in range(20000):
        (temp / f"postshift-scan.{4000000 + number}.abcdef").touch()
    (temp / "postshift-scan.3999999.ghijkl").mkdir()
    (temp / "postshift-scan.3999999.ghijkl/left").write_bytes(b"x")
    make_folder(folder / "db")
    milter = Milter(folder, "postshift-scan", ADDRESS, options={"databases": folder / "db", "temp": temp, "workers": 1})
    milter.start()
    try:
        milter.wait_until_well(20)
        wait_for(lambda: not (temp / "postshift-scan.3999999.ghijkl").exists(), 20, "what a keeper left behind to go")
        assert milter.send(*attachment(EICAR)).reply.startswith("550")
    finally:
        milter.stop()
    assert len(list(temp.iterdir())) == 20000


def test_a_virus_behind_what_takes_too_long_is_never_delivered(own):
    """Time is the moment's, not the message's: it is no limit that a message may reach and pass."""
    milter = own(workers=1, deadline="1s", on_limits="tag", max_scan="2G")
    _, slow = ENDLESS
    fields, virus = attachment(zipped("a.com", EICAR))
    for _ in range(3):
        reply = milter.send(fields, slow.removesuffix(b"--part--\r\n") + virus).reply
        assert reply.startswith(("451 4.7.1 message not scanned (", "550 5.7.1 ")), reply


def test_the_deadline_is_kept(own):
    milter = own(workers=1, deadline="2s")
    sending = [Sending(milter, SLOW) for _ in range(6)]
    replies = {s.wait().reply for s in sending}
    assert replies <= {"", "451 4.7.1 message not scanned (timed out), try again later",
                       "451 4.7.1 message not scanned (all scanners busy), try again later",
                       # one that begins later than the others, as on libmilter or a busy machine
                       "451 4.7.1 message not scanned (scanner died at it twice), try again later"}
    for line in milter.log().splitlines():
        if ": scan: " in line:
            assert float(re.search(r"delay=([0-9.]+)", line).group(1)) < 3, line


def test_a_broken_yara_file_is_named_and_the_rest_is_used(own, folder):
    milter = own()
    (folder / "db/broken.yara").write_text('rule broken { strings: $a = "x" condition: $b and }\n', encoding="ascii")
    loads = 'postshift_scan_database_reloads_total{result="ok"}'
    wait_for(lambda: milter.metric(loads) >= 2, 20, "the load")
    assert "broken.yara" in milter.log()
    assert milter.send(*attachment(EICAR)).reply.startswith("550")


def test_a_signature_file_that_is_gone_is_noticed(own, folder):
    milter = own()
    (folder / "db/more.ndb").write_text("Test.More:0:*:" + MARKER_B.hex() + "\n", encoding="ascii")
    wait_for(lambda: milter.send(*attachment(MARKER_B)).reply.startswith("550"), 20, "the new file")
    (folder / "db/more.ndb").unlink()
    wait_for(lambda: milter.send(*attachment(MARKER_B)).action == "accept", 20, "its end")


@pytest.mark.parametrize("reload", ["overlap", "replace"])
def test_signatures_without_the_test_file_are_let_go_and_mended_ones_taken(own, folder, reload):
    """A file half written, of a form that can be loaded: the workers fail their test, and what comes next counts."""
    milter = own(reload=reload)
    (folder / "db/test.ndb").write_text("Test.Marker.B:0:*:" + MARKER_B.hex() + "\n", encoding="ascii")
    failures = 'postshift_scan_database_reloads_total{result="fail"}'
    wait_for(lambda: (milter.metric(failures) or 0) >= 1, 20, "the load to fail")
    assert "they do not find the EICAR test mail" in milter.log()
    if reload == "overlap":
        assert milter.send(*attachment(EICAR)).reply.startswith("550"), "the old ones are in use"
        assert milter.metric("postshift_scan_signatures") == 2
    make_folder(folder / "db", [("Test.Marker.B", MARKER_B)])
    wait_for(lambda: milter.send(*attachment(MARKER_B)).reply.startswith("550"), 20, "the mended ones")
    assert milter.send(*attachment(EICAR)).reply.startswith("550")


def test_a_reload_that_failed_is_in_healthz(own, folder):
    milter = own()
    assert milter.page("/healthz") == (200, "ok\n")
    (folder / "db/broken.ndb").write_text("this is no signature\n", encoding="ascii")
    wait_for(lambda: milter.page("/healthz") == (
        200, "the last reload of signatures failed: the former ones are in use\n"), 20, "the failure to be told")
    assert milter.send(*attachment(EICAR)).reply.startswith("550")
    (folder / "db/broken.ndb").unlink()
    wait_for(lambda: milter.page("/healthz") == (200, "ok\n"), 20, "the next load")
    right = milter.config.read_text(encoding="utf-8")
    milter.config.write_text(right + "no_such_option = 1\n", encoding="utf-8")
    milter.process.signal(signal.SIGHUP)
    wait_for(lambda: milter.page("/healthz") == (
        200, "the last reload of the configuration failed: the former one is in force\n"), 20, "the refusal to be told")
    milter.config.write_text(right, encoding="utf-8")
    milter.process.signal(signal.SIGHUP)
    wait_for(lambda: milter.page("/healthz") == (200, "ok\n"), 20, "the right one to be read")


def test_reload_in_place_costs_no_mail_either(own, folder):
    milter = own(reload="replace")
    first = keeper_of(milter)
    load = Load(milter)
    make_folder(folder / "db", [("Test.Marker.A", MARKER_A), ("Test.Marker.B", MARKER_B)])
    wait_for(lambda: milter.send(*attachment(MARKER_B)).reply.startswith("550"), 20, "the new signature")
    wait_for(lambda: not is_alive(first), 10, "the old keeper to end")
    milter.process.signal(signal.SIGHUP)
    milter.process.wait_for_output("configuration read again")
    time.sleep(0.5)
    assert set(load.end()) == {"accept"}


def test_reloads_one_upon_the_other_end_with_the_newest(own):
    milter = own()
    load = Load(milter)
    for number in range(5):
        milter.write_config(workers=number % 3 + 1)
        milter.process.signal(signal.SIGHUP)
        time.sleep(0.05)
    milter.write_config(workers=4)
    milter.process.signal(signal.SIGHUP)
    wait_for(lambda: len([c for c in children(milter.process.pid) if children(c)]) == 1
             and milter.metric('postshift_scan_workers{state="idle"}') == 4, 20, "one keeper with four workers")
    assert set(load.end()) == {"accept"}


def family(pid):
    return [pid] + [p for child in children(pid) for p in family(child)]


def test_nobody_outlives_a_killed_supervisor(own):
    milter = own()
    everybody = family(milter.process.pid)
    assert len(everybody) >= 6
    os.kill(milter.process.pid, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(p) for p in everybody), 15, "all to end")


def test_ends_in_time_under_load_and_while_it_scans(own, folder):
    milter = own(workers=1, max_scan="2G")
    everybody = family(milter.process.pid)
    Sending(milter, ENDLESS)    # nobody waits for its answer
    wait_for(lambda: busy(milter) == 1, 10)
    began = time.monotonic()
    milter.process.signal(signal.SIGTERM)
    assert milter.process.wait(10) == 0
    assert time.monotonic() - began < 10
    wait_for(lambda: not any(is_alive(p) for p in everybody), 5, "all to end")
    assert list((folder / "temp").iterdir()) == []


@needs_root
@pytest.mark.parametrize("options", [{}, {"require_sandbox": "no"}])
def test_started_as_a_user_without_rights(folder, options):
    """Landlock needs no root; without it require_sandbox = no is asked for."""
    nobody = pwd.getpwnam("nobody")
    make_folder(folder / "db")
    (folder / "temp").mkdir(mode=0o1777)
    (folder / "temp").chmod(0o1777)
    milter = Milter(folder, "postshift-scan", ADDRESS, options={
        "databases": folder / "db", "temp": folder / "temp", "workers": 1, **options})
    milter.process.command = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
                              *milter.process.command]
    milter.start()
    try:
        milter.wait_until_well(20)
        assert milter.send(*attachment(EICAR)).reply.startswith("550")
        assert milter.send(*attachment(zipped("a.txt", b"text"))).field("X-Virus-Status") == "Clean"
        for pid in family(milter.process.pid):
            assert os.stat(f"/proc/{pid}/task").st_uid in (nobody.pw_uid, 0)
        if not in_memory(folder):
            said = [l for l in milter.log().splitlines() if "temporary files are" in l]
            assert len(said) == 1 and "temporary files are on disk, in " in said[0], said
    finally:
        milter.stop()


@needs_root
def test_started_as_root_nobody_who_meets_a_message_stays_root(own):
    milter = own(user="nobody")
    milter.send(PLAIN, b"x\r\n")
    for pid in family(milter.process.pid)[1:]:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in status)
        assert fields["Uid"].split() == [str(pwd.getpwnam("nobody").pw_uid)] * 4, pid


def test_failing_open_still_removes_what_is_forged(folder):
    (folder / "db").mkdir()
    milter = Milter(folder, "postshift-scan", ADDRESS, options={"databases": folder / "db", "on_fail": "accept"})
    milter.start()
    try:
        answer = milter.send(PLAIN + [("X-Virus-Status", "Clean"), ("X-Virus-Scanned", "yes")], b"x\r\n")
        assert answer.action == "accept"
        assert answer.field("X-Virus-Status") == "Unscanned (scanner not ready)"
        assert re.fullmatch(r"postshift-scan \(ClamAV [0-9.]+\S*/0\) at \S+", answer.field("X-Virus-Scanned"))
        assert sorted(answer.deleted) == [("X-Virus-Scanned", 1), ("X-Virus-Status", 1)]
        assert milter.send([("X-Virus-Status", "Clean")] * 1001, b"x\r\n").reply.startswith("550 5.7.1 ")
    finally:
        milter.stop()


def test_a_message_of_60_megabytes(own):
    milter = own()
    line = b"x" * 76 + b"\r\n"
    assert milter.send(PLAIN, line * (60 * 1000 * 1000 // 78)).field("X-Virus-Status") == "Clean"
    if "POSTSHIFT_BIN" in os.environ:
        return      # a sanitizer's build takes memory for itself
    serving = [p for p in children(milter.process.pid) if not children(p)]
    for pid in serving:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            peak = int(next(l for l in status if l.startswith("VmHWM")).split()[1])
        assert peak < 40 * 1024, "the message was held in memory twice"


def test_a_wrong_configuration_is_named(folder):
    config = folder / "c.conf"
    for text, part in (("max_file = 300M\nmax_scan = 200M", ":2: [scan] max_file: larger"), ("max_scan = 12M", ":2: [scan] max_scan: less"),
                        ("temp = tmp", "temp"), ("deadlin = 3s", "deadline"),
                       ("spamd = inet:mail.example.org:783", "spamd"), ("on_fail = reject", "on_fail")):
        config.write_text(f"[scan]\n{text}\n", encoding="ascii")
        done = subprocess.run([BIN / "postshift-scan", "-t", "-c", config], stderr=subprocess.PIPE, text=True)
        assert done.returncode == 78
        assert f"{config}:" in done.stderr and part in done.stderr


def bomb(megabytes):
    """Small as it comes; each layer is on disk while the next is unpacked."""
    data = b"\0" * (megabytes << 20)
    for name in ("c", "b", "a"):
        data = zipped(name, data)
    return attachment(data)


@needs_root
@pytest.mark.skipif(not CALLS_ARE_WATCHED, reason="with a sanitizer libclamav's calls are not watched")
@pytest.mark.parametrize("options,replies_to_bombs", [({}, {"451"}), ({"max_file": "1M", "on_limits": "fail"}, {"552"})])
def test_a_stranger_who_fills_what_workers_share_lets_nothing_through(own, folder, options, replies_to_bombs):
    """One file system for all, as under the systemd unit: the archive is refused, an infected mail never passes."""
    (folder / "small").mkdir(mode=0o1777)
    if ctypes.CDLL(None).unshare(0x20000) != 0:
        pytest.skip("no mount namespace to be had")
    if subprocess.run(["mount", "--make-rprivate", "/"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("mounts can't be made private here: / is no mount point (a chroot)")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=1777", "tmpfs", folder / "small"], check=True)
    try:
        milter = own(temp=folder / "small", workers=2, **options)
        filling, infected, going = bomb(20), [attachment(EICAR), attachment(zipped("a.com", EICAR))], [True]
        bombs = set()

        def attack():
            while going[0]:
                bombs.add(milter.send(*filling).reply)

        threads = [threading.Thread(target=attack, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 5
        replies = []
        while time.monotonic() < until:
            replies += [milter.send(*mail).reply for mail in infected]
        going[0] = False
        for thread in threads:
            thread.join(30)
        assert "" not in replies, "one passed"
        assert sum(r.startswith("550 ") for r in replies) > len(replies) // 2, "a share is kept for others"
        assert {r[:3] for r in bombs} == replies_to_bombs, bombs
        milter.stop()
    finally:
        subprocess.run(["umount", "--lazy", folder / "small"], check=True)


@pytest.mark.skipif(not CALLS_ARE_WATCHED, reason="with a sanitizer libclamav's calls are not watched")
def test_a_part_of_the_library_that_never_looks_at_the_time_is_stopped(own):
    """A small zip of a mail of twelve million lines: the reader of mail has no time limit of its own."""
    milter = own(workers=1, deadline="2s")
    mail = attachment(zipped("a.eml", b"From: a@example.org\r\nSubject: x\r\n\r\n" + b"a\n" * 12000000))
    answer = milter.send(*mail, queue_id="LINES1")
    assert answer.reply == "451 4.7.1 message not scanned (timed out), try again later"
    line = next(l for l in milter.log().splitlines() if "LINES1: scan" in l)
    assert float(re.search(r"delay=([0-9.]+)", line).group(1)) <= 2.0, line
    assert milter.metric('postshift_scan_worker_exits_total{reason="stuck"}') == 0, "it ended by itself"
    assert milter.send(*attachment(EICAR)).reply.startswith("550")
    fields, body = mail
    _, virus = attachment(EICAR)
    both = virus.removesuffix(b"--part--\r\n") + body
    # On a busy machine the new worker may come late: then it is 451, and never delivered.
    replies = []

    def refused():
        replies.append(milter.send(fields, both).reply)
        return replies[-1].startswith("550")

    wait_for(refused, 40, "what is found to be found")
    assert all(r.startswith(("550 ", "451 ")) for r in replies), replies
