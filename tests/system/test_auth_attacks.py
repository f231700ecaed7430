"""Attacks through the milter: the attacker owns evil.example, passes SPF and DKIM there, and wants to be
taken for victim.example, whose policy is reject (Chen et al. 2020; CVEs as named)."""
import base64
import random
import struct

import dkim
import pytest

from authsite import AUTHSERV, AuthSite, results
from processes import wait_for

ADDRESS = "127.20.45.1"
VICTIM, EVIL = "ceo@victim.example", "a@evil.example"
ZONE = """
victim.example                 TXT  v=spf1 ip4:192.0.2.1 -all
_dmarc.victim.example          TXT  v=DMARC1; p=reject
victim.example                 A    192.0.2.1
evil.example                   TXT  v=spf1 ip4:198.51.100.7 -all
evil.example                   A    198.51.100.7
_dmarc.evil.example            TXT  v=DMARC1; p=none
*.evil.example                 TXT  v=spf1 ip4:198.51.100.7 -all
xn--bcher-kva.example          TXT  v=spf1 ip4:198.51.100.7 -all
_dmarc.xn--bcher-kva.example   TXT  v=DMARC1; p=reject
"""


@pytest.fixture(scope="module")
def site(module_folder):
    made = AuthSite(module_folder, ADDRESS, zone=ZONE)
    made.dns.load(ZONE + f"s1._domainkey.evil.example TXT {made.keys.record}\n")
    made.start()
    yield made
    assert made.milter.metric('postshift_auth_process_exits_total{process="serving"}') == 0
    made.stop()


def verdict(answer):
    """pass, fail, ... and the Author Domain ("" where none is told)."""
    told = results(answer)["dmarc"]
    assert len(told) == 1, told
    words = told[0].split()
    return words[0], "".join(w.partition("=")[2] for w in words if w.startswith("header.from="))


def attack(site, fields, *, sender=f"<{EVIL}>", signed=True, **how):
    """From the attacker's own host, signed by him."""
    fields = [(n, v) for n, v in fields]
    body = b"Pay at once.\r\n"
    if signed:
        known = [(n.strip(), v) for n, v in fields if isinstance(v, str) and v.isascii()]
        try:
            fields = site.keys.sign(known, body, domain="evil.example", include_headers=[b"From"])[:1] + fields
        except dkim.DKIMException:
            pass    # what can't be signed without a From
    how = {"client": "198.51.100.7", "helo": "mail.evil.example", "name": "mail.evil.example", **how}
    return site.send(fields, body, sender=sender, **how)


TO = [("To", "b@example.net"), ("Subject", "bill")]
ENCODED = "=?utf-8?B?" + base64.b64encode(VICTIM.encode()).decode() + "?="


@pytest.mark.parametrize("value,wanted", [
    # must parse to the domain
    (f"({EVIL}) {VICTIM} (comment (nested <{EVIL}>))", "victim.example"),
    (f"\"{EVIL}, <{EVIL}> \\\" ;\" <{VICTIM}>", "victim.example"),
    (f"\"ceo@evil.example\"@victim.example", "victim.example"),
    (f"=?utf-8?B?{base64.b64encode(EVIL.encode()).decode()}?= <{VICTIM}>", "victim.example"),
    (f"J. R. Doe <{VICTIM}>", "victim.example"),
    (b"B\xc3\xbccher <ceo@victim.example>", "victim.example"),
    (b"B\xfccher <ceo@victim.example>", "victim.example"),
    ("ceo\n (c) @\n\tvictim.example (d)", "victim.example"),
    (f",, {VICTIM} ,", "victim.example"),
    (f"Board: {VICTIM};", "victim.example"),
    ("ceo@VICTIM.Example.", "victim.example"),
    (f"{VICTIM}, cfo@victim.example", "victim.example"),
    ("a@b\u00fccher.example", "xn--bcher-kva.example"),
    ("ceo@\uff56\uff49\uff43\uff54\uff49\uff4d\u3002example", "victim.example"),
])
def test_what_parses_is_judged(site, value, wanted):
    answer = attack(site, [("From", value), *TO], signed=False)
    assert verdict(answer) == ("fail", wanted)
    assert attack(site, [("From", value), *TO], signed=True).action == "accept"


