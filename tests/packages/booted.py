"""booted - a Debian with systemd as its first process, in name spaces of its own: what an administrator would have.

It stands on a root that tests/make-root keeps between runs; what it writes goes into an overlay, which ends with it.
Nothing but its own loopback is to be reached.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
NAME_SPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")
ENVIRONMENT = ("env", "--chdir=/", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root",
               "DEBIAN_FRONTEND=noninteractive")


class CantBoot(Exception):
    """Says why there is no machine here."""


def root(suite="bookworm", name="root-debian12"):
    """The folder of a root that can be booted; CantBoot where it can't be had."""
    folder = BUILD / name
    made = subprocess.run([ROOT / "tests/make-root", "gateway", suite, folder], capture_output=True, text=True)
    if made.returncode != 0:
        raise CantBoot(made.stderr.strip() or f"make-root: exit code {made.returncode}")
    return folder


class Done:
    def __init__(self, code, output):
        self.code = code
        self.output = output

    def __repr__(self):
        return f"exit code {self.code}:\n{self.output}"


class Machine:
    def __init__(self, root_folder):
        self.root = root_folder
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="machine-", dir=BUILD))
        self.guard = None
        self.pid = None

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *unused):
        self.end()

    def boot(self):
        with open(self.folder / "boot.log", "wb") as log:
            self.guard = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "unshare", *NAME_SPACES, "--fork", "--kill-child",
                 ROOT / "tests/packages/boot", self.root, self.folder, ROOT],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        children = pathlib.Path(f"/proc/{self.guard.pid}/task/{self.guard.pid}/children")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.guard.poll() is not None:
                break
            self.pid = next(iter(children.read_text(encoding="ascii").split()), None)
            if self.pid and self.is_up():
                return
            time.sleep(0.1)
        raise CantBoot("no systemd came up: " + (self.folder / "boot.log").read_text(errors="replace")[-400:])

    def is_up(self):
        if os.path.basename(os.path.realpath(f"/proc/{self.pid}/exe")) != "systemd":
            return False
        state = self.run("systemctl is-system-running").output.strip()
        return state in ("running", "degraded")

    def end(self):
        if self.guard is not None and self.guard.poll() is None:
            self.guard.send_signal(signal.SIGKILL)
            self.guard.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command, seconds=120, **environment):
        """A line for the shell, as root; what it says on both channels."""
        done = subprocess.run(
            ["nsenter", "-t", self.pid, "-m", "-u", "-i", "-n", "-p", "-C", "--", *ENVIRONMENT,
             *(f"{name}={value}" for name, value in environment.items()), "/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds)
        return Done(done.returncode, done.stdout.decode("utf-8", "replace"))

    def ok(self, command, seconds=120, **environment):
        """The same, and it must be good."""
        done = self.run(command, seconds, **environment)
        assert done.code == 0, f"{command}: {done!r}"
        return done.output

    def wait(self, command, seconds=15.0):
        """Until the line is good."""
        deadline = time.monotonic() + seconds
        while True:
            done = self.run(command)
            if done.code == 0:
                return done.output
            assert time.monotonic() < deadline, f"{command}: not good within {seconds:g} s: {done!r}"
            time.sleep(0.1)

    def write(self, path, text, mode=None, owner=None):
        subprocess.run(
            ["nsenter", "-t", self.pid, "-m", "--", "/bin/sh", "-c", 'cat > "$0"', path],
            input=text.encode(), check=True)
        if mode:
            self.ok(f"chmod {mode} {path}")
        if owner:
            self.ok(f"chown {owner} {path}")

    def show(self, unit, name):
        return self.ok(f"systemctl show -P {name} {unit}").strip()

    def journal(self, unit):
        return self.run(f"journalctl -q --no-pager -o cat -u {unit}").output
