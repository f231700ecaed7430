"""sink - a backend that speaks SMTP or LMTP, stores what it gets and answers as it is told.

    sink = Sink("new", ("127.20.10.3", 2525)).start()          # or a path, with lmtp=True
    sink.answer("rcpt", "550 5.1.1 no such user", recipient="a@example.com")
    sink.answer("rcpt", "450 4.2.1 busy", times=3)              # the next three, whoever it is
    sink.answer("body", DROP)                                   # takes the mail, closes without a word
    sink.refuse(); sink.accept()                                # connection refused; back again

Every recipient's copy is a Copy: in `copies` when the sink answered 250 for it, in `unsure` when it
has the text and did not say 250 (closed the connection, hung, or couldn't write the answer).

By itself it is a program that stores each copy as a file (the demo's backends):

    sink.py NAME HOST:PORT|/path FOLDER [--lmtp]
"""
import collections
import dataclasses
import os
import pathlib
import re
import signal
import socket
import sys
import threading
import time

DROP = "drop"       # close the connection without an answer
HANG = "hang"       # no answer until the client goes or the sink stops
PHASES = ("connect", "helo", "mail", "rcpt", "data", "body", "rset", "quit")
LINE_LIMIT = 1 << 20


@dataclasses.dataclass(frozen=True)
class Copy:
    """What one recipient got."""
    recipient: str
    sender: str
    data: bytes         # with \n line ends, without dot stuffing
    session: int
    when: float
    client: str = ""    # its address and the name it gave
    helo: str = ""

    def headers(self, name):
        """The values of a field, unfolded, in their order."""
        head = re.split(rb"\n\n", self.data, maxsplit=1)[0].decode("utf-8", "replace")
        found = []
        for line in head.split("\n"):
            if line[:1] in (" ", "\t") and found:
                found[-1] = (found[-1][0], found[-1][1] + " " + line.strip())
            else:
                field, _, value = line.partition(":")
                found.append((field.lower(), value.strip()))
        return [value for field, value in found if field == name.lower()]

    def header(self, name):
        """The value of a field that must be there once."""
        values = self.headers(name)
        assert len(values) == 1, f"{name} of {self.recipient}: {values}"
        return values[0]


@dataclasses.dataclass
class Rule:
    phase: str
    reply: str
    recipient: str | None
    times: int | None
    delay: float


