"""dmarc_enforce and spf_reject under attack: the attacker owns evil.example and its DNS, and sends as victim.example."""
import base64
import time

import dkim
import pytest

from authsite import AuthSite, results

ADDRESS = "127.20.47.1"
VICTIM, EVIL = "ceo@victim.example", "a@evil.example"
ADDRESSES = "\n".join(f"fat.evil.example A 10.0.{n // 250}.{n % 250}" for n in range(990))
ZONE = f"""
victim.example                 TXT  v=spf1 ip4:192.0.2.1 include:lame.victim.example -all
_dmarc.victim.example          TXT  v=DMARC1; p=reject
mail.victim.example            A    192.0.2.1
lame.victim.example            MODE servfail
_dmarc.lame.victim.example     MODE servfail
silent.victim.example          MODE silent
_dmarc.silent.victim.example   MODE silent
none.example                   TXT  v=spf1 include:lame.victim.example -all
_dmarc.none.example            TXT  v=DMARC1; p=none
list.example                   TXT  v=spf1 ip4:198.51.100.7 -all
evil.example                   TXT  v=spf1 ip4:198.51.100.7 -all
_dmarc.evil.example            TXT  v=DMARC1; p=none
fail.example                   TXT  v=spf1 -all
slow.evil.example              TXT  v=spf1 include:1.slow.evil.example include:2.slow.evil.example include:3.slow.evil.example include:4.slow.evil.example include:5.slow.evil.example -all
voids.evil.example             TXT  v=spf1 exists:1.silent.evil.example exists:2.silent.evil.example a:3.silent.evil.example -all
mx.evil.example                TXT  v=spf1 mx -all
exp.evil.example               TXT  v=spf1 -all exp=1.silent.evil.example
fatspf.evil.example            TXT  v=spf1 {" ".join(f"mx:{n}.fat.evil.example" for n in range(10))} -all
*.silent.evil.example          MODE silent
_dmarc.silent.evil.example     MODE silent
""" + "\n".join(f"{n}.slow.evil.example MODE slow 0.85\n{n}.slow.evil.example TXT v=spf1 -all\n"
                f"mx.evil.example MX 10 {n}.silent.evil.example\nk{n}._domainkey.evil.example MODE silent" for n in range(10)) + "\n" + \
    "\n".join(f"{n}.fat.evil.example MX 10 {m}.{n}.a.fat.evil.example\n{m}.{n}.a.fat.evil.example CNAME fat.evil.example"
              for n in range(10) for m in range(10)) + "\n" + ADDRESSES + "\n"
TO = [("To", "b@example.net"), ("Subject", "bill")]


@pytest.fixture(scope="module")
def site(module_folder):
    made = AuthSite(module_folder, ADDRESS, zone=ZONE, dmarc_enforce="yes", spf_reject="no")
    made.dns.load(ZONE + f"s1._domainkey.evil.example TXT {made.keys.record}\ns1._domainkey.victim.example TXT {made.keys.record}\n")
    made.start()
    yield made
    assert made.milter.metric('postshift_auth_process_exits_total{process="serving"}') == 0
    made.stop()


@pytest.fixture(scope="module")
def strict(module_folder):
    """spf_reject = fail besides."""
    folder = module_folder / "strict"
    folder.mkdir()
    made = AuthSite(folder, "127.20.47.2", zone=ZONE, dmarc_enforce="yes", spf_reject="fail")
    made.start()
    yield made
    made.stop()


def attack(site, header_from=VICTIM, *, sender=f"<{EVIL}>", fields=(), **how):
    how = {"client": "198.51.100.7", "helo": "mail.evil.example", "name": "mail.evil.example", **how}
    given = [] if header_from is None else [("From", header_from)]
    return site.send([*fields, *given, *TO], b"Pay at once.\r\n", sender=sender, **how)


DEEP = "ceo@a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.victim.example"


@pytest.mark.parametrize("author,sender,helo", [
    (VICTIM, "slow.evil.example", "mail.evil.example"), (VICTIM, "evil.example", "slow.evil.example"),
    ("ceo@mail.victim.example", "slow.evil.example", "slow.evil.example"), (DEEP, "slow.evil.example", "slow.evil.example"),
    (VICTIM, "voids.evil.example", "voids.evil.example"), (VICTIM, "mx.evil.example", "mx.evil.example"),
    (VICTIM, "exp.evil.example", "exp.evil.example"), (VICTIM, "1.silent.evil.example", "2.silent.evil.example"),
    (DEEP, "fatspf.evil.example", "fatspf.evil.example"),
])
def test_a_strangers_spf_does_not_switch_off_the_victims_policy(site, author, sender, helo):
    began = time.monotonic()
    answer = attack(site, author, sender=f"<x@{sender}>", helo=helo)
    assert answer.reply == f"550 5.7.1 rejected by the DMARC policy of {author.partition('@')[2]}"
    assert time.monotonic() - began < 5.5, "message_timeout is 3s, and it runs once"


