"""postshiftctl compare: two Dovecots, a mailbox on each with planted faults; each is named, and nothing else.

Addresses: 127.20.98.0/24.  COMPARE_MAILS says how many mails (make soak: 10,000).
"""
import base64
import json
import os
import pathlib
import pwd
import quopri
import resource
import shutil
import subprocess
import time

import pytest

from processes import BIN, Process, can_connect, run, wait_for

DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"
BLOCK, PORT, SECURE_PORT, USER = "127.20.98", 10143, 10993, "alice@example.com"
NOBODY = pwd.getpwnam("nobody")
MAILS = int(os.environ.get("COMPARE_MAILS", "600"))

CONFIG = """
base_dir = {folder}/base
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = {address}
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
auth_failure_delay = 0
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  master = yes
  args = scheme=plain {folder}/masters
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox "{sent}" {{
    special_use = \\Sent
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secure_port}
  }}
}}
"""


class Server:
    """A Dovecot whose mailboxes are Maildirs that a test fills before it starts."""

    def __init__(self, folder, last, separator, prefix, sent, password):
        self.folder, self.address = pathlib.Path(folder), f"{BLOCK}.{last}"
        self.sent, self.password = sent, password
        (self.folder / "mail").mkdir(parents=True)
        (self.folder / "masters").write_text(f"mover:{password}-master\n", encoding="ascii")
        (self.folder / "dovecot.conf").write_text(CONFIG.format(
            folder=self.folder, address=self.address, port=PORT, secure_port=SECURE_PORT, separator=separator, prefix=prefix, sent=sent, password=password,
            uid=NOBODY.pw_uid, gid=NOBODY.pw_gid), encoding="ascii")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=imap.example", "-addext",
            f"subjectAltName=IP:{self.address}", "-keyout", self.folder / "key.pem", "-out", self.folder / "cert.pem")
        self.numbers = {}

    def start(self):
        run("chown", "-R", "nobody", self.folder / "mail")
        self.process = Process([DOVECOT, "-F", "-c", self.folder / "dovecot.conf"], self.folder / "stderr.log").start()
        wait_for(lambda: can_connect((self.address, PORT)), 20, "Dovecot")
        return self

    def place(self, name):
        """The Maildir of a folder: its parts with dots between, '' is INBOX."""
        place = self.folder / "mail" / USER / (f".{name}" if name else "")
        for part in ("cur", "new", "tmp"):
            (place / part).mkdir(parents=True, exist_ok=True)
        return place

    def put(self, name, mail, flags=None):
        """flags None: as it was delivered, nobody has seen it."""
        number = self.numbers[name] = self.numbers.get(name, 0) + 1
        file = f"17000{number:05}.M{number}.host"
        where = self.place(name) / ("new" if flags is None else "cur") / (file if flags is None else f"{file}:2,{flags}")
        where.write_bytes(mail)


def mail(number, *, body=None, message_id=True, encoding=None, extra=b""):
    """`encoding`: the same body, otherwise encoded, as a move may do."""
    text = (body or f"Gr\u00fc\u00dfe, mail number {number}.\n\nAnd = more.\n").encode()
    coded = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}.get(encoding, lambda data: data)(text)
    head = f"From: a@b.example\nSubject: {number}\n" + (f"Message-ID: <{number}@b.example>\n" if message_id is True else "")
    if message_id not in (True, None):
        head += f"Message-ID: <{message_id}@b.example>\n"
    return head.encode() + extra + f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding or '8bit'}\n\n".encode() + coded


def fill(old, new):
    """Copies with other header fields and encodings, as a move makes them; and the faults."""
    for number in range(MAILS):
        folder = ("", "Archive.2026", "sent")[number % 3]
        encoding = (None, "base64", "quoted-printable")[number % 7 % 3]
        flags = (None, "S", "FS")[number % 5 % 3]
        names = (old.sent, new.sent) if folder == "sent" else (folder, folder)
        old.put(names[0], mail(number), flags)
        new.put(names[1], mail(number, encoding=encoding, extra=b"Received: from old.example\n"), flags)
    old.put("", mail("lost"), "S")
    old.put("", mail("twice"), "S")
    new.put("", mail("twice"), "S")
    new.put("", mail("twice"), "S")
    old.put("", mail("altered"), "S")
    new.put("", mail("altered", body="Something else.\n"), "S")
    for server in (old, new):
        for text in ("One.\n", "Another.\n") if server is old else ("Another.\n", "One.\n"):
            server.put("", mail("shared", body=text), "S")
        server.put("", mail("none", body="Without a Message-ID.\n", message_id=None), "S")
    old.put("", mail("before", body="Rewritten.\n"), "S")
    new.put("", mail("after", body="Rewritten.\n", message_id="after"), "S")
    old.put("", mail("flags"), "S")
    new.put("", mail("flags"), "F")
    new.put("", mail("came-later"), None)
    new.put("", mail("same-words-later", body="Without a Message-ID.\n"), None)