class Sink:
    def __init__(self, name, address, *, lmtp=False, size_limit=None, store=None):
        self.name, self.address, self.lmtp, self.size_limit = name, address, lmtp, size_limit
        self.store = pathlib.Path(store) if store else None
        self.written = 0
        if self.store:
            self.store.mkdir(parents=True, exist_ok=True)
            self.written = sum(1 for _ in self.store.iterdir())
        self.copies, self.unsure = [], []
        self.refused = []           # (phase, recipient, reply) that were no 2xx or 3xx
        self.connections = 0
        self.verbs = collections.Counter()      # commands, of all sessions
        self.lock = threading.Condition()
        self.rules = []
        self.listener = None
        self.sessions = set()
        self.stopping = False

    # What a test says.

    def start(self):
        self.stopping = False
        self.accept()
        return self

    def stop(self):
        self.stopping = True
        self.refuse()

    def answer(self, phase, reply, *, recipient=None, times=None, delay=0.0):
        """From now on; a later rule goes before an earlier one.  reply: text, DROP, HANG or None (good).  Of mail, recipient is
        the sender."""
        assert phase in PHASES
        with self.lock:
            self.rules.insert(0, Rule(phase, reply, recipient and recipient.lower(), times, delay))

    def be_good(self):
        """Forgets all rules; those who wait in a hang are sent away."""
        with self.lock:
            self.rules.clear()
            self.lock.notify_all()

    def refuse(self):
        """The host is there, nobody listens; open sessions are cut."""
        listener, self.listener = self.listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)     # at once, whatever its thread does; a close alone waits for it
            listener.close()
            if not isinstance(self.address, tuple):
                pathlib.Path(self.address).unlink(missing_ok=True)
        with self.lock:
            for session in list(self.sessions):
                session.cut()
            self.lock.notify_all()

    def accept(self):
        """Listens (again)."""
        if self.listener:
            return
        if isinstance(self.address, tuple):
            family, where = socket.AF_INET, self.address
        else:
            family, where = socket.AF_UNIX, str(self.address)
            pathlib.Path(where).unlink(missing_ok=True)
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        if family == socket.AF_UNIX:
            os.chmod(where, 0o666)
        listener.listen(200)
        self.listener = listener
        threading.Thread(target=self.serve, args=(listener,), daemon=True).start()

    def copies_of(self, recipient, sender=None):
        with self.lock:
            return [copy for copy in self.copies if copy.recipient == recipient and sender in (None, copy.sender)]

    def recipients(self):
        """Who got mail, sorted, each as often as there are copies."""
        with self.lock:
            return sorted(copy.recipient for copy in self.copies)

    def forget(self):
        with self.lock:
            self.copies.clear()
            self.unsure.clear()
            self.refused.clear()

    def wait_for(self, number, seconds=20.0):
        """Waits until there are so many copies and gives them."""
        with self.lock:
            if not self.lock.wait_for(lambda: len(self.copies) >= number, seconds):
                raise AssertionError(f"sink {self.name}: {len(self.copies)} of {number} copies within {seconds:g} s")
            return list(self.copies)

    # What its sessions ask and tell.

    def serve(self, listener):
        while listener is self.listener:
            try:
                client, _ = listener.accept()
            except OSError:
                break
            client.settimeout(300)
            with self.lock:
                self.connections += 1
                session = Session(self, client, self.connections)
                self.sessions.add(session)
            threading.Thread(target=session.run, daemon=True).start()

    def reply_to(self, phase, recipient=None):
        """The rule's reply for this phase, or None: be good."""
        with self.lock:
            rule = next((r for r in self.rules if r.phase == phase and r.recipient in (None, recipient)), None)
            if rule is None:
                return None
            if rule.times is not None:
                rule.times -= 1
                if rule.times == 0:
                    self.rules.remove(rule)
            if rule.delay:
                self.lock.wait_for(lambda: self.stopping, rule.delay)
            if rule.reply == HANG:
                self.lock.wait_for(lambda: rule not in self.rules or self.stopping or self.listener is None)
                return DROP
            return rule.reply

    def keep(self, copy, sure):
        with self.lock:
            (self.copies if sure else self.unsure).append(copy)
            self.lock.notify_all()
        if self.store and sure:
            self.write(copy)

    def write(self, copy):
        with self.lock:
            self.written += 1
            number = self.written
        name = f"{number:04d}-{re.sub(r'[^A-Za-z0-9@.+_-]', '_', copy.recipient)[:100]}"
        text = f"Delivered-To: {copy.recipient}\n".encode() + copy.data
        partial = self.store / f".{name}"
        partial.write_bytes(text)
        partial.rename(self.store / f"{name}.eml")


class Closed(Exception):
    """The session is over."""


