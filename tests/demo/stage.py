"""stage - what the demo's acts play on: the gateway, Redis, the two backends, and a narrator."""
import collections
import contextlib
import email
import pathlib
import shlex
import shutil
import socket
import sys
import textwrap
import time

from cutover import Cutover
from gateway import Gateway
from mailsite import bucket
from policyd import Policyd
from processes import BIN, Process, can_connect, new_folder, run, wait_for
from redis_server import RedisServer

SYSTEM = pathlib.Path(__file__).resolve().parent.parent / "system"
DOMAIN = "example.com"
BACKEND_PORT = 2525
PORT = 10025
USER = "nobody"     # whom policyd becomes


class Untrue(Exception):
    """What the demo was about to show is not so."""


def free_block():
    """Three octets of a loopback network on which nobody listens yet."""
    for third in range(1, 250):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((f"127.77.{third}.1", PORT))
            return f"127.77.{third}"
    raise Untrue("no free block of loopback addresses")


class Backend:
    """A mail store that keeps each copy as a file."""

    def __init__(self, name, address, folder, outlive):
        self.name, self.address, self.folder = name, address, folder / f"mail-{name}"
        self.folder.mkdir()
        command = ["/usr/bin/python3", "-B", SYSTEM / "sink.py", name, f"{address}:{BACKEND_PORT}", self.folder]
        self.process = Process(command, folder / f"backend-{name}.log", outlive=outlive)

    def start(self):
        self.process.start()
        wait_for(lambda: can_connect((self.address, BACKEND_PORT)), 10, f"backend {self.name}")

    def files(self):
        return sorted(self.folder.glob("*.eml"))

    def copies(self, story):
        """(recipient, message, file) of each copy of that part of the story."""
        for file in self.files():
            message = email.message_from_bytes(file.read_bytes())
            if message["X-Story"] == story:
                yield message["Delivered-To"], message, file


