"""postshiftctl quarantine: what our milters put on hold is listed, shown, released, deleted; what others did is left alone."""
import json
import os
import pwd
import re
import shutil
import smtplib
import subprocess
import threading
import time

import pytest

from cutover import Cutover
from mailsite import MailSite
from milter import Milter
from processes import BIN, ROOT, run, wait_for
from signatures import EICAR, make_folder

BLOCK = "127.20.97"
BAD = EICAR.decode()
FOREIGN = "foreign@outside.example"
MANY = int(os.environ.get("HELD", "60"))


class Site:
    """A gateway whose scan milter puts viruses on hold, and whose access map puts one sender on hold."""

    def __init__(self, folder):
        how = "default_action=tempfail, connect_timeout=3s, content_timeout=60s"
        self.folder = folder
        self.mail = MailSite(folder, BLOCK, main={
            "smtpd_milters": f"{{ inet:{BLOCK}.1:8892, {how} }}", "enable_long_queue_ids": "no",
            "smtpd_sender_restrictions": f"check_sender_access inline:{{ {{ {FOREIGN} = HOLD }} }}"})
        self.gateway = self.mail.gateway
        make_folder(folder / "db")
        (folder / "temp").mkdir(mode=0o1777)
        self.milter = Milter(folder, "postshift-scan", f"{BLOCK}.1", options={
            "databases": folder / "db", "temp": folder / "temp", "on_infected": "hold", "workers": "2"})
        self.cutover = Cutover(folder, self.mail.address[5], redis=self.mail.redis, domains="example.com mark.example",
                               log=self.gateway.log, postfix=self.gateway.etc,
                               policyd_lines={"metrics": f"inet:{BLOCK}.5:8793"})
        self.carried = 0

    def start(self):
        self.milter.start()
        self.milter.wait_until_well(20)
        self.mail.start()
        self.cutover.start()
        return self

    def stop(self):
        self.cutover.process.resume_and_kill()
        self.milter.stop()
        self.mail.stop()

    def carry(self):
        """The milter's own lines into the log that the controller follows, as syslog would."""
        lines = self.milter.log().splitlines()
        new, self.carried = lines[self.carried:], len(lines)
        stamp = time.strftime("%b %e %H:%M:%S")
        with open(self.gateway.log, "a", encoding="utf-8") as log:
            log.write("".join(f"{stamp} gw {line}\n" for line in new if ": scan: " in line))

    def ctl(self, *words, check=True, **how):
        return run(BIN / "postshiftctl", "-c", self.cutover.config, "quarantine", *words, check=check, **how)

    def fails(self, code, *words):
        done = self.ctl(*words, check=False)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stderr

    def listed(self, *words):
        """The document; the controller may not have begun its books yet."""
        def told():
            done = self.ctl("list", "--json", *words, check=False)
            return json.loads(done.stdout) if done.returncode == 0 else None

        return wait_for(told, 10, "the books")

    def wait_for_ours(self, count):
        def there():
            self.carry()
            found = self.listed()
            return found if found["ours"] == count else None

        return wait_for(there, 20, f"{count} of ours", every=0.2)

    def hold(self, name, sender="bad@outside.example", body=BAD + "\n", **how):
        assert self.gateway.send(sender, [name], body=body, **how) == {}

    def on_hold(self):
        return {mail["queue_id"]: mail for mail in self.gateway.queued() if mail["queue_name"] == "hold"}

    def events(self):
        entries = self.mail.redis.command("XRANGE", "cutover:events", "-", "+")
        fields = [dict(zip(entry[1][::2], entry[1][1::2])) for entry in entries]
        return [entry for entry in fields if entry["what"] == "quarantine"]


@pytest.fixture(scope="module")
def whole(module_folder):
    site = Site(module_folder)
    try:
        yield site.start()
    finally:
        site.stop()


@pytest.fixture
def site(whole):
    whole.gateway.delete_queue()
    wait_for(lambda: whole.listed()["ours"] == 0, 10, "nothing of ours is on hold")
    return whole


