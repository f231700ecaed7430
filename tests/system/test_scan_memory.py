"""postshift-scan's temporary files in memory: where they are, what becomes of them, and a memory that is full."""
import io
import os
import pathlib
import signal
import zipfile

import pytest

from processes import is_alive, wait_for
from scanner import in_memory, keeper_of, start, workers_of
from signatures import EICAR, attachment, zipped

ADDRESS = "127.20.60.1"
MEGABYTE = 1 << 20
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a file system is made by root alone")


@pytest.fixture
def scanner(folder):
    """One as nobody with a single worker, and its temporary files in memory unless told otherwise."""
    if in_memory(folder):
        pytest.skip("all files here are in memory as it is")
    started = []

    def make(**options):
        started.append(start(folder, ADDRESS, **{"workers": 1, "user": "nobody", **options}))
        if "temporary files are on disk" in started[-1].log():
            pytest.skip("this kernel lets us have no file system in memory")
        return started[-1]

    yield make
    for milter in started:
        milter.stop()


def place(pid):
    """Its current folder; the slash follows the link."""
    return f"/proc/{pid}/cwd/"


def ready_workers(milter, number=2):
    """All of them, locked in: a worker that has just been forked is still where its keeper is, on disk."""
    def all_of_them():
        workers, keeper = workers_of(milter), keeper_of(milter)
        return workers if (len(workers) == number and milter.metric('postshift_scan_workers{state="spare"}') == 1
                           and milter.metric('postshift_scan_workers{state="idle"}') == number - 1
                           and all(is_elsewhere(worker, keeper) for worker in workers)) else None

    return wait_for(all_of_them, 20, f"{number} workers")


def is_elsewhere(worker, keeper):
    try:
        return os.readlink(f"/proc/{worker}/cwd") != os.readlink(f"/proc/{keeper}/cwd")
    except OSError:     # it has just ended
        return False


def fill(pid, leave):
    """A file in a worker's folder, so large that no more than that is left."""
    about = os.statvfs(place(pid))
    filler = os.open(place(pid) + "filler", os.O_WRONLY | os.O_CREAT)
    os.posix_fallocate(filler, 0, about.f_bavail * about.f_bsize - leave)
    os.close(filler)


def large_archive():
    """Small as it comes, 19 MB and a virus when unpacked."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("large.bin", b"\0" * (19 * MEGABYTE) + EICAR)
    return attachment(out.getvalue())


def test_each_worker_has_its_own_and_nobody_sees_a_mount(scanner, folder):
    before = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8")
    milter = scanner(workers=2)
    workers = ready_workers(milter, 3)
    assert all(in_memory(place(w)) for w in workers)
    assert len({os.stat(place(w)).st_dev for w in workers}) == 3, "one for each"
    for pid in ("self", milter.process.pid, keeper_of(milter), *workers):
        assert pathlib.Path(f"/proc/{pid}/mounts").read_text(encoding="utf-8") == before
    assert milter.log().count("temporary files are in memory, at most 600 MB a worker") == 1
    base, = (folder / "temp").iterdir()
    assert not list(base.iterdir()), "nothing on disk"
    assert milter.send(*attachment(EICAR)).reply.startswith("550")
    assert milter.send(*attachment(zipped("a.txt", b"text"))).field("X-Virus-Status") == "Clean"
    assert not list(base.iterdir())
    assert all(os.listdir(place(w)) == [] for w in workers), "each scan takes away what it made"


def test_told_not_to_it_goes_to_disk(scanner, folder):
    milter = scanner(temp_in_memory="no")
    base, = (folder / "temp").iterdir()
    for worker in ready_workers(milter):
        assert not in_memory(place(worker))
        assert pathlib.Path(os.readlink(place(worker).rstrip("/"))).parent == base
    assert "temporary files" not in milter.log()
    assert milter.send(*attachment(EICAR)).reply.startswith("550")


def test_a_reload_changes_it(scanner):
    milter = scanner(temp_in_memory="no")
    first = keeper_of(milter)
    milter.write_config(temp_in_memory="yes")
    milter.process.signal(signal.SIGHUP)
    wait_for(lambda: not is_alive(first), 20, "the old keeper to end")
    assert all(in_memory(place(w)) for w in ready_workers(milter))
    assert milter.send(*attachment(EICAR)).reply.startswith("550")


@pytest.mark.parametrize("leave", [0, MEGABYTE])
def test_a_full_memory_is_no_clean_scan(scanner, leave):
    """An archive that unpacks to more than there is room; and the next worker finds all of it free again."""
    milter = scanner(max_scan="20M", max_file="20M", max_message="20M")
    mail = large_archive()
    assert milter.send(*mail).reply.startswith("550"), "there is room as a rule"
    workers = ready_workers(milter)
    for worker in workers:
        fill(worker, leave)
    # The spare is the next to be asked.
    for _ in workers:
        assert milter.send(*mail).reply.startswith("451 4.7.1 message not scanned (scan failed: ")
        wait_for(lambda: milter.metric('postshift_scan_workers{state="idle"}') == 1, 10, "a worker")
    wait_for(lambda: not set(workers) & set(workers_of(milter)), 10, "others in their place")
    assert milter.send(*mail).reply.startswith("550")
    for worker in ready_workers(milter):
        assert in_memory(place(worker)) and os.listdir(place(worker)) == []


def test_a_killed_worker_leaves_nothing(scanner, folder):
    milter = scanner()
    workers = ready_workers(milter)
    for worker in workers:
        pathlib.Path(place(worker) + "left").write_bytes(b"x" * MEGABYTE)
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not set(workers) & set(workers_of(milter)), 10, "others in their place")
    for worker in ready_workers(milter):
        about = os.statvfs(place(worker))
        assert in_memory(place(worker)) and os.listdir(place(worker)) == []
        assert about.f_bfree >= about.f_blocks - 1
    assert milter.send(*attachment(EICAR)).reply.startswith("550")
    milter.stop()
    assert list((folder / "temp").iterdir()) == []


def test_who_tidies_up_the_folder_on_disk_takes_nothing_away(scanner, folder):
    milter = scanner()
    next((folder / "temp").iterdir()).rmdir()
    workers = ready_workers(milter)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not set(workers) & set(workers_of(milter)), 10, "others in their place")
    assert all(in_memory(place(w)) for w in ready_workers(milter))
    assert milter.send(*attachment(EICAR)).reply.startswith("550")
