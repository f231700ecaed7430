"""A dialog with backends, which never sends a message: a real Postfix, LMTP on a socket, and servers that misbehave.

tests/fakes/ask_backend holds one dialog by policyd/smtp/smtp_talk and tells what came of it.
"""
import hashlib
import json
import os
import pathlib
import socket
import ssl
import threading
import time

import pytest

from gateway import Gateway
from processes import BIN, run, wait_for
from sink import DROP, HANG, Sink

ASK = pathlib.Path(os.environ.get("POSTSHIFT_FAKES") or BIN.parent / "obj-plain/fakes") / "ask_backend"
BLOCK = "127.20.72"
NONE, RESOLVE, CONNECT, TIMEOUT, LOST, REFUSED, PROTOCOL, TLS, ADDRESS = range(9)

pytestmark = pytest.mark.skipif(not ASK.exists(), reason="ask_backend is not built with this sanitizer")


def ask(route, *words, timeout_ms=30000, **environment):
    """One dialog; words: the sender, then recipients."""
    return json.loads(run(ASK, route, timeout_ms, *words, environment=environment).stdout)


def make_certificate(folder, name):
    """Self-signed, for localhost; gives its file and the SHA-256 of it."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{BLOCK}.1", "-keyout", key, "-out", certificate)
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))
    return key, certificate, hashlib.sha256(der).hexdigest()


@pytest.fixture(scope="module")
def postfix(module_folder):
    gateway = Gateway(module_folder, f"{BLOCK}.1", chroot=False, main={
        "relay_recipient_maps": 'inline:{ {alice@example.com=x}, {"user with blank"@example.com=x} }',
        "message_size_limit": "1234567", "smtpd_tls_security_level": "may", "smtpd_peername_lookup": "no"})
    key, certificate, gateway.fingerprint = make_certificate(module_folder, "first")
    gateway.certificate = certificate
    gateway.set(smtpd_tls_key_file=key, smtpd_tls_cert_file=certificate)
    gateway.start()
    yield gateway
    gateway.stop()


def route_to(host, port):
    return f"cutover-new:[{host}]:{port}"


def test_postfix_is_asked_and_gets_no_message(postfix):
    found = ask(route_to(postfix.address, postfix.port), "sender@outside.example", "alice@example.com", "nobody@example.com",
                "user with blank@example.com")
    assert found["trouble"] == NONE and found["why"] == "", found
    assert found["host"] == f"{postfix.address}[{postfix.address}]:{postfix.port}"
    assert found["size"] == 1234567
    mail, alice, nobody, blank = found["answers"]
    assert mail == "250 2.1.0 Ok" and alice == blank == "250 2.1.5 Ok"
    assert nobody.startswith("550 5.1.1 <nobody@example.com>: Recipient address rejected")
    assert set(found["duration_us"]) == {"connect", "banner", "ehlo", "tls", "mail", "rcpt", "quit"}
    assert sum(found["duration_us"].values()) <= found["total_us"]
    assert postfix.queued() == [] and not postfix.log_lines("queue active")
    wait_for(lambda: postfix.log_lines("ehlo=2 starttls=1 mail=1 rcpt=2/3 quit=1 commands=7/8"), what="its own account of it")


def test_a_certificate_is_told_and_verified_where_the_store_knows_it(postfix):
    found = ask(route_to(postfix.address, postfix.port))["tls"]
    assert found["offered"] and found["in_use"] and not found["verified"], found
    assert "self" in found["why"]
    assert found["fingerprint"] == postfix.fingerprint
    assert found["version"] == "TLSv1.3"
    assert 29 * 86400 < found["not_after"] - time.time() < 31 * 86400
    store = {"SSL_CERT_FILE": str(postfix.certificate)}
    assert ask(route_to(postfix.address, postfix.port), **store)["tls"]["verified"]     # by its address
    other = Sink("plain", (f"{BLOCK}.2", 2525)).start()
    assert not ask(route_to(*other.address), **store)["tls"]["offered"]
    other.stop()


def test_another_certificate_has_another_fingerprint(postfix, folder):
    before = postfix.fingerprint
    key, certificate, fingerprint = make_certificate(folder, "second")
    postfix.set(smtpd_tls_key_file=key, smtpd_tls_cert_file=certificate)
    postfix.reload()
    found = ask(route_to(postfix.address, postfix.port))["tls"]
    assert found["fingerprint"] == fingerprint != before
    # The name in the store is another's.
    assert not ask(route_to(postfix.address, postfix.port), SSL_CERT_FILE=str(postfix.certificate))["tls"]["verified"]


@pytest.fixture
def sink():
    made = Sink("new", (f"{BLOCK}.3", 2525)).start()
    yield made
    made.stop()


def test_lmtp_on_a_unix_socket(folder):
    sink = Sink("mailboxes", folder / "lmtp", lmtp=True).start()
    sink.answer("rcpt", "550 5.1.1 no such mailbox", recipient="nobody@example.com")
    found = ask(f"cutover-old-lmtp:unix:{folder}/lmtp", "", "alice@example.com", "nobody@example.com")
    assert found["trouble"] == NONE and found["host"] == f"unix:{folder}/lmtp"
    assert found["answers"][1][:3] == "250" and found["answers"][2] == "550 5.1.1 no such mailbox"
    assert not sink.copies and not sink.unsure
    sink.stop()


@pytest.mark.parametrize("phase, reply, trouble, at", [
    ("connect", "421 4.3.2 too many connections", REFUSED, "banner"),
    ("connect", DROP, LOST, "banner"),
    ("connect", HANG, TIMEOUT, "banner"),
    ("helo", HANG, TIMEOUT, "ehlo"),
    ("mail", DROP, LOST, "mail"),
    ("rcpt", "421 4.7.0 go away", REFUSED, "rcpt"),
    ("rcpt", HANG, TIMEOUT, "rcpt"),
])
def test_how_it_ends_is_told(sink, phase, reply, trouble, at):
    sink.answer(phase, reply)
    found = ask(route_to(*sink.address), "", "alice@example.com", timeout_ms=500 if reply == HANG else 30000)
    assert (found["trouble"], found["phase"]) == (trouble, at), found
    assert found["why"]


def test_greylisting_is_an_answer(sink):
    sink.answer("rcpt", "450 4.2.0 greylisted, come again")
    found = ask(route_to(*sink.address), "", "alice@example.com")
    assert found["trouble"] == NONE and found["answers"][1] == "450 4.2.0 greylisted, come again"


def serve_octets(address, chunks):
    """A listener that pours out what `chunks` yields to each client, and counts what was taken."""
    listener = socket.create_server(address)
    taken = []

    def work():
        client, _ = listener.accept()
        with client:
            try:
                for chunk in chunks():
                    client.sendall(chunk)
                    taken.append(len(chunk))
            except OSError:
                pass

    threading.Thread(target=work, daemon=True).start()
    return listener, taken


def test_megabytes_are_not_taken():
    def chunks():
        yield b"220-"
        for _ in range(1000):
            yield b"x" * 65536

    listener, taken = serve_octets((f"{BLOCK}.4", 2525), chunks)
    found = ask(route_to(f"{BLOCK}.4", 2525))
    assert (found["trouble"], found["phase"]) == (PROTOCOL, "banner") and "too long" in found["why"]
    assert sum(taken) < 16 << 20    # what sockets hold, not what it would have said
    listener.close()


def test_octets_one_by_one_have_the_same_deadline():
    def chunks():
        while True:
            yield b"2"
            time.sleep(0.02)    # slower than the deadline, never silent
            yield b"20-x\r\n"

    listener, _ = serve_octets((f"{BLOCK}.5", 2525), chunks)
    found = ask(route_to(f"{BLOCK}.5", 2525), timeout_ms=600)
    assert (found["trouble"], found["phase"]) == (TIMEOUT, "banner"), found
    assert 500_000 <= found["total_us"] < 5_000_000
    listener.close()


def test_who_is_not_there_is_told(sink):
    sink.refuse()
    found = ask(route_to(*sink.address), "", "alice@example.com")
    assert (found["trouble"], found["phase"]) == (CONNECT, "connect") and "refused" in found["why"]
    # The next host of the route is asked instead.
    other = Sink("second", (f"{BLOCK}.6", 2525)).start()
    found = ask(f"{route_to(*sink.address)}, [{BLOCK}.6]:2525", "", "alice@example.com")
    assert found["trouble"] == NONE and found["host"].startswith(f"{BLOCK}.6[")
    other.stop()


@pytest.mark.parametrize("line, complaint", [
    ("probe_recipient = postshift-probe", None),
    ("probe_recipient = probe@example.com", None),
    ("probe_recipient = probe@exa mple.com", "[cutover] probe_recipient: the address has no valid domain"),
    ("probe_recipient = @example.com", "[cutover] probe_recipient: the address has no local part"),
    ("probe_sender = monitor@gw.example", None),
    ("probe_sender = monitor", "[cutover] probe_sender: the address has no local part or no domain"),
])
def test_addresses_of_probes_are_checked_in_the_file(folder, line, complaint):
    config = folder / "postshift.conf"
    config.write_text(f"[policyd]\ndomains = example.com\n[cutover]\n{line}\n", encoding="ascii")
    done = run(BIN / "postshift-cutover", "-t", "-c", config, check=False)
    assert done.returncode == (78 if complaint else 0), done.stderr
    assert not complaint or f"{config}:4: {complaint}" in done.stderr
