"""documents - ordinary files of all kinds that people attach, made here: none may be refused, deferred or doubted.

KINDS is by name what makes one of that kind, from a number; each of the first EACH numbers gives another.
"""
import base64
import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib

from compound import macros

WORDS = ("meeting budget summer invoice Köln naïve report quarterly garden committee parcel delivery minutes agenda "
         "holiday contract draft Überweisung señor façade project school music recipe house letter").split()
NAMESPACE = "http://schemas.openxmlformats.org/"


def prose(seed, words=200):
    chance = random.Random(seed)
    return " ".join(chance.choice(WORDS) for _ in range(words)).replace(" agenda", ".\n")


def archive(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in members:
            made.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else method)
    return out.getvalue()


# Office, by its parts.

def package(kind, parts):
    types = "".join(f'<Override PartName="/{name}" ContentType="application/vnd.{kind}+xml"/>' for name, _ in parts)
    return archive([
        ("[Content_Types].xml", '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="' + NAMESPACE
         + f'package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>{types}</Types>'),
        ("_rels/.rels", f'<Relationships xmlns="{NAMESPACE}package/2006/relationships"/>'),
        ("docProps/core.xml", "<coreProperties><title>" + prose(1, 5) + "</title></coreProperties>"), *parts])


def docx(seed):
    text = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in prose(seed, 300 + 40 * seed).split("\n"))
    return package("openxmlformats-officedocument.wordprocessingml.document.main", [
        ("word/document.xml", f'<?xml version="1.0"?><w:document xmlns:w="{NAMESPACE}wordprocessingml/2006/main">'
         f"<w:body>{text}</w:body></w:document>"), ("word/media/image1.png", png(seed))])


def xlsx(seed):
    rows = "".join(f'<row r="{r}">' + "".join(f'<c r="{c}{r}"><v>{r * seed}</v></c>' for c in "ABCDEF") + "</row>"
                   for r in range(1, 50 + seed * 20))
    return package("openxmlformats-officedocument.spreadsheetml.sheet.main", [
        ("xl/workbook.xml", "<workbook><sheets><sheet name='1' sheetId='1'/></sheets></workbook>"),
        ("xl/worksheets/sheet1.xml", f"<worksheet><sheetData>{rows}</sheetData></worksheet>")])


def pptx(seed):
    return package("openxmlformats-officedocument.presentationml.presentation.main", [
        ("ppt/presentation.xml", "<p:presentation xmlns:p='x'/>"),
        *((f"ppt/slides/slide{n}.xml", f"<p:sld xmlns:p='x'><p:t>{prose(seed + n, 40)}</p:t></p:sld>") for n in range(1, 6)),
        ("ppt/media/image1.jpg", jpeg()), ("ppt/media/image2.gif", gif(seed))])


def opendocument(kind, seed):
    return archive([("mimetype", f"application/vnd.oasis.opendocument.{kind}"),
                    ("content.xml", f"<office:document-content xmlns:office='o'>{prose(seed, 500)}</office:document-content>"),
                    ("META-INF/manifest.xml", "<manifest:manifest xmlns:manifest='m'/>"), ("Thumbnails/thumbnail.png", png(seed))])


def epub(seed):
    return archive([("mimetype", "application/epub+zip"), ("META-INF/container.xml", "<container/>"),
                    *((f"chapter{n}.xhtml", f"<html><body><p>{prose(seed + n)}</p></body></html>") for n in range(4))])


def excel_xml(seed, charset="UTF-8", cell=""):
    rows = "".join(f'<Row><Cell><Data ss:Type="String">{word}</Data></Cell></Row>' for word in prose(seed, 80 * seed + 20).split())
    return (f'<?xml version="1.0" encoding="{charset}"?>\r\n<?mso-application progid="Excel.Sheet"?>\r\n'
            '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:o="urn:schemas-microsoft-com:office:office" '
            'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><DocumentProperties xmlns="urn:schemas-microsoft-com:office:office">'
            f'<Author>somebody</Author></DocumentProperties><Worksheet ss:Name="1"><Table>{rows}{cell}</Table></Worksheet></Workbook>'
            ).encode(charset, "xmlcharrefreplace")


def word_xml(seed, charset="UTF-8", binary=b""):
    data = f'<w:binData w:name="wordml://1.bin">{base64.b64encode(binary).decode()}</w:binData>' if binary else ""
    text = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in prose(seed, 100 * seed + 30).split("\n"))
    return (f'<?xml version="1.0" encoding="{charset}" standalone="yes"?>\r\n<?mso-application progid="Word.Document"?>\r\n'
            '<w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml" w:macrosPresent="no">'
            f"<w:body>{text}{data}</w:body></w:wordDocument>").encode(charset, "xmlcharrefreplace")


def xdp(seed, inner=None):
    chunk = base64.b64encode(inner or pdf(seed)).decode()
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">\n'
            f'<pdf xmlns="http://ns.adobe.com/xdp/pdf/"><document><chunk>{chunk}</chunk></document></pdf>\n'
            f'<xfa:datasets xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/">{prose(seed, 30)}</xfa:datasets></xdp:xdp>\n').encode()


