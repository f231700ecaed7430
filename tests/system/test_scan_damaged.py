"""Damaged attachments and other doubts that lie in the message: by their own option, never deferred."""
import lzma
import struct

import pytest

from documents import docx, pdf, xar
from signatures import EICAR, PLAIN, attachment, tarred, zipped

ADDRESS, OWN_ADDRESS = "127.20.49.1", "127.20.49.2"
DAMAGED = "Unscanned (damaged part)"


XZ = lzma.compress(b"a letter\r\n" * 1000)
EGG = b"EGGA" + struct.pack("<HII", 0x100, 1, 0)
KOREAN = b"HWP Document File V3.00 \x1a\1\2\3\4\5"

BROKEN = {
    "an xz cut by 10 octets": XZ[:-10], "an xz cut in half": XZ[:len(XZ) // 2], "a tar.xz cut": tarred("a", b"x" * 9999, "w:xz")[:-10],
    "an egg of nothing": EGG + b"\x22\x82\xe2\x08", "an odd egg": EGG + b"\x0a\x85\x90\x8a" * 50, "an egg of noise": EGG + bytes(range(256)) * 4,
    "HWP of noise": KOREAN + bytes(range(256)) * 20, "HWP cut": KOREAN + b"\0" * 300,
    "a winmail.dat cut": b"\x78\x9f\x3e\x22\x01\x00\x01\x06\x90\x08\x00\x04\x00\x00\x00\x00\x00\x01\x00\x01\x00\x02\x0f\x80\x06\x00\xff\x00\x00\x00abc",
    "a zip cut": zipped("a.txt", b"text" * 9999)[:-10], "a document cut": docx(3)[:-200], "a PDF cut": pdf(3)[:-300],
    "a xar cut": xar(3)[:-20], "a gzip cut": tarred("a", b"x" * 9999)[:-10], "a bzip2 cut": tarred("a", b"x" * 9999, "w:bz2")[:-10],
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_not_deferred(scanner, what):
    answer = scanner.send(*attachment(BROKEN[what]))
    assert answer.action == "accept", answer.reply
    assert answer.field("X-Virus-Status") in ("Clean", DAMAGED, "Unscanned (not opened: zip)")
    if "xz" in what:
        assert answer.field("X-Virus-Status") == DAMAGED


@pytest.mark.parametrize("what", BROKEN)
def test_a_virus_beside_it_is_found(scanner, what):
    fields, body = attachment(EICAR)
    _, broken = attachment(BROKEN[what])
    answer = scanner.send(fields, broken.removesuffix(b"--part--\r\n") + body)
    assert answer.reply.startswith("550 5.7.1 ")


def test_no_worker_is_lost_by_it(scanner):
    for reason in ("signal", "stuck", "failed", "worn"):
        assert scanner.metric(f'postshift_scan_worker_exits_total{{reason="{reason}"}}') == 0


@pytest.mark.parametrize("option,reply", [("fail", "554 5.7.1 message refused, it can't be scanned: damaged part"),
                                          ("infected", "550 5.7.1 message refused: damaged part")])
def test_on_damaged(own, option, reply):
    milter = own(on_damaged=option)
    assert milter.send(*attachment(XZ[:-10])).reply == reply
    assert milter.send(*attachment(XZ)).field("X-Virus-Status") == "Clean"


def test_a_failed_scan_that_is_accepted_goes_for_a_doubt_as_well(own):
    answer = own(on_damaged="fail", on_fail="accept").send(*attachment(XZ[:-10]))
    assert (answer.action, answer.field("X-Virus-Status")) == ("accept", DAMAGED)


@pytest.mark.parametrize("option,reply", [("fail", "552 5.3.4 message refused, it can't be scanned: too big"),
                                          ("infected", "550 5.7.1 message refused: limit reached: too big")])
def test_more_than_the_largest_message_is_refused_for_good(own, option, reply):
    milter = own(on_limits=option, max_message="20k")
    assert milter.send(PLAIN, b"x" * 40000, queue_id="TOOBIG1").reply == reply
    milter.process.wait_for_output("TOOBIG1: scan: ")
    line = next(l for l in milter.log().splitlines() if "TOOBIG1: scan" in l)
    assert ("virus=Limits.MaxMessage" in line) == (option == "infected") and "too big)" in line


@pytest.mark.parametrize("mail,reason,code", [
    (zipped("big.bin", b"\0" * 400000), "limit reached: MaxFileSize", "552 5.3.4"),
    (zipped("a", zipped("b", zipped("c", zipped("d", zipped("e", b"x"))))), "limit reached: MaxRecursion", "554 5.7.1")],
    ids=["size", "depth"])
def test_a_limit_has_a_sentence_that_says_so(own, mail, reason, code):
    milter = own(on_limits="fail", max_file="100k", max_scan="300k", max_recursion=4)
    assert milter.send(*attachment(mail)).reply == f"{code} message refused, it can't be scanned: {reason}"
