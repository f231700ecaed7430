"""postshiftctl preflight on a gateway that is ready, and on one that is not: real Postfix, Redis, DNS, two backends."""
import http.server
import json
import os
import pty
import re
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time

import pytest

from cutover import Cutover
from mailsite import MailSite, bucket
from processes import BIN, ROOT, run, wait_for

sys.path.insert(0, str(ROOT / "tests/fakes"))
from dns_server import DnsServer    # noqa: E402

CTL = BIN / "postshiftctl"
BLOCK = "127.20.90"
PROBE = "probe@example.com"
ZONE = {
    "mx": "example.com MX 10 gw.example.net",
    "gateway": "gw.example.net A 192.0.2.1",
    "spf": "example.com TXT v=spf1 ip4:192.0.2.10 ip4:192.0.2.20 -all",
    "dmarc": "_dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:dmarc@example.com",
    "ptr old": "10.2.0.192.in-addr.arpa PTR out.example.com",
    "ptr new": "20.2.0.192.in-addr.arpa PTR out.example.com",
    "out": "out.example.com A 192.0.2.10",
    "out new": "out.example.com A 192.0.2.20",
    "ns": "example.com NS ns.example.net",
    "ns address": f"ns.example.net A {BLOCK}.11",
    "soa": "example.com SOA ns.example.net hostmaster.example.com 7",
}


class Site(MailSite):
    """Ready: what blocks passes."""

    def start(self):
        super().start()
        self.dns = DnsServer(self.zone(), f"{BLOCK}.9").start()
        self.server = DnsServer(self.zone(), f"{BLOCK}.11", 53).start()     # the zone's own
        self.write()
        return self

    def stop(self):
        self.dns.stop()
        self.server.stop()
        super().stop()

    @staticmethod
    def zone(**other):
        """The zone with lines replaced; None takes one out."""
        lines = {**ZONE, **{key.replace("_", " "): text for key, text in other.items()}}
        return "\n".join(line for line in lines.values() if line)

    def write(self, **ctl):
        """The configuration file with what preflight wants to know."""
        self.policyd.write_config()
        (self.folder / "addresses").write_text("bob@example.com\n")      # does not move at 30
        keys = {"addresses": self.folder / "addresses", "gateways": "gw.example.net", "outbound_old": "192.0.2.10", "outbound_new": "192.0.2.20",
                "preflight_pause": "50ms", "postfix": self.gateway.etc, **ctl}
        with open(self.policyd.config, "a", encoding="utf-8") as file:
            file.write(f"[dns]\nservers = {self.dns.address}\n[cutover]\nprobe_recipient = probe\n[ctl]\n")
            file.writelines(f"{key} = {value}\n" for key, value in keys.items() if value is not None)

    def ready(self):
        self.reset()
        self.dns.load(self.zone())
        self.server.load(self.zone())
        self.write()
        self.redis.command("DEL", "cutover:preflight:example.com")
        for sink in (self.old, self.new):
            sink.answer("rcpt", "550 5.1.1 no such user")
            sink.answer("rcpt", None, recipient=PROBE)


class Look:
    def __init__(self, site, *words, domain="example.com"):
        done = run(CTL, "-c", site.policyd.config, "preflight", domain, "--json", *words, check=False, seconds=100)
        assert done.stdout, done.stderr
        self.code, self.document = done.returncode, json.loads(done.stdout)
        self.checks = {check["name"]: check for check in self.document["checks"]}
        self.results = {name: check["result"] for name, check in self.checks.items()}


def look_at(site, name):
    found = Look(site, "--only", name)
    assert list(found.checks) == [name]
    return found.results[name], found.checks[name]["found"], found.code


@pytest.fixture(scope="module", name="whole_site")
def made(module_folder):
    site = Site(module_folder, BLOCK, save=True).start()
    yield site
    site.stop()


@pytest.fixture
def site(whole_site):
    whole_site.ready()
    return whole_site