@pytest.mark.parametrize("value", [
    "", " ", ENCODED, f"<{ENCODED}>", f"<{VICTIM}><{EVIL}>", f"<{EVIL}><{VICTIM}>", f"<{VICTIM}>{EVIL}", f"{VICTIM} <{EVIL}>",
    "ceo evil", f"{VICTIM},<{EVIL}>", f"<{VICTIM}>\\,<{EVIL}>", f"{VICTIM}, {EVIL}", f"({VICTIM}", f"\"{VICTIM}", f"<{EVIL}",
    f"<@victim.example:{EVIL}>", f"<@evil.example:{VICTIM}>", f"<{VICTIM}@evil.example>", "<@evil.example>", "<a@.evil.example>",
    "<a@evil..example>", f"<a@{'x' * 64}.example>", "<a@" + ".".join(["x" * 60] * 5) + ">", "Nobody:;", "<a@[192.0.2.1]>", "a",
    "<a@evil>", "a\x01@evil.example", b"a@evil\xff.example", ", ".join(f"u{n}@evil.example" for n in range(17)), "a@evil.example " * 600,
    f"{EVIL}; {VICTIM}", f"{EVIL}\n{VICTIM}", f"{VICTIM} .evil.example", f"{VICTIM}. evil.example", f"{VICTIM}\n .evil.example",
    f"<{VICTIM}\t.evil.example>", f"{VICTIM}(c).evil.example", f"{VICTIM}.(c)evil.example",
])
def test_what_readers_could_take_differently_never_passes(site, value):
    result, author = verdict(attack(site, [("From", value), *TO]))
    assert (result, author) == ("permerror", "")


@pytest.mark.parametrize("fields", [
    [("From", EVIL), ("From", VICTIM)], [("From", VICTIM), ("From", EVIL)], [("From", EVIL), ("From", EVIL)],
    [("From", VICTIM), ("From ", EVIL)], [("From", EVIL), ("from", VICTIM)], [("From\t", VICTIM)],
    [("Sender", VICTIM)], [("Resent-From", VICTIM), ("Sender", VICTIM)], [],
    [("From", ", ".join(f"a@v{n}.example" for n in range(1000)))],
])
def test_no_single_from_field_never_passes(site, fields):
    result, author = verdict(attack(site, [*fields, *TO]))
    assert (result, author) == ("permerror", "")


@pytest.mark.parametrize("sender,mail_addr", [
    ("<(any@victim.example>", ""), ("<x@victim.example(.evil.example>", "x@victim.example"),
    ("<@victim.example,@y:'a@evil.example>", "'a@evil.example"), ("<a@b'@evil.example>", "\"a@b'\"@evil.example"),
    ("<@victim.example:a@evil.example>", "a@evil.example"), ("<a@victim.example\x01.evil.example>", "a@victim.example"),
    ("<a@evil.example, b@victim.example>", "a@evil.example, b@victim.example"),
    ("<\"a\"b\"@victim.example>", "\"a\"b\"@victim.example"),
    ("<a@victim.example>", "a@evil.example"), ("<a@evil.example>", "a@victim.example"),
])
def test_no_identity_from_a_sender_taken_differently(site, sender, mail_addr):
    """A2, A11, A3 to A5 in MAIL FROM."""
    found = results(attack(site, [("From", VICTIM), *TO], sender=sender, mail_addr=mail_addr, signed=False, client="192.0.2.1"))
    assert found["spf"][0].startswith("none") and found["dmarc"][0].startswith("fail ")


def test_a_passing_helo_is_no_pass_for_a_sender_without_a_name(site):
    """A1, CVE-2019-20790: HELO counts with the null sender alone."""
    answer = attack(site, [("From", VICTIM), *TO], sender="<a@nowhere.victim.example>", helo="victim.example",
                    client="192.0.2.1", signed=False)
    assert results(answer)["spf"][0].startswith("none ") and verdict(answer) == ("fail", "victim.example")


@pytest.mark.parametrize("domain,selector", [
    ("victim.example\\0.evil.example", "s1"), ("victim.example'.evil.example", "s1"), ("victim.example(.evil.example", "s1"),
    ("evil.example", "x(._domainkey.victim.example"), ("evil.example", "s1;dkim=pass header.d=victim.example"),
    ("victim.example\n .evil.example", "s1"), ("evil.example/victim.example", "s1"), ("\"victim.example\"", "s1"),
])
def test_only_names_are_domains_of_a_signature(site, domain, selector):
    """A3 to A5, CVE-2020-12272: the header shows nothing of what is no name."""
    signature = (f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector}; h=from; bh=MTIz; b=MTIz")
    answer = attack(site, [("DKIM-Signature", signature), ("From", VICTIM), *TO], signed=False)
    value = answer.field("Authentication-Results")
    assert "(." not in value and "'" not in value and "header.d=victim.example" not in value
    assert all(r.split()[0] in ("permerror", "fail") for r in results(answer)["dkim"])
    assert verdict(answer) == ("fail", "victim.example")


def test_an_identity_that_would_close_the_field_is_not_shown(site):
    """[i=] is the sender's text: a forged result in opendkim's header, and a pass in opendmarc's."""
    for identity in ("x=3Bdkim=3Dpass=20header.d=3Dvictim.example=3B@evil.example", "\"x;dkim=pass header.d=victim.example\"@evil.example"):
        fields = site.keys.sign([("From", VICTIM), *TO], b"Pay.\r\n", domain="evil.example", identity=identity.encode())
        answer = attack(site, fields, signed=False)
        value = answer.field("Authentication-Results")
        assert value.count("dkim=") == 1 and "header.d=victim.example" not in value
        assert verdict(answer) == ("fail", "victim.example")