def xar(seed, data=None):
    """As macOS packs installers."""
    member = data if data is not None else prose(seed, 400).encode()
    packed = zlib.compress(member)
    toc = ('<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc><checksum style="sha1"><offset>0</offset><size>20</size></checksum>'
           f'<file id="1"><name>a.txt</name><type>file</type><data><length>{len(packed)}</length><offset>20</offset>'
           f'<size>{len(member)}</size><encoding style="application/x-gzip"/>'
           f'<extracted-checksum style="sha1">{hashlib.sha1(member).hexdigest()}</extracted-checksum>'
           f'<archived-checksum style="sha1">{hashlib.sha1(packed).hexdigest()}</archived-checksum></data></file></toc></xar>').encode()
    small = zlib.compress(toc)
    return (struct.pack(">IHHQQI", 0x78617221, 28, 1, len(small), len(toc), 1) + small
            + hashlib.sha1(small).digest() + packed)


# PDF.

def pdf(seed, data=None, filters=("FlateDecode",)):
    """Text, a picture, perhaps an embedded file."""
    def packed(text):
        for name in reversed(filters):
            text = zlib.compress(text) if name == "FlateDecode" else \
                base64.a85encode(text) + b"~>" if name == "ASCII85Decode" else text.hex().encode() + b">"
        return text

    def stream(text, more=""):
        names = " ".join("/" + name for name in filters)
        body = packed(text)
        return b"<< /Length %d /Filter [%s] %s >>\nstream\n%s\nendstream" % (len(body), names.encode(), more.encode(), body)

    lines = "".join(f"({line.encode('latin-1', 'replace').decode('latin-1')}) Tj T*\n" for line in prose(seed, 300).split("\n"))
    objects = [b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(x) 7 0 R] >> >> >>",
               b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
               stream(f"BT /F1 12 Tf 14 TL 72 770 Td\n{lines}ET".encode("latin-1")),
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
               stream(bytes(range(256)) * (seed + 1), f"/Type /XObject /Subtype /Image /Width 16 /Height {16 * (seed + 1)} "
                      "/BitsPerComponent 8 /ColorSpace /DeviceGray"),
               b"<< /Type /Filespec /F (x) /EF << /F 8 0 R >> >>",
               stream(data if data is not None else prose(seed, 50).encode(), "/Type /EmbeddedFile"),
               b"<< /Title (%s) /Producer (postshift) /CreationDate (D:20261101120000Z) >>" % prose(seed, 3).encode("ascii", "replace")]
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + b"".join(b"%010d 00000 n \n" % o for o in offsets)
    return bytes(out + b"trailer << /Size %d /Root 1 0 R /Info 9 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


# Pictures.

def png(seed):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 16 + seed
    rows = b"".join(b"\0" + bytes((x * seed + y) % 256 for x in range(side * 3)) for y in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
            + chunk(b"tEXt", b"Title\0" + prose(seed, 4).encode("latin-1")) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def gif(seed):
    """One picture without a word of compression: clear codes between."""
    side = 8
    codes = []
    for number in range(side * side):
        codes += [4] if number % 2 == 0 else []
        codes.append((number + seed) % 4)
    codes.append(5)
    bits = "".join(f"{code:03b}"[::-1] for code in codes)
    packed = bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8))
    return (b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF1, 0, 0) + bytes(range(12)) + b"\x2c"
            + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02" + bytes([len(packed)]) + packed + b"\0\x3b")


def bmp(seed):
    side = 8 + seed
    row = bytes((x * seed) % 256 for x in range(side * 3)) + b"\0" * (-side * 3 % 4)
    data = row * side
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + len(data), 0, 0, 54, 40, side, side, 1, 24, 0, len(data), 0, 0, 0, 0) + data


def tiff(seed):
    side = 8 + seed
    data = bytes((x * seed) % 256 for x in range(side * side))
    entries = [(256, 3, side), (257, 3, side), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1), (278, 3, side),
               (279, 4, len(data))]
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", t, k, 1, v) for t, k, v in entries) + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + table


def jpeg():
    """Eight by eight, grey."""
    tables = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\x01" * 64
    frame = b"\xff\xc0" + struct.pack(">HBHHBBBB", 11, 8, 8, 8, 1, 1, 0x11, 0)
    codes = b"".join(b"\xff\xc4" + struct.pack(">HB", 20, kind) + b"\x01" + b"\0" * 15 + b"\0" for kind in (0x00, 0x10))
    return (b"\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0" + tables + frame + codes
            + b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 63, 0) + b"\x3f\xff\xd9")


def svg(seed):
    return f'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><title>{prose(seed, 3)}</title></svg>'.encode()


# Text of all kinds.

