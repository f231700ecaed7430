"""What somebody tries on the first evening.

1: all programs are content with an empty file.  2: a slip in each section is named with file, line, key and what was
meant.  3: postfix-setup twice, and out again.  4: four recipients of one message.  5: an edit by redis-cli is seen in a
second.  6: a weight that is none changes nothing and is told.  (8: test_units; 1 and 9 on a booted machine, with the
packages: tests/packages.)
"""
import json
import os
import re
import subprocess
import time

import pytest

from mailsite import MailSite
from processes import BIN, ROOT, run, wait_for

PROGRAMS = ("auth", "scan", "policyd", "cutover", "ctl")
SAMPLE = (ROOT / "postfix-conf/postshift.conf").read_text(encoding="utf-8")


def program(name):
    return BIN / ("postshiftctl" if name == "ctl" else f"postshift-{name}")


def check(name, file):
    return run(program(name), "-c", file, "-t", check=False)


@pytest.mark.parametrize("name", PROGRAMS)
def test_1_an_empty_file(folder, name):
    file = folder / "postshift.conf"
    file.write_text("", encoding="ascii")
    done = check(name, file)
    assert (done.returncode, done.stdout) == (0, f"{file}: the configuration is right\n"), done.stderr
    file.unlink()
    assert check(name, file).returncode == 78       # given and absent


def sections():
    """Each section of the commented file with its first key of a few letters."""
    section = None
    for line in SAMPLE.splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = heading[1]
        elif section and (key := re.match(r"#(\w{5,}) =", line)):
            yield section, key[1]
            section = None


SECTIONS = dict(sections())


def test_2_has_all_sections():
    assert set(SECTIONS) == set(re.findall(r"^\[(\w+)\]$", SAMPLE, re.M)) and len(SECTIONS) >= 7


@pytest.mark.parametrize("section", SECTIONS)
def test_2_a_slip_of_the_pen(folder, section):
    """Two letters of a key, and a letter too many in the section's name; each program says so."""
    key = SECTIONS[section]
    typo = key[:-2] + key[-1] + key[-2] if key[-1] != key[-2] else key + "x"
    file = folder / "postshift.conf"
    file.write_text(f"# a comment\n[{section}]\n{typo} = 1\n\n[{section}x]\n{key} = 1\n", encoding="ascii")
    for name in PROGRAMS:
        done = check(name, file)
        assert done.returncode == 78, done
        said = done.stderr
        assert re.search(rf"{file}:3: \[{section}\] {typo}: unknown key \(.*did you mean {key}\?\)", said), said
        assert re.search(rf"{file}:5: \[{section}x\]: unknown section \(.*did you mean \[{section}\]\?\)", said), said


@pytest.fixture(scope="module")
def site(module_folder):
    made = MailSite(module_folder, "127.94.3", states={"example.com": {"weight": 30}})
    made.setup_at_start = False
    yield made.start()
    made.stop()


def files_of(site):
    return [(site.gateway.etc / name).read_bytes() for name in ("main.cf", "master.cf")]


def test_3_twice_and_out_again(site):
    before = files_of(site)
    assert "wait" not in site.setup("--apply").stdout.partition("\n\n")[0]
    wired = files_of(site)
    assert site.setup("--apply").stdout == "nothing to do\n" and files_of(site) == wired != before
    # People are on new: taken out by force, as on a site that is given up.
    assert run(*site.setup_words("--remove"), check=False).returncode == 4
    site.setup("--remove", "--force")
    assert files_of(site) == before
    assert site.setup("--remove").stdout == "nothing to do\n"
    site.setup("--apply")


def test_4_four_recipients(site):
    """Two backends, a header that tells them apart, one held, and one whose mailbox new doesn't know: she waits."""
    site.set(weight=50)
    site.pin("held@example.com", "hold")
    site.new.answer("rcpt", "550 5.1.1 no such user", recipient="user001@example.com")
    site.pin("user001@example.com", "new")
    four = ["alice@example.com", "user000@example.com", "held@example.com", "user001@example.com"]
    site.gateway.send(site.sender, four, headers=[("X-Cutover-Backend", "forged")])
    for sink, recipient in ((site.old, four[0]), (site.new, four[1])):
        [copy] = sink.wait_for(1)
        assert copy.recipient == recipient and copy.headers("X-Cutover-Backend") == [sink.name]
    for recipient in four[2:]:
        assert site.gateway.wait_for_delivery(recipient, "deferred")
    wait_for(lambda: sorted(site.gateway.waiting()) == sorted(four[2:]), 10, "two wait")
    assert not site.gateway.log_lines("status=bounced")


def redis_cli(site, *words):
    """As it is typed."""
    return site.redis.cli(*words)


def status_of(site):
    done = run(BIN / "postshiftctl", "-c", site.policyd.config, "status", "--json", check=False)
    return next(d for d in json.loads(done.stdout)["domains"] if d["domain"] == "example.com")


def test_5_an_edit_is_seen_in_a_second(site):
    site.set(weight=20)
    log = len(site.policyd.process.output())
    before = time.monotonic()
    redis_cli(site, "HSET", "cutover:domain:example.com", "weight", "70")
    wait_for(lambda: float(status_of(site)["weight"]) == 70, 10, "status has it")
    assert time.monotonic() - before < 1.0 or os.getloadavg()[0] > os.cpu_count()
    wait_for(lambda: "change: domain=example.com, field=weight, from=20, to=70, source=" in site.policyd.process.output()[log:],
             10, "the log has it")


def test_6_a_weight_that_is_none(site):
    site.set(weight=30)
    asked = site.policyd.ask("alice@example.com")
    log = len(site.policyd.process.output())
    redis_cli(site, "HSET", "cutover:domain:example.com", "weight", "30%")
    says = 'warning: domain=example.com, field=weight, value="30%", kept=30 (a weight is 0 to 100, with up to two decimals)'
    wait_for(lambda: says in site.policyd.process.output()[log:], 10, "the log says why")
    assert float(status_of(site)["weight"]) == 30 and site.policyd.ask("alice@example.com") == asked
    done = subprocess.run([BIN / "postshiftctl", "-c", site.policyd.config, "status"], capture_output=True, text=True)
    assert done.returncode == 1 and "30%" in done.stdout and "weight" in done.stdout, done.stdout
    site.set(weight=40)
    assert float(status_of(site)["weight"]) == 40
