"""What is not opened, or encrypted, is not called clean; and what is opened is."""
import bz2
import gzip
import io
import lzma
import os
import random
import subprocess
import zipfile

import pytest

from signatures import EICAR, PLAIN, attachment, office, pdf, tarred, zipped

ADDRESS, OWN_ADDRESS = "127.20.56.1", "127.20.56.2"
FOUND = "550 5.7.1 message refused: it contains Eicar-Test-Signature.UNOFFICIAL"
# Packs well, so that no method stores it as it is.
HIDDEN = EICAR + b"\n" * 3000
TEXT = b"a text of many words that are alike\n" * 40
NOISE = random.Random(1).randbytes(400)


def seven_zip(folder, name, *how, content=HIDDEN):
    (folder / "a.com").write_bytes(content)
    (folder / "b.txt").write_bytes(TEXT)
    subprocess.run(["7z", "a", *how, name, "a.com", "b.txt"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (folder / name).read_bytes()


def status(scanner, data, name="file.bin"):
    answer = scanner.send(*attachment(data, name=name))
    return answer.reply or answer.field("X-Virus-Status")


# None: opened, the test file is found in it.
METHODS = {
    ("zip", "Copy"): None, ("zip", "Deflate"): None, ("zip", "Deflate64"): None, ("zip", "BZip2"): None,
    ("zip", "LZMA"): "zip", ("zip", "PPMd"): "zip", ("zip", "xz"): "zip",
    ("7z", "Copy"): None, ("7z", "LZMA"): None, ("7z", "LZMA2"): None, ("7z", "PPMd"): None,
    ("7z", "BZip2"): "7z", ("7z", "Deflate"): "7z", ("7z", "Deflate64"): "7z",
}


@pytest.mark.parametrize("kind,method", METHODS)
def test_an_archive_is_opened_or_said_not_to_be(scanner, folder, kind, method):
    wanted = METHODS[kind, method]
    option = "-m0=" if kind == "7z" else "-mm="
    data = seven_zip(folder, "x." + kind, "-t" + kind, option + method)
    said = FOUND if wanted is None else f"Unscanned (not opened: {wanted})"
    assert status(scanner, data) == said
    assert status(scanner, zipped("inner." + kind, data)) == said, "in a zip as well"
    assert status(scanner, tarred("inner." + kind, data)) == said, "in a tar as well"


@pytest.mark.parametrize("filters", [("-m0=Delta:4", "-m1=LZMA"), ("-m0=ARM64", "-m1=LZMA2"), ("-m0=BCJ2", "-m1=BZip2")])
def test_a_7z_with_a_filter_is_opened_or_said_not_to_be(scanner, folder, filters):
    assert status(scanner, seven_zip(folder, "x.7z", "-t7z", *filters)) in (FOUND, "Unscanned (not opened: 7z)")


def test_one_member_of_many_that_is_not_opened(scanner, folder):
    """The others come out."""
    clean = seven_zip(folder, "x.zip", "-tzip", "-mm=Deflate", content=TEXT)
    assert status(scanner, clean) == "Clean"
    (folder / "c.txt").write_bytes(HIDDEN)
    subprocess.run(["7z", "a", "-tzip", "-mm=PPMd", "x.zip", "c.txt"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    assert status(scanner, (folder / "x.zip").read_bytes()) == "Unscanned (not opened: zip)"


def test_zips_that_others_open(scanner):
    infected, clean = zipped("a.com", HIDDEN), zipped("b.txt", TEXT)
    for data in (clean + infected, infected + clean, infected[:-30], infected[:len(infected) // 2], infected[10:],
                 b"PK00" + infected, infected[:-18] + b"\1\0\1\0" + infected[-14:]):
        assert status(scanner, data) in (FOUND, "Unscanned (not opened: zip)")
    assert status(scanner, clean) == "Clean"


def test_pieces_of_a_zip(scanner, folder):
    (folder / "noise").write_bytes(random.Random(2).randbytes(5000))
    subprocess.run(["7z", "a", "-tzip", "-v2k", "x.zip", "noise"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    assert status(scanner, (folder / "x.zip.001").read_bytes()) == "Unscanned (not opened: zip)"
    assert status(scanner, (folder / "x.zip.003").read_bytes()) == "Unscanned (not opened: zip)"


def zstd_frame(data):
    """One block, as it is."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + ((len(data) << 3) | 1).to_bytes(3, "little") + data


UDF = (b"\0" * 0x8000 + b"\0BEA01\1".ljust(2048, b"\0") + b"\0NSR02\1".ljust(2048, b"\0") + b"\0TEA01\1".ljust(2048, b"\0")
       + b"\0" * 4096)
KINDS = {
    "zstd": ("zstd", zstd_frame(TEXT[:100])), "lz4": ("lz4", b"\x04\x22\x4d\x18\x60\x70\x73" + NOISE),
    "lzma": ("lzma", lzma.compress(TEXT, lzma.FORMAT_ALONE)), "ar": ("ar", b"!<arch>\n" + NOISE),
    "RAR 4": ("RAR", b"Rar!\x1a\x07\0" + NOISE), "RAR 5": ("RAR", b"Rar!\x1a\x07\1\0" + NOISE),
    "RAR program": ("RAR", b"MZ" + bytes(500) + b"Rar!\x1a\x07\1\0" + NOISE),
    "WIM": ("WIM", b"MSWIM\0\0\0" + NOISE), "VHD": ("VHD", bytes(2048) + b"conectix".ljust(512, b"\0")),
    "VHDX": ("VHDX", b"vhdxfile" + NOISE), "FAT": ("FAT", (b"\xeb\x3c\x90MSDOS5.0".ljust(54, b"\0") + b"FAT12   ").ljust(
        510, b"\0") + b"\x55\xaa" + bytes(4096)),
    "MBR": ("disk image", bytes(446) + b"\x80\0\1\0\x0b\0\1\0\1\0\0\0\x20\0\0\0".ljust(64, b"\0") + b"\x55\xaa" + bytes(20000)),
    "RAR behind a picture": ("RAR", b"\x89PNG\r\n\x1a\n" + bytes(500) + b"Rar!\x1a\x07\1\0" + NOISE),
    "a second stream": ("bzip2", bz2.compress(TEXT) + bz2.compress(TEXT)), "LHA": ("LHA", b"\x22\x10-pm1-" + NOISE),
    "CHM": ("CHM", b"ITSF\3\0\0\0" + NOISE), "lz4 of Mozilla": ("lz4", b"mozLz40\0" + NOISE),
    "Apple Archive": ("Apple Archive", b"pbzx" + NOISE), "VMDK": ("VMDK", b"COWD" + NOISE), "ISZ": ("ISZ", b"IsZ!" + NOISE),
    "UDF": ("UDF", UDF), "RPM": ("RPM", b"\xed\xab\xee\xdb" + NOISE), "ACE": ("ACE", b"1234567**ACE**" + NOISE),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_format_that_nothing_here_opens(scanner, name):
    kind, data = KINDS[name]
    assert status(scanner, data) == f"Unscanned (not opened: {kind})"
    assert status(scanner, zipped("inner", data)) == f"Unscanned (not opened: {kind})", "in a zip as well"


STUB = b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(500)
BEFORE = {"a program": STUB, "a picture": b"GIF89a\1\0\1\0\0\0\0;", "a text": b"hello\n" * 30, "nothing": b"", "gzip": gzip.compress(TEXT)}


@pytest.mark.parametrize("name", BEFORE)
def test_a_zip_behind_something_else(scanner, folder, name):
    """Opened, or said not to be; programs find it from its end on."""
    unopened = ("Unscanned (not opened: zip)", "Unscanned (not opened: gzip)")
    opened, harmless = (status(scanner, BEFORE[name] + zipped("a.com", data)) for data in (HIDDEN, TEXT))
    if name == "gzip":
        assert opened in unopened and harmless in unopened
    else:
        assert (opened, harmless) == (FOUND, "Clean")
    assert status(scanner, BEFORE[name] + seven_zip(folder, "x.zip", "-tzip", "-mm=LZMA")) in unopened
    inner = zipped("a.chm", KINDS["CHM"][1])
    assert status(scanner, BEFORE[name] + inner).startswith("Unscanned (not opened: "), "what is in it as well"


def open_document(encrypted):
    out = io.BytesIO()
    entry = '<manifest:encryption-data manifest:checksum-type="x"/>' if encrypted else ""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text", zipfile.ZIP_STORED)
        archive.writestr("content.xml", NOISE if encrypted else "<x/>" * 50)
        archive.writestr("META-INF/manifest.xml", '<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest '
                         f'xmlns:manifest="urn:x"><manifest:file-entry>{entry}</manifest:file-entry></manifest:manifest>')
    return out.getvalue()


def ole(content, name=""):
    return (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0") + content.ljust(512, b"\0")
            + name.encode("utf-16le").ljust(512, b"\0") + bytes(2048))


def openssl(folder, *how, text=TEXT):
    (folder / "text").write_bytes(text)
    if not (folder / "key").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", "key",
                        "-out", "certificate"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", *how, "-in", "text", "-out", "out"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    return (folder / "out").read_bytes()


def test_encrypted_files(scanner, folder):
    sign = ("cms", "-sign", "-signer", "certificate", "-inkey", "key", "-outform", "DER")
    rows = [
        (ole(b"", "EncryptedPackage"), "encrypted: Office"), (ole(b"\xec\xa5\xc1".ljust(11, b"\0") + b"\1"), "encrypted: Office"),
        (open_document(True), "encrypted: OpenDocument"),
        (openssl(folder, "cms", "-encrypt", "-aes128", "-outform", "DER", "-recip", "certificate"), "encrypted: S/MIME"),
        (openssl(folder, "cms", "-encrypt", "-stream", "-outform", "DER", "-recip", "certificate"), "encrypted: S/MIME"),
        (openssl(folder, *sign, "-nodetach"), None), (openssl(folder, *sign), None),
        (zipped("smime.p7m", openssl(folder, *sign, "-nodetach")), "not opened: S/MIME"),
        (openssl(folder, "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x"), "encrypted: OpenSSL"),
        (b"\x85\x01\x0c\x03" + NOISE, "encrypted: PGP"), (b"-----BEGIN PGP MESSAGE-----\n\nabc\n", "encrypted: PGP"),
        (b"age-encryption.org/v1\n" + NOISE, "encrypted: age"), (b"AES\x03\0" + NOISE, "encrypted: AES Crypt"),
        (openssl(folder, "enc", "-aes-256-cbc", "-pbkdf2", "-pass", "pass:x", "-a"), "encrypted: OpenSSL"),
        (b"\x76\xe8\x04\x60\xc4\x11\xe3\x86" + NOISE, "encrypted: rights management"),
        (seven_zip(folder, "e.7z", "-t7z", "-px"), "encrypted part"),
        (seven_zip(folder, "h.7z", "-t7z", "-px", "-mhe=on"), "encrypted part"),
        (seven_zip(folder, "a.zip", "-tzip", "-px", "-mem=AES256"), "encrypted part"),
    ]
    for number, (data, wanted) in enumerate(rows):
        assert status(scanner, data) == ("Clean" if wanted is None else f"Unscanned ({wanted})"), number


def test_encrypted_messages(scanner):
    armored = b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----\r\n"
    assert scanner.send(PLAIN, b"Hello\r\n\r\n" + armored).field("X-Virus-Status") == "Unscanned (encrypted: PGP)"
    fields = [*PLAIN, ("Content-Type", 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=p')]
    body = (b"--p\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--p\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" + armored + b"--p--\r\n")
    assert scanner.send(fields, body).field("X-Virus-Status") == "Unscanned (encrypted: PGP/MIME)"


@pytest.mark.parametrize("option,starts", [("fail", "554 5.7.1 message refused, it can't be scanned: not opened: RAR"),
                                           ("infected", "550 5.7.1 ")])
def test_on_unopened(own, folder, option, starts):
    milter = own(on_unopened=option, on_encrypted="tag")
    assert status(milter, KINDS["RAR 5"][1]).startswith(starts)
    assert status(milter, seven_zip(folder, "e.7z", "-t7z", "-px")) == "Unscanned (encrypted part)"


def test_what_is_opened_is_clean(scanner):
    directory = io.BytesIO()
    with zipfile.ZipFile(directory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/empty", "")
        archive.writestr("folder/same", TEXT)
        archive.writestr("folder/same again", TEXT)
        archive.comment = b"a comment"
    nothing = io.BytesIO()
    with zipfile.ZipFile(nothing, "w"):
        pass
    rows = [zipped("a.txt", TEXT), directory.getvalue(), nothing.getvalue(), office(TEXT), pdf(TEXT), open_document(False),
            gzip.compress(TEXT), gzip.compress(b""), bz2.compress(TEXT), lzma.compress(TEXT), tarred("a.txt", TEXT),
            ole(b"\xec\xa5\xc1"), zipped("a.zip", zipped("b.zip", zipped("c.txt", TEXT))), TEXT, NOISE, b"PK", b"Rar!", b"7z",
            os.urandom(0), b"0\x82\1\0"]
    for number, data in enumerate(rows):
        assert status(scanner, data) == "Clean", number


def test_what_is_signed_is_read(scanner, folder):
    """With the content in the message; packed, so that nothing finds it as it is."""
    fields, body = attachment(zipped("a.com", HIDDEN))
    part = b"".join(f"{name}: {value}\r\n".encode() for name, value in fields[3:]) + b"\r\n" + body
    for how in (("-nodetach",), ("-nodetach", "-stream")):
        signed = openssl(folder, "cms", "-sign", "-binary", "-signer", "certificate", "-inkey", "key", "-outform", "DER", *how, text=part)
        assert status(scanner, signed, "smime.p7m") == FOUND
