"""authsite - postshift-auth with a DNS server of our own, keys, and messages signed with them."""
import contextlib
import pathlib
import subprocess
import sys
from unittest import mock

import dkim

from milter import Milter
from processes import ROOT

sys.path.insert(0, str(ROOT / "tests/fakes"))
from dns_server import DnsServer  # noqa: E402

AUTHSERV = "mx.example.net"

ZONE = """
# sender.example: SPF, DKIM and DMARC in order, policy reject
sender.example              TXT  v=spf1 ip4:192.0.2.1 include:_spf.sender.example -all
_spf.sender.example         TXT  v=spf1 ip4:192.0.2.2 -all
_dmarc.sender.example       TXT  v=DMARC1; p=reject; sp=quarantine
news.sender.example         A    192.0.2.1
out.sender.example          A    192.0.2.1
out.sender.example          TXT  v=spf1 a -all
# quiet.example: p=quarantine; bare.example: nothing at all; explains.example says why
quiet.example               A    192.0.2.9
_dmarc.quiet.example        TXT  v=DMARC1; p=quarantine
bare.example                A    192.0.2.9
explains.example            TXT  v=spf1 -all exp=why.explains.example
why.explains.example        TXT  %{i} is not one of 100%% ours
# DNS that fails
broken.example              MODE servfail
_dmarc.broken.example       MODE servfail
silent.example              MODE silent
_dmarc.silent.example       MODE silent
flaky.example               MODE TXT servfail
_dmarc.flaky.example        TXT  v=DMARC1; p=reject
_dmarc.brokendmarc.example  MODE servfail
brokendmarc.example         A    192.0.2.9
"""


class Keys:
    """An RSA key and the record that goes with it."""

    def __init__(self, folder, bits=2048):
        self.file = pathlib.Path(folder) / f"rsa{bits}.pem"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", self.file, str(bits)], check=True, stderr=subprocess.DEVNULL)
        public = subprocess.run(["openssl", "rsa", "-in", self.file, "-pubout", "-outform", "PEM"], check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        self.record = "v=DKIM1; k=rsa; p=" + "".join(l for l in public.splitlines() if not l.startswith("-"))

    def sign(self, fields, body, *, domain="sender.example", selector="s1", clock=None, **how):
        """The fields with a DKIM-Signature in front, made at that time."""
        text = "".join(f"{n}: {v}\r\n" for n, v in fields).encode() + b"\r\n" + body
        with mock.patch("time.time", lambda: clock) if clock else contextlib.nullcontext():
            signed = dkim.sign(text, selector.encode(), domain.encode(), self.file.read_bytes(),
                               canonicalize=(b"relaxed", b"relaxed"), **how).decode()
        name, _, value = signed.rstrip("\r\n").partition(": ")
        return [(name, value.replace("\r\n", "\n")), *fields]


class AuthSite:
    def __init__(self, folder, address, *, zone=ZONE, **options):
        self.keys = Keys(folder)
        self.zone = zone + f"s1._domainkey.sender.example TXT {self.keys.record}\n"
        self.dns = DnsServer(self.zone, address, 5353)
        self.milter = Milter(folder, "postshift-auth", address, options={
            "authserv_id": AUTHSERV, "trusted_networks": "203.0.113.0/24", **options},
            dns={"servers": f"{address}@5353", "timeout": "1s", "message_timeout": "3s"})

    def start(self):
        self.dns.start()
        self.milter.start()
        return self

    def stop(self):
        self.milter.stop()
        self.dns.stop()

    def send(self, fields, body=b"Hello.\r\n", *, client="192.0.2.1", helo="out.sender.example",
             sender="<a@sender.example>", name="out.sender.example", **how):
        return self.milter.send(fields, body, sender=sender,
                                connection={"client": client, "helo": helo, "name": name}, **how)


def results(answer):
    """Our Authentication-Results, unfolded: {method: [text, ...]}."""
    value = answer.field("Authentication-Results")
    parts = [" ".join(p.split()) for p in value.split(";")]
    found = {"id": parts[0]}
    for part in parts[1:]:
        found.setdefault(part.partition("=")[0], []).append(part.partition("=")[2])
    return found


def mail(header_from="a@sender.example", *more):
    return [("From", header_from), ("To", "b@example.net"), ("Subject", "test"), ("Date", "Tue, 24 Nov 2026 12:00:00 +0000"),
            ("Message-ID", "<1@sender.example>"), *more]
