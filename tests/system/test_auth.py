"""postshift-auth over the milter protocol, with a DNS server that serves our zones."""
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from authsite import AuthSite, ZONE, mail, results
from processes import BIN, is_alive, wait_for

ADDRESS = "127.20.43.1"
FORGED = [" mx.example.net; dmarc=pass", "MX.EXAMPLE.NET; dmarc=pass", "mx.example.net 1; dkim=pass",
          "\"mx.example.net\"; spf=pass", "(comment) mx.example.net (x); spf=pass", "\"mx.ex\\ample.net\"; x=pass",
          "mx.example.net.; dmarc=pass", "\n\tmx.example.net;\n\tdmarc=pass"]
KEPT = ["other.example; dmarc=pass", "xmx.example.net; spf=pass", "mx.example.net.evil.example; spf=pass"]


@pytest.fixture(scope="module")
def site(module_folder):
    started = AuthSite(module_folder, ADDRESS).start()
    yield started
    started.stop()


@pytest.fixture
def own(folder):
    started = []

    def make(**options):
        started.append(AuthSite(folder, "127.20.43.2", **options).start())
        return started[-1]

    yield make
    for one in started:
        one.stop()


def test_an_aligned_message_passes_everything(site):
    answer = site.send(site.keys.sign(mail(), b"Hello.\r\n"))
    found = results(answer)
    assert answer.action == "accept"
    assert found["id"] == "mx.example.net"
    assert found["spf"] == ["pass smtp.mailfrom=sender.example smtp.helo=out.sender.example"]
    assert found["dkim"][0].startswith("pass header.d=sender.example header.i=@sender.example header.s=s1 header.a=rsa-sha256 header.b=")
    assert found["dmarc"] == ["pass (p=reject) header.from=sender.example policy.dmarc=none"]


def test_our_results_stand_above_received_spf(site):
    answer = site.send(mail())
    names = [name for name, _ in answer.added]
    assert names[-1] == "Authentication-Results", "what goes in last stands on top"
    assert names.count("Received-SPF") == 2
    spf = [value for name, value in answer.added if name == "Received-SPF"]
    assert any("identity=mailfrom" in v and v.startswith("pass ") for v in spf)
    assert any("identity=helo" in v and v.startswith("pass ") for v in spf)


def test_a_forged_message_fails(site):
    found = results(site.send(mail(), client="198.51.100.7", helo="evil.example", sender="<x@evil.example>"))
    assert found["spf"][0].startswith("none ")
    assert found["dkim"] == ["none"]
    assert found["dmarc"] == ["fail (p=reject) header.from=sender.example policy.dmarc=reject"]


def test_a_changed_body_fails(site):
    found = results(site.send(site.keys.sign(mail(), b"Hello.\r\n"), b"Bye.\r\n", client="198.51.100.7"))
    assert found["dkim"][0].startswith('fail reason="body hash mismatch" ')
    assert found["dmarc"][0].startswith("fail ")


def test_a_relaxed_body_in_pieces(site):
    body = b"Hello  there. \r\n" * 9000 + b"\r\n\r\n"
    fields = site.keys.sign(mail(), body)
    for chunk in (65535, 1000, 1):
        piece = body if chunk > 1 else b"Hi.\r\n"
        signed = fields if chunk > 1 else site.keys.sign(mail(), piece)
        assert results(site.send(signed, piece, chunk=chunk))["dkim"][0].startswith("pass ")


def test_a_domain_without_records_is_none(site):
    found = results(site.send(mail("a@bare.example"), sender="<a@bare.example>"))
    assert found["spf"][0].startswith("none ")
    assert found["dmarc"][0].startswith("none ")


def test_the_null_sender_is_judged_by_helo(site):
    found = results(site.send(mail(), sender="<>", mail_addr=""))
    assert found["spf"] == ["pass smtp.helo=out.sender.example"]
    assert found["dmarc"][0].startswith("pass ")


def test_what_two_readers_take_differently_is_no_identity(site):
    found = results(site.send(mail(), sender="<(any@sender.example>", mail_addr=""))
    assert found["spf"][0].startswith("none")
    assert found["dmarc"][0].startswith("fail ")


@pytest.mark.parametrize("sender,mail_addr", [
    ('<"a"@sender.example>', "a@sender.example"), ('<"a.b"@sender.example>', "a.b@sender.example"),
    ('<"a\\ b"@sender.example>', '"a b"@sender.example'), ('<"a b"@sender.example>', '"a b"@sender.example'),
    ('<"\\a"@sender.example>', "a@sender.example"),
])
def test_quotes_that_need_not_be_change_no_mailbox(site, sender, mail_addr):
    found = results(site.send(mail(), sender=sender, mail_addr=mail_addr))
    assert found["spf"] == ["pass smtp.mailfrom=sender.example smtp.helo=out.sender.example"]