def test_signatures_in_numbers(site):
    good = site.keys.sign([("From", "a@evil.example"), *TO], b"Pay at once.\r\n", domain="evil.example")
    fake = ("DKIM-Signature", "v=1; a=rsa-sha256; d=victim.example; s=s1; h=from; bh=MTIz; b=MTIz")
    for fields in ([fake] * 50 + good, good[:1] + [fake] * 50 + good[1:]):
        answer = attack(site, fields, signed=False, sender="<a@bare.example>")
        assert len(results(answer)["dkim"]) == 10
        assert verdict(answer) == ("pass", "evil.example")


def test_deep_names_ask_eight_times_at_most(site):
    name = ".".join("abcdefghijklm") + ".evil.example"
    before = len(site.dns.asked)
    attack(site, [("From", f"a@{name}"), *TO], signed=False)
    walked = [n for n, kind, _ in site.dns.asked[before:] if n.startswith("_dmarc.")]
    assert 1 <= len(walked) <= 8 and len(set(walked)) == len(walked)


def test_forged_fields_of_every_disguise_go(site):
    """CVE-2022-48521 among them; a field of 17 results; one above 4 KiB."""
    many = "; ".join(["dkim=pass header.d=victim.example"] * 17)
    ours = [f"{AUTHSERV}; dmarc=pass", f"{AUTHSERV.upper()};dmarc=pass", f"{AUTHSERV} 1; dmarc=pass", f"{AUTHSERV}\t99; dmarc=pass",
            f"\"{AUTHSERV}\"; x=y", "\"mx\\.example.net\" ; x=y", f"\n {AUTHSERV}\n\t;\n x=y", f"(a(b)\\)c) {AUTHSERV} (d); x=y",
            f"{AUTHSERV}.; x=y", f"{AUTHSERV}; {many}", f"{AUTHSERV}; x=" + "y" * 9000, f"({AUTHSERV}", f"\"{AUTHSERV}", f"{AUTHSERV}"]
    others = [f"x{AUTHSERV}; x=y", f"x.{AUTHSERV}; x=y", f"{AUTHSERV}.evil; x=y", f"{AUTHSERV}/x; x=y", "other.example; dmarc=pass",
              f"other.example ({AUTHSERV}); x=y", f"other.example; x={AUTHSERV}"]
    for seed in range(5):
        values = [*ours, *others]
        random.Random(seed).shuffle(values)
        answer = attack(site, [("From", EVIL), *TO, *[("Authentication-Results", v) for v in values]], signed=False)
        wanted = [n for n, v in enumerate(values, 1) if v in ours]
        assert answer.deleted == [("Authentication-Results", n) for n in reversed(wanted)]
    for count in (1, 3):
        answer = attack(site, [("From", EVIL), *[("aUTHENTICATION-rESULTS", ours[0])] * count], signed=False)
        assert len(answer.deleted) == count


def test_results_of_others_are_not_read(site):
    answer = attack(site, [("Received-SPF", "pass receiver=other.example; identity=mailfrom; envelope-from=ceo@victim.example"),
                           ("Authentication-Results", "other.example; dkim=pass header.d=victim.example; spf=pass smtp.mailfrom=victim.example"),
                           ("ARC-Seal", "i=1; cv=none; d=victim.example; s=s1; b=MTIz"), ("From", VICTIM), *TO], signed=False)
    assert verdict(answer) == ("fail", "victim.example")


def test_strangers_write_one_line_at_most_in_the_log(site):
    helo = "x\n4FORGED: auth: action=accept, dmarc=pass\x1b[2J"
    attack(site, [("From", VICTIM), *TO], helo=helo, sender="<\"x\ny\"@evil.example>", queue_id="4LOGGED", signed=False)
    line = wait_for(lambda: next((line for line in site.milter.log().splitlines() if "4LOGGED" in line), None), 5, "the line")
    assert "dmarc=fail" in line and "\x1b" not in line
    assert not any(line.startswith("4FORGED") for line in site.milter.log().splitlines())


def test_a_peer_that_speaks_nonsense(site):
    """Commands in any order, cut, too long; the process goes on serving."""
    chance = random.Random(1)
    for _ in range(150):
        with site.milter.session(client="198.51.100.7") as peer:
            try:
                for _ in range(chance.randrange(1, 15)):
                    code = bytes([chance.choice(b"ABCDEHKLMNOQRTUx\0")])
                    data = chance.choice([b"", b"\0", b"From\0", b"From\0 a@evil.example\0", b"<a@evil.example>\0", b"\0\0\0\0", b"Mi\0x\0",
                                          b"x\0" + b"4\0\x19192.0.2.1\0", struct.pack(">III", 6, 0x1FF, 0x1FFFFF), chance.randbytes(40)])
                    peer.socket.sendall(struct.pack(">I", chance.choice([len(data) + 1] * 9 + [len(data), 1 << 30])) + code + data)
            except OSError:
                pass
    assert verdict(attack(site, [("From", VICTIM), *TO], signed=False)) == ("fail", "victim.example")