def test_nor_do_keys_that_never_come(site):
    fake = [("DKIM-Signature", f"v=1; a=rsa-sha256; d=evil.example; s=k{n}; h=from; bh=MTIz; b=MTIz") for n in range(10)]
    assert attack(site, fields=fake, sender="<x@slow.evil.example>").reply.startswith("550 5.7.1 ")


def test_a_good_signature_counts_beside_a_slow_or_fat_spf(site):
    for sender in ("slow.evil.example", "fatspf.evil.example", "1.silent.evil.example"):
        signed = site.keys.sign([("From", VICTIM), *TO], b"Hello.\r\n", domain="victim.example")
        answer = site.send(signed, b"Hello.\r\n", sender=f"<list@{sender}>", client="198.51.100.7", helo=sender)
        assert answer.action == "accept" and results(answer)["dmarc"][0].startswith("pass "), sender


@pytest.mark.parametrize("author,sender", [
    (VICTIM, "<a@lame.victim.example>"), (VICTIM, "<a@silent.victim.example>"), (VICTIM, "<>"),
    ("ceo@lame.victim.example", f"<{EVIL}>"), ("ceo@a.lame.victim.example", f"<{EVIL}>"), ("ceo@silent.victim.example", f"<{EVIL}>"),
    ("ceo@1.2.3.4.5.6.7.8.9.silent.victim.example", f"<{EVIL}>"),
])
def test_what_can_not_be_checked_is_no_pass_under_a_policy(site, author, sender):
    answer = attack(site, author, sender=sender, helo="lame.victim.example")
    assert answer.reply.startswith("451 4.4.3 ") and "DMARC" in answer.reply and author.partition("@")[2] in answer.reply
    signature = ("DKIM-Signature", "v=1; a=rsa-sha256; d=lame.victim.example; s=s1; h=from; bh=MTIz; b=MTIz")
    assert attack(site, fields=[signature]).reply.startswith("550 "), "there is no such key"


def test_without_a_policy_it_is_accepted(site):
    answer = attack(site, "a@none.example", sender="<a@none.example>", client="198.51.100.9")
    assert answer.action == "accept" and results(answer)["dmarc"][0].startswith("temperror")


WORD = "=?utf-8?B?" + base64.b64encode(VICTIM.encode()).decode() + "?="


@pytest.mark.parametrize("value", [
    f"{VICTIM} <{VICTIM}>", f"[CEO] Smith <{VICTIM}>", f"{VICTIM};", ", ".join([VICTIM] * 17), f"Joe {VICTIM}", f"Joe {VICTIM} " + "x" * 9000,
    f"{EVIL}, {VICTIM}", f"{VICTIM}, {EVIL}", f"<{EVIL}><{VICTIM}>", f"\"{VICTIM}", f"({VICTIM}", f"<{VICTIM}", f"<@{VICTIM.partition('@')[2]}:{EVIL}>",
    f"{VICTIM} .evil.example", f"{VICTIM}.\n evil.example", f"{VICTIM}(c).evil.example", WORD, f"{WORD} {EVIL}", f"<{WORD}>",
    "=?utf-8?Q?ceo=40victim.example?=", f"{VICTIM}@evil.example", f"a@[192.0.2.1], {VICTIM}", f"ceo@\"victim.example\"", "ceo@VICTIM.example.; x",
    ", ".join(f"a@n{n}.evil.example" for n in range(15)) + f", {VICTIM}", ", ".join(f"a@n{n}.evil.example" for n in range(40)) + f", {VICTIM}",
    "<ceo@.victim.example>", "<ceo@victim..example>", "ceo@[victim.example]", "ceo\uff20victim.example", "@" * 2000 + f" {VICTIM}", f"{VICTIM}\x01", f"ceo@victim\\.example, {EVIL}", b"ceo@victim.example\xff <a@evil.example>",
])
def test_every_domain_of_an_untidy_from_is_judged(site, value):
    assert attack(site, value).reply.startswith("550 5.7.1 ")
    passing = attack(site, value, client="192.0.2.1", helo="x.victim.example", sender="<a@victim.example>")
    assert passing.action == "accept" or "evil" in str(value) or "@" * 99 in str(value)


@pytest.mark.parametrize("fields", [
    [("From", EVIL), ("From", VICTIM)], [("From", VICTIM), ("From", EVIL)], [("From", VICTIM), ("From", "x")], [("From ", VICTIM)],
    [*[(f"X-{n}", "y") for n in range(1001)], ("From", VICTIM)], [("From", VICTIM), *[(f"X-{n}", "y") for n in range(1001)]],
    [*[("X", "y" * 60000)] * 18, ("From", VICTIM)], [*[("X", "y")] * 1001, *[("From", "x" * 60000)] * 20, ("From", VICTIM)],
])
def test_every_from_field_is_judged(site, fields):
    assert attack(site, None, fields=fields).reply.startswith("550 5.7.1 ")