def html(seed, charset):
    return (f'<!DOCTYPE html>\n<html><head><meta http-equiv="Content-Type" content="text/html; charset={charset}"><title>x</title></head>'
            f'<body><p>{prose(seed, 300)}</p><a href="https://www.example.org/{seed}">more</a></body></html>').encode(charset, "xmlcharrefreplace")


def calendar(seed):
    events = "".join(f"BEGIN:VEVENT\r\nUID:{seed}-{n}@example.org\r\nDTSTAMP:20261101T1200{n:02}Z\r\nDTSTART:20261201T0900{n:02}Z\r\n"
                     f"SUMMARY:{prose(seed + n, 6)}\r\nEND:VEVENT\r\n" for n in range(1 + seed % 7))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{events}END:VCALENDAR\r\n".encode()


def card(seed):
    return f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{prose(seed, 2)}\r\nEMAIL:a{seed}@example.org\r\nEND:VCARD\r\n".encode()


def table(seed):
    return "".join(f"{n};{n * seed};{prose(n, 2)}\r\n" for n in range(50)).encode("cp1252")


def rich_text(seed):
    return ("{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}}\\f0\\fs24 " + prose(seed).replace("\n", "\\par\n") + "}").encode(
        "ascii", "replace")


def mail(seed):
    return (f"Received: from a.example by b.example; Sun, 1 Nov 2026 12:00:00 +0000\r\nFrom: a@example.org\r\nTo: b@example.com\r\n"
            f"Subject: {seed}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            + prose(seed).replace("\n", "\r\n") + "\r\n").encode()


def armoured(seed):
    text = base64.encodebytes(random.Random(seed).randbytes(400)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n".encode()


def sound(seed):
    data = bytes((n * seed) % 256 for n in range(4000))
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + \
        struct.pack("<I", len(data)) + data


# Archives.

def tarred(seed, mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:
        for number in range(1 + seed % 5):
            data = prose(seed + number, 100).encode()
            member = tarfile.TarInfo(f"folder/{number}.txt")
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return out.getvalue()


def copied(seed, data=None):
    """cpio, the new format."""
    def entry(name, data):
        head = "070701" + "".join(f"{n:08X}" for n in (1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0))
        named = head.encode() + name.encode() + b"\0"
        return named + b"\0" * (-len(named) % 4) + data + b"\0" * (-len(data) % 4)

    return entry("a.txt", data or prose(seed).encode()) + entry("TRAILER!!!", b"")


def old_office(seed):
    """With a macro that does nothing."""
    return macros(f"Sub Number{seed}()\r\n' {prose(seed, 50)}\r\nEnd Sub\r\n".encode("cp1252"), 1252)


KINDS = {
    "doc": old_office,
    "docx": docx, "xlsx": xlsx, "pptx": pptx, "epub": epub, "excel.xml": excel_xml, "word.xml": word_xml, "xdp": xdp, "xar": xar,
    "pdf": pdf, "a85.pdf": lambda s: pdf(s, filters=("ASCII85Decode", "FlateDecode")), "hex.pdf": lambda s: pdf(s, filters=("ASCIIHexDecode",)),
    "odt": lambda s: opendocument("text", s), "ods": lambda s: opendocument("spreadsheet", s), "odp": lambda s: opendocument("presentation", s),
    "png": png, "gif": gif, "bmp": bmp, "tiff": tiff, "jpg": lambda s: jpeg(), "svg": svg, "ics": calendar, "vcf": card, "csv": table,
    "rtf": rich_text, "eml": mail, "pem": armoured, "wav": sound, "txt": lambda s: prose(s).encode(), "cpio": copied,
    "latin1.html": lambda s: html(s, "iso-8859-1"), "utf-8.html": lambda s: html(s, "utf-8"), "cyrillic.html": lambda s: html(s, "windows-1251"),
    "japanese.html": lambda s: html(s, "shift_jis"), "utf-16.excel.xml": lambda s: excel_xml(s, "UTF-16"),
    "cp1250.excel.xml": lambda s: excel_xml(s, "windows-1250"), "latin.word.xml": lambda s: word_xml(s, "iso-8859-15"),
    "zip": lambda s: archive([(f"{n}.txt", prose(s + n)) for n in range(1 + s % 6)]),
    "stored.zip": lambda s: archive([("a.pdf", pdf(s)), ("b.docx", docx(s))], zipfile.ZIP_STORED),
    "nested.zip": lambda s: archive([("inner.zip", archive([("a.xlsx", xlsx(s))]))]),
    "bzip2.zip": lambda s: archive([("a.txt", prose(s))], zipfile.ZIP_BZIP2),
    "tar": lambda s: tarred(s, "w"), "tar.gz": lambda s: tarred(s, "w:gz"), "tar.bz2": lambda s: tarred(s, "w:bz2"),
    "tar.xz": lambda s: tarred(s, "w:xz"), "gz": lambda s: gzip.compress(table(s)), "bz2": lambda s: bz2.compress(mail(s)),
    "xz": lambda s: lzma.compress(pdf(s)),
}
EACH = 11
