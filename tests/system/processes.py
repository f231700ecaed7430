"""processes - start programs, wait for conditions, end what was started, by its id.

A program started here ends with whoever started it, also when that one is killed; with outlive=True
it goes on (the demo's KEEP=1).
"""
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("POSTSHIFT_BIN") or ROOT / "build/bin")
FLAVOUR = (BIN.parent / "flavour").read_text(encoding="ascii").strip() if (BIN.parent / "flavour").exists() else "plain"
LIBMILTER = FLAVOUR.endswith("-libmilter")      # the milters' engine; what differs by its nature is expected by name
SANITIZED = FLAVOUR.removesuffix("-libmilter") != "plain"


class Timeout(AssertionError):
    """A condition did not come true in time."""


def wait_for(condition, seconds=10.0, what="the condition", every=0.02):
    """Asks until the answer is true and gives it; Timeout with the last answer when time is over."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Timeout(f"{what}: not within {seconds:g} s (last answer: {answer!r})")
        time.sleep(every)


def new_folder(prefix="postshift-", parent=None):
    """A new folder that other users (postfix, nobody) may pass through."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    return folder


def can_connect(address, family=socket.AF_INET):
    """Is somebody listening?  address is (host, port), or a path with family AF_UNIX."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(address)
        except OSError:
            return False
        return True


def is_alive(pid):
    """Is there such a process, and is it more than a zombie?"""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


class Process:
    """A program in the foreground with its output in a file."""

    def __init__(self, command, log, *, environment=None, cwd=None, outlive=False):
        self.command = [str(part) for part in command]
        self.log = pathlib.Path(log)
        self.environment = environment
        self.cwd = cwd
        self.outlive = outlive
        self.popen = None

    @property
    def pid(self):
        return self.popen.pid

    def start(self):
        assert not self.running(), f"{self.command[0]} runs already"
        guard = [] if self.outlive else ["setpriv", "--pdeathsig", "KILL", "--"]
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [*guard, *self.command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.cwd,
                env={**os.environ, **(self.environment or {})}, start_new_session=True)
        return self

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds=10.0):
        """The exit code; negative: the signal it died of."""
        return self.popen.wait(timeout=seconds)

    def stop(self, seconds=10.0):
        """TERM, then the exit code.  One that doesn't listen is killed, and that is an error."""
        if not self.running():
            return self.popen.returncode if self.popen else None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Timeout(f"{self.command[0]} did not end within {seconds:g} s of TERM") from None

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
            self.wait()

    def pause(self):
        """SIGSTOP: connections stay, nothing is answered."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def resume_and_kill(self):
        """The end of a test: whatever state it is in."""
        if self.running():
            self.resume()
            self.kill()

    def output(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def wait_for_output(self, text, seconds=10.0):
        wait_for(lambda: text in self.output(), seconds, f"{text!r} in {self.log}")


def run(*command, check=True, seconds=60, environment=None, stdin=None):
    """Runs to the end; what it printed on both channels, as text, and its exit code."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, text=True,
                          timeout=seconds, env={**os.environ, **(environment or {})})
    if check and done.returncode:
        raise AssertionError(f"{' '.join(done.args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done