def test_above_the_ceilings_spf_still_counts_and_dkim_is_named(site):
    many = [(f"X-{n}", "y") for n in range(1001)]
    how = {"client": "192.0.2.1", "helo": "x.victim.example", "sender": "<a@victim.example>"}
    answer = attack(site, fields=many, **how)
    assert answer.action == "accept" and results(answer)["dkim"] == ["none"]
    signed = site.keys.sign([("From", VICTIM), *TO], b"Pay at once.\r\n", domain="victim.example")[:1]
    for fields in ([*many, *signed], [*signed, *many]):
        answer = attack(site, fields=fields, **how)
        assert results(answer)["dkim"] == ["neutral reason=\"header too large to be checked\""]
        assert results(answer)["dmarc"] == ["permerror (header too large to be judged)"]


def test_untidy_but_without_a_policy_goes_through(site):
    assert attack(site, f"[x] {EVIL}").action == "accept"
    assert attack(site, "nobody").action == "accept"


@pytest.mark.parametrize("sender,mail_addr", [
    ("<a@fail.example>", None), ("<a@fail.example.>", "a@fail.example"), ("<a@fail.example.>", "a@fail.example."),
    ("<\"a\tb\"@fail.example>", "\"a\tb\"@fail.example"), ("<\"a<b\"@fail.example>", "\"a<b\"@fail.example"),
    ("<\"a>b\"@fail.example>", "\"a>b\"@fail.example"), ("<\"a\x01\"@fail.example>", "\"a\x01\"@fail.example"),
    ("<(c)a@fail.example>", "a@fail.example"), ("<@x.example:a@fail.example>", "a@fail.example"), ("<a@fail.example >", "a@fail.example"),
    ("<<a@fail.example>>", "a@fail.example"), ("a@fail.example(c)", "a@fail.example"), ("<a\\b@fail.example>", "ab@fail.example"),
])
def test_spelling_does_not_evade_spf_reject(strict, sender, mail_addr):
    answer = attack(strict, EVIL, sender=sender, **({} if mail_addr is None else {"mail_addr": mail_addr}))
    assert answer.reply == "550 5.7.23 SPF fail: fail.example does not allow 198.51.100.7" or "fail.example. does" in answer.reply, answer.reply


@pytest.mark.parametrize("seconds", [290, 700, 86400 * 30, 86400 * 400])
def test_a_clock_that_is_slow_turns_no_mail_away(site, seconds):
    """t= in the future is told, and verified all the same."""
    fields = site.keys.sign([("From", VICTIM), *TO], b"Hello.\r\n", domain="victim.example", clock=int(time.time()) + seconds)
    answer = site.send(fields, b"Hello.\r\n", sender=f"<{EVIL}>", client="198.51.100.7")
    assert answer.action == "accept" and results(answer)["dmarc"][0].startswith("pass ")
    assert results(answer)["dkim"][0].startswith("pass " if seconds < 300 else "policy reason=\"signed in the future\" header.d=victim.example ")
    spoilt = site.send(fields, b"Hallo.\r\n", sender=f"<{EVIL}>", client="198.51.100.7")
    assert spoilt.reply.startswith("550 5.7.1 ")


def test_a_good_signature_that_the_library_can_not_read_is_no_reason_to_refuse(site, monkeypatch):
    """One that signs a broken one above it: neutral in the header, but it counts; an altered mail is refused."""
    broken = ("DKIM-Signature", "v=1; a=rsa-sha256; d=list.example; s=x; s=x; h=from; bh=MTIz; b=MTIz")
    monkeypatch.setattr(dkim.DKIM, "SHOULD_NOT", [])
    fields = site.keys.sign([broken, ("From", VICTIM), *TO], b"Hello.\r\n", domain="victim.example",
                            include_headers=[b"From", b"Subject", b"DKIM-Signature"])
    answer = site.send(fields, b"Hello.\r\n", sender=f"<{EVIL}>", client="198.51.100.7")
    assert answer.action == "accept" and results(answer)["dmarc"][0].startswith("pass ")
    assert results(answer)["dkim"][0].startswith("neutral reason=\"signs a signature that can't be shown\"")
    assert site.send(fields, b"Hallo.\r\n", sender=f"<{EVIL}>", client="198.51.100.7").reply.startswith("550 5.7.1 ")
    fields[1] = (broken[0], broken[1] + " ;")
    assert site.send(fields, b"Hello.\r\n", sender=f"<{EVIL}>", client="198.51.100.7").reply.startswith("550 5.7.1 ")
