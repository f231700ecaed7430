"""The samples of hooks, each against a sink: a doveadm that writes down what it is told, two real Dovecots, a web server,
a sendmail; by themselves, in the environment that the controller gives them, and by the controller.

Addresses: 127.20.83.0/24.
"""
import contextlib
import email
import email.policy
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest

from cutover import Cutover
from processes import BIN, ROOT, Process, can_connect, is_alive, run, wait_for
from redis_server import RedisServer

SAMPLES = ROOT / "postfix-conf/hooks"
NAMES = ["sync-mailboxes", "snapshot", "notify-mail", "notify-webhook", "notify-text", "several"]
DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"
NEWS = {"id": "1795564800000-0", "time": 1795564800, "domain": "example.com", "what": "rollback", "who": "slow-trigger",
        "host": "gw1", "from": "70", "to": "0", "why": "availability of new 43.10 % for 2 h (below 95 %)", "escalated": False,
        "command": "postshiftctl events ack 1795564800000-0"}
LINE = ("example.com: ROLLED BACK, 70 -> 0: availability of new 43.10 % for 2 h (below 95 %) (slow-trigger, gw1); seen it? "
        "postshiftctl events ack 1795564800000-0")
HOSTILE = {**NEWS, "domain": "example.com", "why": 'x\r\nBcc: eve@outside.example\n\n"; touch pwned; $(touch pwned) `touch pwned` '
           "<!channel> \u202edlrow\u2028 \x1b[2J grüß \\", "who": "-X/tmp/pwned"}


@pytest.fixture
def hooks(folder):
    """hooks(NAME="value", ...) gives a folder with the samples, which find these settings."""
    def make(**settings):
        place = folder / "hooks"
        shutil.copytree(SAMPLES, place, dirs_exist_ok=True)
        conf = folder / "hooks.conf"
        conf.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))
        for name in NAMES:
            text = (SAMPLES / name).read_text()
            assert text.count("settings=/etc/postshift/hooks.conf\n") == 1
            (place / name).write_text(text.replace("settings=/etc/postshift/hooks.conf\n", f"settings={conf}\n"))
        return place

    return make


def environment(kind, domain="example.com", stage="2/3", before="30", after="70"):
    """No more than the controller gives."""
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "POSTSHIFT_DOMAIN": domain,
            "POSTSHIFT_KIND": kind, "POSTSHIFT_STAGE": stage, "POSTSHIFT_FROM": before, "POSTSHIFT_TO": after}


def call(program, kind, given="", seconds=60, **variables):
    """As the controller would run it; .note is what it would keep."""
    given = given if isinstance(given, bytes) else given.encode()
    done = subprocess.run([program], input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", timeout=seconds,
                          env=environment(kind, **variables))
    done.text = done.stdout.decode(errors="replace")
    last = (done.text.strip().splitlines() or [""])[-1]
    done.note = last.removeprefix("note=") if last.startswith("note=") else None
    return done


def program(folder, name, body):
    path = folder / name
    path.write_text(f"#!/bin/sh\nDIR={folder}\n{body}\n")
    path.chmod(0o755)
    return path


def words_of(folder, name="said"):
    """What a program that wrote its words, a line each and an empty one behind them, was called with."""
    path = folder / name
    return [block.split("\n") for block in path.read_text(errors="replace").split("\n\n")[:-1]] if path.exists() else []


# In one write, so that two at once don't mix.
WRITE_DOWN = """said=$(printf '%s\\n' "$@"; echo .); printf '%s\\n' "${said%.}" >> $DIR/said"""


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_says_what_it_is(name):
    text = (SAMPLES / name).read_text()
    head, _, body = text.partition("\nset -eu\n")
    assert head.startswith(f"#!/bin/sh\n# {name} - ") and body
    assert all(line.startswith("#") for line in head.splitlines())
    assert "POSTSHIFT_" in head or "environment" in head
    assert "Exit 0" in head or "exit code" in head
    assert (SAMPLES / name).stat().st_mode & 0o111 == 0o111


# --- mailboxes, with a doveadm that does nothing ---

PLAIN = ["alice@example.com", "o'hara@example.com", "-rf@example.com", "$(touch pwned)@example.com", "a;touch${IFS}pwned@example.com",
         "a&b|c@example.com", "grüße@example.com", "100%@example.com", "x=y+z@example.com", "`id`@example.com"]
