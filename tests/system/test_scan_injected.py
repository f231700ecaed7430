"""Each single call of a scan fails in turn, by a library between the scanner and libc: an infected mail is never called clean.

`make test` tries every 17th call; POSTSHIFT_EVERY_CALL=1 all of them.
"""
import bz2
import os
import pathlib
import re
import subprocess

import pytest

from compound import macros
from documents import copied, xar
from processes import BIN
from signatures import EICAR, attachment, make_folder, office, pdf, tarred, zipped

PROGRAM = pathlib.Path(os.environ.get("POSTSHIFT_FAKES") or BIN.parent / "obj-plain/fakes") / "scan_with_failures"
STEP = 1 if os.environ.get("POSTSHIFT_EVERY_CALL") else 17


def seven_zip(folder, data):
    (folder / "a.com").write_bytes(data)
    subprocess.run(["7z", "a", folder / "a.7z", folder / "a.com"], check=True, stdout=subprocess.DEVNULL)
    return (folder / "a.7z").read_bytes()


KINDS = {
    "raw": lambda f: EICAR, "zip": lambda f: zipped("a.com", EICAR), "docx": lambda f: office(EICAR), "pdf": lambda f: pdf(EICAR),
    "bz2": lambda f: bz2.compress(EICAR), "7z": lambda f: seven_zip(f, EICAR),
    "html": lambda f: b"<html><body><script>var a = 1;</script><p>" + EICAR + b"</p></body></html>",
    "tar.xz": lambda f: tarred("a.com", EICAR, "w:xz"), "xar": lambda f: xar(1, EICAR), "cpio": lambda f: copied(1, EICAR),
    "macro": lambda f: macros(b"Sub a _\r\n ()\r\n" + EICAR[28:].lower(), 1250),
    "nested zip": lambda f: zipped("b.zip", zipped("a.com", EICAR)),
}


def write_mail(path, fields, body):
    path.write_bytes(b"Received: by postshift-scan\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in fields) + b"\r\n" + body)


@pytest.mark.limit(600)
@pytest.mark.skipif(not PROGRAM.exists(), reason="scan_with_failures is not built: with a sanitizer calls are not watched")
@pytest.mark.parametrize("kind", KINDS)
def test_no_failure_of_a_single_call_makes_it_clean(folder, kind):
    make_folder(folder / "db", [("Test.Html", EICAR[28:].lower())])     # a page is looked at in small letters
    write_mail(folder / "mail", *attachment(KINDS[kind](folder)))
    done = subprocess.run([PROGRAM, folder / "db", str(STEP), folder / "mail"], stdout=subprocess.PIPE, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    numbers = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", done.stdout)}
    assert numbers["calls"] > 100 and numbers["tried"] >= numbers["calls"] // STEP
    assert numbers["clean"] == numbers["unnoticed"] == numbers["doubted"] == 0
    assert numbers["failed"] + numbers["died"] > numbers["tried"] // 50, "most calls before the virus is found matter"