@pytest.mark.parametrize("sender,mail_addr", [
    ('<"a"@sender.example>', "b@sender.example"), ('<"a@evil.example"@sender.example>', "a@evil.example@sender.example"),
    ('<"a"@evil.example>', "a@sender.example"), ('<"a"b@sender.example>', "ab@sender.example"),
    ('<"a>"@sender.example>', '"a>"@sender.example'), ("<a\\b@sender.example>", "ab@sender.example"),
])
def test_other_quotes_make_no_identity(site, sender, mail_addr):
    found = results(site.send(mail(), sender=sender, mail_addr=mail_addr))
    assert found["spf"][0].startswith("none ")


@pytest.mark.parametrize("fields", [
    [("To", "b@example.net")],
    [("From", "a@sender.example"), ("From", "b@evil.example")],
    [("From", "<a@sender.example><b@evil.example>")],
    [("From", "a@sender.example, b@evil.example")],
    [("From", "=?utf-8?B?YUBzZW5kZXIuZXhhbXBsZQ==?=")],
    [("From", "<@x.example:a@sender.example>")],
    [("Sender", "a@sender.example")],
])
def test_no_single_author_never_passes(site, fields):
    found = results(site.send(fields))
    assert found["dmarc"][0].startswith("permerror")
    assert "header.from" not in found["dmarc"][0]


def test_forged_results_go_and_those_of_others_stay(site):
    fields = mail("a@sender.example", *[("Authentication-Results", v) for v in FORGED],
                  *[("authentication-RESULTS", v) for v in KEPT],
                  ("Received-SPF", "pass (x) receiver=mx.example.net; identity=mailfrom"),
                  ("Received-SPF", "pass (x) receiver=other.example; identity=mailfrom"))
    answer = site.send(fields)
    deleted = [n for name, n in answer.deleted if name.lower() == "authentication-results"]
    assert deleted == list(range(len(FORGED), 0, -1))
    assert [n for name, n in answer.deleted if name.lower() == "received-spf"] == [1]


def test_nothing_a_stranger_wrote_gets_into_the_header(site):
    helo = "x;dmarc=pass(\\\" header.from=bank.example"
    answer = site.send(mail(), helo=helo, sender="<\"x;dmarc=pass\"@evil.example>")
    value = answer.field("Authentication-Results")
    assert "bank.example" not in value and value.count("\tdmarc=") == 1
    for name, text in answer.added:
        if name == "Received-SPF":
            outside = re.sub(r'"(\\.|[^"\\])*"', "", text)
            assert "dmarc=pass" not in outside


@pytest.mark.parametrize("domain,mode", [("broken.example", "servfail"), ("silent.example", "silent")])
def test_dns_trouble_is_temperror_and_accepted(site, domain, mode):
    began = time.monotonic()
    answer = site.send(mail(f"a@{domain}"), sender=f"<a@{domain}>")
    assert answer.action == "accept"
    assert results(answer)["spf"][0].startswith("temperror")
    assert results(answer)["dmarc"][0].startswith("temperror")
    assert time.monotonic() - began < 5


def test_dns_trouble_is_tempfail_by_choice(own):
    answer = own(on_dns_error="tempfail").send(mail("a@broken.example"), sender="<a@broken.example>")
    assert answer.reply.startswith("451 4.")


def test_dmarc_reject(own):
    site = own(dmarc_enforce="yes")
    answer = site.send(mail(), client="198.51.100.7", helo="evil.example", sender="<x@evil.example>")
    assert answer.reply.startswith("550 5.7.1 ") and "DMARC" in answer.reply and "sender.example" in answer.reply
    assert site.send(site.keys.sign(mail(), b"Hello.\r\n"), client="198.51.100.7").action == "accept"
    assert site.send(mail("a@flaky.example"), sender="<a@flaky.example>").reply.startswith("451 4.4.3 "), "nobody knows yet"


@pytest.mark.parametrize("option,quarantined", [("hold", 1), ("tag", 0)])
def test_dmarc_quarantine(own, option, quarantined):
    answer = own(dmarc_enforce="yes", dmarc_quarantine=option).send(
        mail("a@quiet.example"), client="198.51.100.7", sender="<x@evil.example>")
    assert answer.action == "accept"
    assert len(answer.quarantined) == quarantined


