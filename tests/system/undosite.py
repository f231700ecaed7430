"""undosite - a site whose mail is copied for undo: MailSite, the controller's books and postshift-undo.

    undo = UndoSite(folder, "127.20.70").start()    # wired with a copy of each mail to example.com
    undo.begin(); undo.send(20); undo.wait_for_copies(20); undo.undo("--dry-run"); undo.stop()

Of the block .5 is policyd's metrics and the controller's page; the journal lies in `journal`.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

from cutover import Cutover
from gateway import make_message
from mailsite import MailSite
from processes import BIN, Process, can_connect, run, wait_for


class UndoSite:
    def __init__(self, folder, block, *, journal=None, undo_max="20G", keep="2d", **site_options):
        self.folder = pathlib.Path(folder)
        self.site = MailSite(folder, block, **site_options)
        self.site.setup_at_start = False
        self.journal = pathlib.Path(journal) if journal else self.folder / "journal"
        self.journal.mkdir(exist_ok=True)
        self.key = self.folder / "undo.key"
        self.write_key(os.urandom(32).hex() + "\n")
        self.sock = self.site.gateway.sockets / "undo.sock"
        self.books = Cutover(
            folder, self.site.address[5], redis=self.site.redis, domains=" ".join(self.site.states), log=self.site.gateway.log,
            postfix=self.site.gateway.etc, policyd_lines=self.site.policyd.policyd_options,
            ctl_lines={"postfix": self.site.gateway.etc}, undo=keep, undo_listen=f"unix:{self.sock}",
            undo_folder=self.journal, undo_key=self.key, undo_max=undo_max,
            undo_metrics=f"inet:{self.site.address[5]}:8795")
        self.listener = Process([BIN / "postshift-undo", "-c", self.books.config], self.folder / "undo.log")
        self.sent = 0
        self.since = "1h"

    def write_key(self, text):
        self.key.unlink(missing_ok=True)
        self.key.write_bytes(text.encode() if isinstance(text, str) else text)
        self.key.chmod(0o400)

    def start(self):
        try:
            self.site.start()
            self.books.start()
            self.start_listener()
            self.setup("--apply")
        except BaseException:
            self.stop()
            raise
        return self

    def start_listener(self):
        """Postfix's lmtp opens the socket as user postfix, by its group: the folder's is setgid in a real installation."""
        self.listener.start()
        wait_for(lambda: can_connect(str(self.sock), socket.AF_UNIX), 10, "the listener")
        shutil.chown(self.sock, group="postfix")

    def stop(self):
        self.listener.resume_and_kill()
        self.books.process.resume_and_kill()
        self.site.stop()

    def setup(self, *words):
        gateway = self.site.gateway
        gateway.age_files()
        before = gateway.smtpds()
        done = run(BIN / "postshiftctl", "-c", self.books.config, "postfix-setup", *words, "-c", gateway.etc)
        if words and "nothing to do" not in done.stdout:
            gateway.wait_for_new_smtpds(before)
        return done

    def send(self, count, *, people=40, body="Hello.\n"):
        """One recipient each; gives the recipients."""
        sent = []
        with self.site.gateway.session() as client:
            for _ in range(count):
                recipient = f"person{self.sent % people}@example.com"
                client.sendmail(f"w{self.sent}@outside.example", [recipient],
                                make_message(f"w{self.sent}@outside.example", f"mail {self.sent}", body=body).encode("latin-1"))
                sent.append(recipient)
                self.sent += 1
        return sent

    def told(self):
        """What the journal says of itself."""
        return json.loads((self.journal / "told.json").read_text())

    def wait_for_copies(self, number, seconds=20.0):
        wait_for(lambda: self.told()["copies"] >= number, seconds, f"{number} copies", every=0.1)

    def begin(self):
        """What undo is to bring back landed from now on; the log has whole seconds."""
        time.sleep(1.05 - time.time() % 1)
        self.since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    def words(self, *words):
        return [BIN / "postshiftctl", "-c", self.books.config, "undo", "example.com", "--since", self.since, *map(str, words)]

    def undo(self, *words, check=True):
        return run(*self.words(*words), check=check, seconds=300)

    def undo_json(self, *words):
        done = self.undo(*words, "--json", check=False)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def begin_undo(self, *words):
        """In the background, to be killed."""
        return subprocess.Popen(self.words(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)

    def wait_for_books(self, number):
        """So many landed on new, by the books."""
        wait_for(lambda: self.undo_json("--dry-run")["landed"] >= number, 60, f"{number} in the books", every=0.2)
