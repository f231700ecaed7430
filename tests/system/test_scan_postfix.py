"""postshift-scan behind a real Postfix, and with the real spamd."""
import os
import shutil
import signal
import smtplib

import pytest

from gateway import Gateway
from milter import Milter
from processes import LIBMILTER, Process, can_connect, wait_for
from signatures import EICAR, attachment, make_folder
from sink import Sink

ADDRESS, BACKEND, SPAMD = "127.20.42.1", "127.20.42.2", "127.20.42.3"
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


@pytest.fixture(scope="module")
def spamd(module_folder):
    """SpamAssassin without network, with rules of its own folder alone."""
    rules = module_folder / "spamassassin"
    rules.mkdir()
    for name in os.listdir("/etc/spamassassin"):
        if name.endswith(".pre"):
            shutil.copy(f"/etc/spamassassin/{name}", rules)
    (rules / "local.cf").write_text("use_bayes 0\nuse_auto_whitelist 0\n", encoding="ascii")
    daemon = Process([shutil.which("spamd", path="/usr/sbin:/usr/bin"), "-L", "-x", "-i", SPAMD, "-p", "7831", "-A", "127.0.0.0/8",
                      "--siteconfigpath", rules, "-m", "2", "--pidfile", module_folder / "spamd.pid", "-s", "stderr"],
                     module_folder / "spamd.log", environment={**os.environ, "HOME": str(module_folder)})
    daemon.start()
    wait_for(lambda: can_connect((SPAMD, 7831)), 60, "spamd")
    yield f"inet:{SPAMD}:7831"
    daemon.stop()


@pytest.fixture(scope="module")
def site(module_folder, spamd):
    gateway = Gateway(module_folder, ADDRESS, main={
        "relay_transport": f"smtp:[{BACKEND}]:2525", "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
        "smtpd_milters": "{ unix:postshift/scan.sock, default_action=tempfail, connect_timeout=3s, content_timeout=120s }"})
    gateway.sockets.mkdir(mode=0o755)
    backend = Sink("backend", (BACKEND, 2525)).start()
    make_folder(module_folder / "db")
    temp = module_folder / "temp"
    temp.mkdir(mode=0o1777)
    milter = Milter(module_folder, "postshift-scan", ADDRESS, options={
        "databases": module_folder / "db", "temp": temp, "spamd": spamd})
    milter.options["listen"] = f"inet:{ADDRESS}:8892 unix:{gateway.sockets}/scan.sock"
    milter.start()
    milter.wait_until_well(20)
    os.chmod(gateway.sockets / "scan.sock", 0o666)
    gateway.start()
    yield gateway, backend, milter
    gateway.stop()
    milter.stop()
    backend.stop()


def mime(data):
    fields, body = attachment(data)
    return "".join(f"{n}: {v}\n" for n, v in fields) + "\n" + body.replace(b"\r\n", b"\n").decode()


def send(gateway, text, recipient):
    with gateway.session() as client:
        return client.sendmail("a@example.org", [recipient], text)


def test_a_clean_mail_arrives_with_its_fields(site):
    gateway, backend, milter = site
    send(gateway, "X-Virus-Status: Clean (forged)\nX-Spam-Flag: NO\n" + mime(b"clean"), "clean@example.com")
    copy = wait_for(lambda: backend.copies_of("clean@example.com"), 30, "the mail")[0]
    assert copy.header("X-Virus-Status") == "Clean"
    assert copy.header("X-Virus-Scanned").startswith("postshift-scan (ClamAV ")
    assert copy.header("X-Spam-Status").startswith("No, score=")
    assert copy.headers("X-Spam-Flag") == []


@pytest.mark.parametrize("spelling", ["x-VIRUS-status: Clean", "X-Virus-Status : Clean", "X-Virus-Status\t: Clean",
                                      "X-Virus-Status:\n Clean", "X-Virus-Status:Clean", "X-Virus-Scanned: \xff\xfe"])
