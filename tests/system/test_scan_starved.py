"""A worker with too little of something, whatever is scanned: an infected mail is never called clean, an ordinary one never infected."""
import bz2
import contextlib
import os
import resource
import subprocess

import pytest

from processes import wait_for
from scanner import CALLS_ARE_WATCHED, in_memory, start, workers_of
from signatures import EICAR, attachment, office, pdf, zipped

ADDRESS = "127.20.51.1"
pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another process's limits are root's to set"),
              pytest.mark.skipif(not CALLS_ARE_WATCHED, reason="with a sanitizer libclamav's calls are not watched")]


def seven_zip(folder):
    (folder / "a.com").write_bytes(EICAR)
    subprocess.run(["7z", "a", folder / "a.7z", folder / "a.com"], check=True, stdout=subprocess.DEVNULL)
    return (folder / "a.7z").read_bytes()


PAGE = b"<html><body><script>var a = 1;</script><p>" + EICAR + b"</p></body></html>"
KINDS = {"raw": lambda f: EICAR, "zip": lambda f: zipped("a.com", EICAR), "html": lambda f: PAGE, "docx": lambda f: office(EICAR),
         "bz2": lambda f: bz2.compress(EICAR), "7z": seven_zip, "pdf": lambda f: pdf(EICAR)}


@pytest.fixture
def scanner(folder):
    (folder / "db").mkdir(mode=0o755)
    (folder / "db/page.ndb").write_text(f"Test.Page:0:*:{EICAR[28:].lower().hex()}\n", encoding="ascii")
    milter = start(folder, ADDRESS, workers=1)
    yield milter
    milter.stop()


def ready(milter):
    """One that takes jobs and a spare, and no other."""
    wait_for(lambda: milter.metric('postshift_scan_workers{state="spare"}') == milter.metric('postshift_scan_workers{state="idle"}') == 1,
             20, "a worker and a spare")
    return workers_of(milter)


def least(pid, which):
    if which == resource.RLIMIT_AS:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[0]) * resource.getpagesize()
    return 0


def verdict(milter, mail):
    answer = milter.send(*mail)
    return answer.reply[:9] or answer.field("X-Virus-Status")


@pytest.mark.parametrize("what,values", [
    ("FSIZE", (4096, 200, 60, 1, 0)), ("NOFILE", (12, 10, 8, 6, 4, 3)), ("AS", (3 << 20, 1 << 20, 1 << 18, 1 << 16, 0))])
def test_a_small_limit(scanner, folder, what, values):
    which = getattr(resource, f"RLIMIT_{what}")
    mails = {kind: attachment(make(folder)) for kind, make in KINDS.items()}
    seen = {}
    for value in values:
        for kind, mail in mails.items():
            for worker in ready(scanner):
                # One that has just gone, or has less already, is as good.
                with contextlib.suppress(ProcessLookupError, FileNotFoundError, PermissionError):
                    resource.prlimit(worker, which, (least(worker, which) + value,) * 2)
            seen[kind, value] = verdict(scanner, mail)
    assert set(seen.values()) <= {"550 5.7.1", "451 4.7.1"}, seen
    assert "451 4.7.1" in seen.values() or what == "NOFILE", "some of it was too little"


def fill(pid):
    """No block is left in its folder."""
    place = f"/proc/{pid}/cwd/"
    about = os.statvfs(place)
    filler = os.open(place + "filler", os.O_WRONLY | os.O_CREAT)
    os.posix_fallocate(filler, 0, about.f_bavail * about.f_bsize)
    os.close(filler)


def test_a_full_file_system(scanner, folder):
    if not in_memory(f"/proc/{ready(scanner)[0]}/cwd/"):
        pytest.skip("workers have no file system of their own here")
    for kind, make in KINDS.items():
        for worker in ready(scanner):
            fill(worker)
        assert verdict(scanner, attachment(make(folder))) in ("550 5.7.1", "451 4.7.1"), kind
        for worker in ready(scanner):
            os.kill(worker, 9)
        wait_for(lambda: verdict(scanner, attachment(b"text")) == "Clean", 20, "a fresh worker")