def test_ours_and_others(site):
    """Five held, two by us; the others are counted, and refused."""
    site.mail.set(weight=100)
    for number in range(3):
        site.hold(f"other{number}@example.com", FOREIGN, "Hello.\n")
    site.hold("v1@example.com")
    site.hold("v2@example.com", "worse@outside.example")
    found = site.wait_for_ours(2)
    assert (found["ours"], found["others"]) == (2, 3)
    assert {mail["to"][0] for mail in found["mails"]} == {"v1@example.com", "v2@example.com"}
    assert all(mail["by"] == "scan" and mail["verdict"] == "virus Eicar-Test-Signature.UNOFFICIAL" for mail in found["mails"])
    table = site.ctl("list").stdout
    assert "2 of ours, 3 of others" in table and "other0@" not in table and max(map(len, table.splitlines())) <= 100
    assert "not by us" in site.ctl("list", "--any").stdout
    assert "quarantine: 2 on hold by our milters" in run(
        BIN / "postshiftctl", "-c", site.cutover.config, "status", check=False).stdout

    ours = {mail["to"][0]: mail["queue_id"] for mail in found["mails"]}
    foreign = next(name for name, mail in site.on_hold().items() if mail["sender"] == FOREIGN)
    before = site.on_hold()
    for verb in ("release", "delete", "show"):
        assert "was not put on hold by us" in site.fails(4, verb, foreign)
    assert "nothing was done" in site.fails(4, "release", ours["v1@example.com"], foreign)
    assert "is not on hold" in site.fails(1, "release", "0123456789")
    assert "is not on hold" in site.fails(1, "release", "--", "-H")
    assert site.on_hold() == before

    done = site.ctl("release", ours["v1@example.com"], "--why", "false alarm")
    assert f"v1@example.com -> new ({site.mail.new_route})" in done.stdout and "no milter sees it again" in done.stdout
    assert wait_for(lambda: site.mail.new.copies_of("v1@example.com"), 20, "the released mail")
    site.ctl("delete", "--from", "worse@outside.example")
    assert len(site.on_hold()) == 3
    released, deleted = site.events()[-2:]
    assert (released["to"], released["why"], released["key"], released["domain"]) == (
        "release", "false alarm", ours["v1@example.com"], "example.com")
    assert released["who"] == pwd.getpwuid(os.getuid()).pw_name and deleted["to"] == "delete"

    def reported():
        report = json.loads(site.cutover.ctl("report", "--json").stdout)
        return report["quarantine"] == {"held": 2, "waiting": 0, "released": 1, "deleted": 1}

    wait_for(reported, 10, "the report counts them", every=0.2)
    assert "2 held (0 on hold, 1 released, 1 deleted)" in " ".join(site.cutover.ctl("report").stdout.split())
    site.ctl("release", foreign, "--any")
    assert "(not ours)" in site.events()[-1]["key"]


def test_an_id_that_is_another_mail_by_now(site):
    """The books know the first; its file is gone, and the second has its name."""
    site.hold("first@example.com")
    site.hold("second@example.com")
    mails = {mail["to"][0]: mail["queue_id"] for mail in site.wait_for_ours(2)["mails"]}
    files = {path.name: path for path in (site.gateway.queue / "hold").rglob("*") if path.is_file()}
    first, second = mails["first@example.com"], mails["second@example.com"]
    os.replace(files[second], files[first])
    for verb in ("show", "release", "delete"):
        assert "another mail by now" in site.fails(4, verb, first)
    assert "nothing matches" in site.ctl("release", "--to", "second@example.com").stdout
    assert set(site.on_hold()) == {first}
    site.ctl("delete", first, "--any")
    assert not site.on_hold()


def test_an_id_that_arrived_later(site):
    site.hold("late@example.com")
    mail = site.wait_for_ours(1)["mails"][0]
    path = next(p for p in (site.gateway.queue / "hold").rglob(mail["queue_id"]))
    data = path.read_bytes()
    stamp = re.search(rb"T[\x0c-\x11](\d{10}) ", data)      # the record of the time of arrival
    path.write_bytes(data.replace(stamp[1], b"%d" % (int(stamp[1]) + 3600), 1))
    found = site.listed()
    assert (found["ours"], found["others"]) == (0, 1)
    assert "another mail by now" in site.fails(4, "release", mail["queue_id"])


EVIL = ("\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[0m\u202egnp.exe\u2066 \x9b31m\u009b2J \x08\x08 \xff\xfe\r\x7f\n"
        "<script>alert(1)</script><a href=\"https://evil.example/x\">bank</a> <<b>img src=x>\n")


