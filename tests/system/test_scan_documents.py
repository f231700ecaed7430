"""Ordinary documents and mails of all kinds: none is refused, deferred or doubted, none costs a worker."""
import pytest

from documents import EACH, KINDS, prose, word_xml, xar
from signatures import EICAR, attachment

ADDRESS = "127.20.64.1"


def worker_exits(milter):
    return {r: milter.metric(f'postshift_scan_worker_exits_total{{reason="{r}"}}') for r in ("signal", "stuck", "failed", "worn")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_is_clean(scanner, kind):
    with scanner.session() as session:
        for seed in range(1, EACH + 1):
            answer = session.message(*attachment(KINDS[kind](seed), name=f"{seed}.{kind}"))
            assert (answer.action, answer.reply, answer.field("X-Virus-Status")) == ("accept", "", "Clean"), seed


def test_no_worker_died_of_any_of_them(scanner):
    assert set(worker_exits(scanner).values()) == {0.0}


def test_what_is_in_them_is_found(scanner):
    for data in (xar(1, EICAR), word_xml(1) + b"<!-- " + EICAR + b" -->"):
        assert scanner.send(*attachment(data)).reply.startswith("550 5.7.1 "), data


PLAIN_FIELDS = [("From", "a@example.org"), ("To", "b@example.com"), ("Subject", "hello"), ("MIME-Version", "1.0")]
TEXT = prose(1).encode().replace(b"\n", b"\r\n")


def alternative(inner):
    return (b"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + TEXT + b"\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>"
            + TEXT + b"</p>\r\n" + inner + b"--a--\r\n")


MAILS = {
    "plain": ([], TEXT), "no body": ([], b""), "flowed": ([("Content-Type", "text/plain; format=flowed")], TEXT),
    "html": ([("Content-Type", "text/html; charset=utf-8")], b"<html><body>" + TEXT + b"</body></html>"),
    "alternative": ([("Content-Type", 'multipart/alternative; boundary="a"')], alternative(b"")),
    "related": ([("Content-Type", 'multipart/related; boundary="a"; type="text/html"')],
                alternative(b"--a\r\nContent-Type: image/png\r\nContent-ID: <x>\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n")),
    "mailing list": ([("List-Id", "<list.example.org>"), ("Precedence", "list")], TEXT + b"\r\n-- \r\nlist mailing list\r\n"),
    "bounce": ([("Content-Type", 'multipart/report; report-type=delivery-status; boundary="a"')],
               b"--a\r\n\r\nSorry.\r\n--a\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
               b"Final-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--a\r\n"
               b"Content-Type: text/rfc822-headers\r\n\r\nFrom: a@example.org\r\nSubject: x\r\n--a--\r\n"),
    "forwarded": ([("Content-Type", 'multipart/mixed; boundary="a"')],
                  b"--a\r\n\r\nSee below.\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nFrom: c@example.org\r\nSubject: y\r\n\r\nhi\r\n--a--\r\n"),
    "invitation": ([("Content-Type", "text/calendar; method=REQUEST; charset=utf-8")], KINDS["ics"](3)),
    "quoted-printable": ([("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", "quoted-printable")],
                         b"Gr=C3=BC=C3=9Fe aus K=C3=B6ln=\r\n und mehr\r\n"),
    "uuencoded": ([], b"begin 644 a.txt\r\n#86)C\r\n`\r\nend\r\n"),
}


@pytest.mark.parametrize("kind", MAILS)
def test_an_ordinary_mail_is_clean(scanner, kind):
    fields, body = MAILS[kind]
    answer = scanner.send(PLAIN_FIELDS + fields, body)
    assert (answer.action, answer.field("X-Virus-Status")) == ("accept", "Clean")
