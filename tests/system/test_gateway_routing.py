"""Each recipient's copy to its own backend, behind a real Postfix wired by postfix-setup."""
import re

import pytest

from mailsite import MailSite, bucket, side
from processes import wait_for

FORGED = (("X-Cutover-Backend", "new"), ("Return-Path", "<x@outside.example>"), ("return-path", "<y@outside.example>"),
          ("x-cutover-backend", "standby\r\n\told"), ("X-Cutover-Backend", "old"))

TEN = {     # recipient -> the sink that gets it (None: waits), at weight 50
    "alice@example.com": "old", "Bob@Example.COM": "old",
    "user000@example.com": "new", "user000+list@example.com": "new",
    "pinned-new@example.com": "new", "pinned-old@example.com": "old", "by-lmtp@lmtp.example": "lmtp",
    "held@example.com": None, "own@example.org": "own", "any@example.org": "other"}


def make_site(folder, block, **how):
    """A site with a second domain whose new backend speaks LMTP on a socket in the queue directory."""
    site = MailSite(folder, block, states={"lmtp.example": {
        "old": "cutover-old-lmtp:unix:backends/old", "new": "cutover-new-lmtp:unix:backends/new", "weight": 100},
        "site.example": {"old": "site"}},
        user="nobody", backends_old=f"{block}.3", backends_new=f"{block}.4", **how)
    backends = site.gateway.queue / "backends"
    backends.mkdir(mode=0o755)
    site.lmtp = type(site.new)("new-by-lmtp", str(backends / "new"), lmtp=True).start()
    return site.start()


@pytest.fixture(scope="module")
def whole_site(module_folder):
    site = make_site(module_folder, "127.20.10", main={
        "default_destination_concurrency_failed_cohort_limit": "0",     # each message is tried, whatever befell the last
        "smtpd_recipient_restrictions": "permit_mynetworks, reject",
        "virtual_alias_maps": "inline:{{team@example.com="
                              "alice@example.com, user000@example.com, held@example.com, any@example.org}}"})
    yield site
    site.lmtp.stop()
    site.stop()


@pytest.fixture
def site(whole_site):
    whole_site.reset()
    whole_site.lmtp.be_good()
    whole_site.lmtp.forget()
    return whole_site


def sinks(site):
    return {"old": site.old, "new": site.new, "lmtp": site.lmtp, "own": site.own, "other": site.other}


def check_ten(site):
    """One message to ten recipients; each copy where it belongs, stamped as it should be."""
    site.set(weight=50)
    site.pin("pinned-new@example.com", "new")
    site.pin("pinned-old@example.com", "old note=wants to stay")
    site.pin("held@example.com", "hold")
    assert [bucket(f"{name}@example.com") for name in ("alice", "bob", "user000")] == [5319, 5374, 4649]
    assert not site.gateway.send(site.sender, TEN, "ten", headers=[("X-Other", "stays")])
    assert site.gateway.wait_for_delivery("held@example.com", "deferred")["dsn"] == "4.2.1"
    for name, sink in sinks(site).items():
        wanted = sorted(recipient for recipient, where in TEN.items() if where == name)
        copies = sink.wait_for(len(wanted))
        assert sorted(copy.recipient for copy in copies) == wanted
        for copy in copies:
            stamp = {"old": ["old"], "new": ["new"], "lmtp": ["new"]}.get(name, [])
            assert copy.headers("X-Cutover-Backend") == stamp
            assert copy.headers("X-Other") == ["stays"]
    wait_for(lambda: list(site.gateway.waiting()) == ["held@example.com"], 10, "one recipient waits")
    assert not site.gateway.log_lines("status=bounced")


def test_ten_recipients_of_one_message(site):
    check_ten(site)
    services = {r: site.gateway.wait_for_delivery(r, "sent")["service"]
                for r in ("alice@example.com", "user000@example.com", "by-lmtp@lmtp.example", "own@example.org")}
    assert list(services.values()) == ["cutover-old/smtp", "cutover-new/smtp", services["by-lmtp@lmtp.example"], "smtp"]
    assert re.fullmatch(r"cutover-new(-lmtp)?/lmtp", services["by-lmtp@lmtp.example"])


def test_ten_recipients_without_chroot(folder):
    site = make_site(folder, "127.20.11", chroot=False)
    try:
        assert not any(line.split()[4] == "y" for line in site.gateway.postconf("-M").splitlines())
        check_ten(site)
    finally:
        site.lmtp.stop()
        site.stop()


def test_forged_headers_are_replaced(site):
    site.set(weight=50)
    recipients = ["alice@example.com", "user000@example.com", "by-lmtp@lmtp.example", "own@example.org"]
    site.gateway.send(site.sender, recipients, headers=FORGED)
    for sink, stamp in ((site.old, "old"), (site.new, "new"), (site.lmtp, "new")):
        [copy] = sink.wait_for(1)
        assert copy.headers("X-Cutover-Backend") == [stamp]
        assert copy.headers("Return-Path") == []
    [copy] = site.own.wait_for(1)       # not ours to stamp or to clean
    assert copy.headers("X-Cutover-Backend") == ["new", "standby old", "old"]


