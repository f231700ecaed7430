"""scanner - postshift-scan with a small signature folder, its processes, and load on it."""
import pathlib
import threading

from milter import Milter
from processes import SANITIZED, run, wait_for
from signatures import PLAIN, make_folder

# A sanitizer has functions of its own in the places where those that watch libclamav's calls would be.
CALLS_ARE_WATCHED = not SANITIZED


def start(folder, address, *, log=None, **options):
    make_folder(folder / "db")
    temp = folder / "temp"
    temp.mkdir()
    temp.chmod(0o1777)
    milter = Milter(folder, "postshift-scan", address, options={
        "databases": folder / "db", "temp": temp, "workers": 2, "reload_check": "200ms", "reload_quiet": "200ms",
        **options}, log=log or {})
    milter.start()
    milter.wait_until_well()
    return milter


def children(pid):
    """None of one that has just ended."""
    try:
        found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(p) for p in found.split()]


def keeper_of(milter):
    """The keeper is the one that has children of its own, but for the moment after all were killed."""
    def find():
        found = [c for c in children(milter.process.pid) if children(c)]
        return len(found) == 1 and found[0]
    return wait_for(find, 5, "one keeper with workers")


def workers_of(milter):
    return children(keeper_of(milter))


def in_memory(path):
    """Does it lie in a file system in memory?  (Python's statvfs has no type.)"""
    return run("stat", "--file-system", "--format=%T", path).stdout.strip() in ("tmpfs", "ramfs")


class Load:
    """Messages without pause, from threads; answers counted by action."""

    def __init__(self, milter, threads=2):
        self.milter = milter
        self.going = True
        self.actions = {}
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        with self.milter.session() as session:
            while self.going:
                answer = session.message(PLAIN, b"hello\r\n")
                with self.lock:
                    key = answer.action if answer.action != "reply" else answer.reply
                    self.actions[key] = self.actions.get(key, 0) + 1

    def end(self):
        self.going = False
        for thread in self.threads:
            thread.join(30)
        return self.actions
