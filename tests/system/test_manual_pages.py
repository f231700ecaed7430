"""Pages of the manual that name options and commands: what they name is there."""
import re
import shlex
import subprocess

from processes import BIN, ROOT

MIGRATION = ROOT / "postfix-conf/postshift-migration.7"
EVIDENCE = ROOT / "postfix-conf/postshift-evidence.7"
EXAMPLE = ROOT / "postfix-conf/postshift.conf"


def plain(page):
    return page.read_text().replace("\\-", "-").replace("\\e", "\\").replace("\\fB", "").replace("\\fP", "").replace("\\fI", "")


def keys():
    """(section, key) of each option, by the example file, which a test of its own holds against the tables."""
    found, section = set(), None
    for line in EXAMPLE.read_text().splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = match[1]
        elif match := re.match(r"#(\w+) =", line):
            found.add((section, match[1]))
    return found


def test_what_the_migration_leads_to_is_an_option():
    named = set(re.findall(r"\[(\w+)\] (\w+)", plain(MIGRATION)))
    assert len(named) > 30 and named <= keys(), named - keys()


def test_each_program_of_the_migration_has_its_options():
    text = plain(MIGRATION)
    for program, least in (("OpenDKIM", 15), ("OpenDMARC", 10), ("policyd-spf", 10), ("clamav-milter", 15), ("rspamd", 12)):
        part = re.search(rf"^\.SH {program}\n(.*?)^\.SH ", text, re.DOTALL | re.MULTILINE)[1]
        assert part.count("\n.TP\n") >= least, program


def test_each_command_of_the_evidence_is_one():
    blocks = re.findall(r"^\.nf\n(.*?)^\.fi$", plain(EVIDENCE), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("postshiftctl ")]
    assert len(lines) > 12
    for line in lines:
        # With a configuration that isn't there, a good command line ends with 78, a bad one with 2.
        words = shlex.split(line)[1:]
        done = subprocess.run([BIN / "postshiftctl", "-c", "/nonexistent", *words], capture_output=True, text=True, check=False)
        assert done.returncode != 2, f"{line}: {done.stderr}"
