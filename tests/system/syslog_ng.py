"""syslog_ng - lines of the log through a real syslog-ng with our parser.

    decode(folder, ["postshift-auth[812]: 4Q: auth: ..."], "rfc5424")  ->  [{"event": "auth", ...}]
"""
import json
import re
import shutil

import pytest

from processes import ROOT, Process, wait_for

PARSER = ROOT / "postfix-conf/postshift.syslog-ng.conf"
STAMPS = {
    "traditional": lambda program, pid, text: f"Nov 29 21:00:00 gw1 {program}[{pid}]: {text}",
    "rfc3339": lambda program, pid, text: f"2026-11-29T21:00:00.123456+01:00 gw1 {program}[{pid}]: {text}",
    "rfc5424": lambda program, pid, text: f"<22>1 2026-11-29T21:00:00.123456+00:00 gw1 {program} {pid} - - {text}",
}


def decode(folder, lines):
    """What syslog-ng makes of lines `program[pid]: text` in each of the stamps: {stamp: [keys and values, by line]}."""
    if shutil.which("syslog-ng") is None:
        pytest.skip("no syslog-ng here: another logger has its place")
    place = folder / "syslog-ng"
    place.mkdir()
    config = ['@version: 3.38', f'@include "{PARSER}"', "options { stats-freq(0); keep-hostname(yes); };"]
    for stamp, spell in STAMPS.items():
        parts = [re.fullmatch(r"([a-z-]+(?:/[a-z]+)?)\[(\d+)\]: (.*)", line).groups() for line in lines]
        (place / f"{stamp}.log").write_text("".join(spell(*part) + "\n" for part in parts), encoding="utf-8")
        flags = "flags(syslog-protocol)" if stamp == "rfc5424" else ""
        config.append(f'log {{ source {{ file("{place}/{stamp}.log" follow-freq(0.05) {flags}); }}; parser(p_postshift); '
                      f'destination {{ file("{place}/{stamp}.json" template("$(format-json PROGRAM --key postshift.*)\\n")); }}; }};')
    (place / "test.conf").write_text("\n".join(config) + "\n", encoding="utf-8")
    daemon = Process(["syslog-ng", "--foreground", "--no-caps", "-f", place / "test.conf", "-R", place / "persist", "-p", place / "pid",
                      "-c", place / "control"], place / "syslog-ng.log")
    daemon.start()

    def read(stamp):
        path = place / f"{stamp}.json"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def all_there():
        assert daemon.running(), daemon.output()
        return all(len(read(stamp)) == len(lines) for stamp in STAMPS)

    try:
        wait_for(all_there, 20, "syslog-ng to write every line", every=0.05)
    finally:
        daemon.kill()
    return {stamp: [json.loads(line).get("postshift", {}) for line in read(stamp)] for stamp in STAMPS}