def test_a_gateway_that_is_ready_within_ten_seconds(site):
    before = time.monotonic()
    found = Look(site)
    took = time.monotonic() - before
    blocking = {name: check for name, check in found.checks.items() if check["blocks"]}
    bad = {name: check["found"] for name, check in blocking.items() if check["result"] != "pass"}
    assert not bad and found.code == 0 and found.document["blocking"] == 0, bad
    assert took < 10, took
    assert all(check[key] for check in found.checks.values() for key in ("name", "group", "result", "found", "why", "do"))
    assert "MX 10 gw.example.net: a gateway" in found.checks["mx-gateways"]["found"]
    assert "old" in found.checks["probe"]["found"] and "new" in found.checks["probe"]["found"]
    printed = run(CTL, "-c", site.policyd.config, "preflight", "example.com").stdout
    assert re.search(r"^blocking 0, warnings \d+, unknown \d+$", printed, re.M), printed
    assert max(map(len, printed.splitlines())) <= 100


@pytest.mark.parametrize("name, zone, result, text", [
    ("mx-gateways", {"mx": "example.com MX 10 elsewhere.example.org"}, "fail", "no gateway"),
    ("mx-gateways", {"mx": "example.com MODE servfail"}, "unknown", "no answer, servfail"),
    ("mx-target", {"gateway": None}, "fail", "has no address"),
    ("spf-outbound", {"spf": "example.com TXT v=spf1 ip4:192.0.2.10 -all"}, "fail", "new 192.0.2.20, IPv4: does not pass"),
    ("spf-outbound", {"spf": "example.com MODE TXT servfail"}, "unknown", "asked 3 times"),
    ("dmarc-record", {"dmarc": None}, "fail", "there is none"),
    ("ptr", {"ptr_new": None}, "fail", "192.0.2.20"),
])
def test_what_dns_says(site, name, zone, result, text):
    site.dns.load(site.zone(**zone))
    found, said, code = look_at(site, name)
    assert found == result and text in said, said
    blocks = name in ("mx-gateways", "mx-target", "spf-outbound")
    assert code == (1 if blocks else 0)


def test_name_servers_one_by_one(site):
    result, said, code = look_at(site, "ns-agree")
    assert (result, code) == ("pass", 0) and f"ns.example.net, IPv4 {BLOCK}.11: serial 7" in said, said
    site.server.load(site.zone(soa=None))
    result, said, code = look_at(site, "ns-agree")
    assert (result, code) == ("fail", 0) and "does not have the zone" in said, said
    site.server.load(site.zone(soa="example.com MODE SOA silent"))
    result, said, _ = look_at(site, "ns-agree")
    assert result == "unknown" and "no answer, timeout" in said, said


