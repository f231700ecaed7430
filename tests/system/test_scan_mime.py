"""Files that mail programs show, however the message is made: found, or at least not called clean; and ordinary mail of
many programs, which is neither infected nor ambiguous."""
import base64
import binascii
import email.encoders
import email.message
import email.mime.application
import email.mime.base
import email.mime.image
import email.mime.message
import email.mime.multipart
import email.mime.text
import email.policy
import itertools
import random

import pytest

from signatures import EICAR, PLAIN, zipped

ADDRESS, OWN_ADDRESS = "127.20.57.1", "127.20.57.2"
FOUND = "550 5.7.1 message refused: it contains Eicar-Test-Signature.UNOFFICIAL"
AMBIGUOUS = "Unscanned (ambiguous MIME)"


# Packed, so that nothing finds it but who decodes the part.
FILE64 = base64.encodebytes(zipped("a.com", EICAR)).replace(b"\n", b"\r\n")
FILE = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + FILE64
HELLO = b"Content-Type: text/plain\r\n\r\nHello.\r\n"


def top(content_type='multipart/mixed; boundary="p"', *more):
    return [("From", "a@example.org"), ("To", "b@example.com"), ("Subject", "x"), ("MIME-Version", "1.0"),
            ("Content-Type", content_type), *more]


def parts(*contents, boundary=b"p", close=True):
    return (b"".join(b"--" + boundary + b"\r\n" + c for c in contents)
            + (b"--" + boundary + b"--\r\n" if close else b""))


def boundaries():
    """(name, Content-Type, what stands in the delimiters)"""
    yield "semicolon", 'multipart/mixed; boundary="p;"', b"p;"
    yield "pieces", 'multipart/mixed; boundary*0="p"; boundary*1="q"', b"pq"
    yield "encoded", "multipart/mixed; boundary*=us-ascii'en'p%71", b"pq"
    yield "encoded pieces", "multipart/mixed; boundary*0*=us-ascii'en'%70; boundary*1=q", b"pq"
    yield "escaped", 'multipart/mixed; boundary="\\p\\q"', b"pq"
    yield "escaped quote", 'multipart/mixed; boundary="p\\"q"', b'p"q'
    yield "200 octets", f'multipart/mixed; boundary="{"x" * 200}"', b"x" * 200
    yield "900 octets", f'multipart/mixed; boundary="{"x" * 900}"', b"x" * 900
    yield "final blank", 'multipart/mixed; boundary="p "', b"p "
    yield "final blanks, delimiters without", 'multipart/mixed; boundary="p  "', b"p"
    yield "blanks inside", 'multipart/mixed; boundary="p q"', b"p q"
    yield "colon", 'multipart/mixed; boundary="p:q=?"', b"p:q=?"
    yield "folded", 'multipart/mixed;\n\tboundary\n\t=\n\t"p"', b"p"
    yield "other parameters first", 'multipart/mixed; x="boundary=q; a"; boundary=p', b"p"
    yield "comment", 'multipart/mixed (boundary=q;); boundary=p', b"p"
    yield "twice", 'multipart/mixed; boundary=q; boundary=p', b"p"
    yield "no semicolon", 'multipart/mixed boundary=p', b"p"
    yield "single quotes", "multipart/mixed; boundary='p'", b"'p'"
    yield "single quotes taken off", "multipart/mixed; boundary='p'", b"p"
    yield "not there", "multipart/mixed", b"p-part"
    yield "empty", 'multipart/mixed; boundary=""', b"p-part"
    yield "signed", 'multipart/signed; protocol="x/y"; micalg=z; boundary=p', b"p"
    yield "parallel", "multipart/parallel; boundary=p", b"p"
    yield "unknown multipart", "multipart/x-what-ever; boundary=p", b"p"
    yield "upper case", 'MULTIPART/MIXED; BOUNDARY="p"', b"p"


