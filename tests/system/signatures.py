"""signatures - a small signature folder of our own, the test file it finds, and containers to hide it in."""
import base64
import binascii
import bz2
import io
import tarfile
import zipfile
import zlib

# Never spelt out in one piece, so that no scanner takes these sources for the test file.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS" + b"-TEST-FILE!$H+H*"
MARKER_A = b"POSTSHIFT-TEST-MARKER-ALPHA"
MARKER_B = b"POSTSHIFT-TEST-MARKER-BETA"


def make_folder(folder, markers=(("Test.Marker.A", MARKER_A),)):
    """EICAR wherever its text stands, and a marker text or two."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    rows = [("Eicar-Test-Signature", EICAR[28:]), *markers]
    text = "".join(f"{name}:0:*:{binascii.hexlify(text).decode()}\n" for name, text in rows)
    temporary = folder / "test.tmp"
    temporary.write_text(text, encoding="ascii")
    temporary.rename(folder / "test.ndb")
    return folder


def zipped(name, data, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, data)
    return out.getvalue()


PACKED = bz2.compress(bytes(60 << 20))


def long_work(parts, *more):
    """An archive of about 1 kB, each part half a second of work or more; more: (name, data) behind them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*((f"{i}.bz2", PACKED) for i in range(parts)), *more]:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(name, data, mode="w:gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def office(data):
    """A document as word processors write it, with an embedded file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", '<?xml version="1.0"?><Types xmlns='
                         '"http://schemas.openxmlformats.org/package/2006/content-types"/>')
        archive.writestr("word/document.xml", "<w:document/>")
        archive.writestr("word/embeddings/object.bin", data)
    return out.getvalue()


def pdf(data):
    """A PDF with an embedded, compressed file."""
    packed = zlib.compress(data)
    parts = [b"%PDF-1.4\n"]
    offsets = []

    def add(number, content):
        offsets.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))

    add(1, b"<< /Type /Catalog /Names << /EmbeddedFiles << /Names [(x) 3 0 R] >> >> /Pages 2 0 R >>")
    add(2, b"<< /Type /Pages /Kids [] /Count 0 >>")
    add(3, b"<< /Type /Filespec /F (x) /EF << /F 4 0 R >> >>")
    add(4, b"<< /Type /EmbeddedFile /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(packed), packed))
    start = sum(map(len, parts))
    table = b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    return b"".join(parts) + table + b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start


def attachment(data, name="file.bin", encoding="base64"):
    """(fields, body) of a mail with one attachment."""
    if encoding == "base64":
        text = base64.encodebytes(data).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        text = binascii.b2a_qp(data, istext=False).replace(b"\n", b"\r\n")
    else:
        text = data
    body = (b"--part\r\nContent-Type: text/plain\r\n\r\nHello.\r\n--part\r\n"
            b"Content-Type: application/octet-stream; name=\"%s\"\r\nContent-Transfer-Encoding: %s\r\n\r\n%s\r\n--part--\r\n"
            % (name.encode(), encoding.encode(), text))
    return [("From", "a@example.org"), ("To", "b@example.com"), ("Subject", "a file"), ("MIME-Version", "1.0"),
            ("Content-Type", 'multipart/mixed; boundary="part"')], body


PLAIN = [("From", "a@example.org"), ("To", "b@example.com"), ("Subject", "hello")]
