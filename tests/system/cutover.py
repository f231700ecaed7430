"""cutover - postshift-cutover with a configuration of its own, and a look at its books.

    cutover = Cutover(folder, "127.20.10.4", log=gateway.log, redis=server, domains="example.com").start()
    cutover.wait_for_delivered(20); cutover.audit(); cutover.trace("--to", "a@example.com")
    cutover.metric("postshift_cutover_trouble")

options: keys of [cutover]; domains stands in [policyd].  The books lie in folder/NAME/books.db.
"""
import json
import pathlib
import shutil
import sqlite3
import time

from page import Page
from processes import BIN, Process, run, wait_for

PROGRAM = BIN / "postshift-cutover"


class Cutover(Page):
    def __init__(self, folder, address, *, redis=None, domains=None, name="cutover", page_port=8794, books=None,
                 policyd_lines=None, ctl_lines=None, environment=None, user=None, outlive=False, **options):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.books = pathlib.Path(books) if books else self.folder / "books.db"
        self.config = self.folder / "postshift.conf"
        self.page_address = (address, page_port)
        self.options = {"books": self.books, "page": f"inet:{address}:{page_port}", "gateway": "gw1", "queue": "no", "slot": "1s",
                        "user": user, **options}
        self.policyd_options = {"domains": domains, "allow_loopback": "yes", "override": self.folder / "override",
                                **(policyd_lines or {})}
        self.ctl_options = ctl_lines or {}
        self.more = {}          # other sections: name to keys and values
        # Where no Redis is wanted: a port on which nobody listens.
        where = f"{redis.address}:{redis.port}" if redis else f"{address}:1"
        self.redis_options = {"address": f"inet:{where}", "timeout": "1s"}
        if user:
            shutil.chown(self.folder, user)
        self.write_config()
        self.process = Process([PROGRAM, "-c", self.config], self.folder / "cutover.log", environment=environment,
                               outlive=outlive)

    def write_config(self):
        lines = []
        for section, options in (("redis", self.redis_options), ("policyd", self.policyd_options), ("cutover", self.options),
                                 ("ctl", self.ctl_options), *self.more.items()):
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in options.items() if value is not None), ""]
        self.config.write_text("\n".join(lines))

    # Life.

    def start(self, seconds=10.0):
        self.process.start()
        wait_for(self.is_serving, seconds, "postshift-cutover's page")
        return self

    def is_serving(self):
        assert self.process.running(), f"postshift-cutover ended: {self.process.output()}"
        try:
            return self.page("/metrics")[0] == 200
        except OSError:
            return False

    def stop(self):
        return self.process.stop(seconds=5.0)

    def kill(self):
        self.process.kill()

    def restart(self):
        self.kill()
        return self.start()

    def said(self, text):
        """Lines of its own log with such a text."""
        return [line for line in self.process.output().splitlines() if text in line]

    # What it shows.

    def ctl(self, *words, check=True):
        return run(BIN / "postshiftctl", "-c", self.config, *words, check=check)

    def audit(self, *words):
        """The audit's JSON; exit 0 says that it balances."""
        done = self.ctl("audit", "--json", *words, check=False)
        assert done.stdout, done.stderr
        found = json.loads(done.stdout)
        assert (done.returncode == 0) == found["balanced"], done.stdout
        return found

    def trace(self, *words):
        return json.loads(self.ctl("trace", *words, "--json", check=False).stdout)["stories"]

    # What is in the books.

    def rows(self, sql, *values):
        for _ in range(50):
            try:
                books = sqlite3.connect(f"file:{self.books}?mode=ro", uri=True, timeout=5)
                try:
                    return books.execute(sql, values).fetchall()
                finally:
                    books.close()
            except sqlite3.OperationalError:     # not made yet
                time.sleep(0.1)
        return []

    def count(self, sql, *values):
        found = self.rows(sql, *values)
        return found[0][0] if found else 0

    def delivered(self):
        """(queue id, recipient), sorted, each as often as the books have it as delivered."""
        return sorted(self.rows("SELECT m.queue_id, r.addr FROM message m JOIN recipient r ON r.message = m.id"
                                " WHERE r.end = 1"))

    def wait_for_delivered(self, number, seconds=20.0):
        wait_for(lambda: len(self.delivered()) >= number, seconds, f"{number} deliveries in the books", every=0.1)
        return self.delivered()


class Maillog:
    """Writes a log as Postfix would: each message is five lines."""

    HOST = "gw1"

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.number = 0
        self.clock = time.time() - 3600

    def stamp(self):
        self.clock += 0.001
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.clock)) + f".{int(self.clock * 1e6) % 10**6:06d}+00:00"

    def line(self, program, text):
        return f"{self.stamp()} {self.HOST} {program}[100]: {text}\n"

    def message(self, recipient="a@example.com", service="postfix/cutover-new/smtp", result="dsn=2.0.0, status=sent (250 2.0.0 stored)",
                sender="s@outside.example", size=400):
        """Lines of one more message; its queue id is self.last."""
        self.number += 1
        self.last = f"{0xA0000000 + self.number:X}"
        return "".join([
            self.line("postfix/smtpd", f"{self.last}: client=unknown[192.0.2.9]"),
            self.line("postfix/cleanup", f"{self.last}: message-id=<{self.number}@outside.example>"),
            self.line("postfix/qmgr", f"{self.last}: from=<{sender}>, size={size}, nrcpt=1 (queue active)"),
            self.line(service, f"{self.last}: to=<{recipient}>, relay=127.0.0.3[127.0.0.3]:2525, delay=0.1, "
                               f"delays=0.05/0/0.02/0.03, {result}"),
            self.line("postfix/qmgr", f"{self.last}: removed")])

    def append(self, text, path=None):
        with open(path or self.path, "a", encoding="utf-8") as log:
            log.write(text)

    def write(self, messages, path=None):
        self.append("".join(self.message() for _ in range(messages)), path)
