"""Dovecot's own proxy asks policyd where a mailbox is: IMAP and POP3 logins, LMTP recipients, as the manual says
(2.3 by passdb dict, 2.4 by passdb lua).

Addresses: 127.20.2.0/24.
"""
import contextlib
import re
import shutil
import socket
import threading

import pytest

from policyd import Policyd
from processes import ROOT, Process, can_connect, run, wait_for
from redis_server import RedisServer

DOMAIN = "example.com"
PORT = 10143
DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"


class ImapBackend:
    """Takes every login and remembers who came with which password."""

    def __init__(self, name, address):
        self.name, self.logins = name, []
        self.listener = serve(address, PORT, self.talk)

    def talk(self, file):
        say(file, "* OK [CAPABILITY IMAP4rev1] ready")
        for line in file:
            tag, _, rest = line.decode().strip().partition(" ")
            command, _, rest = rest.partition(" ")
            if command.upper() == "LOGIN":
                self.logins.append(re.fullmatch(r'"?([^" ]+)"? "?([^" ]+)"?', rest).groups())
                say(file, f"{tag} OK [CAPABILITY IMAP4rev1] logged in on {self.name}")
            elif command.upper() == "LOGOUT":
                say(file, f"* BYE\r\n{tag} OK bye")
                return
            else:
                say(file, f"{tag} OK done")


class Pop3Backend:
    """Takes every login."""

    def __init__(self, name, address, port):
        self.name, self.logins = name, []
        self.listener = serve(address, port, self.talk)

    def talk(self, file):
        say(file, "+OK ready")
        for line in file:
            command, _, rest = line.decode().strip().partition(" ")
            if command.upper() == "USER":
                self.logins.append(rest)
            say(file, f"+OK logged in on {self.name}" if command.upper() != "CAPA" else "+OK\r\n.")


class LmtpBackend:
    """Takes every mail and remembers for whom."""

    def __init__(self, name, address, port):
        self.name, self.recipients = name, []
        self.listener = serve(address, port, self.talk)

    def talk(self, file):
        count = 0
        say(file, "220 ready")
        for line in file:
            command = line.decode().strip()
            if command.upper().startswith("LHLO"):
                say(file, "250 ready")
            elif command.upper() == "DATA":
                say(file, "354 go on")
                while file.readline() != b".\r\n":
                    pass
                for _ in range(count):
                    say(file, f"250 2.0.0 stored on {self.name}")
                count = 0
            else:
                if command.upper().startswith("RCPT"):
                    self.recipients.append(re.search("<(.*?)>", command)[1])
                    count += 1
                say(file, "250 2.0.0 ok")


def say(file, text):
    file.write(text.encode() + b"\r\n")
    file.flush()


def serve(address, port, talk):
    """A listener whose clients get a thread each."""
    listener = socket.create_server((address, port))

    def work(client):
        # A client may go without a word.
        with contextlib.suppress(ConnectionError), client, client.makefile("rwb") as file:
            talk(file)

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=work, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


@pytest.fixture(scope="module")
def site(module_folder):
    """Redis, policyd, two backends, Dovecot in front."""
    folder = module_folder
    redis = RedisServer(folder / "redis", "127.20.2.1").start()
    redis.set_domain(DOMAIN, old="cutover-old:[127.20.2.11]:25", new="cutover-new:[127.20.2.12]:25", weight="0",
                     imap_old=f"127.20.2.11:{PORT}", imap_new=f"127.20.2.12:{PORT}", pop3_new="127.20.2.12:10110",
                     lmtp_new="127.20.2.12:10024")
    redis.set_domain("half.example", old="cutover-old:[127.20.2.11]:25", new="cutover-new:[127.20.2.12]:25", weight="0")
    redis.command("SET", f"cutover:pin:moved@{DOMAIN}", "new")
    redis.command("SET", f"cutover:pin:held@{DOMAIN}", "hold")
    policyd = Policyd(folder, "127.20.2.2", redis=redis, domains=f"{DOMAIN} half.example unready.example").start()
    (policyd.sockets / "dict.sock").chmod(0o666)
    backends = {"old": ImapBackend("old", "127.20.2.11"), "new": ImapBackend("new", "127.20.2.12")}
    others = {"pop3-old": Pop3Backend("old", "127.20.2.11", 110), "pop3-new": Pop3Backend("new", "127.20.2.12", 10110),
              "lmtp-old": LmtpBackend("old", "127.20.2.11", 24), "lmtp-new": LmtpBackend("new", "127.20.2.12", 10024)}
    dovecot = start_dovecot(folder / "dovecot", policyd.sockets / "dict.sock")
    yield {"redis": redis, "policyd": policyd, "dovecot": dovecot, **backends, **others}
    dovecot.stop()
    for backend in (*backends.values(), *others.values()):
        backend.listener.close()
    policyd.stop()
    redis.stop()


def version():
    return tuple(int(n) for n in re.findall(r"\d+", run(DOVECOT, "--version").stdout)[:2])


# As in the manual page; what follows is the same for both.
CONFIG_2_3 = """\
disable_plaintext_auth = no
auth_username_chars =
passdb {{
  driver = dict
  args = {folder}/dict-auth.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
"""

CONFIG_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = yes
auth_username_chars =
passdb lua {{
  lua_file = {folder}/dovecot-route.lua
}}
userdb static {{
  fields {{
    uid = 65534
    gid = 65534
    home = /nonexistent
  }}
}}
"""

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
auth_verbose = yes
protocols = imap pop3 lmtp
listen = 127.20.2.10
ssl = no
auth_cache_size = 0
auth_failure_delay = 0
lmtp_proxy = yes
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = 10110
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = 10024
  }}
}}
"""


