"""gateway - a private Postfix in a folder of its own.

It has its own configuration, queue and data directories, log file and address; the machine's Postfix
is neither asked nor touched.  Needs root, as Postfix does.

    gateway = Gateway(folder, "127.20.10.1").start()
    gateway.send("a@outside.example", ["x@example.com", "y@example.com"], "hello")
    gateway.wait_until_empty(); gateway.log_lines("status=bounced"); gateway.stop()

example.com is a relay domain.  What its recipients' classes would do without a map is told by
relay_transport; other domains (bounces among them) go to default_transport.
"""
import email.utils
import json
import os
import pathlib
import re
import shutil
import signal
import smtplib
import time

from processes import can_connect, is_alive, run, wait_for

SHARE = pathlib.Path("/usr/share/postfix")
DELIVERY = re.compile(
    r" postfix/(?P<service>\S+?)\[\d+\]: (?P<queue_id>\w+): to=<(?P<recipient>[^>]*)>,(?: orig_to=<[^>]*>,)? "
    r"relay=(?P<relay>.*?), .*?dsn=(?P<dsn>[\d.]+), status=(?P<status>\S+) \((?P<text>.*)\)$")


class Gateway:
    def __init__(self, folder, address, port=10025, *, chroot=True, domains=("example.com",), main=None):
        self.folder = pathlib.Path(folder) / "postfix"
        self.address, self.port = address, port
        self.etc, self.queue, self.data = (self.folder / name for name in ("etc", "queue", "data"))
        self.log = self.folder / "mail.log"
        for made in (self.folder, self.etc, self.queue, self.data):
            made.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.chown(self.data, "postfix")
        shutil.copy(SHARE / "main.cf.debian", self.etc / "main.cf")
        shutil.copy(SHARE / "master.cf.dist", self.etc / "master.cf")
        self.postconf("-e", *(f"{name}={value}" for name, value in {
            "queue_directory": self.queue, "data_directory": self.data,
            "maillog_file": self.log, "maillog_file_prefixes": self.folder,
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "smtp_bind_address": address,
            "myhostname": "gw.example", "mydomain": "gw.example", "myorigin": "gw.example", "mydestination": "",
            "mynetworks": "127.0.0.0/8", "relay_domains": " ".join(domains), "alias_maps": "", "alias_database": "",
            "enable_long_queue_ids": "yes", "smtp_host_lookup": "native", "recipient_delimiter": "+",
            "default_transport": "discard:", "notify_classes": "",
            **(main or {})}.items()))
        self.postconf("-MX", "smtp/inet")
        self.postconf("-M", f"{address}:{port}/inet={address}:{port} inet n - y - - smtpd")
        if not chroot:
            self.unchroot()

    @property
    def sockets(self):
        """Where postshift's sockets go: relative in main.cf, reachable chrooted or not."""
        return self.queue / "postshift"

    # Configuration.

    def postconf(self, *words):
        printed = run("postconf", "-c", self.etc, *words).stdout
        self.age_files()
        return printed

    def age_files(self):
        """Postfix reads a file again and again until it is two seconds old: make it so."""
        past = time.time() - 10
        for name in ("main.cf", "master.cf"):
            os.utime(self.etc / name, (past, past))

    def set(self, **parameters):
        self.postconf("-e", *(f"{name}={value}" for name, value in parameters.items()))

    def unchroot(self):
        """chroot n for every service; new ones take that of the rewrite service."""
        for line in self.postconf("-M").splitlines():
            name, kind, _, _, chroot = line.split()[:5]
            if chroot == "y":
                self.postconf("-F", f"{name}/{kind}/chroot=n")

    # Life.

    def start(self):
        self.age_files()
        run("postfix", "-c", self.etc, "start")
        wait_for(lambda: self.is_running() and can_connect((self.address, self.port)), 20, "the gateway's smtpd")
        self.session().quit()       # the master listens; now a server of its own greets
        return self

    def master_pid(self):
        try:
            return int((self.queue / "pid/master.pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def is_running(self):
        pid = self.master_pid()
        return pid is not None and is_alive(pid) and str(self.etc) in self.environment_of(pid)

    @staticmethod
    def environment_of(pid):
        """A pid file may be stale and its number another's."""
        try:
            return pathlib.Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def stop(self):
        """TERM to the master, which ends its children; by its id."""
        pid = self.master_pid()
        if pid is None or not self.is_running():
            return
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not is_alive(pid) and self.is_unlocked(), 15, "the gateway's end")

    def is_unlocked(self):
        """Its children end a moment after the master; until then `postfix status` still says that it runs."""
        return run("postfix", "-c", self.etc, "status", check=False).returncode != 0

    def reload(self):
        self.age_files()
        before = self.smtpds()
        run("postfix", "-c", self.etc, "reload")
        self.wait_for_new_smtpds(before)

    def smtpds(self):
        """Ids of the running SMTP servers."""
        return run("pgrep", "-P", self.master_pid() or 0, "-x", "smtpd", check=False).stdout.split()

    def wait_for_new_smtpds(self, before):
        """An idle one from before a reload may take one client more with the old configuration: gives it one."""
        def gone():
            left = [pid for pid in before if is_alive(pid)]
            if left and self.is_running():
                can_connect((self.address, self.port))
            return not left

        wait_for(gone, 20, "the end of each smtpd with the old configuration")

    def flush(self):
        """Every deferred message is tried now."""
        run("postqueue", "-c", self.etc, "-f")

    # Mail.

    def session(self, source=None):
        """An SMTP session with the gateway; source: the client's address."""
        return smtplib.SMTP(self.address, self.port, local_hostname="client.example", timeout=60,
                            source_address=(source, 0) if source else None)

    def send(self, sender, recipients, subject="test", *, headers=(), body="Hello.\n", source=None):
        """One message; gives the refused recipients (smtplib's dictionary)."""
        with self.session(source) as client:
            try:
                return client.sendmail(sender, list(recipients), make_message(sender, subject, headers, body))
            except smtplib.SMTPRecipientsRefused as refused:
                return refused.recipients

    def queued(self):
        """The queue: a list of postqueue's JSON objects."""
        return [json.loads(line) for line in run("postqueue", "-c", self.etc, "-j").stdout.splitlines()]

    def waiting(self):
        """recipient -> why it waits (None: not tried yet)."""
        return {r["address"]: r.get("delay_reason") for message in self.queued() for r in message["recipients"]}

    def wait_until_empty(self, seconds=30.0, *, flush=False):
        def empty():
            if not self.queued():
                return True
            if flush:
                self.flush()
            return False

        wait_for(empty, seconds, "an empty queue", every=1.0 if flush else 0.1)

    def wait_for_waiting(self, recipient, text="", seconds=20.0):
        """Waits until the recipient was tried and deferred with such a text; gives the text."""
        def reason():
            why = self.waiting().get(recipient)
            return why if why and text in why else None

        return wait_for(reason, seconds, f"{recipient} waits with {text!r}", every=0.1)

    def delete_queue(self):
        """Throws away all that waits."""
        run("postsuper", "-c", self.etc, "-d", "ALL")

    # Its log.

    def log_lines(self, text=""):
        if not self.log.exists():
            return []
        return [line for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines() if text in line]

    def deliveries(self, recipient=None):
        """Each attempt's line: dictionaries of service, queue_id, recipient, relay, dsn, status, text.  The
        log may lag behind the backends."""
        found = (DELIVERY.search(line) for line in self.log_lines(" to=<"))
        return [match.groupdict() for match in found if match and recipient in (None, match["recipient"])]

    def wait_for_delivery(self, recipient, status, seconds=10.0):
        """Waits until the recipient's last attempt ended so; its line."""
        def last():
            attempts = self.deliveries(recipient)
            return attempts[-1] if attempts and attempts[-1]["status"] == status else None

        return wait_for(last, seconds, f"the last attempt for {recipient} is {status}")


def make_message(sender, subject, headers=(), body="Hello.\n", to="undisclosed-recipients:;"):
    """Text of a message as an outside server would hand it over; headers: ((name, value), ...), first on top."""
    lines = [*(f"{name}: {value}" for name, value in headers),
             f"From: <{sender or 'nobody@outside.example'}>", f"To: {to}", f"Subject: {subject}", f"Date: {email.utils.formatdate(time.time())}",
             f"Message-ID: {email.utils.make_msgid(domain='outside.example')}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body.replace("\n", "\r\n")