def other_ways():
    """(name, fields, body)"""
    yield "unknown disposition on a text part", top(), parts(
        HELLO, b"Content-Type: text/plain; name=a.zip\r\nContent-Disposition: attachement; filename=a.zip\r\n"
               b"Content-Transfer-Encoding: base64\r\n\r\n" + FILE64)
    yield "boundary in Content-Disposition too", top(
        'multipart/mixed; boundary="p"', ("Content-Disposition", "inline; boundary=q")), parts(HELLO, FILE)
    yield "folded encoding", top(), parts(HELLO, FILE.replace(b"Encoding: ", b"Encoding:\r\n "))
    yield "folded encoding, a tab", top(), parts(HELLO, FILE.replace(b"Encoding: ", b"Encoding: \r\n\t"))
    yield "blanks alone in a header", top(), parts(HELLO, b"Content-Type: application/x-a\r\n \r\n" + FILE)
    yield "blanks alone end a header", top(), parts(
        HELLO, b"Content-Transfer-Encoding: base64\r\n\t\r\n" + FILE64)
    yield "no field", top(), parts(HELLO, b"what\r\n" + FILE)
    yield "blank before the colon", top(), parts(HELLO, FILE.replace(b"Encoding:", b"Encoding :"))
    yield "encoding in a comment", top(), parts(HELLO, FILE.replace(b"base64\r", b"(7bit) base64\r"))
    yield "encoding in upper case", top(), parts(HELLO, FILE.replace(b"base64\r", b"BASE64\r"))
    yield "unknown encoding", top(), parts(HELLO, FILE.replace(b"base64\r", b"base-64\r"))
    yield "quoted encoding", top(), parts(HELLO, FILE.replace(b"base64\r", b'"base64"\r'))
    yield "two encodings", top(), parts(HELLO, b"Content-Transfer-Encoding: 7bit\r\n" + FILE)
    yield "two types", [*top("text/plain"), ("Content-Type", "multipart/mixed; boundary=p")], parts(HELLO, FILE)
    yield "two types, the other order", [*top(), ("Content-Type", "text/plain")], parts(HELLO, FILE)
    yield "two types of a part", top(), parts(
        HELLO, b"Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n"
        + parts(FILE, boundary=b"q"))
    yield "prefix of each other", top(), parts(
        HELLO, b"Content-Type: multipart/mixed; boundary=p2\r\n\r\n" + parts(FILE, boundary=b"p2"))
    yield "prefix, the inner one shorter", top("multipart/mixed; boundary=p2"), parts(
        HELLO, b"Content-Type: multipart/mixed; boundary=p\r\n\r\n" + parts(FILE, boundary=b"p"), boundary=b"p2")
    yield "behind the closing delimiter", top(), parts(HELLO) + parts(FILE)
    yield "not closed", top(), parts(HELLO, FILE, close=False)
    yield "blanks behind delimiters", top(), parts(HELLO, FILE).replace(b"--p\r", b"--p \t \r")
    yield "bare CR before a delimiter", top(), parts(HELLO[:-2] + b"\r--p\r" + FILE.replace(b"\r\n", b"\r"))
    yield "bare LF", top(), parts(HELLO, FILE).replace(b"\r\n", b"\n")
    message = b"Content-Type: message/rfc822\r\n\r\n%sMIME-Version: 1.0\r\n" + FILE
    for number, first in enumerate((b"X-Odd-Field: 1\r\n", b"From x@example.org\r\n", b">From x@example.org\r\n",
                                    b"Zzz: 1\r\n\tfold\r\n", b"a:\r\n")):
        yield f"attached message {number}", top(), parts(HELLO, message % first)
    yield "attached message, base64", top(), parts(
        HELLO, b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(b"X-Odd: 1\r\n" + FILE))
    yield "attached message as a file", top(), parts(
        HELLO, b"Content-Type: application/octet-stream; name=a.eml\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(b"X-Odd: 1\r\n" + FILE))
    yield "digest", top("multipart/digest; boundary=p"), parts(b"\r\nX-Odd: 1\r\n" + FILE)
    yield "piece of a message", top('message/partial; id="a"; number=1; total=2'), b"Subject: x\r\n\r\nHello.\r\n"
    yield "quoted-printable", top(), parts(
        HELLO, b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        + binascii.b2a_qp(zipped("a.com", EICAR), istext=False).replace(b"\n", b"\r\n"))
    yield "base64 in lines of their own", top(), parts(
        HELLO, b"Content-Transfer-Encoding: base64\r\n\r\n" + b"".join(
            base64.b64encode(zipped("a.com", EICAR)[i:i + 40]) + b"\r\n" for i in range(0, 1000, 40)))
    yield "base64 with a sign in it", top(), parts(HELLO, FILE.replace(b"\r\n\r\n", b"\r\n\r\n-", 1))
    yield "base64 with a footer", top(), parts(HELLO, FILE + b"______________\r\nA list\r\n")
    nested = FILE
    for level in range(10):
        nested = b"Content-Type: multipart/mixed; boundary=b%dz\r\n\r\n" % level + parts(nested, boundary=b"b%dz" % level)
    yield "ten levels", top(), parts(HELLO, nested)
    for level in range(60):
        nested = b"Content-Type: multipart/mixed; boundary=c%dz\r\n\r\n" % level + parts(nested, boundary=b"c%dz" % level)
    yield "seventy levels", top(), parts(HELLO, nested)


def uuencoded(data):
    lines = b"".join(binascii.b2a_uu(data[i:i + 45]) for i in range(0, len(data), 45))
    return (lines + b"`\nend\n").replace(b"\n", b"\r\n")


def in_texts():
    """Files that stand in a text, a calendar, a card, XML."""
    packed = zipped("a.com", EICAR)
    for begin in (b"begin 644 a.zip", b"begin  644 a.zip", b"begin  a.zip", b"begin 644", b"begin\t644\ta.zip", b"begin 64 a.zip",
                  b"begin 100644 a.zip"):
        yield f"uuencoded: {begin.decode()!r}", PLAIN, b"Hello\r\n" + begin + b"\r\n" + uuencoded(packed)
    yield "uuencoded behind a sentence", PLAIN, b"begin 2026 well\r\n\r\nbegin 644 a.zip\r\n" + uuencoded(packed)
    yield "uuencoded, base64", PLAIN, b"begin-base64 644 a.zip\r\n" + FILE64 + b"====\r\n"
    in_line = base64.b64encode(packed)
    folded = b"\r\n ".join(in_line[i:i + 70] for i in range(0, len(in_line), 70))
    yield "in a calendar", top(), parts(
        HELLO, b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:" + folded
        + b"\r\nEND:VCALENDAR\r\n")
    for name, before in (("3", b"PHOTO;ENCODING=b;TYPE=ZIP:"), ("2.1", b"PHOTO;ENCODING=BASE64:\r\n "), ("4", b"PHOTO:data:a/b;base64,")):
        yield f"in a card, version {name}", top("text/vcard"), b"BEGIN:VCARD\r\n" + before + folded + b"\r\nEND:VCARD\r\n"
    for element in (b"office:binary-data", b"pkg:binaryData"):
        yield f"in XML: {element.decode()}", top("application/xml"), (
            b'<?xml version="1.0"?><a><' + element + b">" + FILE64 + b"</" + element + b"></a>\r\n")
    yield "in SVG", top("image/svg+xml"), b'<svg><image href="data:x/y;base64,' + in_line + b'"/></svg>\r\n'


def all_ways():
    yield from in_texts()
    for name, content_type, boundary in boundaries():
        yield "boundary: " + name, top(content_type), parts(HELLO, FILE, boundary=boundary)
    yield from other_ways()


# What is no file in any reading that we follow, or not all of one.
NOT_FOUND = {"piece of a message", "seventy levels"}


@pytest.mark.parametrize("name,fields,body", [pytest.param(*row, id=row[0]) for row in all_ways()])
def test_a_file_that_some_program_shows_is_found(scanner, name, fields, body):
    answer = scanner.send(fields, body)
    if name in NOT_FOUND:
        assert answer.action == "accept"
        assert answer.field("X-Virus-Status").startswith("Unscanned (")
    else:
        assert answer.reply == FOUND


def test_why_it_is_ambiguous_stands_in_the_log(scanner):
    scanner.send(*ODD, queue_id="WHY1")
    line = next(l for l in scanner.log().splitlines() if "WHY1: scan" in l)
    assert 'ambiguous="two boundaries"' in line, line


ODD = top('multipart/mixed; boundary=q; boundary="p"'), parts(HELLO, HELLO)


@pytest.mark.parametrize("option,action,says", [
    ("tag", "accept", None), ("fail", "reply", "554 5.7.1 message refused, it can't be scanned: ambiguous MIME"),
    ("infected", "reply", "550 5.7.1 ")])
def test_on_ambiguous(own, option, action, says):
    answer = own(on_ambiguous=option).send(*ODD)
    assert answer.action == action
    if says is None:
        assert answer.field("X-Virus-Status") == AMBIGUOUS
    else:
        assert answer.reply.startswith(says)


def ordinary_fields(number):
    """As one mail program or another writes them."""
    base = [("From", "Ann Example <ann@example.org>"), ("To", "b@example.com"), ("Subject", f"message {number}")]
    extra = [
        [("X-Mailer", "Apple Mail (2.3731)"), ("Mime-Version", "1.0 (Mac OS X Mail 16.0)")],
        [("User-Agent", "Mozilla Thunderbird"), ("MIME-Version", "1.0"), ("Content-Language", "en-US")],
        [("X-Mailer", "Microsoft Outlook 16.0"), ("MIME-Version", "1.0"), ("Thread-Index", "AdnB")],
        [("MIME-Version", "1.0")],
        [],
    ]
    return base + extra[number % len(extra)]


ORDINARY_BOUNDARIES = [
    '----=_NextPart_000_0001_01D9C1A2.3B4C5D60', '000000000000a1b2c305f0d1e2f3', 'Apple-Mail=_8C5F2A10-1B2C-4D3E-9F00',
    '------------0GkV0rJ0fVY2Qm6sWlOe8k', '_000_AM0PR01MB1234_', '=_alternative 0050A1B2C1258=', 'b1_5f2c8a9d0e',
    '===============1234567890123456789==', '----=_Part_12_345678.1690000000', '--=_mixed 004F6E8', "_=_swift_v4_1",
    'Boundary_(ID_abc+DEF/ghi)', '=-=GnuMail', "mixed'x'1", 'a.b,c:d?e/f',
]


def leaf_of(number):
    noise = random.Random(number)
    text = "Hello,\n\n" + "\n".join("word " * noise.randrange(1, 14) for _ in range(noise.randrange(1, 20)))
    text += noise.choice(["", "\n-- \nAnn\n", "\n----- Original Message -----\nFrom: me\nContent-Type: text\n",
                          "\n> quoted\n>> more\n", "\n--\nAnn", "\nbegin forwarded message\n", "\nFrom here on\n"])
    kind = number % 9
    if kind == 0:
        return email.mime.text.MIMEText(text, "plain", "utf-8")
    if kind == 1:
        return email.mime.text.MIMEText(f"<html><body><p>{text}</p></body></html>", "html", "us-ascii")
    if kind == 2:
        return email.mime.application.MIMEApplication(noise.randbytes(noise.randrange(1, 3000)), Name="a b.bin")
    if kind == 3:
        return email.mime.image.MIMEImage(b"\x89PNG\r\n\x1a\n" + noise.randbytes(500), "png")
    if kind == 4:
        part = email.mime.base.MIMEBase("text", "calendar", method="REQUEST", charset="UTF-8")
        part.set_payload("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n")
        email.encoders.encode_quopri(part)
        return part
    if kind == 5:
        inner = email.mime.text.MIMEText(text)
        inner["From"], inner["Subject"] = "x@example.org", "inner"
        return email.mime.message.MIMEMessage(inner)
    if kind == 6:
        part = email.mime.base.MIMEBase("application", "zip", name="a.zip")
        part.set_payload(zipped("a.txt", text.encode()))
        email.encoders.encode_base64(part)
        return part
    if kind == 7:
        part = email.mime.text.MIMEText(text, "plain", "us-ascii")
        part["Content-Disposition"] = 'attachment; filename="r\\"e.txt"'
        return part
    return email.mime.text.MIMEText("", "plain")


def ordinary(number):
    """A message by itself, or parts in one or more of each other."""
    leaves = [leaf_of(number * 7 + i) for i in range(1 + number % 4)]
    message = leaves[0]
    kinds = itertools.cycle(("mixed", "alternative", "related", "report", "signed"))
    for depth in range(number % 5):
        boundary = ORDINARY_BOUNDARIES[(number + depth) % len(ORDINARY_BOUNDARIES)]
        inner = [message, *leaves[1:]] if depth == 0 else [message, leaf_of(number + depth)]
        message = email.mime.multipart.MIMEMultipart(next(kinds), boundary + (str(depth) * depth), inner)
    text = message.as_bytes(policy=email.policy.SMTP if number % 2 else email.policy.compat32)
    head, _, body = text.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = ordinary_fields(number)
    for line in head.decode("ascii").split("\n"):
        if line[:1] in " \t":
            fields[-1] = (fields[-1][0], fields[-1][1] + "\n" + line)
        elif not line.startswith("MIME-Version"):
            name, _, value = line.partition(":")
            fields.append((name, value.strip()))
    return fields, body.replace(b"\n", b"\r\n")


def test_ordinary_mail_is_clean(scanner):
    wrong = []
    with scanner.session() as session:
        for number in range(520):
            answer = session.message(*ordinary(number))
            if answer.field("X-Virus-Status") != "Clean":
                wrong.append((number, answer.reply, answer.field("X-Virus-Status")))
    assert not wrong, wrong[:5]