def start_dovecot(folder, dict_socket):
    folder.mkdir()
    (folder / "dict-auth.conf").write_text(
        f"uri = proxy:{dict_socket}:cutover\nkey route {{\n  key = route/%s/%u\n  format = json\n}}\n"
        "passdb_objects = route\n")
    script = (ROOT / "postfix-conf/dovecot-route.lua").read_text()
    (folder / "dovecot-route.lua").write_text(script.replace("/run/postshift/dict.sock", str(dict_socket)))
    first = CONFIG_2_4 if version() >= (2, 4) else CONFIG_2_3
    (folder / "dovecot.conf").write_text((first + CONFIG).format(folder=folder, port=PORT))
    dovecot = Process([DOVECOT, "-F", "-c", folder / "dovecot.conf"], folder / "stderr.log").start()
    wait_for(lambda: can_connect(("127.20.2.10", PORT)), 20, "Dovecot listens")
    return dovecot


def login(user, password="secret"):
    """What Dovecot answers to a LOGIN."""
    with socket.create_connection(("127.20.2.10", PORT), timeout=20) as client, client.makefile("rb") as file:
        assert file.readline().startswith(b"* OK")
        client.sendall(f'a LOGIN "{user}" "{password}"\r\n'.encode())
        for line in file:
            if line.startswith(b"a "):
                return line.decode().strip()
    return ""


@pytest.mark.parametrize("user, backend", [
    (f"alice@{DOMAIN}", "old"), (f"moved@{DOMAIN}", "new"), (f"Moved@{DOMAIN}", "new"), (f"moved+list@{DOMAIN}", "new"),
    (f"o'hara@{DOMAIN}", "old"), (f"nobody.we.know@{DOMAIN}", "old")])
def test_a_login_goes_where_the_mailbox_is(site, user, backend):
    before = len(site[backend].logins)
    assert login(user).startswith("a OK ")
    assert site[backend].logins[before:] == [(user.lower(), "secret")]


def test_a_login_follows_the_pin_at_once(site):
    assert "logged in on old" in login(f"bob@{DOMAIN}")
    site["redis"].command("SET", f"cutover:pin:bob@{DOMAIN}", "new")
    wait_for(lambda: "logged in on new" in login(f"bob@{DOMAIN}"), 5)


def test_a_held_mailbox_is_refused_with_the_reason(site):
    answer = login(f"held@{DOMAIN}")
    assert answer.startswith("a NO ") and "mailbox is being moved, try again later" in answer


def test_others_and_the_unknown_are_told_apart(site):
    assert login("a@other.example").startswith("a NO [AUTHENTICATIONFAILED]")
    assert login("a@unready.example").startswith("a NO [UNAVAILABLE]")
    assert login("a@half.example").startswith("a NO [UNAVAILABLE]")


def test_with_policyd_down_a_login_fails_for_now(site):
    site["policyd"].stop()
    try:
        assert login(f"alice@{DOMAIN}").startswith("a NO [UNAVAILABLE]")
    finally:
        site["policyd"].start()
        (site["policyd"].sockets / "dict.sock").chmod(0o666)
    wait_for(lambda: "logged in on old" in login(f"alice@{DOMAIN}"), 10)


def pop3_login(user):
    """What Dovecot answers to the password."""
    with socket.create_connection(("127.20.2.10", 10110), timeout=20) as client, client.makefile("rwb") as file:
        assert file.readline().startswith(b"+OK")
        say(file, f"USER {user}")
        assert file.readline().startswith(b"+OK")
        say(file, "PASS secret")
        return file.readline().decode().strip()


@pytest.mark.parametrize("user, backend", [(f"alice@{DOMAIN}", "old"), (f"moved@{DOMAIN}", "new")])
def test_a_pop3_login_goes_to_the_pop3_port(site, user, backend):
    assert pop3_login(user).startswith("+OK")
    assert site[f"pop3-{backend}"].logins[-1] == user


def test_a_held_mailbox_is_refused_to_pop3_too(site):
    assert "mailbox is being moved, try again later" in pop3_login(f"held@{DOMAIN}")


def lmtp(recipient):
    """What Dovecot answers to RCPT, and to the content where that was taken."""
    with socket.create_connection(("127.20.2.10", 10024), timeout=20) as client, client.makefile("rwb") as file:
        def ask(text):
            say(file, text)
            while (line := file.readline().decode())[3:4] == "-":
                pass
            return line.strip()

        file.readline()
        ask("LHLO gw.example")
        ask("MAIL FROM:<a@outside.example>")
        answer = ask(f"RCPT TO:<{recipient}>")
        if answer.startswith("250"):
            ask("DATA")
            answer = ask("Subject: one\r\n\r\nhello\r\n.")
        return answer


@pytest.mark.parametrize("user, backend", [(f"alice@{DOMAIN}", "old"), (f"moved@{DOMAIN}", "new")])
def test_lmtp_hands_mail_to_the_backend(site, user, backend):
    assert "Saved" in lmtp(user)
    assert site[f"lmtp-{backend}"].recipients[-1] == user


@pytest.mark.parametrize("user", [f"held@{DOMAIN}", "a@other.example", "a@unready.example", "a@half.example"])
def test_lmtp_for_whom_no_backend_is_known_waits(site, user):
    """Never stored here, never bounced."""
    assert lmtp(user).startswith("4")