# $(touch pwned) has a blank.
PASSED_ON = [address for address in PLAIN if " " not in address]
PASSED_OVER = ["*@example.com", "a?@example.com", "../../etc@example.com", "/etc/passwd", ".@example.com", '"a b"@example.com',
               "tab\there@example.com", "back\\slash@example.com", "two@at@example.com", "nobody", "@example.com", "alice@",
               "alice@example.com\r", "bell\a@example.com", "$(touch pwned)@example.com"]


def fake_doveadm(folder, body=""):
    return program(folder, "doveadm", f"{WRITE_DOWN}\n{body}")


def sync(hooks, folder, body="", **settings):
    return hooks(OLD="old.test:1", NEW="new.test:2", DOVEADM=fake_doveadm(folder, body), DOVEADM_CONFIG=folder / "doveadm.conf",
                 **settings) / "sync-mailboxes"


def test_movers_are_synchronised_from_old_to_new(hooks, folder):
    done = call(sync(hooks, folder), "before_advance", "".join(f"{line}\n" for line in [*PASSED_ON, "", *PASSED_OVER]))
    assert done.returncode == 0, done.text
    assert done.note == f"{len(PASSED_ON)} synchronised, 0 without mailbox, {len(PASSED_OVER)} passed over, 0 failed"
    assert sorted(words_of(folder)) == sorted(
        ["-c", str(folder / "doveadm.conf"), "sync", "-1", "-f", "-S", "old.test:1", "-u", address, "tcp:new.test:2"] for address in PASSED_ON)
    assert not (folder / "pwned").exists() and not os.path.exists("/pwned")


def test_nobody_moves(hooks, folder):
    done = call(sync(hooks, folder), "before_advance")
    assert done.returncode == 0 and done.note == "0 synchronised, 0 without mailbox, 0 passed over, 0 failed"
    assert not words_of(folder)


def test_octets_that_are_no_text_stop_nothing(hooks, folder):
    done = call(sync(hooks, folder), "before_advance", b"\xff\xfe\x00@example.com\nalice@example.com\n\x80\xff@example.com")
    assert done.returncode == 0, done.text
    assert ["alice@example.com"] == [words[8] for words in words_of(folder) if words[8].isascii()]


def test_many_movers(hooks, folder):
    movers = [f"person{n}@example.com" for n in range(500)]
    done = call(sync(hooks, folder, MODE="backup", JOBS=8), "before_advance", "\n".join(movers))
    assert done.note == "500 synchronised, 0 without mailbox, 0 passed over, 0 failed"
    assert sorted(words[6] for words in words_of(folder)) == sorted(movers)
    assert all(words[2] == "backup" for words in words_of(folder))


ENDS = """case "$*" in
*alias@*) exit 67 ;;
*absent@*) case "$*" in *mailbox*) exit 0 ;; esac; echo "Unknown user in remote" >&2; exit 67 ;;
*busy@*) [ -e $DIR/busy ] || { touch $DIR/busy; exit 2; } ;;
*always@*) exit 2 ;;
*down@*) printf 'first\\nconnect() failed\\007\\n' >&2; exit 75 ;;
*slow@*) echo $$ >> $DIR/slow; exec sleep 600 ;;
esac"""


def test_aliases_are_passed_by_and_what_changed_meanwhile_is_done_again(hooks, folder):
    done = call(sync(hooks, folder, ENDS), "before_advance", "alias@example.com\nbusy@example.com\nalice@example.com\n")
    assert done.returncode == 0 and done.note == "2 synchronised, 1 without mailbox, 0 passed over, 0 failed"
    assert sum("busy@example.com" in words for words in words_of(folder)) == 2


@pytest.mark.parametrize("address, said", [
    ("absent@example.com", "failed <absent@example.com> (67): Unknown user in remote"),
    ("always@example.com", "failed <always@example.com> (2): "),
    ("down@example.com", "failed <down@example.com> (75): connect() failed"),
    ("slow@example.com", "failed <slow@example.com> (124): ")])
def test_one_that_fails_keeps_the_stage_from_advancing(hooks, folder, address, said):
    done = call(sync(hooks, folder, ENDS, ONE_TIMEOUT=1), "before_advance", f"alice@example.com\n{address}\n")
    assert done.returncode == 1
    assert done.note == "1 synchronised, 0 without mailbox, 0 passed over, 1 failed"
    assert said in done.text.splitlines()