def test_exempt_from_dmarc(own):
    site = own(dmarc_enforce="yes", dmarc_exempt="198.51.100.0/24 lists.example")
    answer = site.send(mail(), client="198.51.100.7", sender="<x@evil.example>")
    assert answer.action == "accept" and results(answer)["dmarc"][0].startswith("fail ")


@pytest.mark.parametrize("option,reply,quarantined", [("accept", "", 0), ("quarantine", "", 1), ("reject", "550 5.7.1", 0)])
def test_bad_from(own, option, reply, quarantined):
    answer = own(dmarc_enforce="yes", bad_from=option).send([("From", "<a@b.example><c@d.example>")])
    assert answer.reply.startswith(reply)
    assert len(answer.quarantined) == quarantined


def test_spf_reject_with_the_domains_own_words(own):
    site = own(spf_reject="fail")
    answer = site.send(mail("a@explains.example"), sender="<a@explains.example>", client="198.51.100.7", helo="x.example")
    assert answer.reply == "550 5.7.23 SPF fail: explains.example explains: 198.51.100.7 is not one of 100%% ours"
    answer = site.send(mail(), sender="<a@sender.example>", client="198.51.100.7", helo="x.example")
    assert answer.reply == "550 5.7.23 SPF fail: sender.example does not allow 198.51.100.7"


def test_trusted_and_authenticated_clients_are_skipped(site):
    assert site.send(mail(), client="203.0.113.9").added == []
    assert site.send(mail(), client=None, name="localhost").added == []
    login = site.send(mail("a@sender.example", ("Authentication-Results", "mx.example.net; dmarc=pass")),
                      client="198.51.100.7", macros={"{auth_authen}": "alice", "{auth_type}": "PLAIN"})
    assert login.added == []
    assert login.deleted == [("Authentication-Results", 1)]


def test_a_client_without_an_address_is_not_local(site):
    answer = site.send(mail(), client=None, name="unknown")
    assert results(answer)["spf"] == ["none smtp.helo=out.sender.example"]
    assert results(answer)["dmarc"][0].startswith("fail ")
    assert answer.field("Received-SPF") is None


def test_a_sender_too_long_to_be_kept_is_no_identity(site):
    sender = "x" * 1005 + "@sender.example"
    found = results(site.send(mail(), sender=sender + ".evil.example", mail_addr=sender + ".evil.example"))
    assert found["spf"][0].startswith("none") and found["dmarc"][0].startswith("fail ")


def test_one_line_a_message(site):
    site.send(mail(), client="198.51.100.7", helo="evil.example", sender="<x@evil.example>", queue_id="LOGLINE2")
    line = wait_for(lambda: next((l for l in site.milter.log().splitlines() if "LOGLINE2" in l), None), 5)
    for part in ("auth: action=accept", "client=out.sender.example[198.51.100.7]", "helo=<evil.example>",
                 "from=<x@evil.example>", "header_from=sender.example", "spf=none", "dkim=none", "dmarc=fail",
                 "policy=reject", "delay="):
        assert part in line, line


def test_a_method_that_is_off_is_neither_logged_nor_counted(own):
    site = own(dmarc="no")
    assert "dmarc" not in results(site.send([("To", "b@example.net")], queue_id="LOGLINE3"))
    line = wait_for(lambda: next((l for l in site.milter.log().splitlines() if "LOGLINE3" in l), None), 5)
    assert "dmarc=" not in line and "From" not in line
    assert site.milter.metric('postshift_auth_results_total{method="dmarc",result="permerror"}') == 0
    assert site.milter.metric('postshift_auth_results_total{method="spf",result="pass"}') == 1


def test_a_record_that_repeats_a_tag_is_told_of(own):
    site = own(zone=ZONE + "twice.example A 192.0.2.9\n_dmarc.twice.example TXT v=DMARC1; p=quarantine; p=none\n")
    found = results(site.send(mail("a@news.twice.example"), sender="<x@evil.example>", queue_id="LOGLINE4"))
    assert found["dmarc"] == ["fail (p=quarantine) header.from=news.twice.example policy.dmarc=quarantine"]
    line = wait_for(lambda: next((l for l in site.milter.log().splitlines() if "LOGLINE4" in l), None), 5)
    assert line.endswith(" (a tag stands twice in the dmarc record of twice.example, the first counts)")


def test_large_and_odd_messages(site):
    assert site.send(mail("a@sender.example", ("To", "x" * 70000))).action == "accept"
    many = site.send(mail() + [(f"X-{n}", "y") for n in range(5000)])
    assert results(many)["dmarc"][0].startswith("permerror")
    assert site.send(mail(), b"x" * 78 + b"\r\n" * 15000000).action == "accept"