def test_no_spelling_of_a_forged_field_passes(site, spelling):
    gateway, backend, _ = site
    recipient = f"forged{abs(hash(spelling))}@example.com"
    send(gateway, (f"Subject: a\n{spelling} (forged)\n{spelling} (forged)\nX-Other: b\n" + mime(b"clean")).encode("latin-1"), recipient)
    copy = wait_for(lambda: backend.copies_of(recipient), 30, "the mail")[0]
    assert b"(forged)" not in copy.data
    assert copy.headers("X-Virus-Status") == ["Clean"]


def test_the_test_file_is_refused(site):
    gateway, backend, _ = site
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(gateway, mime(EICAR), "virus@example.com")
    assert refused.value.smtp_code == 550
    assert b"Eicar-Test-Signature" in refused.value.smtp_error
    assert backend.copies_of("virus@example.com") == []


@pytest.mark.parametrize("name", ["[UNAVAILABLE]", "localhost"])
def test_a_client_whose_address_its_proxy_does_not_know_is_scanned(site, name):
    gateway, backend, _ = site

    def send_as(text, recipient):
        with gateway.session() as client:
            client.ehlo()
            assert client.docmd("XCLIENT", f"ADDR=[UNAVAILABLE] NAME={name}")[0] == 220
            return client.sendmail("a@example.org", [recipient], text)

    if LIBMILTER:       # hangs up: the mail waits, as default_action says here
        with pytest.raises(smtplib.SMTPResponseException) as deferred:
            send_as(mime(b"clean"), "waits@example.com")
        assert deferred.value.smtp_code in (421, 451)
        return
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send_as(mime(EICAR), "virus@example.com")
    assert refused.value.smtp_code == 550
    recipient = f"{len(name)}@example.com"
    assert send_as(mime(b"clean"), recipient) == {}
    assert wait_for(lambda: backend.copies_of(recipient), 30, "the mail")[0].header("X-Virus-Status") == "Clean"


def test_the_spam_test_text_is_tagged(site):
    gateway, backend, _ = site
    send(gateway, f"From: a@example.org\nTo: b@example.com\nSubject: offer\n\n{GTUBE}\n", "spam@example.com")
    copy = wait_for(lambda: backend.copies_of("spam@example.com"), 30, "the mail")[0]
    assert copy.header("X-Spam-Flag") == "YES"
    assert "GTUBE" in copy.header("X-Spam-Status")
    assert copy.header("X-Virus-Status") == "Clean"


def test_spamd_sees_this_hop(site):
    """Without the Received field of this hop it would say NO_RECEIVED and NO_RELAYS."""
    gateway, backend, _ = site
    send(gateway, "From: a@example.org\nTo: b@example.com\nSubject: hop\n\nHello there.\n", "hop@example.com")
    copy = wait_for(lambda: backend.copies_of("hop@example.com"), 30, "the mail")[0]
    tests = copy.header("X-Spam-Status")
    assert "NO_RECEIVED" not in tests and "NO_RELAYS" not in tests


def test_killed_workers_cost_no_mail_in_the_end(site):
    gateway, backend, milter = site
    keeper = next(int(c) for c in children(milter.process.pid) if children(c))
    for worker in children(keeper):
        os.kill(int(worker), signal.SIGKILL)
    names = [f"after{n}@example.com" for n in range(5)]

    def accepted(name):
        try:
            return send(gateway, mime(b"clean"), name) == {}
        except smtplib.SMTPDataError as waits:
            assert waits.smtp_code == 451
            return False

    for name in names:
        wait_for(lambda name=name: accepted(name), 20, "the mail to be taken", every=0.2)
    for name in names:
        assert wait_for(lambda name=name: backend.copies_of(name), 20, "the mail")[0].header("X-Virus-Status") == "Clean"


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as found:
        return found.read().split()


def test_a_milter_that_is_down_makes_mail_wait(site):
    gateway, backend, milter = site
    milter.stop()
    with pytest.raises(smtplib.SMTPException):
        send(gateway, mime(b"clean"), "down@example.com")
    milter.start()
    os.chmod(gateway.sockets / "scan.sock", 0o666)
    milter.wait_until_well(20)
    assert send(gateway, mime(b"clean"), "down@example.com") == {}
    wait_for(lambda: backend.copies_of("down@example.com"), 20, "the mail")