def test_without_doveadm_nothing_advances(hooks, folder):
    done = call(hooks(DOVEADM=folder / "none") / "sync-mailboxes", "before_advance", "alice@example.com\n")
    assert done.returncode == 1 and "(127)" in done.text


@pytest.mark.parametrize("kind", ["notify", "after_transition", ""])
def test_mailboxes_are_for_their_kinds_alone(hooks, folder, kind):
    assert call(sync(hooks, folder), kind, "alice@example.com\n").returncode == 1
    assert not words_of(folder)


def test_a_stop_ends_all_of_it(hooks, folder):
    """The controller's TERM goes to the group; nothing may have left that."""
    temporary = folder / "temporary"
    temporary.mkdir()
    process = subprocess.Popen([sync(hooks, folder, ENDS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env={**environment("before_advance"), "TMPDIR": str(temporary)}, start_new_session=True)
    process.stdin.write(b"slow@example.com\nslow@example.com\n")
    process.stdin.close()
    wait_for(lambda: (folder / "slow").exists() and len((folder / "slow").read_text().split()) == 2, 10, "two are under way")
    pids = [int(word) for word in (folder / "slow").read_text().split()]
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(10) != 0
    wait_for(lambda: not any(is_alive(pid) for pid in pids), 10, "what it started has ended")
    assert b"note=" not in process.stdout.read()
    assert not list(temporary.iterdir())


# --- home again ---

@pytest.fixture(scope="module")
def redis(module_folder):
    server = RedisServer(module_folder / "redis", "127.20.83.1").start()
    server.set_domain("example.com", old="cutover-old:[127.20.83.2]:25", new="cutover-new:[127.20.83.3]:25", weight="0", inside="accept")
    yield server
    server.stop()


@pytest.fixture
def ledger(redis, folder):
    """Three units with mail on new, one of them no address but a name of two; settings to find them."""
    with redis.connect() as client:
        client.command("DEL", "cutover:ledger:example.com")
        client.command("HSET", "cutover:ledger:example.com", "alice@example.com", "1795564800 sure", "bob@example.com", "1795564801 maybe",
                       "family", "1795564802 sure")
        for name in ("kim", "lee"):
            client.command("SET", f"cutover:unit:{name}@example.com", "family")
    conf = folder / "postshift.conf"
    conf.write_text(f"[redis]\naddress = inet:{redis.address}:{redis.port}\n[policyd]\ndomains = example.com\n")
    return {"POSTSHIFTCTL": BIN / "postshiftctl", "CONF": conf}


def test_a_rollback_brings_home_who_is_in_the_ledger(hooks, folder, ledger):
    done = call(sync(hooks, folder, MODE="backup", **ledger), "after_rollback", json.dumps(NEWS), before="70", after="0")
    assert done.returncode == 0 and done.note == "4 synchronised, 0 without mailbox, 0 passed over, 0 failed", done.text
    people = ["alice@example.com", "bob@example.com", "kim@example.com", "lee@example.com"]
    assert sorted(words_of(folder)) == sorted(
        ["-c", str(folder / "doveadm.conf"), "sync", "-1", "-f", "-S", "new.test:2", "-u", address, "tcp:old.test:1"] for address in people)


def test_a_ledger_that_nobody_can_read_is_no_empty_one(hooks, folder, ledger):
    ledger["CONF"].write_text("[redis]\naddress = inet:127.20.83.1:1\n")
    done = call(sync(hooks, folder, **ledger), "after_rollback", json.dumps(NEWS))
    assert done.returncode != 0 and done.note is None
    assert not words_of(folder)


# --- two real Dovecots ---

DOVECOT_CONF = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols =
listen = {address}
ssl = no
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
doveadm_password = secret
doveadm_port = 10024
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service doveadm {{
  inet_listener {{
    port = 10024
  }}
}}
"""


class Store:
    """A Dovecot with a doveadm listener."""

    def __init__(self, name, address, folder, users):
        self.folder, self.address = folder / f"dovecot-{name}", address
        (self.folder / "mail").mkdir(parents=True)
        shutil.chown(self.folder / "mail", "nobody")
        (self.folder / "users").write_text("".join(f"{user}::65534:65534::{self.folder}/mail/{user}::\n" for user in users))
        self.config = self.folder / "dovecot.conf"
        self.config.write_text(DOVECOT_CONF.format(folder=self.folder, address=address))
        self.process = Process([DOVECOT, "-F", "-c", self.config], self.folder / "stderr.log").start()
        wait_for(lambda: can_connect((address, 10024)), 20, "Dovecot listens")

    def doveadm(self, *words, stdin=None):
        return run("doveadm", "-c", self.config, *words, stdin=stdin).stdout

    def deliver(self, user, subject):
        self.doveadm("save", "-u", user, stdin=f"From: a@outside.example\nMessage-ID: <{subject}@outside.example>\nSubject: {subject}\n\nHello.\n")

    def subjects(self, user):
        return sorted(re.findall(r"hdr\.subject: (.*)", self.doveadm("fetch", "-u", user, "hdr.subject", "all")))


@pytest.fixture
def stores(folder):
    if "2.3." not in run(DOVECOT, "--version").stdout:
        pytest.skip("the stores' configuration is one of Dovecot 2.3")
    with contextlib.ExitStack() as stack:
        made = []
        for name, address, users in (("old", "127.20.83.11", ["alice@example.com", "bob@example.com", "only-old@example.com", "ax@example.com"]),
                                     ("new", "127.20.83.12", ["alice@example.com", "bob@example.com", "ax@example.com"])):
            made.append(Store(name, address, folder, users))
            stack.callback(made[-1].process.stop)
        (folder / "doveadm.conf").write_text("doveadm_password = secret\n")
        yield made


def test_mailboxes_of_two_dovecots_there_and_back(hooks, folder, stores, ledger):
    old, new = stores
    sample = hooks(OLD="127.20.83.11:10024", NEW="127.20.83.12:10024", DOVEADM_CONFIG=folder / "doveadm.conf", **ledger) / "sync-mailboxes"
    for user in ("alice", "bob", "ax"):
        old.deliver(f"{user}@example.com", f"one-for-{user}")
    # a*@ would be alice and ax.
    movers = "a*@example.com\nalias@example.com\nalice@example.com\nbob@example.com\n"
    done = call(sample, "before_advance", movers)
    assert done.returncode == 0 and done.note == "2 synchronised, 1 without mailbox, 1 passed over, 0 failed", done.text
    assert new.subjects("alice@example.com") == ["one-for-alice"] and new.subjects("bob@example.com") == ["one-for-bob"]
    assert new.subjects("ax@example.com") == []
    # Once more, with what came meanwhile.
    old.deliver("alice@example.com", "two-for-alice")
    assert call(sample, "before_advance", movers).returncode == 0
    assert new.subjects("alice@example.com") == ["one-for-alice", "two-for-alice"]
    # She moves; later it goes back, and old has had mail of its own, too.
    new.deliver("alice@example.com", "on-new")
    old.deliver("alice@example.com", "on-old")
    for name in ("kim", "lee"):     # one unit of the ledger has no mailbox
        assert f"{name}@" not in (old.folder / "users").read_text()
    done = call(sample, "after_rollback", json.dumps(NEWS), before="70", after="0")
    assert done.returncode == 0 and done.note == "2 synchronised, 2 without mailbox, 0 passed over, 0 failed", done.text
    assert old.subjects("alice@example.com") == ["on-new", "on-old", "one-for-alice", "two-for-alice"]
    # Whom new doesn't know can't move.
    old.deliver("only-old@example.com", "one")
    done = call(sample, "before_advance", "only-old@example.com\nbob@example.com\n")
    assert done.returncode == 1 and "failed <only-old@example.com> (67)" in done.text
    assert done.note == "1 synchronised, 0 without mailbox, 0 passed over, 1 failed"
    new.process.stop()
    done = call(sample, "before_advance", "bob@example.com\n")
    assert done.returncode == 1 and "failed <bob@example.com> (75)" in done.text


# --- a snapshot ---

@pytest.mark.parametrize("domain, to, name", [
    ("example.com", "30", "postshift-example.com-30-"), ("example.com", "12.5", "postshift-example.com-12.5-"),
    ("xn--grn-joa.example", "list:it", "postshift-xn--grn-joa.example-list_it-"),
    ("example.com", "x; touch pwned $(id)\n", "postshift-example.com-x__touch_pwned___id__-")])
def test_a_snapshot_has_a_name_that_is_kept(hooks, folder, domain, to, name):
    take = program(folder, "take", f"{WRITE_DOWN}\necho taken")
    done = call(hooks(SNAPSHOT=f"{take} --pool tank") / "snapshot", "before_advance", "alice@example.com\n", domain=domain, after=to)
    assert done.returncode == 0, done.text
    [[*words, last]] = words_of(folder)
    assert words == ["--pool", "tank"] and last == done.note
    assert re.fullmatch(re.escape(name) + r"\d{8}T\d{6}Z", done.note), done.note
    assert "taken" in done.text


@pytest.mark.parametrize("body, code", [("exit 3", 3), ("exec sleep 600", 124)])
def test_no_snapshot_no_note(hooks, folder, body, code):
    take = program(folder, "take", f"echo note=no; {body}")
    done = call(hooks(SNAPSHOT=take, SNAPSHOT_TIMEOUT=1) / "snapshot", "before_advance")
    assert done.returncode == code and not (done.note or "").startswith("postshift-")


# --- news by mail ---

def mail_sink(hooks, folder, body="", **settings):
    sendmail = program(folder, "sendmail", f"{WRITE_DOWN}\ncat > $DIR/mail\n{body}")
    return hooks(SENDMAIL=sendmail, MAIL_TO="anna@site.example ben@site.example", MAIL_FROM="postshift@site.example", **settings) / "notify-mail"


def test_news_by_mail(hooks, folder):
    done = call(mail_sink(hooks, folder), "notify", json.dumps(NEWS) + "\n")
    assert done.returncode == 0, done.text
    assert words_of(folder) == [["-i", "-f", "postshift@site.example", "--", "anna@site.example", "ben@site.example"]]
    mail = email.message_from_bytes((folder / "mail").read_bytes(), policy=email.policy.default)
    assert mail["Subject"] == "[postshift] example.com: ROLLED BACK, 70 -> 0" and mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines()[0] == LINE
    assert json.loads(mail.get_content().partition("\n")[2]) == NEWS


@pytest.mark.parametrize("news", [HOSTILE, {**HOSTILE, "what": "plan-x\nBcc: eve@outside.example", "to": "ü\n\n.\n"}])
def test_hostile_news_by_mail(hooks, folder, news):
    done = call(mail_sink(hooks, folder), "notify", json.dumps(news))
    assert done.returncode == 0, done.text
    text = (folder / "mail").read_text()
    head, _, body = text.partition("\n\n")
    assert [line.partition(":")[0] for line in head.splitlines()] == [
        "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    assert head.isascii()
    line, _, rest = body.partition("\n")
    assert "grüß" in line and "\x1b" not in line and "\u202e" not in line and "touch pwned" in line
    assert json.loads(rest) == news
    assert len(words_of(folder)[0]) == 6 and not (folder / "pwned").exists() and not os.path.exists("/pwned")


def test_no_mail_is_an_error(hooks, folder):
    assert call(mail_sink(hooks, folder, "exit 75"), "notify", json.dumps(NEWS)).returncode == 75
    assert call(mail_sink(hooks, folder, "exec sleep 600", MAIL_TIMEOUT=1), "notify", json.dumps(NEWS)).returncode == 124


@pytest.mark.parametrize("given", ["", "no json", "[1]", "{", '"text"', "null"])
@pytest.mark.parametrize("name", ["notify-mail", "notify-webhook", "notify-text"])
def test_what_is_no_news_is_told_to_nobody(hooks, folder, name, given):
    asked = program(folder, "asked", "touch $DIR/was-asked")
    place = hooks(SENDMAIL=asked, MAIL_TO="anna@site.example", WEBHOOK="http://127.20.83.20:1/", TEXT_COMMAND=asked, TEXT_TO="1")
    assert call(place / name, "notify", given).returncode != 0
    assert not (folder / "was-asked").exists()


# --- news by web ---

class WebSink:
    """Keeps what is posted to it as (path, headers, body); answers with .status, or not at all where that is None."""

    def __init__(self, address):
        self.posted, self.status, self.over = [], 200, threading.Event()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.posted.append((self.path, dict(self.headers), body.decode()))
                if sink.status is None:
                    sink.over.wait(60)
                    return
                self.send_response(sink.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(b"note=not ours\n")

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self.server.server_port}/hooks/SECRET"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web():
    sink = WebSink("127.20.83.20")
    yield sink
    sink.close()


def test_news_for_a_chat(hooks, web):
    done = call(hooks(WEBHOOK=web.url) / "notify-webhook", "notify", json.dumps(NEWS) + "\n")
    assert done.returncode == 0 and done.text == "", done.text
    [(path, headers, body)] = web.posted
    assert path == "/hooks/SECRET" and headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"text": LINE.replace(">", "&gt;")}


def test_hostile_news_for_a_chat(hooks, folder, web):
    assert call(hooks(WEBHOOK=web.url) / "notify-webhook", "notify", json.dumps({**HOSTILE, "escalated": True})).returncode == 0
    [(_, _, body)] = web.posted
    text = json.loads(body)["text"]
    assert text.startswith("NOBODY HAS ANSWERED: example.com: ROLLED BACK, 70 -&gt; 0: x Bcc: eve@outside.example ")
    assert "<" not in text and "&lt;!channel&gt;" in text and "\u202e" not in text and "\n" not in text and "grüß \\" in text
    assert not (folder / "pwned").exists() and not os.path.exists("/pwned")


@pytest.mark.parametrize("status", [301, 404, 500, None])
@pytest.mark.parametrize("name, settings", [("notify-webhook", "WEBHOOK"), ("notify-text", "TEXT_URL")])
def test_who_does_not_take_news_is_an_error(hooks, web, status, name, settings):
    web.status = status
    place = hooks(**{settings: web.url, "TEXT_TO": "+491700000001", "WEBHOOK_TIMEOUT": 1, "TEXT_TIMEOUT": 1})
    assert call(place / name, "notify", json.dumps(NEWS), seconds=15).returncode != 0
    assert [path for path, _, _ in web.posted] == ["/hooks/SECRET"]


def test_the_address_of_a_chat_is_not_shown(hooks, folder, web):
    """Who may call ps sees no secret."""
    seen = folder / "seen"
    web.status = None
    process = subprocess.Popen([hooks(WEBHOOK=web.url, WEBHOOK_TIMEOUT=20) / "notify-webhook"], stdin=subprocess.PIPE,
                               env=environment("notify"), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.stdin.write(json.dumps(NEWS).encode())
        process.stdin.close()
        wait_for(lambda: web.posted, 10, "it was asked")
        seen.write_text(run("ps", "-ww", "-o", "args=", "-s", process.pid).stdout)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert "curl" in seen.read_text() and "SECRET" not in seen.read_text()


@pytest.mark.parametrize("name, missing", [("notify-webhook", "WEBHOOK is not set"), ("notify-text", "are not set")])
def test_without_settings_it_says_which(hooks, name, missing):
    done = call(hooks() / name, "notify", json.dumps(NEWS))
    assert done.returncode == 1 and missing in done.text


def test_text_messages_by_form(hooks, web):
    place = hooks(TEXT_URL=web.url, TEXT_TO="+491700000001 +491700000002", TEXT_HEADER="Authorization: Bearer KEY", TEXT_FORM="from=postshift",
                  TEXT_FIELD_TO="recipient", TEXT_MAX=60)
    done = call(place / "notify-text", "notify", json.dumps({**NEWS, "why": "a&to=+49&b=@/etc/passwd grüß"}))
    assert done.returncode == 0, done.text
    assert [urllib.parse.parse_qs(body) for _, _, body in web.posted] == [
        {"recipient": [number], "from": ["postshift"], "text": ["example.com: ROLLED BACK, 70 -> 0: a&to=+49&b=@/etc/passwd grüß"[:60]]}
        for number in ("+491700000001", "+491700000002")]
    assert all(headers["Authorization"] == "Bearer KEY" for _, headers, _ in web.posted)


@pytest.mark.parametrize("news, told", [
    (NEWS, True), ({**NEWS, "what": "freeze"}, True), ({**NEWS, "what": "refused-us"}, True), ({**NEWS, "what": "plan-advance"}, False),
    ({**NEWS, "what": "plan-pause", "escalated": True}, True), ({**NEWS, "what": "plan-pause", "escalated": "yes"}, False)])
def test_text_messages_by_a_command_where_somebody_should_get_up(hooks, folder, news, told):
    send = program(folder, "send", f"{WRITE_DOWN}\ncat > $DIR/text")
    done = call(hooks(TEXT_COMMAND=f"{send} TEXT", TEXT_TO="+491700000001") / "notify-text", "notify", json.dumps(news))
    assert done.returncode == 0, done.text
    assert words_of(folder) == ([["TEXT", "+491700000001"]] if told else [])
    if news == NEWS:
        assert (folder / "text").read_text() == LINE + "\n"


def test_a_number_that_fails_keeps_no_other_from_it(hooks, folder):
    send = program(folder, "send", f'{WRITE_DOWN}\n[ "$1" != 1 ]')
    done = call(hooks(TEXT_COMMAND=send, TEXT_TO="1 2 3") / "notify-text", "notify", json.dumps(NEWS))
    assert done.returncode == 1 and words_of(folder) == [["1"], ["2"], ["3"]]


# --- several ---

def test_several_hooks_with_the_same_input(hooks, folder):
    first = program(folder, "first", "cat > $DIR/one; echo note=snapshot-7")
    second = program(folder, "second", 'cat > $DIR/two; echo "$POSTSHIFT_TO"; echo note=12 synchronised')
    done = call(hooks(BEFORE_ADVANCE=f"{first} {second}") / "several", "before_advance", "alice@example.com\n")
    assert done.returncode == 0 and done.note == "snapshot-7; 12 synchronised"
    assert (folder / "one").read_text() == (folder / "two").read_text() == "alice@example.com\n"
    assert "70" in done.text.splitlines()


def test_the_first_of_several_that_fails_ends_it(hooks, folder):
    first = program(folder, "first", "echo note=no; exit 3")
    second = program(folder, "second", "touch $DIR/second-ran")
    done = call(hooks(AFTER_ROLLBACK=f"{first} {second}") / "several", "after_rollback")
    assert done.returncode == 3 and f"{first}: exit 3" in done.text and not (folder / "second-ran").exists()


@pytest.mark.parametrize("ends, code", [((1, 0), 0), ((0, 1), 0), ((1, 4), 4)])
def test_all_ways_of_notice_are_tried(hooks, folder, ends, code):
    ways = [program(folder, f"way{n}", f"echo x >> $DIR/ran; exit {end}") for n, end in enumerate(ends)]
    done = call(hooks(NOTIFY=" ".join(map(str, ways))) / "several", "notify", json.dumps(NEWS))
    assert done.returncode == code and (folder / "ran").read_text() == "x\nx\n"


def test_several_without_any(hooks):
    assert call(hooks() / "several", "after_transition").returncode == 0
    assert call(hooks() / "several", "nonsense").returncode == 1


# --- by the controller ---

def test_the_controller_runs_them(hooks, folder, redis, ledger, web):
    """With the environment, the input and the checks of the program itself."""
    place = hooks(OLD="old.test:1", NEW="new.test:2", DOVEADM=fake_doveadm(folder), DOVEADM_CONFIG=folder / "doveadm.conf", WEBHOOK=web.url,
                  NOTIFY=f"{folder}/hooks/notify-webhook {folder}/hooks/notify-mail", MAIL_TO="anna@site.example",
                  SENDMAIL=program(folder, "sendmail", "cat > $DIR/mail.part; mv $DIR/mail.part $DIR/mail"), **ledger)
    (folder / "mail.log").touch()
    redis.command("DEL", "cutover:events")
    controller = Cutover(folder, "127.20.83.4", redis=redis, domains="example.com", log=folder / "mail.log",
                         notify=place / "several", after_rollback=place / "sync-mailboxes").start()
    try:
        identity = redis.command("XADD", "cutover:events", "*", "time", int(time.time()), "who", "slow-trigger", "host", "gw1", "domain",
                                 "example.com", "what", "rollback", "from", "70", "to", "0", "why", NEWS["why"], "rev", "7")
        wait_for(lambda: web.posted and (folder / "mail").exists() and len(words_of(folder)) == 4, 30, "all have been called")
        assert json.loads(web.posted[0][2])["text"] == LINE.replace(">", "&gt;").replace(NEWS["id"], identity)
        assert {words[7] for words in words_of(folder)} == {"-u"} and {words[6] for words in words_of(folder)} == {"new.test:2"}

        def ends():
            found = [dict(zip(words[::2], words[1::2])) for _, words in redis.command("XRANGE", "cutover:events", "-", "+")]
            return {event["to"]: event["why"] for event in found if event["what"] == "hook-end"}

        wait_for(lambda: len(ends()) == 2, 20, "their ends were told")
        assert ends()["after_rollback"].endswith("note=4 synchronised, 0 without mailbox, 0 passed over, 0 failed")
        assert all(end.startswith("exit 0") for end in ends().values())
    finally:
        controller.process.resume_and_kill()