def test_both_milters_take_out_a_thousand_fields_at_most(site):
    forged, scans = [("Authentication-Results", "mx.example.net; spf=pass")], [("X-Virus-Status", "Clean")]
    for fields in (forged * 1000, forged * 900 + scans * 100, [("X-Spam-Flag", "NO")] * 999 + forged):
        numbers = [n for _, n in site.send(mail() + fields).deleted]
        assert numbers == list(range(fields.count(forged[0]), 0, -1))
    for fields in (forged * 1001, scans * 1000 + forged, forged * 501 + [("x-spam-status", "No")] * 500, forged * 11000):
        assert site.send(mail() + fields).reply == "550 5.7.1 too many header fields that claim to be ours"
    assert site.send(mail() + scans * 1500).action == "accept", "nothing of ours is to be taken out"



def test_parallel_sessions_with_aborts(site):
    failures = []

    def run(number):
        try:
            with site.milter.session(client="192.0.2.1", helo="out.sender.example") as session:
                for turn in range(5):
                    session.step("M", b"<a@sender.example>\0")
                    session.step("L", b"From\0 a@sender.example\0")
                    if number % 2:
                        session.abort()
                    answer = session.message(mail(), b"Hello.\r\n", sender="<a@sender.example>")
                    if not results(answer)["dmarc"][0].startswith("pass"):
                        failures.append(answer.parts)
                if number % 5 == 0:
                    session.socket.close()
        except OSError as error:
            if number % 5:
                failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    wait_for(lambda: site.milter.metric("postshift_milter_sessions") == 0, 10, "all sessions to be gone")


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def test_a_killed_serving_process_is_replaced(own):
    site = own()
    for pid in children(site.milter.process.pid):
        os.kill(pid, signal.SIGABRT)
    assert site.milter.send_when_back(mail(), sender="<a@sender.example>").action == "accept"
    wait_for(lambda: site.milter.metric('postshift_auth_process_exits_total{process="serving"}') == 1, 5)


def test_reload_serves_anew_and_finishes_old_sessions(own):
    site = own()
    with site.milter.session(client="198.51.100.7", helo="evil.example") as old:
        site.milter.write_config(dmarc_enforce="yes")
        site.milter.process.signal(signal.SIGHUP)
        site.milter.process.wait_for_output("configuration read again")
        wait_for(lambda: site.send(mail(), client="198.51.100.7", sender="<x@evil.example>").reply.startswith("550"), 10)
        assert old.message(mail(), b"x\r\n", sender="<x@evil.example>").action == "accept"
    site.milter.write_config(dmarc_enforce="maybe")
    site.milter.process.signal(signal.SIGHUP)
    site.milter.process.wait_for_output("dmarc_enforce")
    assert site.send(mail(), client="198.51.100.7", sender="<x@evil.example>").reply.startswith("550")


def test_sockets_change_only_at_a_restart(own):
    site = own()
    site.milter.write_config(listen=f"inet:{site.milter.address[0]}:8999", metrics="none")
    site.milter.process.signal(signal.SIGHUP)
    site.milter.process.wait_for_output("[auth] listen, metrics: changed, in force after a restart only")
    assert site.send(mail()).action == "accept"


def test_ends_within_ten_seconds(own):
    site = own()
    pids = children(site.milter.process.pid)
    site.milter.process.signal(signal.SIGTERM)
    assert site.milter.process.wait(10) == 0
    wait_for(lambda: not any(is_alive(p) for p in pids), 5, "all processes to end")


@pytest.mark.parametrize("option,what", [
    ("authserv_id = mx example", '"mx example" is no host name (such as mx.example.net)'),
    ("dmarc_exempt = list.example @x", '"@x" is neither a domain nor a network (such as list.example or 192.0.2.0/24)'),
    ("spf_reject = yes", '"yes" is no choice (one of no|fail)'),
    ("dkim_max_signatures = 11", '"11" is no number here (digits, from 1 to 10)'),
])
def test_a_wrong_option_is_told_with_what_is_allowed(tmp_path, option, what):
    config = tmp_path / "postshift.conf"
    config.write_text(f"[auth]\n{option}\n", encoding="utf-8")
    checked = subprocess.run([BIN / "postshift-auth", "-t", "-c", config], capture_output=True, text=True, check=False)
    assert checked.returncode == 78
    assert checked.stderr == f"{config}:2: [auth] {option.split()[0]}: {what}\n"