class Session:
    """One client's connection."""

    def __init__(self, sink, client, number):
        self.sink, self.client, self.number = sink, client, number
        self.file = client.makefile("rb")
        self.sender, self.recipients = None, []
        self.peer = client.getpeername()[0] if sink.address.__class__ is tuple else ""
        self.helo = ""

    def cut(self):
        """No further commands; an answer already given still arrives."""
        try:
            self.client.shutdown(socket.SHUT_RD)
        except OSError:
            pass

    def close(self):
        """Reads what is left first: closing over unread data would destroy our last answer."""
        try:
            self.client.shutdown(socket.SHUT_WR)
            self.client.settimeout(1)
            while self.client.recv(65536):
                pass
        except OSError:
            pass
        self.file.close()
        self.client.close()

    def run(self):
        try:
            self.reply("connect", f"220 {self.sink.name}.backend.example {'LMTP' if self.sink.lmtp else 'ESMTP'}")
            while True:
                self.command(self.line())
        except (Closed, OSError):
            pass
        finally:
            with self.sink.lock:
                self.sink.sessions.discard(self)
            self.close()

    def line(self):
        line = self.file.readline(LINE_LIMIT)
        if not line.endswith(b"\n"):
            raise Closed
        return line

    def say(self, text):
        self.client.sendall(text.encode() + b"\r\n")

    def reply(self, phase, good, recipient=None):
        """Answers; True where the answer was the good one."""
        told = self.sink.reply_to(phase, recipient)
        if told == DROP:
            self.sink.refused.append((phase, recipient, DROP))
            raise Closed
        self.say(told or good)
        if told is None or told[0] in "23":
            return True
        self.sink.refused.append((phase, recipient, told))
        if told.startswith("421"):
            raise Closed
        return False

    def command(self, line):
        verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
        self.sink.verbs[verb.upper()] += 1
        handler = {"EHLO": self.ehlo, "LHLO": self.ehlo, "HELO": self.ehlo, "MAIL": self.mail, "RCPT": self.rcpt,
                   "DATA": self.data, "RSET": self.rset, "NOOP": self.noop, "QUIT": self.quit}.get(verb.upper())
        if handler is None or (verb.upper() == "LHLO") != self.sink.lmtp and verb.upper() in ("LHLO", "EHLO", "HELO"):
            self.say("502 5.5.1 unknown command")
        else:
            handler(rest)

    def ehlo(self, name):
        self.helo = name
        size = f"250-SIZE {self.sink.size_limit}\r\n" if self.sink.size_limit else ""
        self.reply("helo", f"250-{self.sink.name}\r\n250-PIPELINING\r\n{size}250-8BITMIME\r\n"
                           "250-SMTPUTF8\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES")

    @staticmethod
    def path(text):
        found = re.search(r":\s*<([^>]*)>", text)
        return found[1] if found else text.partition(":")[2].split()[0]

    def too_big(self, size):
        return self.sink.size_limit is not None and size > self.sink.size_limit

    def mail(self, rest):
        size = re.search(r"\bSIZE=(\d+)", rest, re.I)
        if size and self.too_big(int(size[1])):
            self.say("552 5.3.4 message too big")
            return
        if self.reply("mail", "250 2.1.0 ok", self.path(rest).lower()):
            self.sender, self.recipients = self.path(rest), []

    def rcpt(self, rest):
        recipient = self.path(rest)
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
        elif self.reply("rcpt", "250 2.1.5 ok", recipient.lower()):
            self.recipients.append(recipient)

    def data(self, _):
        if not self.recipients:
            self.say("554 5.5.1 no valid recipients")
            return
        if not self.reply("data", "354 go on"):
            return
        lines = []
        while (line := self.line()) not in (b".\r\n", b".\n"):
            lines.append((line[1:] if line.startswith(b".") else line).replace(b"\r\n", b"\n"))
        data = b"".join(lines)
        sender, recipients = self.sender, self.recipients
        self.sender, self.recipients = None, []
        copies = [Copy(r, sender, data, self.number, time.time(), self.peer, self.helo) for r in recipients]
        for some in ([copy] for copy in copies) if self.sink.lmtp else (copies,):
            self.end_of_data(some)

    def end_of_data(self, copies):
        """One answer: for all recipients with SMTP, for one with LMTP."""
        recipient = copies[0].recipient.lower()
        if self.too_big(len(copies[0].data)):
            self.say("552 5.3.4 message too big")
            return
        try:
            good = self.reply("body", "250 2.0.0 stored", recipient)
        except (Closed, OSError):
            for copy in copies:
                self.sink.keep(copy, sure=False)
            raise
        for copy in copies if good else ():
            self.sink.keep(copy, sure=True)

    def rset(self, _):
        self.sender, self.recipients = None, []
        self.reply("rset", "250 2.0.0 ok")

    def noop(self, _):
        self.say("250 2.0.0 ok")

    def quit(self, _):
        self.reply("quit", "221 2.0.0 bye")
        raise Closed


def main():
    words = [word for word in sys.argv[1:] if word != "--lmtp"]
    if len(words) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    name, where, folder = words
    host, colon, port = where.rpartition(":")
    sink = Sink(name, (host, int(port)) if colon else where, lmtp="--lmtp" in sys.argv, store=folder)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *unused: over.set())
    sink.start()
    over.wait()
    sink.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
