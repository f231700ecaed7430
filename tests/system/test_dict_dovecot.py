"""Dovecot's own proxy asks policyd at login where a mailbox is: IMAP by passdb dict, as the manual says.

Addresses: 127.20.2.0/24.
"""
import re
import shutil
import socket
import threading

import pytest

from policyd import Policyd
from processes import Process, can_connect, wait_for
from redis_server import RedisServer

DOMAIN = "example.com"
PORT = 10143
DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"


class ImapBackend:
    """Takes every login and remembers who came with which password."""

    def __init__(self, name, address):
        self.name, self.logins = name, []
        self.listener = socket.create_server((address, PORT))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rwb") as file:
            def say(text):
                file.write(text.encode() + b"\r\n")
                file.flush()

            say("* OK [CAPABILITY IMAP4rev1] ready")
            for line in file:
                tag, _, rest = line.decode().strip().partition(" ")
                command, _, rest = rest.partition(" ")
                if command.upper() == "LOGIN":
                    self.logins.append(re.fullmatch(r'"?([^" ]+)"? "?([^" ]+)"?', rest).groups())
                    say(f"{tag} OK [CAPABILITY IMAP4rev1] logged in on {self.name}")
                elif command.upper() == "LOGOUT":
                    say(f"* BYE\r\n{tag} OK bye")
                    return
                else:
                    say(f"{tag} OK done")

    def close(self):
        self.listener.close()


@pytest.fixture(scope="module")
def site(module_folder):
    """Redis, policyd, two backends, Dovecot in front."""
    folder = module_folder
    redis = RedisServer(folder / "redis", "127.20.2.1").start()
    redis.set_domain(DOMAIN, old="cutover-old:[192.0.2.10]:25", new="cutover-new:[192.0.2.20]:25", weight="100",
                     imap_old=f"127.20.2.11:{PORT}", imap_new=f"127.20.2.12:{PORT}")
    redis.set_domain("half.example", old="cutover-old:[192.0.2.10]:25", new="cutover-new:[192.0.2.20]:25", weight="0")
    for user, place in (("moved", "new"), ("held", "hold")):
        redis.command("SET", f"cutover:pin:{user}@{DOMAIN}", place)
    policyd = Policyd(folder, "127.20.2.2", redis=redis, domains=f"{DOMAIN} half.example unready.example").start()
    (policyd.sockets / "dict.sock").chmod(0o666)
    backends = {"old": ImapBackend("old", "127.20.2.11"), "new": ImapBackend("new", "127.20.2.12")}
    dovecot = start_dovecot(folder / "dovecot", policyd.sockets / "dict.sock")
    yield {"redis": redis, "policyd": policyd, "dovecot": dovecot, **backends}
    dovecot.stop()
    for backend in backends.values():
        backend.close()
    policyd.stop()
    redis.stop()


def start_dovecot(folder, dict_socket):
    folder.mkdir()
    (folder / "dict-auth.conf").write_text(
        f"uri = proxy:{dict_socket}:cutover\nkey route {{\n  key = route/%u\n  format = json\n}}\npassdb_objects = route\n")
    (folder / "dovecot.conf").write_text(f"""\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
auth_verbose = yes
protocols = imap
listen = 127.20.2.10
ssl = no
disable_plaintext_auth = no
auth_cache_size = 0
auth_username_chars =
auth_failure_delay = 0
service imap-login {{
  inet_listener imap {{
    port = {PORT}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = dict
  args = {folder}/dict-auth.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
""")
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