class Policy:
    """A web server with one document, and a certificate that SSL_CERT_FILE trusts."""

    def __init__(self, folder, address, name):
        self.certificate = folder / "mta-sts.pem"
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
            "-keyout", folder / "mta-sts.key", "-out", self.certificate)
        policy = self
        self.text, self.status, self.asked = "", 200, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                policy.asked.append((self.headers["Host"], self.path))
                self.send_response(policy.status)
                self.end_headers()
                self.wfile.write(policy.text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, folder / "mta-sts.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_mta_sts_over_https(site, folder, monkeypatch):
    assert look_at(site, "mta-sts")[0] == "pass"
    announced = site.zone() + f"\n_mta-sts.example.com TXT v=STSv1; id=1\nmta-sts.example.com A {BLOCK}.12"
    site.dns.load(announced)
    assert look_at(site, "mta-sts")[0] == "unknown"                     # nobody listens
    policy = Policy(folder, f"{BLOCK}.12", "mta-sts.example.com")
    try:
        result, said, _ = look_at(site, "mta-sts")
        assert result == "unknown" and "certificate" in said, said      # of nobody known
        monkeypatch.setenv("SSL_CERT_FILE", str(policy.certificate))
        policy.text = "version: STSv1\r\nmode: enforce\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
        result, said, code = look_at(site, "mta-sts")
        assert (result, code) == ("pass", 0) and "gw.example.net: named" in said, said
        assert policy.asked[-1] == ("mta-sts.example.com", "/.well-known/mta-sts.txt")
        policy.text = policy.text.replace("*.example.net", "mx.example.com")
        result, said, _ = look_at(site, "mta-sts")
        assert result == "fail" and "gw.example.net: not named: senders don't deliver to it" in said, said
        policy.status = 404
        assert look_at(site, "mta-sts")[0] == "fail"
    finally:
        policy.stop()


def test_backends_that_are_not_ready(site):
    site.new.be_good()
    result, said, code = look_at(site, "probe")
    assert result == "fail" and "a catch-all" in said and code == 1
    site.new.answer("rcpt", "550 5.1.1 no such user")
    result, said, _ = look_at(site, "probe")
    assert result == "fail" and f"{PROBE}: 550" in said
    site.new.be_good()
    site.new.answer("rcpt", "450 4.2.0 greylisted")
    result, said, code = look_at(site, "probe")
    assert result == "unknown" and "asked 3 times" in said and code == 1


def test_turned_away_is_not_known(site):
    site.new.answer("connect", "421 4.3.2 later")
    for name in ("probe", "tls", "extensions", "size"):
        result, said, _ = look_at(site, name)
        assert result == ("fail" if name == "tls" else "unknown") and "421" in said, (name, said)
    site.new.be_good()
    site.new.answer("mail", "550 5.7.1 no null sender here")
    result, said, _ = look_at(site, "callout")
    assert result == "fail" and "no null sender here" in said
    assert look_at(site, "probe")[0] == "unknown"


def test_one_connection_a_second(site):
    site.redis.set_domain("example.com", new=f"cutover-new:[{BLOCK}.4]:{site.new.address[1]}, [{BLOCK}.4]:{site.new.address[1]}")
    before, started = site.new.connections, time.monotonic()
    Look(site, "--only", "callout")
    assert site.new.connections - before == 2 and time.monotonic() - started >= 1
    site.set(new=site.new_route)


def test_who_moves_next(site, folder):
    """Without a plan the next stage after 0 is 30."""
    people = [f"user{number:03d}@example.com" for number in range(40)]
    movers = [person for person in people if bucket(person) < 3000]
    assert look_at(site, "movers")[:2] == ("pass", "nobody of 1 addresses moves with the next stage")
    site.write(addresses=None)
    assert look_at(site, "movers")[0] == "skipped"
    addresses = folder / "addresses"
    addresses.write_text("# all\n" + "\n".join(people) + "\nwho@elsewhere.example\n")
    site.write(addresses=addresses)
    for person in movers:
        site.new.answer("rcpt", None, recipient=person)
    before, started = site.new.connections, time.monotonic()
    result, said, code = look_at(site, "movers")
    assert (result, code) == ("pass", 0) and f"new takes {len(movers)} of {len(movers)}" in said, said
    groups = -(-len(movers) // 5)
    assert site.new.connections - before == 1 + groups and time.monotonic() - started >= 1 + groups
    Look(site, "--only", "movers", "--save")
    before = site.new.connections
    site.new.answer("rcpt", "550 5.1.1 gone", recipient=movers[0])
    result, said, _ = look_at(site, "movers")
    assert result == "pass" and f"{len(movers)} of them were taken within 12 hours" in said and site.new.connections - before == 1, said
    site.redis.command("DEL", *site.redis.command("KEYS", "cutover:movers:*"))
    site.new.answer("rcpt", None, recipient=movers[0])
    site.new.answer("rcpt", "550 5.1.1 not yet", recipient=movers[1])
    site.pin(movers[2], "new")                              # is there already
    result, said, code = look_at(site, "movers")
    assert (result, code) == ("fail", 1) and f"{movers[1]}: 550 5.1.1 not yet" in said
    assert f"new takes {len(movers) - 2} of {len(movers) - 1}" in said
    site.new.answer("rcpt", "421 4.7.0 too many", recipient=movers[0])
    result, said, _ = look_at(site, "movers")
    assert result == "unknown" and "have no answer: 421 4.7.0 too many" in said, said
    site.write(addresses=folder / "none")
    assert look_at(site, "movers")[0] == "unknown"


def test_sizes(site):
    site.new.size_limit = 1000
    try:
        result, said, _ = look_at(site, "size")
        assert result == "fail" and "SIZE 1000, message_size_limit is 10240000" in said
    finally:
        site.new.size_limit = None
    assert look_at(site, "size")[0] == "pass"


def test_sessions_only_when_asked_for(site):
    assert "sessions" not in Look(site, "--group", "backends").results
    before = site.new.connections
    found = Look(site, "--group", "backends", "--load")
    assert found.results["sessions"] == "pass" and site.new.connections - before >= 21
    site.new.answer("connect", "421 4.7.0 too many", times=None)
    assert look_at(site, "sessions")[0] == "fail"


def test_postfix_that_is_not_wired(site):
    while site.marked:          # the domain that tells of changes is on old again
        site.settled()
    site.setup("--off")
    try:
        found = Look(site, "--group", "postfix")
        assert found.results["route-first"] == "fail" and found.results["services"] == "pass" and found.code == 1
        site.setup("--remove")
        found = Look(site, "--group", "postfix")
        assert {found.results[name] for name in ("route-first", "services", "no-bounce", "tls-log")} == {"fail"}
        site.write(postfix="/nowhere")
        found = Look(site, "--group", "postfix")
        assert {result for name, result in found.results.items() if name not in ("size", "source-address")} == {"unknown"}
    finally:
        site.write()
        site.setup("--apply")


def test_recipients_and_the_log(site, folder):
    assert look_at(site, "log")[0] == "unknown", "there is no controller"
    site.redis.command("HSET", f"cutover:gateway:{socket.gethostname()}", "log_time", str(int(time.time())))
    try:
        assert look_at(site, "log")[0] == "pass"
    finally:
        site.redis.command("DEL", f"cutover:gateway:{socket.gethostname()}")
    (folder / "addresses").write_text("alice@example.com\nbob@example.com\n")
    site.write(addresses=folder / "addresses")
    main = (site.gateway.etc / "main.cf").read_bytes()
    try:
        run("postconf", "-c", site.gateway.etc, "-e", "relay_recipient_maps=inline:{alice@example.com=x}")
        result, said, code = look_at(site, "recipients")
        assert (result, code) == ("fail", 0) and "bob@example.com: is refused here" in said and "alice@example.com" not in said
        run("postconf", "-c", site.gateway.etc, "-e", "relay_recipient_maps=inline:{@example.com=x}")
        assert look_at(site, "recipients")[0] == "pass"
        run("postconf", "-c", site.gateway.etc, "-e", "relay_recipient_maps=")
        result, said, _ = look_at(site, "recipients")
        assert result == "fail" and "anybody is taken" in said
    finally:
        (site.gateway.etc / "main.cf").write_bytes(main)
        site.gateway.age_files()
        site.gateway.reload()


def test_what_postfix_does_before_it_routes(site, folder):
    (folder / "addresses").write_text("alice@example.com\nbob@example.com\n")
    site.write(addresses=folder / "addresses")
    main = (site.gateway.etc / "main.cf").read_bytes()
    try:
        assert {name: look_at(site, name)[0] for name in ("milters", "content-filter", "aliases", "third-systems")} == \
            {"milters": "pass", "content-filter": "pass", "aliases": "pass", "third-systems": "pass"}
        run("postconf", "-c", site.gateway.etc, "-e", "smtpd_milters={inet:127.0.0.1:9, default_action=accept}", "content_filter=smtp:[127.0.0.1]:9",
            "virtual_alias_maps=inline:{alice@example.com=alice@old.internal}", "transport_maps=inline:{bob@example.com=relay:[127.0.0.1]:9}")
        result, said, code = look_at(site, "milters")
        assert (result, code) == ("fail", 0) and "unlooked at while it is away" in said, said
        result, said, _ = look_at(site, "content-filter")
        assert result == "fail" and "filtered again" in said, said
        result, said, _ = look_at(site, "aliases")
        assert result == "fail" and "alice@example.com becomes alice@old.internal" in said, said
        result, said, _ = look_at(site, "third-systems")
        assert result == "pass" and "bob@example.com: inline:{bob@example.com=relay:[127.0.0.1]:9} is asked first: it stays" in said, said
        run("postconf", "-c", site.gateway.etc, "-e", "smtp_bind_address=192.0.2.77")
        result, said, _ = look_at(site, "source-address")
        assert result == "fail" and "bind address 192.0.2.77: this host does not have it" in said, said
        run("postconf", "-c", site.gateway.etc, "-e", f"smtp_bind_address={BLOCK}.13")
        result, said, _ = look_at(site, "source-address")
        assert result == "pass" and f"takes us from {BLOCK}.13" in said, said
    finally:
        (site.gateway.etc / "main.cf").write_bytes(main)
        site.gateway.age_files()
        site.gateway.reload()


def test_new_judges_our_address(site):
    assert look_at(site, "judges-us")[0] == "skipped"
    site.write(foreign_sender="who@elsewhere.example")
    result, said, _ = look_at(site, "judges-us")
    assert result == "pass" and "mail from who@elsewhere.example: 250" in said, said
    site.new.answer("rcpt", "451 4.7.1 Greylisted, come back", recipient=PROBE)
    site.new.answer("rcpt", None, recipient=PROBE, times=1)             # the null sender's
    result, said, code = look_at(site, "judges-us")
    assert (result, code) == ("fail", 0) and "greylisting" in said, said


def test_what_the_sites_files_say(site, folder):
    assert {name: look_at(site, name)[0] for name in ("units", "quota", "forwards", "loop", "arrival")} == \
        dict.fromkeys(("units", "quota", "forwards", "loop", "arrival"), "skipped")
    moves = next(f"user{number}@example.com" for number in range(99) if bucket(f"user{number}@example.com") < 3000)
    (folder / "aliases").write_text(f"# of one person\nbob: {moves}\nteam: {moves}, bob\n")
    (folder / "usage").write_text("alice@example.com 2G\nbob 10M\n")
    (folder / "quota").write_text("alice@example.com 1G\nbob@example.com 0\n")
    (folder / "exported").write_text("forwards 2026-11-20 alice\nfilters 2026-11-21\n")
    site.write(aliases=folder / "aliases", usage_old=folder / "usage", quota_new=folder / "quota", exported=folder / "exported")
    result, said, _ = look_at(site, "units")
    assert result == "fail" and f"bob@example.com goes to old, {moves} to new" in said, said
    result, said, _ = look_at(site, "quota")
    assert result == "fail" and "alice@example.com: uses 2048 MiB on old, has room for 1024 MiB on new" in said and "1 of 2 mailboxes fit" in said
    result, said, _ = look_at(site, "forwards")
    assert result == "fail" and "aliases: nobody says" in said, said
    site.redis.command("SET", "cutover:unit:bob@example.com", moves)
    assert look_at(site, "units")[0] == "pass"
    site.redis.command("DEL", "cutover:unit:bob@example.com")
    site.write(aliases=folder / "none", exported=folder / "none")
    assert look_at(site, "units")[0] == look_at(site, "forwards")[0] == "unknown"


class Mailbox:
    """IMAP enough for a login and a search, over what a sink has got."""

    def __init__(self, address, sink):
        self.sink, self.logins = sink, []
        box = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"* OK ready\r\n")
                for line in self.rfile:
                    tag, _, rest = line.decode().strip().partition(" ")
                    verb = rest.split(" ")[0].upper()
                    said = {"CAPABILITY": "* CAPABILITY IMAP4rev1\r\n", "SEARCH": box.search(rest)}.get(verb, "")
                    good = "OK"
                    if verb == "LOGIN":
                        box.logins.append(rest)
                        good = "OK" if rest.endswith(("secret", '"secret"')) else "NO"
                    self.wfile.write(f"{said}{tag} {good} done\r\n".encode())
                    if verb == "LOGOUT":
                        return

        self.server = socketserver.ThreadingTCPServer(address, Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def search(self, command):
        wanted = command.rpartition(" ")[2].strip('"')
        there = any(copy.header("Message-ID") == wanted for copy in self.sink.copies)
        return "* SEARCH 1\r\n" if there else "* SEARCH\r\n"


def test_a_test_mail_arrives(site, folder):
    box = Mailbox((f"{BLOCK}.14", 0), site.new)
    (folder / "password").write_text("secret\n")
    site.pin(PROBE, "new")
    keys = {"arrival": f"imap://{BLOCK}.14:{box.server.server_address[1]}", "arrival_address": PROBE, "arrival_user": "probe",
            "arrival_password_file": folder / "password"}
    try:
        site.write(**keys)
        result, said, code = look_at(site, "arrival")
        assert (result, code) == ("pass", 0) and "was seen after" in said, said
        assert [copy.header("Subject") for copy in site.new.copies_of(PROBE)] == ["preflight test"]
        (folder / "password").write_text("wrong\n")
        result, said, _ = look_at(site, "arrival")
        assert result == "unknown" and len(site.new.copies_of(PROBE)) == 1, said    # nothing is sent for nothing
    finally:
        box.server.shutdown()
        box.server.server_close()
        site.new.forget()


def test_people_and_state(site):
    site.redis.command("HDEL", "cutover:domain:example.com", "inside")
    assert look_at(site, "inside")[0] == "fail"
    site.set(inside="accept")
    assert look_at(site, "drill")[0] == "fail"
    site.redis.command("XADD", "cutover:events", "*", "time", str(int(time.time()) - 86400), "domain", "example.com",
                       "what", "rollback", "from", "10", "to", "0")
    assert look_at(site, "drill")[0] == "pass"
    site.redis.command("SET", "cutover:pin:alice@example.com", "new until=2020-01-01T00:00:00Z")
    result, said, _ = look_at(site, "pins")
    assert result == "fail" and "alice@example.com: has expired" in said
    site.pin("alice@example.com", "new")
    site.redis.command("SET", "cutover:unit:alice@example.com", "family@example.com")
    result, said, _ = look_at(site, "pins")
    assert result == "fail" and "alice@example.com: is pinned alone, its unit family@example.com is not" in said, said
    site.redis.command("DEL", "cutover:unit:alice@example.com")
    site.redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        assert look_at(site, "redis")[0] == "fail"
    finally:
        site.redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    now = int(time.time())
    site.redis.command("HSET", "cutover:gateway:one", "digest", "00ff", "time", str(now))
    site.redis.command("HSET", "cutover:gateway:two", "digest", "00fe", "time", str(now))
    try:
        assert look_at(site, "replicas")[0] == "fail"
        site.redis.command("HSET", "cutover:gateway:two", "digest", "00ff")
        assert look_at(site, "replicas")[0] == "pass"
        site.redis.command("HSET", "cutover:gateway:two", "time", str(now - 100))
        assert look_at(site, "replicas")[0] == "unknown"
    finally:
        site.redis.command("DEL", "cutover:gateway:one", "cutover:gateway:two")


def test_policyd_silent(site):
    site.policyd.pause()
    try:
        result, _, code = look_at(site, "vectors")
        assert result == "unknown" and code == 1
    finally:
        site.policyd.resume()
    assert look_at(site, "vectors")[0] in ("pass", "fail")      # 5 ms on a busy machine


def test_a_controller_looks_by_itself(site, folder):
    """All that blocks is looked at by the controller's own child, and the plan's gate says yes."""
    made = Cutover(folder, f"{BLOCK}.15", redis=site.redis, domains="example.com")
    lines = {**made.options, "log": site.gateway.log, "preflight": "yes", "probe_interval": "1s"}
    text = site.policyd.config.read_text().replace("[cutover]\n", "[cutover]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None))
    made.config.write_text(text)
    site.new.answer("rcpt", None, recipient="bob@example.com")          # who moves at 70
    made.start()
    try:
        site.redis.command("HSET", "cutover:plan:example.com", "state", "waiting", "rev", str(int(time.time())), "stages", "30 70 100", "stays", "600s 600s 600s")

        def gate():
            plans = json.loads(made.page("/status.json")[1])["plans"]
            return next((gate for plan in plans for gate in plan["gates"] if gate["name"] == "preflight"), {"answer": None, "text": ""})

        def is_good():
            if gate()["text"].startswith("vectors fail"):               # 5 ms on a busy machine
                site.redis.command("DEL", "cutover:preflight:example.com")
            return gate()["answer"] == "yes"
        wait_for(is_good, 60, "the preflight is good", every=0.5)
        assert "nothing blocks, looked at at " in gate()["text"]
        kept = site.redis.command("HGETALL", "cutover:preflight:example.com")
        kept = dict(zip(kept[::2], kept[1::2]))
        assert {name for name, result in kept.items() if result in ("fail", "unknown")} <= \
            {"log", "drill", "replicas", "clocks", "recipients", "spf-record", "lifetime", "null-lifetime", "tls", "ptr"} | {"loop"}, kept
        assert kept["all_time"] == kept["blocking_time"] == kept["time"]
    finally:
        made.stop()
        site.redis.command("DEL", "cutover:plan:example.com", "cutover:gateway:gw1", "cutover:gateways")


def test_kept_results_hold_a_weight_up(site):
    def ctl(*words):
        return run(CTL, "-c", site.policyd.config, *words, check=False)
    assert ctl("set", "example.com", "weight=1").returncode == 0
    assert ctl("preflight", "example.com", "--only", "inside", "--save").returncode == 0
    assert ctl("set", "example.com", "weight=2").returncode == 0
    site.dns.load(site.zone(mx="example.com MX 10 elsewhere.example.org"))
    done = ctl("preflight", "example.com", "--group", "dns", "--diff")
    assert done.returncode == 1 and "mx-gateways: none -> fail" in done.stdout, done.stdout
    assert ctl("preflight", "example.com", "--group", "dns", "--save").returncode == 1
    done = ctl("preflight", "example.com", "--group", "dns", "--diff")
    assert done.returncode == 0 and "nothing has changed" in done.stdout
    refused = ctl("set", "example.com", "weight=30")
    assert refused.returncode == 4 and "mx-gateways" in refused.stderr, refused.stderr
    assert ctl("set", "example.com", "weight=1").returncode == 0, "lowering is never refused"
    assert ctl("set", "example.com", "weight=30", "--force").returncode == 0
    events = json.loads(ctl("events", "--json", "--limit", "3").stdout)
    assert "mx-gateways" in json.dumps(events)
    site.dns.load(site.zone(mx="example.com MODE servfail"))
    assert ctl("preflight", "example.com", "--only", "mx-gateways", "--save").returncode == 1
    refused = ctl("set", "example.com", "weight=40")
    assert refused.returncode == 4, "what can't be asked holds up as well"
    site.dns.load(site.zone())
    assert ctl("preflight", "example.com", "--group", "dns", "--save").returncode == 0
    assert ctl("set", "example.com", "weight=40").returncode == 0


def test_interrupted_on_a_terminal(site):
    """What it waits for is shown there; after Ctrl-C the line is gone and nothing is kept."""
    site.new.answer("connect", "HANG")
    master, slave = pty.openpty()
    popen = subprocess.Popen([CTL, "-c", site.policyd.config, "preflight", "example.com", "--save"], stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    shown = b""
    try:
        while b"backends ..." not in shown:
            shown += os.read(master, 4096)
        popen.send_signal(signal.SIGINT)
        assert popen.wait(5) == -signal.SIGINT
        while not shown.endswith(b"\r\x1b[K"):
            shown += os.read(master, 4096)
    finally:
        popen.kill()
        popen.wait()
        os.close(master)
        site.new.be_good()
    assert b"example.com: DNS ..." in shown and not site.redis.command("EXISTS", "cutover:preflight:example.com")


def test_all_domains(site):
    site.dns.load(site.zone(spf=None))
    done = run(CTL, "-c", site.policyd.config, "preflight", "--group", "dns", check=False)
    count = len(site.states)
    assert done.stdout.splitlines()[-1] == f"complete: 0 of {count} (0 %)"
    site.dns.load(site.zone())
    done = run(CTL, "-c", site.policyd.config, "preflight", "--group", "dns", check=False)
    assert done.stdout.splitlines()[-1] == f"complete: 1 of {count} ({100 // count} %)", done.stdout
    assert done.returncode == 1
    found = json.loads(run(CTL, "-c", site.policyd.config, "preflight", "--group", "dns", "--json", check=False).stdout)
    assert (found["complete"], found["of"]) == (1, count)
    assert [domain["domain"] for domain in found["domains"]] == list(site.states)


def test_usage(site):
    for words in (("--only", "mx"), ("--group", "mail"), ("a", "b")):
        assert run(CTL, "-c", site.policyd.config, "preflight", *words, check=False).returncode == 2


def test_the_list_the_manual_and_the_completion_agree():
    listed = json.loads(run(CTL, "preflight", "--list", "--json").stdout)["checks"]
    names = [check["name"] for check in listed]
    printed = [line.split()[0] for line in run(CTL, "preflight", "--list").stdout.splitlines()[1:] if not line.startswith(" ")]
    assert printed == names and len(set(names)) == len(names)
    manual = (ROOT / "policyd/ctl/postshiftctl.1").read_text(encoding="utf-8")
    rows = re.findall(r'^\.BR ([a-z\\-]+)( " !")?\n(.*)\.$', manual.partition("The preflight checks")[2].partition("\n.RE\n")[0], re.M)
    assert [(name.replace("\\-", "-"), bool(mark), looks.replace("\\-", "-")) for name, mark, looks in rows] == \
        [(check["name"], check["blocks"], check["looks"]) for check in listed]
    offered = run(CTL, "complete", "--", "preflight", "--only", "").stdout.splitlines()
    assert [line.partition("\t")[0] for line in offered] == names


def test_all_dead_within_45_seconds(site):
    """A DNS server and a backend that say nothing at all."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind((f"{BLOCK}.10", 0))
    site.new.answer("connect", "HANG")
    site.write(preflight_pause="15s")
    text = site.policyd.config.read_text().replace(site.dns.address, f"{BLOCK}.10@{silent.getsockname()[1]}")
    site.policyd.config.write_text(text)
    before = time.monotonic()
    found = Look(site)
    took = time.monotonic() - before
    silent.close()
    assert took < 45 and found.code == 1, took
    assert {found.results[name] for name in ("mx-gateways", "spf-record", "dmarc-record", "probe")} == {"unknown"}
    assert "asked 3 times over" in found.checks["probe"]["found"]
    assert found.results["route-first"] == "pass"
