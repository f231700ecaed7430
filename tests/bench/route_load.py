"""route_load - builds the programs that ask policyd as Postfix does, and runs one (load.c)."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / "build/bench"
CONNECTIONS = 4


def build():
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in ("null_server", "load"):
        source, program = ROOT / f"tests/bench/{name}.c", BUILT / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", program, source, "-levent"],
                           check=True)


def load_command(kind, path, pid, seconds, users, connections=CONNECTIONS):
    return [str(BUILT / "load"), kind, str(path), str(pid), str(connections), str(seconds), str(users)]


def load(*arguments, **more):
    return json.loads(subprocess.run(load_command(*arguments, **more), check=True, stdout=subprocess.PIPE).stdout)