class Stage:
    def __init__(self, outlive, sections):
        self.sections = sections
        self.folder = new_folder("postshift-demo-", parent="/tmp")
        self.block = free_block()
        self.started = time.monotonic()
        self.act, self.changed = 0, 0.0
        self.sent = collections.Counter()       # recipient -> accepted messages
        self.outlive = outlive
        self.gateway = Gateway(self.folder, f"{self.block}.1", PORT, domains=(DOMAIN,), main={
            "smtpd_recipient_restrictions": "permit_mynetworks, reject",
            "relay_transport": f"smtp:[{self.block}.3]:{BACKEND_PORT}"})
        self.redis = RedisServer(self.folder / "redis", f"{self.block}.2", save=True, outlive=outlive)
        self.old = Backend("old", f"{self.block}.3", self.folder, outlive)
        self.new = Backend("new", f"{self.block}.4", self.folder, outlive)
        self.policyd = Policyd(self.folder, f"{self.block}.5", redis=self.redis, domains=DOMAIN,
                               sockets=self.gateway.sockets, user=USER, outlive=outlive)
        self.drain = self.folder / "drain"      # touched by the controller, watched by a helper
        self.drain.touch()
        self.cutover = Cutover(self.folder, f"{self.block}.5", redis=self.redis, domains=DOMAIN, log=self.gateway.log,
                               gateway="demo", ctl_lines={"postfix": self.gateway.etc}, drain=self.drain, probe_interval="1s",
                               policyd_lines={"metrics": "inet:%s:%d" % self.policyd.page_address}, outlive=outlive)
        self.key = f"cutover:domain:{DOMAIN}"
        self.extras = {}        # name -> Process, of later acts

    @property
    def backends(self):
        return {"old": self.old, "new": self.new}

    # The machinery.

    def build(self):
        """All but the wiring, which is the first act; one configuration file for all programs."""
        with open(self.policyd.config, "a", encoding="ascii") as config:
            config.write(self.sections(self))
        for backend in self.backends.values():
            backend.start()
        self.redis.start()
        self.redis.set_domain(DOMAIN, old=f"cutover-old:[{self.old.address}]:{BACKEND_PORT}",
                              new=f"cutover-new:[{self.new.address}]:{BACKEND_PORT}", weight=0, inside="accept")
        self.policyd.start()
        self.gateway.start()
        self.cutover.start()

    def pids(self):
        """What runs, by name."""
        running = {"postfix": self.gateway.master_pid() if self.gateway.is_running() else None}
        for name, process in (("policyd", self.policyd.process), ("cutover", self.cutover.process),
                              ("redis", self.redis.process),
                              ("old", self.old.process), ("new", self.new.process), *self.extras.items()):
            running[name] = process.pid if process.running() else None
        return {name: pid for name, pid in running.items() if pid}

    def end(self):
        """Ends everything by its id and removes the folder."""
        with contextlib.suppress(Exception):
            self.gateway.stop()
        for process in self.extras.values():
            with contextlib.suppress(Exception):
                process.stop()
        for process in (self.cutover.process, self.policyd.process, self.redis.process, self.old.process, self.new.process):
            with contextlib.suppress(Exception):
                process.resume_and_kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # The narrator.

    def play(self, act):
        self.act += 1
        title = act.__doc__.strip().splitlines()[0]
        print(f"\n{self.act}. {title}", flush=True)
        act(self)

    def say(self, text):
        print(textwrap.fill(text, 96, initial_indent="   ", subsequent_indent="   "), flush=True)

    def show(self, lines):
        for line in lines:
            print(f"     {line}", flush=True)

    def check(self, true, what):
        if not true:
            raise Untrue(what)

    def short(self, words):
        """A command as one would type it, with the demo's folder as $D."""
        return " ".join(shlex.quote(str(word)) for word in words).replace(str(self.folder), "$D").replace(f"{BIN}/", "")

    def command(self, *words, quiet=False):
        """Shows a command, runs it, gives what it printed."""
        print(f"   $ {self.short(words)}", flush=True)
        done = run(*words, check=False)
        self.check(done.returncode == 0, f"{words[0]}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        if not quiet:
            self.show(done.stdout.splitlines())
        return done.stdout

    def redis_cli(self, *words):
        self.changed = time.time()
        return self.command(*self.redis.cli_words(), *words, quiet=True)

    def ctl(self, *words, **how):
        return self.command(BIN / "postshiftctl", "-c", self.policyd.config, *words, **how)

    def books_ctl(self, *words, **how):
        """postshiftctl with the controller's configuration."""
        return self.command(BIN / "postshiftctl", "-c", self.cutover.config, *words, **how)

    def show_failure(self, error):
        said = f"not true: {error}" if isinstance(error, (Untrue, AssertionError)) else repr(error)
        print(f"\ndemo: {said}", file=sys.stderr)
        if self.gateway.is_running():
            for message in self.gateway.queued():
                print(f"--- in the queue: {message}", file=sys.stderr)
        for log in (self.policyd.process.log, self.gateway.log):
            if log.exists():
                print(f"--- end of {log.name}", file=sys.stderr)
                print("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]), file=sys.stderr)

    # Mail.

    def send(self, story, recipients, at_a_time=5):
        """Messages with several recipients each; how many messages."""
        messages = [recipients[first:first + at_a_time] for first in range(0, len(recipients), at_a_time)]
        for number, some in enumerate(messages):
            refused = self.gateway.send(f"{story}-{number}@outside.example", some, f"{story} {number}",
                                        headers=[("X-Story", story)], body=f"Written in act {self.act}.\n")
            self.check(not refused, f"the gateway refused {refused}")
            self.sent.update(some)
        return len(messages)

    def delivered(self, story):
        """recipient -> the backend that has the copy; its header must name that backend."""
        places = {}
        for name, backend in self.backends.items():
            for recipient, message, file in backend.copies(story):
                stamps = message.get_all("X-Cutover-Backend")
                self.check(stamps == [name], f"{file} has X-Cutover-Backend {stamps}")
                self.check(recipient not in places, f"{recipient} got {story} twice")
                places[recipient] = name
        return places

    def wait_delivered(self, story, number):
        """Waits until so many recipients have their copy."""
        def places():
            found = self.delivered(story)
            return found if len(found) >= number else None

        return wait_for(places, 30, f"{number} copies of {story}", every=0.2)

    def wait_waiting(self, number):
        """Waits until so many recipients were tried and wait in the queue."""
        def all_tried():
            waiting = self.gateway.waiting()
            return len(waiting) == number and all(waiting.values())

        wait_for(all_tried, 20, f"{number} recipients wait in the queue", every=0.2)

    @staticmethod
    def side(recipient, weight):
        return "new" if bucket(recipient) < weight * 100 else "old"

    def settle(self, address, text):
        """The change is in force."""
        self.policyd.wait_for_route(address, text)

    def settle_unpinned(self, address):
        page = f"/route.json?address={address}"
        wait_for(lambda: self.policyd.document(page)["pin"] is None, 5, f"{address} has no pin")

    def sums(self, places):
        return ", ".join(f"{name} {list(places.values()).count(name)}" for name in self.backends)

    def headers(self, story, recipient):
        """The lines of a delivered copy that tell its way."""
        for backend in self.backends.values():
            for who, message, file in backend.copies(story):
                if who == recipient:
                    shown = ("Delivered-To", "X-Cutover-Backend", "Subject")
                    return [f"$D/{file.relative_to(self.folder)}",
                            *(f"{name}: {' '.join(message[name].split())}" for name in shown)]
        raise Untrue(f"{recipient} has no copy of {story}")

    def write_end(self):
        """A script that ends what is left running."""
        script = self.folder / "end"
        script.write_text("#!/bin/sh\n# Ends the demo: its processes by their ids, then its folder.\n"
                          f"postfix -c {self.gateway.etc} stop 2>/dev/null\n"
                          f"kill {' '.join(str(pid) for name, pid in self.pids().items() if name != 'postfix')}\n"
                          f"rm -rf {self.folder}\n")
        script.chmod(0o755)
        return script