BEFORE_THE_CONTENT = [
    ("rcpt", "550 5.1.1 no such user"), ("rcpt", "550 no such user"), ("rcpt", "551 5.1.6 moved"), ("rcpt", "554 5.7.1 go away"),
    ("rcpt", "550-5.1.1 no\r\n550 5.1.1 such user (in reply to end of DATA command)"), ("rcpt", "521 5.2.1 takes no mail"),
    ("connect", "554 5.7.1 blocked"), ("connect", "554 blocked"), ("connect", "521 no mail here"),
    ("helo", "550 5.7.1 your name"), ("helo", "504 no"), ("mail", "530 5.7.57 Client not authenticated to send mail"),
    ("mail", "550 192.0.2.1 is listed"), ("mail", "552 5.3.4 too big"), ("data", "554 5.5.1 no"), ("data", "550 no")]


@pytest.mark.parametrize("transport", ["smtp", "lmtp"])
def test_a_refusal_before_the_content_waits(site, transport):
    sink, domain = (site.new, "example.com") if transport == "smtp" else (site.lmtp, "lmtp.example")
    site.set(weight=100)
    recipients = [f"early{n}@{domain}" for n in range(len(BEFORE_THE_CONTENT))]
    for recipient, (phase, reply) in zip(recipients, BEFORE_THE_CONTENT):
        sink.be_good()
        sink.answer(phase, reply)
        site.gateway.send(site.sender, [recipient])
        [last] = wait_for(lambda: site.gateway.deliveries(recipient), 10, f"an attempt for {recipient}")
        assert last["status"] == "deferred" and last["dsn"].startswith("4."), (phase, reply, last)
        assert f" {reply[:3]}" in last["text"], (phase, reply, last)
    sink.be_good()
    site.gateway.wait_until_empty(flush=True)
    assert sink.recipients() == sorted(recipients) and not site.other.copies


def test_mail_larger_than_the_backends_size_bounces_at_once(site):
    """A property of the message, which no waiting mends."""
    site.set(weight=100)
    site.new.size_limit = 1000
    try:
        site.gateway.send(site.sender, ["user000@example.com"], body="Hello.\n" * 300)
        [bounce] = site.other.wait_for(1)
        assert bounce.sender == "" and site.gateway.wait_for_delivery("user000@example.com", "bounced")["dsn"] == "5.3.4"
    finally:
        site.new.size_limit = None


@pytest.mark.parametrize("reply", ["550 5.7.1 we think this is spam", "554 spam (in reply to RCPT TO command)"])
@pytest.mark.parametrize("transport", ["smtp", "lmtp"])
def test_refusal_after_data_bounces_at_once(site, transport, reply):
    sink, recipient = (site.new, "user000@example.com") if transport == "smtp" else (site.lmtp, "spam@lmtp.example")
    site.set(weight=100)
    sink.answer("body", reply)
    site.gateway.send(site.sender, [recipient], f"refused by {transport}")
    [bounce] = site.other.wait_for(1)
    assert bounce.sender == "" and bounce.recipient == site.sender
    assert site.gateway.wait_for_delivery(recipient, "bounced")["dsn"].startswith("5.")
    site.gateway.wait_until_empty()
    assert not sink.copies


def test_hold_and_release(site):
    site.pin("held@example.com", "hold")
    site.gateway.send("hold@outside.example", ["held@example.com", "alice@example.com"])
    site.old.wait_for(1)
    assert site.gateway.wait_for_delivery("held@example.com", "deferred")["dsn"] == "4.2.1"
    site.pin("held@example.com", "new")
    site.gateway.send(site.sender, ["alice@example.com"], "clears the queue manager's memory of its last answer")
    site.old.wait_for(2)
    site.gateway.flush()
    [copy] = site.new.wait_for(1)
    assert copy.recipient == "held@example.com"
    assert site.backend_of(copy) == "new"


def test_hold_at_smtp(site):
    """The client keeps a held recipient's mail; the others of the message go through."""
    site.pin("held@example.com", "hold")
    site.policyd.policyd_options["hold_at"] = "smtp"
    site.policyd.write_config()
    site.policyd.restart()
    try:
        refused = site.gateway.send(site.sender, ["held@example.com", "alice@example.com"])
        assert list(refused) == ["held@example.com"]
        code, text = refused["held@example.com"]
        assert code == 450 and b"4.2.1" in text
        assert [copy.recipient for copy in site.old.wait_for(1)] == ["alice@example.com"]
        assert "held@example.com" not in site.gateway.waiting()
    finally:
        del site.policyd.policyd_options["hold_at"]
        site.policyd.write_config()
        site.policyd.restart()


