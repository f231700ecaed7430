"""books_program - builds books_load, which benchmarks of the books call."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/bench/books_load"


def build():
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    objects = ROOT / "build/obj-plain"
    subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", f"-I{ROOT}", "-o", PROGRAM,
                    ROOT / "tests/bench/books_load.c", *sorted((ROOT / "policyd/books").glob("*.c")),
                    objects / "libpure.a", objects / "libbase.a", "-lsqlite3", "-ljansson", "-lidn2", "-lcrypto", "-lm"], check=True)
