"""The situations of the manual: each command is run, in its order, and prints what the page says.

Addresses: those of test_ctl's world, 127.20.5.0/24.
"""
import re
import shlex

import pytest

from processes import ROOT
from test_ctl import World

PAGE = ROOT / "policyd/cutover/postshift-cutover-situations.7"
SITUATIONS = 23

# What has no Postfix, books, controller or journal here: it answers, and that is all.
WITHOUT_ANSWER = {"finish": {1, 4}, "undo": {1, 4}, "status": {1}, "plan show": {1}}
REFUSED = {("unit", "load", "permissions.csv"): 4}


def situations():
    """Name of a situation, and the blocks of its examples, as they are shown."""
    text = PAGE.read_text().replace("\\-", "-").replace("\\e", "\\").replace("\\&", "")
    for part in re.split(r"^\.SS ", text, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        yield name, re.findall(r"^\.nf\n(.*?)^\.fi$", body, re.DOTALL | re.MULTILINE)


def commands(block):
    """A command line, and what the page says it prints."""
    found = []
    for line in block.splitlines():
        if line.startswith("postshiftctl ") or " | postshiftctl " in line:
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return found


def pattern(line):
    """Times and revs are those of the day; a line that ends open goes on."""
    wanted = re.escape(re.sub(r"\s+", " ", line.strip()))
    wanted = re.sub(r"\d{4}\\-\d\d\\-\d\dT[0-9:]+Z", r"[-0-9T:]+Z", wanted)
    return re.compile(wanted)


def test_all_situations_are_there():
    assert len(list(situations())) == SITUATIONS


@pytest.fixture
def world(folder):
    world = World(folder, domains="example.com")
    world.redis.set_domain("example.com", old="site", new="cutover-new:[192.0.2.20]:25", weight=30, inside="relay")
    world.policyd.start()
    yield world
    world.stop()


def test_each_command_prints_what_the_page_says(world, monkeypatch):
    monkeypatch.chdir(world.folder)
    (world.folder / "permissions.csv").write_text(
        "Mailbox,User,AccessRights\ninfo@example.com,alice@example.com,FullAccess\ninfo@example.com,bob@example.com,FullAccess\n")
    addresses = "alice@example.com\nbob@example.com\n"
    for name, blocks in situations():
        for line, wanted in (command for block in blocks for command in commands(block)):
            given, _, line = line.rpartition(" | ")
            words = shlex.split(line)[1:]
            stdin = shlex.split(given)[1] + "\n" if given else None
            if "<" in words:
                words, stdin = words[:words.index("<")], addresses
            done = world.ctl(*words, check=False, stdin=stdin)
            verb = " ".join(words[:2]) if words[0] == "plan" else words[0]
            codes = WITHOUT_ANSWER.get(verb, set()) | {REFUSED.get(tuple(words), 0)}
            said = done.stdout + done.stderr
            assert done.returncode in codes, f"{name}: {line}: {done.returncode}\n{said}"
            shown = re.sub(r"[ \t]+", " ", said)
            for printed in wanted:
                assert pattern(printed).search(shown), f"{name}: {line} does not print {printed!r} but\n{said}"
