"""Mail as nobody should write it, archives as nobody should pack them: found, or said to be unscanned."""
import base64
import binascii
import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import zipfile

import pytest

from signatures import EICAR, PLAIN, attachment, office, pdf, tarred, zipped

ADDRESS = "127.20.58.1"
SCANNER = {"max_file": "1M", "max_scan": "3M", "max_files": 50, "max_recursion": 8, "max_message": "6M"}
FOUND = "550 5.7.1 message refused: it contains Eicar-Test-Signature.UNOFFICIAL"


def lines(data):
    return data.replace(b"\n", b"\r\n")


ENCODED = lines(base64.encodebytes(EICAR))
LEAF = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + ENCODED
UUENCODED = lines(b"begin 644 x.com\n" + binascii.b2a_uu(EICAR[:45]) + binascii.b2a_uu(EICAR[45:]) + b"`\nend\n")
MIXED = [("MIME-Version", "1.0"), ("Content-Type", 'multipart/mixed; boundary="p"')]
END = b"--p--\r\n"


def part(inner, boundary=b"p"):
    return b"--" + boundary + b"\r\n" + inner + b"\r\n"


def typed(content_type):
    return PLAIN + [MIXED[0], ("Content-Type", content_type)]


def multiparts(depth):
    body = LEAF
    for level in range(depth):
        name = b"b%d" % level
        body = (b'Content-Type: multipart/mixed; boundary="%s"\r\n\r\n' % name + part(body, name) + b"--" + name + b"--\r\n")
    head, _, rest = body.partition(b"\r\n\r\n")
    return typed(head.decode().removeprefix("Content-Type: ")), rest


def tnef(data):
    """winmail.dat with one attached file."""
    def attribute(level, number, value):
        return struct.pack("<BII", level, number, len(value)) + value + struct.pack("<H", sum(value) & 0xffff)

    return (struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x00089006, struct.pack("<I", 0x10000))
            + attribute(2, 0x00069002, b"\x01\0" + b"\0" * 12) + attribute(2, 0x00018010, b"a.com\0")
            + attribute(2, 0x0006800F, data))


INSIDE = b"Subject: inside\r\nMIME-Version: 1.0\r\n" + LEAF
ODD = {
    "multiparts in multiparts": multiparts(4),
    "uuencoded in the text": (PLAIN, b"see:\r\n" + UUENCODED),
    "uuencoded part": (PLAIN + MIXED, part(b"Content-Transfer-Encoding: x-uuencode\r\n\r\n" + UUENCODED) + END),
    "no closing boundary": (PLAIN + MIXED, part(LEAF)),
    "no boundary given": (typed("multipart/mixed"), part(LEAF) + END),
    "another boundary given": (typed('multipart/mixed; boundary="q"'), part(LEAF) + END),
    "boundary without quotes": (typed("multipart/mixed; boundary=p"), part(LEAF) + END),
    "boundary folded": (typed('multipart/mixed;\n\tboundary=\n "p"'), part(LEAF) + END),
    "no MIME-Version": (PLAIN + MIXED[1:], part(LEAF) + END),
    "one long line": (PLAIN + MIXED, part(LEAF.replace(ENCODED, ENCODED.replace(b"\r\n", b""))) + END),
    "blanks in base64": (PLAIN + MIXED, part(LEAF.replace(ENCODED, b" \t\r\n".join(
        ENCODED[i:i + 8].strip() for i in range(0, len(ENCODED), 8)))) + END),
    "encoding in capitals": (PLAIN + MIXED, part(LEAF.replace(b"Transfer-Encoding: base64", b"TRANSFER-encoding:  BASE64")) + END),
    "bare line feeds": (PLAIN + MIXED, (part(LEAF) + END).replace(b"\r\n", b"\n")),
    "digest": (typed('multipart/digest; boundary="p"'), part(b"\r\n" + INSIDE) + END),
    "attached message": (PLAIN + MIXED, part(b"Content-Type: message/rfc822\r\n\r\n" + INSIDE) + END),
    "nothing but an archive": (typed("application/zip") + [("Content-Transfer-Encoding", "base64")],
                               lines(base64.encodebytes(zipped("a.com", EICAR)))),
    "no header": ([], EICAR),
    "eight bits in the header": (PLAIN + [("X-Any", b"\xff\xfe \x80"), *MIXED], part(LEAF) + END),
    "no field but the type": ([("Content-Type", 'multipart/mixed;\n boundary="p"')], part(LEAF) + END),
    "an archive's mark in the header": (PLAIN + MIXED + [("X-Any", "PK\x03\x04")], part(LEAF) + END),
    "an archive's mark before the parts": (PLAIN + MIXED, b"PK\x03\x04\r\n" + part(LEAF) + END),
    **{f"a first field {name}": ([(name, "x"), *MIXED], part(LEAF) + END)
       for name in ("%PDF-1.4", "MZ", "{\\rtf1", "GIF89a", b"\x7fELF", b"\x1f\x8b\x08", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "begin 644 a")},
    "data: in HTML": (typed("text/html"), b'<a href="data:application/octet-stream;base64,' + base64.b64encode(EICAR) + b'">x</a>'),
    "TNEF": attachment(tnef(EICAR), name="winmail.dat"),
}


@pytest.mark.parametrize("name", ODD)
def test_finds_the_test_file_in(scanner, name):
    assert scanner.send(*ODD[name]).reply == FOUND