def test_escapes_and_html_never_reach_the_terminal(site):
    text = (f"From: \x1b[2Jx <a@outside.example>\r\nSubject: =?utf-8?B?G1sySg==?= \u202e\x07\r\nMIME-Version: 1.0\r\n"
            "Message-ID: <evil@outside.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
            f"plain \x1b[5m {BAD}\r\n--b\r\nContent-Type:\r\n text/html; charset=utf-8\r\n\r\n" + EVIL.replace("\n", "\r\n") + "--b--\r\n")
    with site.gateway.session() as client:
        client.sendmail("bad@outside.example", ["evil@example.com"], text.encode("utf-8", "surrogateescape"), ["BODY=8BITMIME"])
    mail = site.wait_for_ours(1)["mails"][0]
    plain = subprocess.run([BIN / "postshiftctl", "-c", site.cutover.config, "quarantine", "show", mail["queue_id"], "--body"],
                           stdout=subprocess.PIPE, check=True).stdout
    shown = plain.decode("utf-8")
    assert not [c for c in shown if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0 or c in "\u202e\u2066"], ascii(shown)
    for wanted in ("\\x1b[2J", "\\xe2\\x80\\xae", "\\xc2\\x9b2J", "[https://evil.example/x]bank", "=?utf-8?B?G1sySg==?=", "evil@example.com",
                   "on hold    since", "virus Eicar"):
        assert wanted in shown, (wanted, shown)
    assert not re.search(r"<(script|img|a|b)[ >]", shown.partition("text/html")[2]), shown
    assert "bank" not in site.ctl("show", mail["queue_id"]).stdout
    document = json.loads(site.ctl("show", mail["queue_id"], "--body", "--json").stdout)
    assert document["queue_id"] == mail["queue_id"] and "\x1b" not in document["content"]


def test_much_is_cut(site):
    site.hold("much@example.com", body=BAD + "\n" + ("x" * 70 + "\n") * 20000)
    mail = site.wait_for_ours(1)["mails"][0]
    shown = site.ctl("show", mail["queue_id"], "--body").stdout
    assert len(shown) < 300000 and re.search(r"\(\d+ octets more are not shown\)", shown)


def test_expiry_and_usage(site):
    site.hold("old@example.com")
    mail = site.wait_for_ours(1)["mails"][0]
    assert "nothing matches" in site.ctl("expire", "--older", "1h").stdout
    assert site.listed("--older", "1h")["mails"] == [] and site.listed("--verdict", "eicar")["mails"]
    for words in (("expire",), ("expire", "--older", "soon"), ("release",), ("delete", mail["queue_id"], "--all"), ("show",),
                  ("list", "--if-rev", "1"), ("forget", "x"), ("release", "--all", "--json"), ("release", *["A1"] * 1001)):
        site.fails(2, *words)
    time.sleep(1.1)
    site.ctl("expire", "--older", "1s")
    assert not site.on_hold() and site.events()[-1]["to"] == "delete"


def test_without_redis_nothing_is_done(site):
    """No act without its event."""
    site.hold("noredis@example.com")
    site.wait_for_ours(1)
    site.mail.redis.process.pause()
    try:
        site.fails(3, "release", "--all")
    finally:
        site.mail.redis.process.resume()
    assert len(site.on_hold()) == 1