def test_aliases_are_routed_by_what_they_become(site):
    site.set(weight=50)
    site.pin("held@example.com", "hold")
    site.pin("team@example.com", "hold")        # the alias itself is nobody's mailbox
    site.gateway.send(site.sender, ["team@example.com"])
    assert [copy.recipient for copy in site.old.wait_for(1)] == ["alice@example.com"]
    assert [copy.recipient for copy in site.new.wait_for(1)] == ["user000@example.com"]
    assert [copy.recipient for copy in site.other.wait_for(1)] == ["any@example.org"]
    site.gateway.wait_for_waiting("held@example.com")
    wait_for(lambda: list(site.gateway.waiting()) == ["held@example.com"], 10, "one recipient waits")


def test_modes(site):
    for mode, sink in (("new", site.new), ("old", site.old)):
        site.set(mode=mode, weight=50)
        site.gateway.send(f"{mode}@outside.example", ["alice@example.com", "user000@example.com"])
        assert {copy.header("X-Cutover-Backend") for copy in sink.wait_for(2)} == {mode}
    site.set(mode="hold")
    site.gateway.send("hold@outside.example", ["bob@example.com"])
    assert site.gateway.wait_for_delivery("bob@example.com", "deferred")["dsn"] == "4.2.1"


def test_standby(site):
    site.set(standby=f"cutover-standby:[{site.address[6]}]:2525", mode="standby")
    site.gateway.send(site.sender, ["third@example.com"])
    [copy] = site.own.wait_for(1)
    assert site.backend_of(copy) == "standby"
    assert site.gateway.wait_for_delivery("third@example.com", "sent")["service"] == "cutover-standby/smtp"


def test_backend_in_mynetworks_meets_the_loop_guard(site):
    """The policy service stands before permit_mynetworks, so a backend's mail is seen too."""
    site.set(weight=50)
    assert side("user000@example.com", 50) == "new"
    refused = site.gateway.send(site.sender, ["user000@example.com", "alice@example.com"], source=site.address[4])
    assert list(refused) == ["user000@example.com"]
    code, text = refused["user000@example.com"]
    assert code // 100 == 4 and b"4.4.6" in text
    [copy] = site.old.wait_for(1)
    assert site.backend_of(copy) == "old"         
    refused = site.gateway.send(site.sender, ["alice@example.com"], source=site.address[3])
    assert refused["alice@example.com"][0] // 100 == 4
    site.set(inside="relay")
    assert not site.gateway.send("inside@outside.example", ["user000@example.com"], source=site.address[4])
    [copy] = site.new.wait_for(1)
    assert site.backend_of(copy) == "new"


def test_old_site_changes_nothing_but_what_moves(site):
    """The site's own maps and classes take what is on old, unstamped, the old backend's own mail too."""
    people = [f"person{n}@site.example" for n in range(10)]
    site.pin("pinned@site.example", "old")
    for weight, source in ((0, site.address[3]), (50, None), (0, None)):
        site.set("site.example", weight=weight)
        recipients = [*people, "pinned@site.example"]
        wanted = {r: side(r, weight) if r in people else "old" for r in recipients}
        assert not site.gateway.send(f"w{weight}{source}@outside.example", recipients, **({"source": source} if source else {}))
        for sink, name, stamp in ((site.other, "old", []), (site.new, "new", ["new"])):
            copies = sink.wait_for(sum(where == name for where in wanted.values()))
            assert {copy.recipient for copy in copies} == {r for r, where in wanted.items() if where == name}
            assert all(copy.headers("X-Cutover-Backend") == stamp for copy in copies)
            sink.forget()
        assert not site.old.copies


def test_only_the_queue_manager_asks(site):
    """smtpd never learns of the map, so it can't remember its answers."""
    assert "socketmap" not in site.gateway.postconf("-h", "transport_maps")
    assert site.gateway.postconf("-Ph", "qmgr/unix/rewrite_service_name").split()[-1] == "rewrite-cutover"


@pytest.mark.parametrize("weight", [0, 30, 70, 100])
def test_share_at_a_weight(site, weight):
    """Forty recipients in eight messages: each on the side that its bucket says."""
    site.set(weight=weight)
    recipients = [f"person{n}@example.com" for n in range(40)]
    wanted = {r: side(r, weight) for r in recipients}
    for first in range(0, 40, 5):
        site.gateway.send(f"share{weight}@outside.example", recipients[first:first + 5])
    for sink, name in ((site.old, "old"), (site.new, "new")):
        copies = sink.wait_for(sum(side == name for side in wanted.values()))
        assert {copy.recipient: copy.header("X-Cutover-Backend") for copy in copies} == {
            r: s for r, s in wanted.items() if s == name}
