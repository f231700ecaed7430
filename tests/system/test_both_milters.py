"""Both milters on one Postfix: what a hostile header costs cleanup, and what arrives."""
import os
import smtplib
import time

import pytest

from authsite import AUTHSERV
from gateway import Gateway
from milter import Milter
from processes import wait_for
from signatures import make_folder
from sink import Sink

ADDRESS, BACKEND = "127.20.81.1", "127.20.63.2"
FORGED = {"Authentication-Results": f"{AUTHSERV}; dmarc=pass", "Received-SPF": f"pass (x) receiver={AUTHSERV}", "X-Virus-Status": "Clean",
          "X-Virus-Scanned": "yes"}


@pytest.fixture(scope="module")
def site(module_folder):
    how = "default_action=tempfail, connect_timeout=3s, content_timeout=120s"
    gateway = Gateway(module_folder, ADDRESS, main={
        "relay_transport": f"smtp:[{BACKEND}]:2525", "header_size_limit": "4000000", "smtpd_milters":
        f"{{ unix:postshift/auth.sock, {how} }} {{ unix:postshift/scan.sock, {how} }}"})
    gateway.sockets.mkdir(mode=0o755)
    backend = Sink("backend", (BACKEND, 2525)).start()
    make_folder(module_folder / "db")
    (module_folder / "temp").mkdir(mode=0o1777)
    auth = Milter(module_folder, "postshift-auth", ADDRESS, 8891, 9891, dns={"servers": f"{ADDRESS}@5353", "timeout": "100ms"}, options={
        "authserv_id": AUTHSERV, "trusted_networks": "", "listen": f"inet:{ADDRESS}:8891 unix:{gateway.sockets}/auth.sock"})
    scan = Milter(module_folder, "postshift-scan", ADDRESS, options={
        "databases": module_folder / "db", "temp": module_folder / "temp", "listen": f"inet:{ADDRESS}:8892 unix:{gateway.sockets}/scan.sock"})
    for milter in (auth, scan):
        milter.start()
    scan.wait_until_well(20)
    for name in ("auth", "scan"):
        os.chmod(gateway.sockets / f"{name}.sock", 0o666)
    gateway.start()
    yield gateway, backend
    gateway.stop()
    auth.stop()
    scan.stop()
    backend.stop()


def send(gateway, counts, recipient):
    fields = "".join(f"{name}: {FORGED[name]}\n" * count for name, count in counts.items())
    with gateway.session() as client:
        client.sendmail("a@example.org", [recipient], fields + "From: a@example.org\nSubject: x\n\nHello.\n")


@pytest.mark.parametrize("counts", [
    {"Authentication-Results": 490, "X-Virus-Status": 490}, {"Authentication-Results": 990}, {"X-Virus-Status": 990},
    {name: 240 for name in FORGED},
])
def test_up_to_a_thousand_are_taken_out(site, counts):
    """Almost: the auth milter's own fields count where the scan milter sees them."""
    gateway, backend = site
    recipient = f"u{sum(counts.values())}{len(counts)}{min(counts)}@example.com".lower()
    began = time.monotonic()
    send(gateway, counts, recipient)
    copy = wait_for(lambda: backend.copies_of(recipient), 20, "the copy")[0]
    assert time.monotonic() - began < 10
    for name in FORGED:
        assert FORGED[name] not in copy.headers(name) or name == "X-Virus-Status"
        assert len(copy.headers(name)) <= (2 if name == "Received-SPF" else 1)


@pytest.mark.parametrize("counts", [
    {"Authentication-Results": 600, "X-Virus-Status": 600}, {"Authentication-Results": 1100}, {"X-Virus-Status": 1100},
    {"X-Virus-Status": 11000}, {"Authentication-Results": 6000, "X-Virus-Status": 6000}, {name: 300 for name in FORGED},
])
def test_more_are_refused_for_good_and_cleanup_lives(site, counts):
    gateway, backend = site
    began = time.monotonic()
    with pytest.raises(smtplib.SMTPDataError) as error:
        send(gateway, counts, "nobody@example.com")
    assert (error.value.smtp_code, error.value.smtp_error[:5]) == (550, b"5.7.1")
    send(gateway, {}, "after@example.com")
    assert wait_for(lambda: backend.copies_of("after@example.com"), 20, "the next mail")
    assert time.monotonic() - began < 10
    assert not gateway.log_lines("panic") and not gateway.log_lines("throttling")