@pytest.fixture(scope="module")
def site(module_folder):
    if run(DOVECOT, "--version").stdout.startswith("2.4"):
        pytest.skip("the configuration is that of Dovecot 2.3")
    old = Server(module_folder / "old", 1, "/", "", "Sent", "old-secret")
    new = Server(module_folder / "new", 2, ".", "INBOX.", "Sent Items", "new-secret")
    fill(old, new)
    for server, password in ((old, "old-secret-master"), (new, "new-secret")):
        (server.folder / "password").write_text(password + "\n", encoding="ascii")
        (server.folder / "password").chmod(0o600)
    config = module_folder / "postshift.conf"
    config.write_text(f"[compare]\nold = imap://{old.address}:{PORT}\nnew = imap://{new.address}:{PORT}\nold_master = mover\n"
                      f"old_password_file = {old.folder}/password\nnew_password_file = {new.folder}/password\n", encoding="ascii")
    old.start()
    new.start()
    yield old, new, config
    new.process.stop()
    old.process.stop()


def compare(config, *words, check=False):
    return run(BIN / "postshiftctl", "-c", config, "compare", *words, check=check, seconds=170)


def files_of(*servers):
    """Each mail's file: a flag that is set, or a mail that is no longer recent, shows in its name."""
    return sorted(str(path.relative_to(server.folder)) for server in servers for part in ("cur", "new")
                  for path in (server.folder / "mail").rglob(f"{part}/*"))


PLANTED = [("altered", "altered"), ("doubled", "twice"), ("flags", "flags"), ("lost", "lost"), ("renamed", "before")]


def test_each_fault_is_named_and_nothing_else(site):
    old, new, config = site
    before = files_of(old, new)
    began = time.monotonic()
    done = compare(config, USER, "--json")
    took = time.monotonic() - began
    print(f"{MAILS} mails on each side: {took:.1f} s, {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MB")
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    found = sorted((entry["kind"], entry["message_id"].strip("<>").partition("@")[0])
                   for folder in document["folders"] for entry in folder["differences"])
    assert found == PLANTED and document["differences"] == len(PLANTED) and document["not_read"] == 0, document
    assert took < 60
    assert files_of(old, new) == before, "nothing became seen, nothing is less recent"
    pairs = {folder["old"]: folder["new"] for folder in document["folders"]}
    assert pairs == {"INBOX": "INBOX", "Sent": "INBOX.Sent Items", "Archive/2026": "INBOX.Archive.2026"}, pairs
    inbox = next(folder for folder in document["folders"] if folder["old"] == "INBOX")
    assert inbox["only_new"] == 2
    flags = next(entry for entry in inbox["differences"] if entry["kind"] == "flags")
    assert (flags["old_flags"], flags["new_flags"]) == (["\\Seen"], ["\\Flagged"])


def test_as_text(site):
    done = compare(site[2], USER)
    assert done.returncode == 1 and "5 differences" in done.stdout and "lost  <lost@b.example>  uid" in done.stdout, done.stdout
    assert "\\Seen -> \\Flagged" in done.stdout and "secret" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_goes_on_behind_what_was_done(site, folder):
    """A line for each folder; of one that is half written nothing is believed."""
    old, _, config = site
    state = folder / "state"
    whole = json.loads(compare(config, USER, "--json").stdout)
    noted = [dict(entry, user=USER) for entry in whole["folders"]]
    noted[0] = dict(noted[0], old_mails=4711)
    state.write_text(json.dumps(noted[0]) + "\n" + json.dumps(noted[1])[:40], encoding="utf-8")
    document = json.loads(compare(config, USER, "--json", "--file", state).stdout)
    assert [entry["old_mails"] for entry in document["folders"]] == [4711, *(entry["old_mails"] for entry in whole["folders"][1:])]
    assert not state.exists()
    old.process.pause()
    try:
        running = subprocess.Popen([BIN / "postshiftctl", "-c", config, "compare", USER, "--file", state], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        wait_for(state.exists, 10, "the state file")
        running.terminate()
        running.wait(10)
    finally:
        old.process.resume()
    assert state.exists() and state.stat().st_mode & 0o777 == 0o600


def test_what_can_not_be_read(site, folder):
    old, _, config = site
    text = config.read_text(encoding="ascii")
    other = folder / "other.conf"
    (folder / "wrong").write_text("wrong\n", encoding="ascii")
    (folder / "wrong").chmod(0o600)
    other.write_text(text.replace(f"{old.folder}/password", f"{folder}/wrong"), encoding="ascii")
    done = compare(other, USER)
    assert done.returncode == 1 and f"{BLOCK}.1" in done.stderr and "wrong" not in done.stdout, done.stderr
    other.write_text(text.replace(str(PORT), "10149"), encoding="ascii")
    assert compare(other, USER).returncode == 1
    other.write_text("[compare]\n", encoding="ascii")
    assert "[compare] old, new" in compare(other, USER).stderr
    done = compare(config, "nobody-at-all@example.com")
    assert done.returncode == 0 and "0 differences" in done.stdout, done.stdout + done.stderr


def test_certificates_are_checked(site, folder):
    old, new, config = site
    other = folder / "other.conf"
    text = config.read_text(encoding="ascii").replace(f"imap://{new.address}:{PORT}", f"imaps://{new.address}:{SECURE_PORT}")
    other.write_text(text, encoding="ascii")
    done = compare(other, USER)
    assert done.returncode == 1 and "certificate" in done.stderr and "INBOX" not in done.stdout, done.stderr
    other.write_text(f"{text}tls_ca = {old.folder}/cert.pem\n", encoding="ascii")
    assert "certificate" in compare(other, USER).stderr
    other.write_text(f"{text}tls_ca = {new.folder}/cert.pem\n", encoding="ascii")
    assert "5 differences" in compare(other, USER).stdout