@pytest.mark.parametrize("name", ODD)
def test_a_clean_counterpart_of_is_clean(scanner, name):
    fields, body = ODD[name]
    harmless = b"X5O" + b"harmless" * 8 + b"."
    changes = [(EICAR, harmless), (ENCODED, lines(base64.encodebytes(harmless))), (b"".join(ENCODED.split()), b"aGVsbG8="),
               (UUENCODED, lines(b"begin 644 x.com\n" + binascii.b2a_uu(b"harmless") + b"`\nend\n")),
               (base64.b64encode(EICAR), b"aGVsbG8=")]
    if name == "nothing but an archive":
        body = lines(base64.encodebytes(zipped("a.com", harmless)))
    elif name == "TNEF":
        fields, body = attachment(tnef(harmless), name="winmail.dat")
    elif name == "blanks in base64":
        body = part(LEAF.replace(ENCODED, b"aGVs \t\r\nbG8=\r\n")) + END
    else:
        body = body.replace(b"\r\n", b"\n") if name == "bare line feeds" else body
        for old, new in changes:
            body = body.replace(old, new).replace(old.replace(b"\r\n", b"\n"), new)
    answer = scanner.send(fields, body)
    assert (answer.action, answer.field("X-Virus-Status")) == ("accept", "Clean")


BIG = b"\0" * (2 << 20) + EICAR + b"\r\n"      # above max_file, the test file at its end


def packed_by(command, name):
    """A member in an archive of a program's making."""
    def pack(folder):
        (folder / "member.bin").write_bytes(BIG)
        subprocess.run(command, shell=True, check=True, cwd=folder, stdout=subprocess.DEVNULL)
        return (folder / name).read_bytes()
    return pack


CUT = {
    "no archive": lambda _: BIG, "gz": lambda _: gzip.compress(BIG), "bz2": lambda _: bz2.compress(BIG),
    "xz": lambda _: lzma.compress(BIG), "zip": lambda _: zipped("a.bin", BIG),
    "stored zip": lambda _: zipped("a.bin", BIG, zipfile.ZIP_STORED), "tar": lambda _: tarred("a.bin", BIG, "w:"),
    "tar.gz": lambda _: tarred("a.bin", BIG), "pdf": lambda _: pdf(BIG), "office": lambda _: office(BIG),
    "TNEF": lambda _: tnef(BIG), "7z": packed_by("7z a out.7z member.bin", "out.7z"),
    "zip in zip": lambda _: zipped("outer.zip", zipped("inner.bin", BIG)),
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_is_not_called_clean(scanner, folder, name):
    answer = scanner.send(*attachment(CUT[name](folder)))
    assert answer.field("X-Virus-Status") == "Unscanned (limit reached: MaxFileSize)"


@pytest.mark.parametrize("more, status", [(0, "Clean"), (1, "Unscanned (limit reached: MaxFileSize)")])
def test_a_message_of_exactly_the_largest_size_is_scanned_whole(scanner, more, status):
    header = sum(len(f"{name}: {value}\r\n") for name, value in PLAIN) + 2
    body = (b"x" * 76 + b"\r\n") * (1 << 14)
    assert scanner.send(PLAIN, body[-(1 << 20) + header - more:]).field("X-Virus-Status") == status


def archive(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            made.writestr(name, data)
    return out.getvalue()


def in_archives(depth):
    data = EICAR
    for level in range(depth):
        data = archive([(f"{level}.zip", data)])
    return data


def test_too_deep(scanner):
    assert scanner.send(*attachment(in_archives(4))).reply == FOUND
    for mail in (attachment(in_archives(30)), multiparts(40)):
        assert scanner.send(*mail).field("X-Virus-Status") == "Unscanned (limit reached: MaxRecursion)"


def test_too_many_files(scanner):
    assert scanner.send(*attachment(archive([(f"{n}", b"%d" % n * 20) for n in range(20)] + [("last.com", EICAR)]))).reply == FOUND
    # The test file itself is packed twice, so that its text stands nowhere outside.
    members = [(f"{n}", b"%d" % n * 20) for n in range(200)] + [("last.zip", in_archives(1))]
    assert scanner.send(*attachment(archive(members))).field("X-Virus-Status") == "Unscanned (limit reached: MaxFiles)"


def test_too_much_in_all(scanner):
    members = [(f"{n}", os.urandom(100) + b"\0" * (900 << 10)) for n in range(10)] + [("last.com", EICAR)]
    assert scanner.send(*attachment(archive(members))).field("X-Virus-Status") == "Unscanned (limit reached: MaxScanSize)"


@pytest.mark.parametrize("name", ["x-virus-status", "X-VIRUS-STATUS"])
def test_odd_spellings_of_our_fields_are_removed(scanner, name):
    answer = scanner.send(PLAIN + [(name, "Clean\n\t(folded)")], b"hello\r\n")
    assert [(n.strip().lower(), i) for n, i in answer.deleted] == [("x-virus-status", 1)]


def test_more_forged_fields_than_can_be_removed_are_refused(scanner):
    answer = scanner.send(PLAIN + [("X-Virus-Status", "Clean")] * 20001, b"hello\r\n")
    assert answer.reply == "550 5.7.1 message refused: too many X-Virus or X-Spam fields"