def test_many_are_released(site):
    site.mail.set(weight=0)
    before = len(site.mail.old.copies)

    def send(numbers):
        with site.gateway.session() as client:
            for number in numbers:
                client.sendmail("bad@outside.example", [f"many{number}@example.com"],
                                f"From: a@b.example\r\nMessage-ID: <{number}.{os.getpid()}@b.example>\r\n\r\n{BAD}\r\n")

    threads = [threading.Thread(target=send, args=(range(first, MANY, 4),)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    site.wait_for_ours(MANY)
    events = len(site.events())
    began = time.monotonic()
    done = site.ctl("release", "--all")
    print(f"released {MANY} in {time.monotonic() - began:.1f} s")
    assert done.stdout.count(" -> old ") == MANY and f"{MANY} released" in done.stdout
    wait_for(lambda: len(site.mail.old.copies) - before >= MANY, 60, "all of them")
    written = site.events()[events:]
    assert sum(len(entry["key"].split()) for entry in written) == MANY
    assert site.listed()["mails"] == []


@pytest.fixture
def helper(site, folder):
    """The root helper as installed, with a configuration of its own, and a sudo that does as it is told."""
    place = folder / "quarantine"
    conf = folder / "helper.conf"
    conf.write_text(f"[cutover]\npostfix = /nowhere\n[ctl]\n# a comment\npostfix = {site.gateway.etc}\n", encoding="ascii")
    place.write_text((ROOT / "postfix-conf/quarantine").read_text(encoding="utf-8").replace("/etc/postshift/postshift.conf", str(conf)),
                     encoding="utf-8")
    place.chmod(0o755)
    return place


def test_the_helper_looks_itself(site, helper):
    site.hold("h1@example.com")
    site.hold("h2@example.com")
    mails = site.wait_for_ours(2)["mails"]
    one, two = ((mail["queue_id"], str(mail["arrival"])) for mail in mails)

    def ask(*words, lines=""):
        return subprocess.run([helper, *words], input=lines, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    for lines in ("", "ALL 1\n", f"{one[0]}\n", f"{one[0]} {one[1]} x\n", f"-d {one[1]}\n", f"{one[0]} {int(one[1]) + 1}\n",
                  f"{one[0]} {one[1]}\n$(touch x) 1\n", "A 1\n" * 1001, f"{one[0]}.* {one[1]}\n"):
        assert ask("release", lines=lines).returncode in (2, 4), lines
        assert ask("delete", lines=lines).returncode in (2, 4), lines
    for words in (("show", one[0]), ("show", one[0], "1"), ("show", f"-c/x\n{one[0]}", one[1]), ("show", "../x", one[1]), ("head", "", ""),
                  ("release", one[0]), ("shell",), ()):
        assert ask(*words).returncode in (2, 4), words
    assert len(site.on_hold()) == 2
    assert "Message-ID" in ask("head", *one).stdout and BAD in ask("show", *one).stdout
    assert ask("release", lines=f"{one[0]} {one[1]}\n").returncode == 0
    assert set(site.on_hold()) == {two[0]}
    assert ask("delete", lines=f"{one[0]} {one[1]}\n{two[0]} {two[1]}\n").returncode == 0
    assert not site.on_hold()


def test_an_operator_who_is_not_root(site, helper, folder):
    """By [ctl] quarantine_command, in the place of sudo a program that is root already."""
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    site.hold("op@example.com")
    mail = site.wait_for_ours(1)["mails"][0]
    asked = folder / "asked"
    door = folder / "door"
    # The test's stand-in for sudo: a server that is root runs the helper for it.
    script = (f"import socket,subprocess,os\ns=socket.socket(socket.AF_UNIX)\ns.bind({str(asked)!r})\nos.chmod({str(asked)!r},0o666)\ns.listen()\n"
              "while True:\n c=s.accept()[0].makefile('rwb')\n w=c.readline().decode().split()\n n=int(c.readline())\n d=c.read(n)\n"
              f" r=subprocess.run([{str(helper)!r},*w],input=d,stdout=subprocess.PIPE)\n c.write(b'%d\\n'%r.returncode+r.stdout)\n c.flush()\n c.close()\n")
    door.write_text("#!/usr/bin/python3\nimport socket,sys\ns=socket.socket(socket.AF_UNIX)\n"
                    f"s.connect({str(asked)!r})\nd=sys.stdin.buffer.read()\ns.sendall((' '.join(sys.argv[1:])+'\\n%d\\n'%len(d)).encode()+d)\n"
                    "f=s.makefile('rb')\nc=int(f.readline())\nsys.stdout.buffer.write(f.read())\nsys.exit(c)\n", encoding="ascii")
    door.chmod(0o755)
    server = subprocess.Popen(["/usr/bin/python3", "-c", script])
    wait_for(asked.exists, 10, "the door")
    config = folder / "operator.conf"
    config.write_text(site.cutover.config.read_text(encoding="utf-8").replace("[ctl]", f"[ctl]\nquarantine_command = {door}"),
                      encoding="utf-8")
    for path in (*folder.parents, folder):
        if str(path).startswith("/tmp/"):
            path.chmod(0o755)
    user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--groups", str(site.cutover.books.stat().st_gid), "--"]
    try:
        words = [*user, BIN / "postshiftctl", "-c", config, "quarantine"]
        for path in site.cutover.books.parent.glob("books.db*"):
            path.chmod(0o666)
        shown = run(*words, "show", mail["queue_id"], "--body", check=False)
        assert BAD in shown.stdout, shown.stderr
        done = run(*words, "delete", mail["queue_id"], check=False)
        assert done.returncode == 0 and "1 deleted" in done.stdout, done.stderr
        assert not site.on_hold() and site.events()[-1]["who"] == "nobody"
    finally:
        server.kill()
        server.wait()
